// refinement.cpp: Curve points of the adaptive policy.
#include "actors/search/refinement.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "actors/search/candidates.hpp"
#include "actors/search/curves.hpp"
#include "actors/search/planner_view.hpp"

namespace sextant::searching {

namespace {

constexpr int first_prefill_points = 6;
/// Lengths that differ by less than this factor are one.
constexpr double same_length = 1.25;
/// Prompt tokens that engines take in one pass by their defaults: a curve reaches as far also for a target with short
/// prompts.
constexpr int one_pass = 8192;
constexpr size_t least_cubic_points = 4;
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
/// Error of the cubic between measured points, relative to the expected shape, below which a further point tells nothing.
constexpr double cubic_tolerance = 0.05;
/// The same of the straight line, at lengths up to twice and down to half of the target's.
constexpr double line_goal = 0.2;
/// Share of the expected TTFT above which the straight line stays over the whole curve: planners take what is not positive
/// for a microsecond.
constexpr double least_line_share = 0.1;
/// Places between two measured lengths that are looked at, and by what factor a new length keeps off them at least.
constexpr int looks = 4;
constexpr double apart = 1.15;

/// `from` to `to` in `count` steps of equal ratio.
std::vector<int> geometric(int from, int to, int count) {
  std::vector<int> result;
  result.reserve(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i)
    result.push_back(static_cast<int>(std::lround(from * std::pow(static_cast<double>(to) / from, i / (count - 1.0)))));
  return result;
}

/// A prefill curve as measured so far with the model's shape between the points.
struct shaped_curve {
  std::vector<double> isl, ttft_ms, predicted_ms;
};

/// TTFT that is expected at a place between the measured neighbours `right - 1` and `right`: the model's, scaled so that it
/// meets both.
double expected_between(const shaped_curve& curve, size_t right, double isl, double predicted_ms) {
  const double share = std::log(isl / curve.isl[right - 1]) / std::log(curve.isl[right] / curve.isl[right - 1]);
  const auto ratio = [&](size_t i) { return std::log(curve.ttft_ms[i] / curve.predicted_ms[i]); };
  return predicted_ms * std::exp((1 - share) * ratio(right - 1) + share * ratio(right));
}

/// How far planners are off at a place, in tolerances: the cubic of TTFT and of throughput, and the straight line.
/// A throughput is the length over the TTFT, up to a factor.
struct planner_curves {
  cubic_curve ttft, throughput;
  fitted_line line;
  int target_isl;

  double misfit(double isl, double expected_ms) const {
    const double cubic =
        std::max(std::abs(ttft(isl) / expected_ms - 1), std::abs(throughput(isl) / (isl / expected_ms) - 1));
    const double straight = line(isl) / expected_ms;
    const bool near_target = isl <= 2.0 * target_isl && 2 * isl >= target_isl;
    double worst = cubic / cubic_tolerance;
    if (near_target)
      worst = std::max(worst, std::abs(straight - 1) / line_goal);
    return std::max(worst, straight < least_line_share ? 1 + least_line_share - straight : 0);
  }
};

planner_curves planners_of(const shaped_curve& curve, int target_isl) {
  std::vector<double> throughput;
  throughput.reserve(curve.isl.size());
  for (size_t i = 0; i < curve.isl.size(); ++i)
    throughput.push_back(curve.isl[i] / curve.ttft_ms[i]);
  return {{curve.isl, curve.ttft_ms}, {curve.isl, throughput}, fit_line(curve.isl, curve.ttft_ms), target_isl};
}

/// The length at which planners are off most, beyond their tolerances; nothing once they serve the whole curve.
template <class Predict>
std::optional<int> worst_length(const shaped_curve& curve, int target_isl, const std::set<int>& tried, Predict predict) {
  const auto planners = planners_of(curve, target_isl);
  // A curve that is known well enough still needs the points that planners ask for.
  double worst = curve.isl.size() < first_prefill_points ? 0 : 1;
  std::optional<int> result;
  for (size_t right = 1; right < curve.isl.size(); ++right)
    for (int k = 1; k < looks; ++k) {
      const double left_isl = curve.isl[right - 1], right_isl = curve.isl[right];
      const auto isl =
          static_cast<int>(std::lround(left_isl * std::pow(right_isl / left_isl, static_cast<double>(k) / looks)));
      if (std::any_of(tried.begin(), tried.end(), [&](int other) { return isl < other * apart && other < isl * apart; }))
        continue;
      if (const double misfit = planners.misfit(isl, expected_between(curve, right, isl, predict(isl))); misfit > worst) {
        worst = misfit;
        result = isl;
      }
    }
  return result;
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
    const auto& sla = known.request.sla;
    for (int isl : spread_lengths(sla.isl, curve_end(sla, longest_prompt(known, candidate))))
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
  const auto predict = [&](int isl) { return candidate.predict({isl, prefill_osl, 1}); };
  std::set<int> tried;
  for (const auto& [id, point] : candidate.points)
    tried.insert(point.plan.isl); // also what was measured and left out because it does not rise
  shaped_curve curve;
  for (const auto& sample : rising_part(prefill_curve(candidate))) {
    curve.isl.push_back(sample.isl);
    curve.ttft_ms.push_back(sample.ttft_ms);
    curve.predicted_ms.push_back(predict(sample.isl));
  }
  if (curve.isl.size() < least_cubic_points || candidate.points.size() >= most_prefill_points)
    return std::nullopt;
  const auto isl = worst_length(curve, known.request.sla.isl, tried, predict);
  if (!isl)
    return std::nullopt;
  return prefill_plan(known.request, report.engine, report.layout, point_set::curve, *isl);
}

int curve_end(const service_level& sla, int longest) {
  const auto reach = static_cast<int64_t>(relative_contexts[3]) * sla.isl;
  return static_cast<int>(std::min<int64_t>(longest, std::max<int64_t>(reach, one_pass)));
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
