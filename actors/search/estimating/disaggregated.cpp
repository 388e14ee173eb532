// disaggregated.cpp: Prefill and decode engines apart: sized by their rates alone, then the promising pairs are estimated.
#include <algorithm>
#include <cmath>

#include "actors/search/estimating/compare.hpp"
#include "actors/search/estimating/front.hpp"

namespace sextant::estimating {

namespace {

/// Shares of their own rates that prefill and decode engines reach side by side (performance sheet, 5.4).
constexpr double prefill_share = 0.9, decode_share = 0.92;
/// Queueing of prompts that the reference charges when it picks engines for a planner (profiler sheet, 18.3).
constexpr double autoscale_queueing = 1.8;
constexpr int most_workers = 32;
constexpr size_t best_sides = 5;
/// Pairs whose load is driven to the target, and pairs of the front that are estimated once.
constexpr size_t pairs_to_drive = 6, pairs_of_front = 24;
constexpr int decode_batches[] = {1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, most_batch};
/// The screening is this much more generous than the target.
constexpr double screening_slack = 1.15;

/// One engine in one role, alone.
struct side {
  mapping layout;
  int batch = 1;   ///< of one rank
  double ms = 0;   ///< TTFT or ITL
  double rate = 0; ///< requests/s
  double rate_per_gpu() const { return rate / layout.gpus; }
};

std::vector<side> prefill_sides(const goal& wanted, const oracle& asked, const std::vector<engine_option>& engines) {
  std::vector<side> result;
  for (const auto& engine : engines) {
    const double ms = asked.prefill_ms(engine.layout, std::max(wanted.isl - wanted.cached_tokens, 1));
    if (ms > 0)
      result.push_back({engine.layout, 1, ms, engine.layout.attention_data_parallel() * 1000 / ms});
  }
  return result;
}

std::vector<side> decode_sides(const goal& wanted, const oracle& asked, const std::vector<engine_option>& engines) {
  std::vector<side> result;
  for (const auto& engine : engines) {
    const int ranks = engine.layout.attention_data_parallel();
    const auto held = engine.size.kv_tokens / std::max(wanted.isl + wanted.osl, 1) / ranks;
    for (int batch : decode_batches) {
      if (batch > std::max<int64_t>(held, 1))
        break;
      const double ms = asked.decode_ms(engine.layout, batch * ranks, wanted.isl + wanted.osl / 2.0);
      if (ms > 0)
        result.push_back({engine.layout, batch, ms, batch * ranks * 1000 / (ms * std::max(wanted.osl - 1, 1))});
    }
  }
  return result;
}

/// A prefill and a decode side with how many of them go together.
struct pairing {
  const side* prefill = nullptr;
  const side* decode = nullptr;
  unit_choice unit;
  deployment_estimate screened; ///< by rates alone: for ranking only
  double load = 0;              ///< requests in flight of one unit at its rate
};

pairing pair_up(const goal& wanted, const side& prefill, const side& decode, const unit_choice& unit) {
  pairing p{&prefill, &decode, unit, {}, 0};
  p.screened.tokens_per_s_per_gpu = unit.requests_per_s * unit.units * wanted.osl / wanted.gpus;
  p.screened.tokens_per_s_per_user = 1000 / decode.ms;
  p.screened.ttft_ms = prefill.ms / screening_slack;
  p.screened.tpot_ms = decode.ms / screening_slack;
  p.screened.request_latency_ms = p.screened.ttft_ms + p.screened.tpot_ms * (wanted.osl - 1);
  p.screened.meets_target = meets(wanted, p.screened);
  p.load = std::max(1.0, unit.requests_per_s * (prefill.ms + decode.ms * (wanted.osl - 1)) / 1000);
  return p;
}

std::vector<pairing> all_pairings(const goal& wanted, const std::vector<side>& prefill, const std::vector<side>& decode) {
  std::vector<pairing> result;
  for (const auto& p : prefill)
    for (const auto& d : decode)
      if (const auto unit = match_rates(p.rate, p.layout.gpus, d.rate, d.layout.gpus, wanted.gpus); unit.units > 0)
        result.push_back(pair_up(wanted, p, d, unit));
  return result;
}

/// Indices of pairings worth estimating: the best load of every pair of engines, and the front of all.
std::vector<size_t> worth_driving(const std::vector<pairing>& all) {
  std::vector<size_t> best;
  for (size_t i = 0; i < all.size(); ++i) {
    if (!all[i].screened.meets_target)
      continue;
    auto same = std::find_if(best.begin(), best.end(), [&](size_t k) {
      return all[k].prefill->layout == all[i].prefill->layout && all[k].decode->layout == all[i].decode->layout;
    });
    if (same == best.end())
      best.push_back(i);
    else if (all[i].screened.tokens_per_s_per_gpu > all[*same].screened.tokens_per_s_per_gpu)
      *same = i;
  }
  std::stable_sort(best.begin(), best.end(), [&](size_t a, size_t b) {
    return all[a].screened.tokens_per_s_per_gpu > all[b].screened.tokens_per_s_per_gpu;
  });
  if (best.size() > pairs_to_drive)
    best.resize(pairs_to_drive);
  return best;
}

std::vector<size_t> on_the_front(const std::vector<pairing>& all) {
  std::vector<deployment_estimate> screened;
  for (const auto& p : all)
    screened.push_back(p.screened);
  mark_front(screened);
  std::vector<size_t> front;
  for (size_t i = 0; i < screened.size(); ++i)
    if (screened[i].efficient)
      front.push_back(i);
  std::stable_sort(front.begin(), front.end(), [&](size_t a, size_t b) {
    return screened[a].tokens_per_s_per_user < screened[b].tokens_per_s_per_user;
  });
  std::vector<size_t> result;
  const size_t step = std::max<size_t>(1, (front.size() + pairs_of_front - 1) / pairs_of_front);
  for (size_t i = 0; i < front.size(); i += step)
    result.push_back(front[i]);
  return result;
}

struct disaggregated_search {
  const goal& wanted;
  const oracle& asked;
  int& estimates;
  std::vector<deployment_estimate> found{};

