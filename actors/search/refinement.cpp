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
/// Contexts of the decode grid relative to the target's; wider ratios make cubic interpolation between the rows swing.
constexpr double relative_contexts[] = {0.5, 1, 2, 4};
/// Usages of every row relative to the highest one. The same usages on every row: planners triangulate the plain
/// coordinates.
constexpr double relative_usages[] = {0, 0.03, 0.12, 0.4, 1};
/// No load is measured whose predicted ITL is beyond the target by this factor: planners ask for loads within the target.
constexpr double latency_in_reach = 1.6;
/// Share of the capacity that a row uses at most, and that is left for rounding.
constexpr double most_usage = 0.9;
constexpr double fits = 0.97;
/// Loads for each attention rank that a row reaches even where the target is out of reach.
constexpr int64_t least_rounds = 16;
/// A measured load this near serves as well: two that are nearly the same make a cubic swing with their noise.
constexpr double same_load = 1.2;
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
                              Predict predict) {
  std::optional<gap> widest;
  for (auto right = measured.begin(); right != measured.end(); ++right) {
    if (right == measured.begin())
      continue;
    const auto left = std::prev(right);
    // The middle by ratio: curves bend most at their short end.
    const auto middle = static_cast<int>(std::lround(std::sqrt(static_cast<double>(left->first) * right->first)));
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

bool load_known(const candidate_track& candidate, const decode_spot& spot) {
  return std::any_of(candidate.grid.begin(), candidate.grid.end(), [&](const point_plan& swept) {
    const auto s = spot_of(swept);
    return candidate.measured(swept.point) && mean_context(s) == mean_context(spot)
           && s.in_flight < spot.in_flight * same_load && spot.in_flight < s.in_flight * same_load;
  });
}

} // namespace

int longest_prompt(const knowledge& known, const candidate_track& candidate) {
  const int room = longest_context(known.request) - prompt_reserve;
  const auto held = candidate.report.kv_tokens / candidate.report.layout.attention_data_parallel() - prefill_osl;
  return held > 0 ? static_cast<int>(std::min<int64_t>(room, held)) : room;
}

std::vector<point_plan> adaptive_points(const knowledge& known, const candidate_track& candidate) {
  const auto& report = candidate.report;
  std::vector<point_plan> result;
  if (report.role == phase::prefill) {
    for (int isl : spread_lengths(known.request.sla.isl, longest_prompt(known, candidate)))
      result.push_back(prefill_plan(known.request, report.engine, report.layout, point_set::curve, isl));
    return result;
  }
  for (const auto& spot : adaptive_decode_grid(known, candidate))
    if (!load_known(candidate, spot))
      result.push_back(decode_plan(known.request, report.engine, report.layout, point_set::curve, spot));
  return result;
}

std::optional<point_plan> refining_point(const knowledge& known, const candidate_track& candidate) {
  const auto& report = candidate.report;
  if (report.role != phase::prefill)
    return std::nullopt;
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
  const auto found = widest_gap(measured, excluded, [&](int isl) { return candidate.predict({isl, prefill_osl, 1}); });
  // A curve that is known well enough still needs the points that planners ask for.
  if (!found || (found->disagreement < good_enough && measured.size() >= first_prefill_points))
    return std::nullopt;
  return prefill_plan(known.request, report.engine, report.layout, point_set::curve, found->middle);
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

namespace {

/// Requests in flight that a decode grid may ask for at a context, in rounds of one for each attention rank.
int64_t most_rounds(double context, int osl, int64_t kv_tokens, int ranks) {
  const auto fitting = static_cast<int64_t>(static_cast<double>(kv_tokens) * fits / (context + osl / 2.0));
  return std::min<int64_t>({fitting, max_in_flight, most_output_tokens / osl}) / ranks;
}

/// Contexts of the grid: around the target's, up to the longest one that leaves room for two loads.
std::set<double> grid_contexts(double wanted, double shortest, double longest) {
  std::set<double> result;
  if (longest < shortest)
    return result;
  if (wanted > longest) // the target itself does not fit: what comes nearest
    wanted = longest;
  for (double factor : relative_contexts) {
    // Only whole tokens away from the target's context, so that the input length is whole.
    const double context = wanted + std::round(wanted * (factor - 1));
    if (context >= shortest && context <= longest)
      result.insert(context);
  }
  const double reach = wanted * relative_contexts[3];
  if (longest < reach && longest > *result.rbegin() * same_length)
    result.insert(longest);
  if (result.size() == 1 && wanted + std::floor(wanted / 2) <= longest)
    result.insert(wanted + std::floor(wanted / 2));
  return result;
}

} // namespace

std::vector<decode_spot> spread_spots(const service_level& sla, int max_context, int64_t kv_tokens, int attention_dp,
                                      double usage) {
  const int ranks = std::max(attention_dp, 1);
  // Odd where the target's is, so that the rows can meet the sweep's mean context to the half token.
  const int osl = adaptive_osl + sla.osl % 2;
  const double longest =
      std::floor(std::min<double>(max_context - prompt_reserve, static_cast<double>(kv_tokens) * fits / (2 * ranks)) - osl)
      + osl % 2 / 2.0;
  std::vector<decode_spot> result;
  for (double context : grid_contexts(std::max(sla.isl + sla.osl / 2.0, osl + osl / 2.0), osl / 2.0 + 1, longest)) {
    const auto most = most_rounds(context, osl, kv_tokens, ranks);
    if (most < 1)
      continue;
    std::set<int64_t> rounds;
    for (double share : relative_usages)
      rounds.insert(
          std::clamp<int64_t>(std::llround(share * usage * static_cast<double>(kv_tokens) / context / ranks), 1, most));
    if (rounds.size() == 1 && most > 1)
      rounds.insert(std::min(most, least_rounds));
    for (auto n : rounds)
      result.push_back({static_cast<int>(context - osl / 2.0), osl, static_cast<int>(n) * ranks});
  }
  return result;
}

double useful_usage(const knowledge& known, const candidate_track& candidate) {
  const auto& sla = known.request.sla;
  const auto kv_tokens = candidate.report.kv_tokens;
  const int ranks = candidate.report.layout.attention_data_parallel();
  const double context = sla.isl + sla.osl / 2.0;
  const auto rounds = static_cast<int64_t>(most_usage * static_cast<double>(kv_tokens) / context / ranks);
  int64_t low = std::min(rounds, least_rounds), high = std::min<int64_t>(rounds, max_in_flight / ranks);
  while (low < high) {
    const auto middle = (low + high + 1) / 2;
    if (candidate.predict({sla.isl, sla.osl, static_cast<int>(middle) * ranks}) <= latency_in_reach * sla.itl_ms)
      low = middle;
    else
      high = middle - 1;
  }
  if (low <= 0)
    return most_usage;
  return std::min(most_usage, static_cast<double>(low * ranks) * context / static_cast<double>(kv_tokens));
}

std::vector<decode_spot> adaptive_decode_grid(const knowledge& known, const candidate_track& candidate) {
  const auto& report = candidate.report;
  return spread_spots(known.request.sla, longest_context(known.request), report.kv_tokens,
                      report.layout.attention_data_parallel(), useful_usage(known, candidate));
}

} // namespace sextant::searching
