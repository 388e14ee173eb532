// step_model_test.cpp: The step model against known latencies, and the properties that every step model must have.
#include "adapters/simulation/step_model.hpp"

#include <catch2/catch.hpp>

#include "worlds.hpp"

using namespace sextant;
using worlds::shape;

namespace {

double itl(const engine_shape& s, int concurrency, double context) {
  return predicted_itl_ms(*make_step_model(s), s.layout, concurrency, context);
}

double ttft(const engine_shape& s, int isl) {
  return predicted_ttft_ms(*make_step_model(s), s.layout, isl);
}

std::vector<engine_shape> all_shapes() {
  std::vector<engine_shape> shapes;
  for (auto backend : {backend_kind::vllm, backend_kind::sglang, backend_kind::trtllm}) {
    shapes.push_back(shape(worlds::qwen3_32b(), mapping_method::tp, 2, backend));
    shapes.push_back(shape(worlds::qwen3_30b_a3b(), mapping_method::tep, 4, backend));
    shapes.push_back(shape(worlds::qwen3_30b_a3b(), mapping_method::dep, 4, backend));
    shapes.push_back(shape(worlds::deepseek_r1(), mapping_method::tep, 8, backend));
    shapes.push_back(shape(worlds::deepseek_r1(), mapping_method::dep, 16, backend));
  }
  return shapes;
}

} // namespace

TEST_CASE("a dense 32B model on H200 has the latencies of its bandwidth and arithmetic") {
  const auto one = shape(worlds::qwen3_32b(), mapping_method::tp, 1);
  CHECK(itl(one, 1, 3000) > 17);
  CHECK(itl(one, 1, 3000) < 21);
  CHECK(ttft(one, 3000) > 250); // 200 ms at the peak
  CHECK(ttft(one, 3000) < 400);
  const auto eight = shape(worlds::qwen3_32b(), mapping_method::tp, 8);
  CHECK(itl(eight, 1, 3000) > 4); // 1.8 ms of weights, 128 all-reduces, the host
  CHECK(itl(eight, 1, 3000) < 8);
  CHECK(ttft(eight, 3000) < ttft(one, 3000) / 3); // its kernels wait for their launches
  CHECK(ttft(eight, 30000) < ttft(one, 30000) / 4);
}

TEST_CASE("a sparse model decodes faster than a dense one of its size and slows as more experts are touched") {
  const auto sparse = shape(worlds::qwen3_30b_a3b(), mapping_method::tp, 1);
  CHECK(itl(sparse, 1, 1000) < itl(shape(worlds::qwen3_32b(), mapping_method::tp, 1), 1, 1000) / 3);
  CHECK(itl(sparse, 64, 1000) > 2 * itl(sparse, 1, 1000));
}

TEST_CASE("lower precision is faster where memory or arithmetic is the limit") {
  auto fp8 = worlds::qwen3_32b();
  fp8.gemm_quant = "fp8_block";
  CHECK(itl(shape(fp8, mapping_method::tp, 1), 1, 100)
        < 0.65 * itl(shape(worlds::qwen3_32b(), mapping_method::tp, 1), 1, 100));
  CHECK(ttft(shape(fp8, mapping_method::tp, 1), 8000)
        < 0.85 * ttft(shape(worlds::qwen3_32b(), mapping_method::tp, 1), 8000));
  auto int4 = worlds::qwen3_32b();
  int4.gemm_quant = "int4_wo"; // weights only: arithmetic stays BF16
  CHECK(itl(shape(int4, mapping_method::tp, 1), 1, 100)
        < 0.45 * itl(shape(worlds::qwen3_32b(), mapping_method::tp, 1), 1, 100));
  CHECK(ttft(shape(int4, mapping_method::tp, 1), 8000)
        > 0.9 * ttft(shape(worlds::qwen3_32b(), mapping_method::tp, 1), 8000));
}

TEST_CASE("step time never falls when a batch grows") {
  for (const auto& s : all_shapes()) {
    const auto model = make_step_model(s);
    double last = 0;
    for (int batch : {1, 2, 3, 7, 8, 16, 33, 64, 200, 1000}) {
      const double now = predicted_itl_ms(*model, s.layout, batch, 2000);
      CHECK(now >= last);
      CHECK(predicted_itl_ms(*model, s.layout, batch, 4000) > now);
      last = now;
    }
    last = 0;
    for (int isl : {1, 16, 100, 1000, 4000, 16000, 40000, 100000}) {
      const double now = predicted_ttft_ms(*model, s.layout, isl);
      CHECK(now > last);
      last = now;
    }
    step_batch mixed{512, 0, 0, 1, 16, 16000};
    const double base = model->step_seconds(mixed);
    mixed.prefill_context_tokens = 4096;
    CHECK(model->step_seconds(mixed) > base);
    mixed.decode_requests = 17;
    mixed.prefill_context_tokens = 0;
    CHECK(model->step_seconds(mixed) >= base);
  }
}

TEST_CASE("more GPUs of a node make one step of a large dense model faster, with falling returns") {
  double last = 1e9;
  double last_gain = 1e9;
  for (int gpus : {1, 2, 4, 8}) {
    const double now = itl(shape(worlds::qwen3_32b(), mapping_method::tp, gpus), 1, 3000);
    CHECK(now < last);
    CHECK(last - now < last_gain);
    last_gain = last - now;
    last = now;
  }
}

TEST_CASE("communication across nodes costs more than inside one") {
  auto split = shape(worlds::qwen3_32b(), mapping_method::tp, 8);
  const double whole = ttft(split, 16000); // short prompts wait for launches more than for links
  split.gpu.gpus_per_node = 4;
  CHECK(ttft(split, 16000) > 1.2 * whole);
}

TEST_CASE("a DEP engine serves a large batch with less time per request than TEP") {
  const auto dep = shape(worlds::deepseek_r1(), mapping_method::dep, 16);
  const auto tep = shape(worlds::deepseek_r1(), mapping_method::tep, 16);
  CHECK(itl(dep, 1024, 4000) < itl(tep, 1024, 4000));
}
