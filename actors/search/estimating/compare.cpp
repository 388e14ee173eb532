// compare.cpp: Sharing the work among threads, and the aggregated deployments.
#include "actors/search/estimating/compare.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <functional>
#include <thread>

#include "actors/search/estimating/front.hpp"

namespace sextant::estimating {

namespace {

constexpr int batches[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, most_batch};
constexpr int chunks[] = {1024, 2048, 4096, 16384, 32768};

performance::serving_traffic traffic_of(const goal& wanted, double concurrency) {
  performance::serving_traffic traffic;
  traffic.isl = wanted.isl;
  traffic.osl = wanted.osl;
  traffic.prefix = wanted.cached_tokens;
  traffic.concurrency = concurrency;
  return traffic;
}

void take(deployment_estimate& d, const goal& wanted, const performance::serving_estimate& answer, double concurrency,
          int units) {
  d.units = units;
  d.concurrency = concurrency * units;
  d.ttft_ms = answer.ttft_ms.value;
  d.ttft_low_ms = answer.ttft_ms.low;
  d.ttft_high_ms = answer.ttft_ms.high;
  d.tpot_ms = answer.tpot_ms.value;
  d.tpot_low_ms = answer.tpot_ms.low;
  d.tpot_high_ms = answer.tpot_ms.high;
  d.request_latency_ms = answer.request_latency_ms;
  d.tokens_per_s_per_gpu = answer.output_tokens_per_s * units / wanted.gpus;
  d.tokens_per_s_per_user = d.tpot_ms > 0 ? 1000 / d.tpot_ms : 0;
  d.requests_per_s = answer.output_tokens_per_s * units / std::max(wanted.osl, 1);
  d.meets_target = meets(wanted, d);
  d.tier = answer.tier == performance::time_tier::measured ? "measured" : "fitted";
}

std::string times(int count, const std::string& what) {
  return std::to_string(count) + " x " + what;
}

/// Runs `job(i)` for every i below `count` on all cores.
void share_out(size_t count, const std::function<void(size_t)>& job) {
  const size_t workers = std::min<size_t>(std::max(1U, std::thread::hardware_concurrency()), count);
  std::atomic<size_t> next{0};
  const auto work = [&] {
    for (size_t i = next++; i < count; i = next++)
      job(i);
  };
  std::vector<std::thread> threads;
  for (size_t i = 1; i < workers; ++i)
    threads.emplace_back(work);
  work();
  for (auto& thread : threads)
    thread.join();
}

/// Loads of one rank, up to what the KV cache holds.
std::vector<int> loads(const goal& wanted, const engine_option& engine) {
  const int ranks = engine.layout.attention_data_parallel();
  const auto held = engine.size.kv_tokens / std::max(wanted.isl + wanted.osl, 1) / ranks;
  const int most = static_cast<int>(std::clamp<int64_t>(held, 1, most_batch));
  std::vector<int> result;
  for (int batch : batches)
    if (batch < most)
      result.push_back(batch);
  result.push_back(most);
  return result;
}

/// The aggregated search of one engine.
struct aggregated_search {
  const goal& wanted;
  const oracle& asked;
  const engine_option& engine;
  int& estimates;
  std::vector<deployment_estimate> found{};

  /// Whether a load is within the target; what was estimated is kept.
  bool within(int batch, int chunk) {
    bool ok = false;
    ++estimates;
    auto d = estimate_aggregated(wanted, asked, {engine.layout, 1, chunk},
                                 static_cast<double>(batch) * engine.layout.attention_data_parallel(),
                                 wanted.gpus / engine.layout.gpus, ok);
    if (!ok)
      return false;
    d.batch = batch;
    found.push_back(d);
    return d.meets_target;
  }

  /// The highest load within the target between one that is and one that is not.
  int bisect(int good, int bad, int chunk) {
    while (bad - good > std::max(1, good / 32)) {
      const int middle = good + (bad - good) / 2;
      (within(middle, chunk) ? good : bad) = middle;
    }
    return good;
  }

