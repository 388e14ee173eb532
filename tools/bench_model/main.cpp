// main.cpp: `bench_model [TABLES]`: how fast the performance model answers inside of a process, one number a line as JSON.
// tools/bench estimate runs it.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "actors/search/estimated.hpp"
#include "adapters/aic/opened_tables.hpp"
#include "adapters/performance/benchmark_run.hpp"
#include "config/intake.hpp"

namespace {

using namespace sextant;
using namespace sextant::performance;

double seconds_of(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

double median_of(int repeats, const std::function<void()>& work) {
  std::vector<double> times;
  for (int i = 0; i < repeats; ++i)
    times.push_back(seconds_of(work));
  std::nth_element(times.begin(), times.begin() + repeats / 2, times.end());
  return times[static_cast<std::size_t>(repeats / 2)];
}

engine_group engine_of(const char* model) {
  engine_group group;
  group.engine.model = *find_model(model);
  group.engine.gpu = *find_gpu("h200_sxm");
  group.engine.layout.tp = 2;
  return group;
}

serving_traffic traffic_of(double concurrency) {
  serving_traffic traffic;
  traffic.isl = 4000;
  traffic.osl = 1000;
  traffic.concurrency = concurrency;
  return traffic;
}

/// The default search of the issue: Qwen3-32B in FP8 on 32 H200, aggregated and disaggregated.
profile_request default_search() {
  submit_request submission;
  submission.document = "apiVersion: nvidia.com/v1beta1\nkind: DynamoGraphDeploymentRequest\nmetadata: {name: bench}\n"
                        "spec: {searchStrategy: rapid}\n";
  submission.options = {{"model", "Qwen/Qwen3-32B-FP8"},
                        {"gpu", "h200_sxm"},
                        {"backend", "trtllm"},
                        {"gpus", "32"},
                        {"isl", "4000"},
                        {"osl", "1000"},
                        {"ttft", "1000"},
                        {"itl", "30"},
                        {"mode", "estimated"}};
  return std::get<profile_request>(read_request("bench", submission));
}

/// Engine steps that a simulated run covers in a second of one core.
double steps_per_second() {
  const auto model = model_engine(engine_of("Qwen/Qwen3-32B").engine, {}, committed_parameters());
  rank_traffic traffic;
  traffic.clients = 64;
  traffic.requests = 4000;
  traffic.isl = 4000;
  traffic.osl = 1000;
  traffic.shortest = 0.5;
  double steps = 0;
  const double seconds = seconds_of([&] { steps = play(model.costs, model.policy, traffic, traffic.requests).steps; });
  return steps / seconds;
}

} // namespace

int main(int argc, char** argv) {
  const auto tables = open_tables(argc > 1 ? argv[1] : "");
  if (!tables.error.empty()) {
    std::fprintf(stderr, "%s\n", tables.error.c_str());
    return 2;
  }
  const estimate_context context{tables.timers};
  const auto request = default_search();
  const auto engine = engine_of("Qwen/Qwen3-32B-FP8");
  const double first_search = seconds_of([&] { estimate_request(request, false, context); });
  const double warm_search = median_of(11, [&] { estimate_request(request, false, context); });
  const double estimate = median_of(501, [&] { estimate_aggregated(engine, traffic_of(64), context); });
  std::printf("{\"tables\": %s, \"estimate_ms\": %.4f, \"first_search_ms\": %.2f, \"warm_search_ms\": %.2f, "
              "\"simulated_steps_per_s\": %.0f}\n",
              tables.tables ? "true" : "false", estimate * 1e3, first_search * 1e3, warm_search * 1e3, steps_per_second());
  return 0;
}
