// state.hpp: What a search knows: candidates, the lives of their engines, their points. Data with questions, no decisions.
#pragma once

#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/search/plans.hpp"
#include "actors/search/selection.hpp"
#include "adapters/simulation/step_model.hpp"
#include "messages/profile.hpp"

namespace sextant::searching {

/// Where the engine of a candidate stands.
enum class engine_life { idle, deploying, ready, releasing };

/// Attempts at an engine or at a point that may fail before it is given up.
inline constexpr int most_failures = 3;

/// One point of a candidate that was asked for.
struct point_track {
  point_plan plan;
  int attempt = 1;  ///< the attempt that is wanted
  int failures = 0; ///< failed attempts that count
  bool failed = false;
  std::string reason;                   ///< of the last failure
  std::optional<point_measured> result; ///< without samples
};

/// A candidate with everything that happened to it.
struct candidate_track {
  candidate_report report; ///< facts; state and reason are filled in by the result
  std::shared_ptr<const step_model> model;
  engine_life life = engine_life::idle;
  int incarnation = 0; ///< attempt of the current or last deployment
  int failures = 0;    ///< failed deployments and lost engines
  bool failed = false; ///< given up
  bool gone = false;   ///< a measurement found the endpoint gone; the incarnation is being ended
  uint64_t order = 0;  ///< counts deployments, for a stable order
  std::string endpoint;
  std::string served_model;
  bool simulated = false;
  double engine_s = 0;  ///< start-ups and measurements
  double startup_s = 0; ///< of its last start
  bool grid_known = false;
  std::vector<point_plan> grid; ///< sweep points, ascending
  std::map<std::string, point_track> points;
  std::string current;                      ///< point that is being measured, empty if none
  std::map<std::string, int> used_attempts; ///< failed attempts at points that were not asked for
  int unasked_ends = 0;                     ///< ends of its engines that were not asked for
  mutable std::map<std::pair<int, int>, double> predictions;

  bool usable() const {
    return report.state != candidate_state::dropped && report.state != candidate_state::pruned && !failed;
  }
  bool busy() const { return !current.empty(); }
  const point_measured* measured(const std::string& point) const;
  bool given_up(const std::string& point) const;
  /// Whether a sweep point is being measured.
  bool sweeping() const;
  /// Predicted TTFT (prefill) or ITL (decode) of a point, ms.
  double predict(const decode_spot& spot) const;
  /// Tokens/s/GPU times milliseconds: what the latency is divided into to give the throughput.
  double throughput_weight(const decode_spot& spot) const;
};

/// Everything a search knows.
struct knowledge {
  profile_request request;
  std::vector<candidate_track> candidates;
  std::vector<std::string> remarks;
  bool budget_spent = false;
  std::vector<std::string> rejected; ///< points that are no pick any more: a pair with them did not keep its promise
  /// GPUs that could be held side by side when last tried: nodes are not one piece. Lowered when an engine found no room
  /// beside those that were held.
  int room = std::numeric_limits<int>::max();

  double target(phase role) const { return role == phase::prefill ? request.sla.ttft_ms : request.sla.itl_ms; }
  candidate_track* find(const std::string& engine);
  /// Measured sweep points in the reference's order; those of given-up candidates only on demand.
  std::vector<scored_point> scored(phase role, bool with_failed) const;
  /// What the rule picks now. Given-up candidates count only when no other was measured.
  selected_engine pick(phase role) const;
  double gpu_seconds() const;
  int gpus_held() const;
  /// GPUs that one more engine may have. With nothing held, all that the request may use.
  int gpus_free() const;
};

/// Sweep points of a candidate whose engine holds `kv_tokens`; prefill needs no capacity.
std::vector<point_plan> sweep_points(const profile_request& request, const candidate_report& candidate, int64_t kv_tokens);

/// Builds the knowledge that a search starts with.
knowledge first_knowledge(const profile_request& request);

} // namespace sextant::searching
