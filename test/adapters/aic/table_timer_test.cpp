// table_timer_test.cpp: From ops of an engine to times of a small file of tables.
#include <memory>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "adapters/aic/resolve.hpp"
#include "adapters/aic/table_timer.hpp"
#include "adapters/performance/roofline_timer.hpp"
#include "config/intake.hpp"
#include "test/adapters/aic/table_writer.hpp"

namespace sextant::performance {

namespace {

engine_spec engine_on(const std::string& version = "") {
  engine_spec engine;
  engine.model = *find_model("Qwen/Qwen3-32B");
  engine.gpu = *find_gpu("h200_sxm");
  engine.version = version;
  return engine;
}

op product(int64_t n, int64_t k, std::string_view quant = "bfloat16") {
  op x;
  x.n = n;
  x.k = k;
  x.quant = quant;
  return x;
}

op_load rows(double n) {
  op_load load;
  load.tokens = load.sequences = load.decode_requests = n;
  return load;
}

/// A table of one product; `seconds` at one row, in proportion to rows from there on.
written_table product_table(const std::string& backend, const std::string& version, const std::string& format,
                            double seconds) {
  written_table t{"h200_sxm", backend, version, "gemm_perf", {}};
  t.chunks.push_back({{{"gemm_dtype", format}}, {"k", "n"}, "m", {}});
  for (int64_t n : {1024, 4096})
    t.chunks[0].curves.push_back({{1024, n}, {1, 16, 1024}, {seconds, seconds, 64 * seconds}});
  return t;
}

std::shared_ptr<const op_timer> timer_over(const std::vector<written_table>& tables, const engine_spec& engine) {
  const temporary_file file{packed_file(tables)}; // stays mapped after it is removed
  std::string error;
  auto opened = packed_tables::open(file.path, error);
  REQUIRE(error == "");
  return make_table_timer(engine, std::move(opened), make_roofline_timer(engine));
}

} // namespace

TEST_CASE("a measured product is answered from its table, with its source", "[timer]") {
  const auto uut = timer_over({product_table("vllm", "0.24.0", "bfloat16", 10e-6)}, engine_on());
  const auto time = uut->time(product(1024, 1024), rows(1024));
  CHECK(time.tier == time_tier::measured);
  CHECK(time.seconds == Approx(640e-6).epsilon(0.01));
  CHECK_THAT(uut->source(time.source), Catch::Contains("h200_sxm vllm 0.24.0 gemm") && Catch::Contains(".parquet"));
  CHECK(time.error < 0.1F);
  // What no table knows comes from the formulas.
  CHECK(uut->time(product(1024, 1024, "int4_wo"), rows(8)).tier == time_tier::fitted);
  op norm;
  norm.kind = op_kind::elementwise;
  CHECK(uut->time(norm, rows(8)).tier == time_tier::fitted);
}

TEST_CASE("the nearest version answers, then another back end", "[timer]") {
  const std::vector<written_table> tables{
      product_table("vllm", "0.19.0", "bfloat16", 11e-6), product_table("vllm", "0.24.0", "bfloat16", 12e-6),
      product_table("sglang", "0.5.14", "bfloat16", 13e-6), product_table("sglang", "0.5.14", "fp8", 14e-6)};
  const auto at_one = [&](const std::string& version, std::string_view format) {
    return timer_over(tables, engine_on(version))->time(product(4096, 1024, format), rows(1));
  };
  CHECK(at_one("", "bfloat16").seconds == Approx(12e-6).epsilon(0.01));
  CHECK(at_one("0.19.0", "bfloat16").seconds == Approx(11e-6).epsilon(0.01));
  CHECK(at_one("0.22.0", "bfloat16").seconds == Approx(11e-6).epsilon(0.01));
  CHECK(at_one("0.30.0", "bfloat16").seconds == Approx(12e-6).epsilon(0.01));
  CHECK(at_one("0.24.0", "fp8").seconds == Approx(14e-6).epsilon(0.01));
  CHECK(at_one("0.24.0", "fp8").error > at_one("0.24.0", "bfloat16").error);
}

TEST_CASE("no product is faster than the peaks allow", "[timer]") {
  const auto engine = engine_on();
  const auto uut = timer_over({product_table("vllm", "0.24.0", "bfloat16", 1e-9)}, engine);
  for (double m : {1.0, 100.0, 5000.0, 1e6}) {
    const auto x = product(4096, 1024);
    CHECK(uut->time(x, rows(m)).seconds >= 0.999 * physical_floor(x, engine, 1, m));
  }
}

TEST_CASE("times of a benchmark that launched from the host give way to those of a device", "[timer]") {
  const auto uut =
      timer_over({product_table("vllm", "0.24.0", "bfloat16", 90e-6), product_table("sglang", "0.5.14", "bfloat16", 10e-6)},
                 engine_on());
  const auto small = uut->time(product(1024, 1024), rows(1));
  CHECK(small.seconds == Approx(10e-6).epsilon(0.01));
  CHECK_THAT(uut->source(small.source), Catch::Contains("timed the host"));
}

TEST_CASE("a kernel that another back end found much faster counts: engines share their libraries", "[timer]") {
  const auto at = [](double own, double other) {
    return timer_over(
               {product_table("vllm", "0.24.0", "bfloat16", own), product_table("sglang", "0.5.14", "bfloat16", other)},
               engine_on())
        ->time(product(1024, 1024), rows(16))
        .seconds;
  };
  CHECK(at(20e-6, 10e-6) == Approx(11e-6).epsilon(0.01));
  CHECK(at(20e-6, 19e-6) == Approx(20e-6).epsilon(0.01)); // no more than noise
  CHECK(at(10e-6, 20e-6) == Approx(10e-6).epsilon(0.01));
}

TEST_CASE("attention: exact heads from their rows, others scaled, cached prompts by their share", "[timer]") {
  written_table t{"h200_sxm", "vllm", "0.24.0", "context_attention_perf", {}};
  t.chunks.push_back(
      {{{"attn_dtype", "bfloat16"}, {"kv_cache_dtype", "bfloat16"}, {"head_dim", "128"}, {"window_size", "0"}},
       {"batch_size", "num_heads", "num_key_value_heads"},
       "isl",
       {}});
  for (int64_t batch : {1, 8})
    t.chunks[0].curves.push_back(
        {{batch, 32, 8}, {128, 4096}, {20e-6 * static_cast<double>(batch), 2e-3 * static_cast<double>(batch)}});
  const auto uut = timer_over({t}, engine_on());
  op x;
  x.kind = op_kind::context_attention;
  x.heads = 32;
  x.kv_heads = 8;
  x.head_dim = 128;
  x.rows = op_rows::prefill;
  x.kv_quant = x.compute_quant = "bfloat16";
  const auto prompts = [](double requests, double tokens, double cached) {
    op_load load;
    load.prefill_requests = requests;
    load.tokens = load.prefill_tokens = requests * tokens;
    load.prefill_context = requests * cached;
    return load;
  };
  const auto whole = uut->time(x, prompts(1, 4096, 0));
  CHECK(whole.tier == time_tier::measured);
  CHECK(whole.seconds > 2e-3); // rotary embedding and the write to the cache come on top
  CHECK(whole.seconds < 2.1e-3);
  const auto half = uut->time(x, prompts(1, 2048, 2048)).seconds;
  CHECK(half > 0.6 * whole.seconds); // three quarters of the pairs
  CHECK(half < 0.9 * whole.seconds);
  auto twice = x;
  twice.heads = 64;
  const auto scaled = uut->time(twice, prompts(1, 4096, 0));
  CHECK(scaled.seconds == Approx(2 * whole.seconds).epsilon(0.1));
  CHECK(scaled.error > whole.error);
  for (double context = 0; context < 60000; context += 5000)
    CHECK(uut->time(x, prompts(1, 1024, context + 5000)).seconds >= uut->time(x, prompts(1, 1024, context)).seconds);
}

TEST_CASE("FP8 products with a scale per tensor leave out the passes that find and apply scales", "[timer]") {
  const auto pass = [](const char* name, double seconds) {
    written_table t{"h200_sxm", "vllm", "0.24.0", name, {}};
    t.chunks.push_back({{{"quant_dtype", "fp8"}}, {"k"}, "m", {}});
    t.chunks[0].curves.push_back({{1024}, {1, 16, 1024}, {seconds, seconds, seconds}});
    return t;
  };
  const std::vector<written_table> tables{product_table("vllm", "0.24.0", "fp8", 20e-6),
                                          product_table("vllm", "0.24.0", "fp8_block", 20e-6),
                                          pass("computescale_perf", 6e-6), pass("scale_matrix_perf", 2e-6)};
  const auto uut = timer_over(tables, engine_on());
  CHECK(uut->time(product(1024, 1024, "fp8"), rows(16)).seconds == Approx(12e-6).epsilon(0.02));
  CHECK(uut->time(product(1024, 1024, "fp8_block"), rows(16)).seconds == Approx(20e-6).epsilon(0.02));
}

TEST_CASE("timers of one factory share what they found; without tables there is no factory", "[timer]") {
  CHECK(!make_table_timers(nullptr));
  const temporary_file file{packed_file({product_table("vllm", "0.24.0", "bfloat16", 10e-6)})};
  std::string error;
  const auto uut = make_table_timers(packed_tables::open(file.path, error));
  const auto engine = engine_on();
  auto other = engine_on();
  other.layout.tp = 2;
  const auto a = uut(engine, make_roofline_timer(engine)), b = uut(other, make_roofline_timer(other));
  const auto of_a = a->time(product(1024, 1024), rows(16));
  CHECK(of_a.tier == time_tier::measured);
  CHECK(b->time(product(1024, 1024), rows(16)).seconds == of_a.seconds);
  CHECK(b->source(of_a.source) == a->source(of_a.source));
}

TEST_CASE("threads share a timer", "[timer]") {
  const auto uut = timer_over({product_table("vllm", "0.24.0", "bfloat16", 10e-6)}, engine_on());
  std::vector<std::thread> threads;
  std::vector<double> sums(4);
  for (auto& sum : sums)
    threads.emplace_back([&] {
      for (int64_t n = 1024; n < 1224; ++n)
        sum += uut->time(product(n, 1024), rows(64)).seconds;
    });
  for (auto& t : threads)
    t.join();
  for (double sum : sums)
    CHECK(sum == sums[0]);
}

} // namespace sextant::performance
