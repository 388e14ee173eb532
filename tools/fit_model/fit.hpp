// fit.hpp: Fits the constants of the performance model to measured runs, and scores them on runs that were left out.
#pragma once

#include <array>
#include <functional>
#include <string>
#include <vector>

#include "adapters/performance/benchmark_rows.hpp"

namespace sextant::performance {

/// A run with what was measured, and what AI Configurator predicted beside it (0: nothing).
struct measured_run {
  benchmark_row run;
  std::string combination; ///< model, GPU, back end
  std::string backend;
  std::string group; ///< combination, isl, osl: candidates of one choice
  std::string image;
  bool clean = false, duplicate = false;
  double ttft_ms = 0, tpot_ms = 0, aic_ttft_ms = 0, aic_tpot_ms = 0;
};

std::vector<measured_run> measured_runs(const csv_table& table);

/// Where predictions take measured kernels from: set once, before anything is predicted. Empty: formulas only.
void use_timers(timer_factory tables);

/// Values of all constants, as logarithms, in the order of `fitted_constants`.
using constants = std::vector<double>;
constants prior_constants();
constants committed_constants();

/// What a fit moves: with measured kernels what a back end's host and a served step add to them; without, what the kernels
/// reach by formula, the rest held.
enum class fit_stage { served, formulas };

/// Penalised least squares on ln(predicted / measured), robust against outliers; combinations count about equally. TTFT
/// counts 0.4 times as much as TPOT. Deterministic.
struct residuals {
  std::vector<double> r, w; ///< two per run (TTFT, TPOT), and the weight of each
};

/// A fit, with what it takes to say what it would have been without some of its runs.
struct fitted {
  std::vector<const measured_run*> runs; ///< that the fit looked at
  std::vector<double> weights;           ///< of the runs, 1 on average
  constants x;
  std::vector<std::size_t> moved;          ///< constants that the stage moved
  residuals now;                           ///< at `x`
  std::vector<std::vector<double>> slopes; ///< of the residuals by each moved constant

  /// The constants of `start`, those of this stage as a fit without a combination finds them. To first order: an exact
  /// refit takes as long as the fit did.
  constants without(const std::string& combination, const constants& start) const;
};

fitted fit(const std::vector<const measured_run*>& runs, constants start, fit_stage stage, int rounds);

/// Sets the constants of disaggregated serving so that the median errors of these runs vanish.
constants fit_disaggregated(const std::vector<const measured_run*>& runs, constants start, bool tables);

/// Predictions of runs, from measured kernels or (`tables` false) by formulas.
std::vector<serving_estimate> predict(const std::vector<const measured_run*>& runs, const constants& x, bool tables);

/// Calls `work(i)` for 0..count-1 on all cores.
void in_parallel(std::size_t count, const std::function<void(std::size_t)>& work);

} // namespace sextant::performance