  bool within(const pairing& p, double load) {
    bool ok = false;
    ++estimates;
    auto d = estimate_disaggregated(wanted, asked, {p.prefill->layout, p.unit.prefill, 0},
                                    {p.decode->layout, p.unit.decode, 0}, load, p.unit.units, ok);
    if (!ok)
      return false;
    const double slots = static_cast<double>(p.unit.decode) * p.decode->layout.attention_data_parallel();
    d.batch = static_cast<int>(std::ceil(load / slots));
    found.push_back(d);
    return d.meets_target;
  }

  /// The highest load within the target, from the load at which the rates match.
  void drive(const pairing& p) {
    double good = 0, bad = 0;
    if (within(p, p.load)) {
      good = p.load;
      bad = p.load * 1.5;
      if (within(p, bad))
        return;
    } else {
      bad = p.load;
      for (double load = std::floor(p.load / 2); load >= 1 && good == 0; load = std::floor(load / 2)) {
        if (within(p, load))
          good = load;
        else
          bad = load;
      }
    }
    while (good > 0 && bad - good > std::max(1.0, good / 16)) {
      const double middle = std::round((good + bad) / 2);
      (within(p, middle) ? good : bad) = middle;
    }
  }
};

/// The best sides for a planner: within the target, most requests/s/GPU first, the smaller batch on ties, each mapping
/// once; the fastest one if none is within.
std::vector<const side*> sides_for_planner(const std::vector<side>& all, double factor, double target_ms) {
  std::vector<const side*> good;
  for (const auto& s : all)
    if (target_ms <= 0 || s.ms * factor < target_ms)
      good.push_back(&s);
  if (good.empty() && !all.empty())
    return {&*std::min_element(all.begin(), all.end(), [](const side& a, const side& b) { return a.ms < b.ms; })};
  std::stable_sort(good.begin(), good.end(), [](const side* a, const side* b) {
    return a->rate_per_gpu() != b->rate_per_gpu() ? a->rate_per_gpu() > b->rate_per_gpu() : a->batch < b->batch;
  });
  std::vector<const side*> result;
  for (const auto* s : good)
    if (result.size() < best_sides
        && std::none_of(result.begin(), result.end(), [&](const side* known) { return known->layout == s->layout; }))
      result.push_back(s);
  return result;
}

} // namespace

unit_choice match_rates(double prefill_rate, int prefill_gpus, double decode_rate, int decode_gpus, int gpus) {
  unit_choice best;
  double best_total = 0;
  const double p_rate = prefill_rate * prefill_share, d_rate = decode_rate * decode_share;
  if (!(p_rate > 0) || !(d_rate > 0))
    return best;
  for (int p = 1; p <= most_workers && p * prefill_gpus < gpus; ++p) {
    // More decode engines than the prompts can feed, or fewer than one below that, cannot be better.
    const int room = std::min(most_workers, (gpus - p * prefill_gpus) / decode_gpus);
    const double fed = p * p_rate / d_rate;
    for (const double wanted : {std::floor(fed), std::ceil(fed)}) {
      const int d = static_cast<int>(std::clamp<double>(wanted, 1, room));
      if (room < 1)
        continue;
      const int units = gpus / (p * prefill_gpus + d * decode_gpus);
      const double rate = std::min(p * p_rate, d * d_rate);
      if (units > 0 && rate * units > best_total * (1 + 1e-9)) {
        best_total = rate * units;
        best = {p, d, units, rate};
      }
    }
  }
  return best;
}

std::vector<deployment_estimate> explore_disaggregated(const goal& wanted, const oracle& asked,
                                                       const std::vector<engine_option>& engines, int& estimates) {
  const auto prefill = prefill_sides(wanted, asked, engines);
  const auto decode = decode_sides(wanted, asked, engines);
  disaggregated_search search{wanted, asked, estimates};
  if (wanted.how == picking::autoscale) {
    for (const auto* p : sides_for_planner(prefill, autoscale_queueing, wanted.ttft_ms))
      for (const auto* d : sides_for_planner(decode, 1, wanted.tpot_ms)) {
        const double rate = std::min(p->rate * prefill_share, d->rate * decode_share);
        const int pair_gpus = p->layout.gpus + d->layout.gpus;
        if (pair_gpus <= wanted.gpus) {
          const auto pair = pair_up(wanted, *p, *d, {1, 1, 1, rate});
          search.within(pair, pair.load);
        }
      }
    // The planner sets the replicas: throughput counts for the pair's own GPUs.
    for (auto& d : search.found)
      d.tokens_per_s_per_gpu *= static_cast<double>(wanted.gpus) / d.gpus;
    return std::move(search.found);
  }
  const auto all = all_pairings(wanted, prefill, decode);
  for (const auto i : on_the_front(all))
    search.within(all[i], all[i].load);
  for (const auto i : worth_driving(all))
    search.drive(all[i]);
  return std::move(search.found);
}

} // namespace sextant::estimating
