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
constants fit(const std::vector<const measured_run*>& runs, constants start, fit_stage stage, int rounds);

/// Sets the constants of disaggregated serving so that the median errors of these runs vanish.
constants fit_disaggregated(const std::vector<const measured_run*>& runs, constants start, bool tables);

/// Predictions of runs, from measured kernels or (`tables` false) by formulas.
std::vector<serving_estimate> predict(const std::vector<const measured_run*>& runs, const constants& x, bool tables);

/// Calls `work(i)` for 0..count-1 on all cores.
void in_parallel(std::size_t count, const std::function<void(std::size_t)>& work);

} // namespace sextant::performance
