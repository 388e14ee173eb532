// refinement.cpp: Curve points of the adaptive policy.
#include "actors/search/refinement.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "actors/search/candidates.hpp"
#include "actors/search/curves.hpp"

namespace sextant::searching {

namespace {

constexpr int first_prefill_points = 6;
/// Lengths that differ by less than this factor are one.
constexpr double same_length = 1.25;
/// Share of the capacity that the highest spot of the target's context uses; others stay lower, they cost most.
constexpr double high_usage = 0.85;
constexpr double high_usage_elsewhere = 0.45;
/// Disagreement below which a further point tells nothing.
constexpr double good_enough = 0.01;

/// `from` to `to` in `count` steps of equal ratio.
std::vector<int> geometric(int from, int to, int count) {
  std::vector<int> result;
  for (int i = 0; i < count; ++i)
    result.push_back(static_cast<int>(std::lround(from * std::pow(static_cast<double>(to) / from, i / (count - 1.0)))));
  return result;
}

/// Where straight interpolation between two measured neighbours is least like the model's shape.
struct gap {
  int middle = 0;
  double disagreement = 0;
};

/// `measured`: place -> (measured ms, predicted ms). `predict`: the model at any place.
template <class Predict>
std::optional<gap> widest_gap(const std::map<int, std::pair<double, double>>& measured, const std::set<int>& excluded,
                              Predict predict, int step) {
  std::optional<gap> widest;
  for (auto right = measured.begin(); right != measured.end(); ++right) {
    if (right == measured.begin())
      continue;
    const auto left = std::prev(right);
    // The middle by ratio: curves bend most at their short end.
    int middle = static_cast<int>(std::lround(std::sqrt(static_cast<double>(left->first) * right->first)));
    middle = std::max(middle / step, 1) * step;
    if (middle <= left->first || middle >= right->first || excluded.count(middle))
      continue;
    const double share = (middle - left->first) / static_cast<double>(right->first - left->first);
    const double straight = left->second.first + share * (right->second.first - left->second.first);
    const double ratio = std::sqrt(left->second.first / left->second.second * right->second.first / right->second.second);
    const double shaped = predict(middle) * ratio;
    const double disagreement = std::abs(straight - shaped) / shaped;
    if (!widest || disagreement > widest->disagreement)
      widest = gap{middle, disagreement};
  }
  return widest;
}

std::optional<point_plan> first_unsettled(const candidate_track& candidate, const std::vector<point_plan>& plans) {
  for (const auto& plan : plans) {
    const bool swept = std::any_of(candidate.grid.begin(), candidate.grid.end(), [&](const point_plan& p) {
      return spot_of(p) == spot_of(plan) && candidate.measured(p.point);
    });
    if (!swept && !candidate.measured(plan.point) && !candidate.given_up(plan.point))
      return plan;
  }
  return std::nullopt;
}

std::optional<point_plan> next_prefill_point(const knowledge& known, const candidate_track& candidate) {
  const auto& report = candidate.report;
  const auto plan_of = [&](int isl) { return prefill_plan(known.request, report.engine, report.layout, point_set::curve, isl); };
  std::vector<point_plan> spread;
  for (int isl : spread_lengths(known.request.sla.isl, longest_prompt(known, candidate)))
    spread.push_back(plan_of(isl));
  if (auto next = first_unsettled(candidate, spread))
    return next;
  std::map<int, std::pair<double, double>> measured;
  std::set<int> excluded;
  for (const auto& [id, point] : candidate.points) {
    const int isl = point.plan.isl;
    if (point.result)
      measured[isl] = {point.result->value_ms, candidate.predict({isl, prefill_osl, 1})};
    else
      excluded.insert(isl);
  }
  if (measured.size() + excluded.size() >= adaptive_prefill_points)
    return std::nullopt;
  const auto found = widest_gap(measured, excluded, [&](int isl) { return candidate.predict({isl, prefill_osl, 1}); }, 1);
  // A curve that is known well enough still needs the points that planners ask for.
  if (!found || (found->disagreement < good_enough && measured.size() >= first_prefill_points))
    return std::nullopt;
  return plan_of(found->middle);
}

std::optional<point_plan> next_decode_point(const knowledge& known, const candidate_track& candidate) {
  const auto& report = candidate.report;
  const int ranks = report.layout.attention_data_parallel();
  const auto plan_of = [&](const decode_spot& spot) {
    return decode_plan(known.request, report.engine, report.layout, point_set::curve, spot);
  };
  std::vector<point_plan> spread;
  std::set<int> lengths;
  for (const auto& spot : spread_spots(known.request.sla.isl, longest_context(known.request), report.kv_tokens, ranks)) {
    spread.push_back(plan_of(spot));
    lengths.insert(spot.isl);
  }
  if (auto next = first_unsettled(candidate, spread))
    return next;
  std::map<int, std::map<int, std::pair<double, double>>> rows;
  std::map<int, std::set<int>> excluded;
  int asked = 0;
  for (const auto& [id, point] : candidate.points) {
    if (point.plan.purpose != "curve")
      continue;
    ++asked;
    if (point.result)
      rows[point.plan.isl][point.plan.concurrency] = {point.result->value_ms, candidate.predict(spot_of(point.plan))};
    else
      excluded[point.plan.isl].insert(point.plan.concurrency);
  }
  if (asked >= adaptive_decode_points)
    return std::nullopt;
  std::optional<gap> widest;
  int length = 0;
  for (int isl : lengths) {
    const auto predict = [&](int n) { return candidate.predict({isl, adaptive_osl, n}); };
    const auto found = widest_gap(rows[isl], excluded[isl], predict, ranks);
    if (found && (!widest || found->disagreement > widest->disagreement)) {
      widest = found;
      length = isl;
    }
  }
  if (!widest || (widest->disagreement < good_enough && asked >= static_cast<int>(spread.size()) + 1))
    return std::nullopt;
  return plan_of({length, adaptive_osl, widest->middle});
}

} // namespace

int longest_prompt(const knowledge& known, const candidate_track& candidate) {
  const int room = longest_context(known.request) - prompt_reserve;
  const auto held = candidate.report.kv_tokens / candidate.report.layout.attention_data_parallel() - prefill_osl;
  return held > 0 ? static_cast<int>(std::min<int64_t>(room, held)) : room;
}

std::optional<point_plan> next_adaptive_point(const knowledge& known, const candidate_track& candidate) {
  return candidate.report.role == phase::prefill ? next_prefill_point(known, candidate) : next_decode_point(known, candidate);
}

std::vector<int> spread_lengths(int wanted, int longest) {
  if (longest < 2 * first_prefill_points)
    return {};
  // Contexts that are hardly longer than the usual 100 tokens begin lower, so that there are still enough lengths.
  const int shortest = longest >= 800 ? 100 : std::max(longest / 16, 1);
  auto lengths = geometric(shortest, longest, first_prefill_points);
  if (wanted <= 0 || wanted > longest || wanted < shortest)
    return lengths;
  // The target's own length takes the place of an inner one that is nearly the same, else it comes in addition.
  for (size_t i = 1; i + 1 < lengths.size(); ++i)
    if (lengths[i] < wanted * same_length && wanted < lengths[i] * same_length) {
      lengths[i] = wanted;
      return lengths;
    }
  lengths.push_back(wanted);
  std::sort(lengths.begin(), lengths.end());
  lengths.erase(std::unique(lengths.begin(), lengths.end()), lengths.end());
  return lengths;
}

std::vector<decode_spot> spread_spots(int isl, int max_context, int64_t kv_tokens, int attention_dp) {
  const int ranks = std::max(attention_dp, 1);
  const auto most = [&](int length) {
    return std::min<int64_t>({kv_tokens / (length + adaptive_osl), max_in_flight, most_output_tokens / adaptive_osl}) / ranks;
  };
  // The longest context that still leaves room for two loads.
  const auto longest = static_cast<int>(std::min<int64_t>(max_context - prompt_reserve, kv_tokens / (2 * ranks)) - adaptive_osl);
  std::set<int> lengths;
  for (int length : {100, isl, longest})
    if (length > 0 && length <= longest)
      lengths.insert(length);
  const int low = std::min(isl, longest);
  if (low > 0 && longest > 6 * low)
    lengths.insert(static_cast<int>(std::lround(std::sqrt(static_cast<double>(low) * longest))));
  if (lengths.size() == 1 && longest >= 16)
    lengths.insert(std::max(longest / 4, 1));
  std::vector<decode_spot> result;
  for (int length : lengths) {
    const auto rounds = most(length);
    if (rounds < 1)
      continue;
    result.push_back({length, adaptive_osl, ranks});
    const double usage = length == isl ? high_usage : high_usage_elsewhere;
    const auto high = std::clamp<int64_t>(std::llround(static_cast<double>(rounds) * usage), std::min<int64_t>(2, rounds), rounds);
    if (high > 1)
      result.push_back({length, adaptive_osl, static_cast<int>(high) * ranks});
  }
  return result;
}

} // namespace sextant::searching
