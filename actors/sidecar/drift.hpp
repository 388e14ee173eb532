// drift.hpp: Whether a deployment left its curves: how far, since when, and how sure that is. Pure.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "messages/serving.hpp"

namespace sextant::sidecar {

/// How one window stands to a curve.
struct drift_sample {
  std::string at;       ///< end of the window, RFC 3339
  double log_ratio = 0; ///< ln(observed / expected)
};

/// What the windows say of the level that holds now.
struct drift_verdict {
  size_t first = 0;   ///< index of the first window of the present level
  size_t windows = 0; ///< of that level
  double ratio = 1;   ///< geometric mean
  double low = 0;     ///< 95 % interval; 0 with fewer than `least_windows`
  double high = 0;
  bool drifted = false; ///< the interval lies outside of [1 / (1 + tolerance), 1 + tolerance]
};

/// Windows of a level before anything is told of it.
inline constexpr size_t least_windows = 4;

/// Finds the level that holds now: the series is cut where two means explain it better than one (change point of least
/// squares, accepted by BIC), again within its last part until nothing is left to cut. The interval is Student's, widened by
/// (1 + r) / (1 - r) for the correlation r of neighbouring windows.
drift_verdict judge_drift(const std::vector<drift_sample>& samples, double tolerance);

/// The comparison of one curve over the last windows, and what was last told of it.
class drift_watch {
public:
  drift_watch(phase curve, double tolerance) : curve_{curve}, tolerance_{tolerance} {}

  /// Adds a window. Windows with too few requests or tokens, or of which the curves expect nothing, are left out.
  void add(const serving_observed& window);

  curves_drifted verdict() const;
  /// The verdict, if it differs from the last one that this function returned: drifted or not, or by another level.
  std::optional<curves_drifted> news();

private:
  static constexpr size_t longest = 720;

  phase curve_;
  double tolerance_;
  std::deque<drift_sample> samples_;
  std::optional<curves_drifted> told_;
};

} // namespace sextant::sidecar