  void run() {
    const auto all = loads(wanted, engine);
    int good = 0, bad = 0;
    for (int batch : all) {
      const bool ok = within(batch, 0);
      if (ok && bad == 0)
        good = batch;
      else if (!ok && bad == 0)
        bad = batch;
    }
    if (bad == 0)
      return; // the whole range is within the target: the chunk size cannot win a higher load
    if (good > 0)
      good = bisect(good, bad, 0);
    // Other chunk sizes trade TTFT for TPOT: they matter where the target ends the load.
    for (int chunk : chunks)
      if (within(good + std::max(1, good / 32), chunk))
        good = bisect(good + std::max(1, good / 32), bad > good + 1 ? std::min(bad * 2, all.back() + 1) : all.back() + 1,
                      chunk);
  }
};

} // namespace

deployment_estimate estimate_aggregated(const goal& wanted, const oracle& asked, const engine_set& engines,
                                        double concurrency, int units, bool& ok) {
  const auto answer = asked.aggregated(engines, traffic_of(wanted, concurrency));
  ok = answer.ok;
  deployment_estimate d;
  d.serving = serving_mode::aggregated;
  d.backend = asked.backend();
  d.decode = engines.layout;
  d.decode_replicas = engines.replicas;
  d.gpus = engines.layout.gpus * engines.replicas * units;
  d.chunk_tokens = engines.chunk_tokens;
  d.label = "agg " + times(engines.replicas * units, engines.layout.tag());
  take(d, wanted, answer, concurrency, units);
  return d;
}

deployment_estimate estimate_disaggregated(const goal& wanted, const oracle& asked, const engine_set& prefill,
                                           const engine_set& decode, double concurrency, int units, bool& ok) {
  const auto answer = asked.disaggregated(prefill, decode, traffic_of(wanted, concurrency));
  ok = answer.ok;
  deployment_estimate d;
  d.serving = serving_mode::disaggregated;
  d.backend = asked.backend();
  d.prefill = prefill.layout;
  d.decode = decode.layout;
  d.prefill_replicas = prefill.replicas;
  d.decode_replicas = decode.replicas;
  d.gpus = (prefill.layout.gpus * prefill.replicas + decode.layout.gpus * decode.replicas) * units;
  const auto pair = times(prefill.replicas, prefill.layout.tag()) + " prefill + "
                    + times(decode.replicas, decode.layout.tag()) + " decode";
  d.label = "disagg " + (units == 1 ? pair : times(units, "(" + pair + ")"));
  take(d, wanted, answer, concurrency, units);
  return d;
}

std::vector<deployment_estimate> explore_aggregated(const goal& wanted, const oracle& asked, const engine_option& engine,
                                                    int& estimates) {
  aggregated_search search{wanted, asked, engine, estimates};
  search.run();
  return std::move(search.found);
}

comparison compare_deployments(const profile_request& request, const goal& wanted,
                               const std::vector<const oracle*>& oracles) {
  comparison result;
  result.wanted = wanted;
  std::vector<std::vector<engine_option>> usable(oracles.size());
  struct job {
    size_t oracle = 0;
    const engine_option* engine = nullptr; ///< nothing: the disaggregated ones
    std::vector<deployment_estimate> found{};
    int estimates = 0;
  };
  std::vector<job> jobs;
  for (size_t i = 0; i < oracles.size(); ++i) {
    for (auto& option : list_engines(request, *oracles[i]))
      if (option.reason.empty())
        usable[i].push_back(std::move(option));
      else
        result.refused.push_back({oracles[i]->backend(), option.layout.label(), std::move(option.reason)});
    jobs.push_back({i});
    for (const auto& option : usable[i])
      jobs.push_back({i, &option});
  }
  share_out(jobs.size(), [&](size_t i) {
    auto& j = jobs[i];
    j.found = j.engine ? explore_aggregated(wanted, *oracles[j.oracle], *j.engine, j.estimates)
                       : explore_disaggregated(wanted, *oracles[j.oracle], usable[j.oracle], j.estimates);
  });
  for (auto& j : jobs) {
    result.estimates += j.estimates;
    std::move(j.found.begin(), j.found.end(), std::back_inserter(result.deployments));
  }
  mark_front(result.deployments);
  return result;
}

} // namespace sextant::estimating
