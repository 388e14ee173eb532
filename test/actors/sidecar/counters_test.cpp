#include "actors/sidecar/counters.hpp"

#include <catch2/catch.hpp>

using namespace sextant;
using namespace sextant::sidecar;

namespace {

std::string page(const std::string& model, int requests, double ttft_sum, int gaps, double itl_sum, int isl_sum,
                 int osl_sum) {
  const auto line = [&](const std::string& name, double value) {
    return "dynamo_frontend_" + name + "{model=\"" + model + "\"} " + std::to_string(value) + "\n";
  };
  return line("time_to_first_token_seconds_sum", ttft_sum) + line("time_to_first_token_seconds_count", requests)
         + line("inter_token_latency_seconds_sum", itl_sum) + line("inter_token_latency_seconds_count", gaps)
         + line("input_sequence_tokens_sum", isl_sum) + line("input_sequence_tokens_count", requests)
         + line("output_sequence_tokens_sum", osl_sum) + line("output_sequence_tokens_count", requests)
         + line("cached_tokens_sum", isl_sum / 4.0) + line("cached_tokens_count", requests) + line("inflight_requests", 3);
}

} // namespace

TEST_CASE("two looks make a window of means") {
  std::string error;
  const std::vector<std::string> workers{"vllm:kv_cache_usage_perc{model_name=\"m\"} 0.25\n",
                                         "dynamo_component_gpu_cache_usage_percent{} 0.75\nvllm:kv_cache_usage_perc 0.1\n",
                                         ""};
  auto before = read_counters(page("m", 10, 1, 100, 1, 1000, 100), workers, "", error);
  auto after = read_counters(page("m", 30, 4, 300, 4, 9000, 500), workers, "", error);
  REQUIRE(before);
  REQUIRE(after);
  before->at_s = 100;
  after->at_s = 110;
  const auto w = window_between(*before, *after);
  REQUIRE(w);
  CHECK(w->model == "m");
  CHECK(w->requests == 20);
  CHECK(w->request_rate == Approx(2));
  CHECK(w->ttft_ms == Approx(150));
  CHECK(w->itl_ms == Approx(15));
  CHECK(w->isl == Approx(400));
  CHECK(w->osl == Approx(20));
  CHECK(w->cached_share == Approx(0.25));
  CHECK(w->kv_usage == Approx(0.5));
  CHECK(w->workers == 2);
  CHECK(w->in_flight == 3);
  CHECK(decoding_at_once(*w) == Approx(0.3));
  CHECK_FALSE(window_between(*after, *before)); // the frontend was started anew
  CHECK_FALSE(window_between(*after, *after));  // no time
}

TEST_CASE("one model of several is taken in lower case, without a name their sum") {
  std::string error;
  const auto both = page("qwen/a", 10, 1, 100, 1, 1000, 100) + page("b", 10, 3, 100, 1, 1000, 100);
  CHECK(read_counters(both, {}, "Qwen/A", error)->ttft.sum == 1);
  const auto all = read_counters(both, {}, "", error);
  CHECK(all->ttft.sum == 4);
  CHECK(all->model.empty());
  CHECK(all->kv_usage < 0);
}

TEST_CASE("a page of something else is refused") {
  std::string error;
  CHECK_FALSE(read_counters("node_load1 3\n", {}, "", error));
  CHECK(error.find("dynamo_frontend_") != std::string::npos);
}
