// engine_metrics_test.cpp: The metrics page of a simulated engine, its start-up story, and capacities read back from both.
#include "adapters/simulation/engine_metrics.hpp"

#include <catch2/catch.hpp>

#include "adapters/backends/dgd.hpp"
#include "adapters/simulation/engine_startup.hpp"
#include "worlds.hpp"

using namespace sextant;

namespace {

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("bucket bounds are Dynamo's") {
  CHECK(log_bounds(0.001, 480, 18)
        == std::vector<double>{0, 0.0022, 0.0047, 0.01, 0.022, 0.047, 0.1, 0.22, 0.47, 1, 2.2, 4.7, 10, 22, 48, 100, 220,
                               480});
}

TEST_CASE("histograms count cumulatively") {
  prometheus_histogram h{{0, 1, 2}};
  for (double v : {0.5, 1.0, 1.5, 9.0})
    h.observe(v);
  std::string text;
  h.write(text, "x", "what", "model=\"m\"");
  CHECK(has(text, "# TYPE x histogram\n"));
  CHECK(has(text, "x_bucket{model=\"m\",le=\"0\"} 0\n"));
  CHECK(has(text, "x_bucket{model=\"m\",le=\"1\"} 2\n"));
  CHECK(has(text, "x_bucket{model=\"m\",le=\"2\"} 3\n"));
  CHECK(has(text, "x_bucket{model=\"m\",le=\"+Inf\"} 4\n"));
  CHECK(has(text, "x_sum{model=\"m\"} 12\n"));
  CHECK(has(text, "x_count{model=\"m\"} 4\n"));
}

TEST_CASE("lag quantiles bound the true ones within a class") {
  lag_record lag;
  CHECK(lag.quantile(0.99) == 0);
  for (int i = 1; i <= 1000; ++i)
    lag.add(i * 1e-5);
  CHECK(lag.quantile(0.5) >= 0.005);
  CHECK(lag.quantile(0.5) <= 0.0056);
  CHECK(lag.quantile(0.99) >= 0.0098);
  CHECK(lag.most() == 0.01);
  CHECK(lag.steps() == 1000);
  lag.add(1e9);
  lag.add(0);
  CHECK(lag.quantile(1) == 1e9);
  lag.clear();
  CHECK(lag.steps() == 0);
}

TEST_CASE("the page has the real names, a lower-case model, and a capacity that reads back whole") {
  engine_gauges g;
  g.model = "Org/Model";
  g.attention_ranks = 8;
  g.kv_tokens = 8 * 16 * 1000;
  for (auto backend : {backend_kind::vllm, backend_kind::sglang, backend_kind::trtllm}) {
    g.backend = backend;
    const auto page = metrics_text(g, {}, {});
    CHECK(has(page, "dynamo_frontend_model_total_kv_blocks{model=\"org/model\"} 1000\n"));
    CHECK(has(page, "dynamo_frontend_model_kv_cache_block_size{model=\"org/model\"} 16\n"));
    CHECK(has(page, "dynamo_frontend_requests_total{endpoint=\"completions\",model=\"org/"
                    "model\",request_type=\"stream\",status=\"success\"} 0\n"));
    CHECK(has(page, "sextant_simulated 1\n"));
    CHECK(has(page, "sextant_simulation_lag_seconds{quantile=\"0.99\"} 0\n"));
    CHECK(kv_tokens_from_metrics(page, 8) == g.kv_tokens);
  }
  CHECK(has(metrics_text(g, {}, {}), "trtllm_kv_cache_utilization"));
  CHECK(kv_tokens_from_metrics("nothing here", 8) == 0);
}

TEST_CASE("start-up logs tell the capacity where log readers look") {
  for (auto backend : {backend_kind::vllm, backend_kind::sglang, backend_kind::trtllm}) {
    for (auto method : {mapping_method::tep, mapping_method::dep}) {
      const auto shape = worlds::shape(worlds::deepseek_r1(), method, 8, backend);
      const auto plan = plan_memory(shape, 4000);
      REQUIRE(plan.fits);
      const auto story = tell_startup(shape, plan, 4000);
      auto log = story.loading;
      log.insert(log.end(), story.ending.begin(), story.ending.end());
      const auto read = kv_tokens_from_log(backend, log, shape.layout.attention_data_parallel());
      CHECK(static_cast<double>(read)
            == Approx(static_cast<double>(plan.kv_tokens)).epsilon(0.001)); // vLLM prints two decimals
      CHECK(story.seconds > 20);
      CHECK(story.seconds < 300);
    }
  }
}

TEST_CASE("a start that cannot succeed ends with an out-of-memory line and the numbers") {
  const auto shape = worlds::shape(worlds::deepseek_r1(), mapping_method::tep, 1);
  const auto plan = plan_memory(shape, 4000);
  const auto story = tell_startup(shape, plan, 4000);
  REQUIRE(story.ending.size() >= 2);
  CHECK(has(story.ending[1], "out of memory"));
  CHECK(story.ending.back() == plan.reason);
}
