// step_timer_test.cpp: Steps add up, grow with work, and overlap and padding count as they run.
#include <catch2/catch.hpp>

#include "adapters/performance/roofline_timer.hpp"
#include "adapters/performance/step_timer.hpp"
#include "config/intake.hpp"

namespace sextant::performance {
namespace {

engine_spec engine_of(const char* model, const char* gpu, parallel_layout layout,
                      backend_kind backend = backend_kind::vllm) {
  engine_spec engine;
  REQUIRE(find_model(model));
  REQUIRE(find_gpu(gpu));
  engine.model = *find_model(model);
  engine.gpu = *find_gpu(gpu);
  engine.backend = backend;
  engine.layout = layout;
  return engine;
}

step_timer timer_of(const engine_spec& engine) {
  return {engine, make_roofline_timer(engine), default_parameters(engine.backend)};
}

TEST_CASE("a step grows with tokens, context and requests") {
  for (const auto* model : {"Qwen/Qwen3-32B", "Qwen/Qwen3-30B-A3B", "deepseek-ai/DeepSeek-R1"}) {
    CAPTURE(model);
    const auto engine = engine_of(model, "h200_sxm", {.tp = 8, .moe_ep = 8});
    const auto timer = timer_of(engine);
    double last = 0;
    for (const int tokens : {64, 512, 2048, 8192, 32768}) {
      const double now = timer.seconds(load_of(1, tokens, 0, 1, 0, 0));
      CHECK(now >= last); // short prompts take what launching the kernels takes
      last = now;
    }
    CHECK(last > 2 * timer.seconds(load_of(1, 8192, 0, 1, 0, 0)));
    CHECK(timer.seconds(load_of(1, 2048, 8192, 1, 0, 0)) > timer.seconds(load_of(1, 2048, 0, 1, 0, 0)));
    last = 0;
    for (const int batch : {1, 4, 16, 64, 256}) {
      const double now = timer.seconds(load_of(0, 0, 0, 0, batch, 2000));
      CHECK(now > last);
      last = now;
    }
  }
}

TEST_CASE("a mixed step runs dense ops once") {
  const auto engine = engine_of("Qwen/Qwen3-32B", "h200_sxm", {.tp = 4});
  const auto timer = timer_of(engine);
  const double prefill = timer.seconds(load_of(1, 2048, 0, 1, 0, 0));
  const double decode = timer.seconds(load_of(0, 0, 0, 0, 32, 3000));
  const double mixed = timer.seconds(load_of(1, 2048, 0, 1, 32, 3000));
  CHECK(mixed > prefill);
  CHECK(mixed < prefill + decode);
}

TEST_CASE("a breakdown sums to the step") {
  for (const auto* model : {"Qwen/Qwen3-32B", "deepseek-ai/DeepSeek-R1"}) {
    const auto engine = engine_of(model, "h200_sxm", {.tp = 8, .moe_ep = 8}, backend_kind::sglang);
    const auto timer = timer_of(engine);
    const auto load = load_of(0, 0, 0, 0, 13, 3000);
    const auto parts = timer.breakdown(load);
    double sum = parts.host_seconds;
    for (const auto& op : parts.ops)
      sum += op.hidden ? 0 : op.seconds;
    CHECK(parts.seconds == Approx(timer.seconds(load)));
    CHECK(sum == Approx(parts.seconds));
    CHECK(parts.measured_share == 0);
  }
}

TEST_CASE("decode batches are padded to captured graphs") {
  const auto engine = engine_of("Qwen/Qwen3-32B", "h200_sxm", {.tp = 4});
  const auto timer = timer_of(engine);
  CHECK(timer.padded(3) == 4);
  CHECK(timer.padded(9) == 16);
  CHECK(timer.padded(512) == 512);
  CHECK(timer.padded(600) == 600);
}

TEST_CASE("pipeline stages shorten a full batch's step less than they add transfers to a single request's") {
  const auto one = engine_of("Qwen/Qwen3-32B", "h200_sxm", {.tp = 4});
  const auto two = engine_of("Qwen/Qwen3-32B", "h200_sxm", {.tp = 4, .pp = 2});
  CHECK(timer_of(two).seconds(load_of(0, 0, 0, 0, 1, 2000)) > timer_of(one).seconds(load_of(0, 0, 0, 0, 1, 2000)));
  CHECK(timer_of(two).seconds(load_of(0, 0, 0, 0, 256, 2000)) < timer_of(one).seconds(load_of(0, 0, 0, 0, 256, 2000)));
}

TEST_CASE("attended pairs of windows ramp up") {
  const auto pairs = [](double fresh, double cached, int window) {
    return attended_pairs(load_of(1, fresh, cached, 1, 0, 0), window);
  };
  CHECK(pairs(4, 0, 0) == 10);
  CHECK(pairs(4, 10, 0) == 50);
  CHECK(pairs(4, 0, 2) == 7);  // 1 + 2 + 2 + 2
  CHECK(pairs(4, 1, 3) == 11); // 2 + 3 + 3 + 3
  CHECK(pairs(4, 100, 3) == 12);
}

TEST_CASE("few tokens touch few experts") {
  const auto few = busiest_expert_rank(1, 8, 256, 1, 0.25);
  CHECK(few.pairs == Approx(8));
  CHECK(few.touched == Approx(8));
  const auto many = busiest_expert_rank(4096, 8, 256, 8, 0.25);
  CHECK(many.touched == Approx(32));
  CHECK(many.pairs > 4096);
}

} // namespace
} // namespace sextant::performance
