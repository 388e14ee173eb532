// engine_model.hpp: One engine as the serving simulation sees it: costs of its steps, its scheduler, its KV cache.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "adapters/performance/benchmark_run.hpp"
#include "adapters/performance/op.hpp"
#include "adapters/performance/parameters.hpp"
#include "adapters/performance/step_timer.hpp"

namespace sextant::performance {

/// Makes the timer of measured tables for an engine; what the tables lack goes to `fallback`.
using timer_factory =
    std::function<std::shared_ptr<const op_timer>(const engine_spec& engine, std::shared_ptr<const op_timer> fallback)>;

/// The fitted timer of an engine: formulas with the constants of its GPU and back end.
std::shared_ptr<const op_timer> make_fitted_timer(const engine_spec& engine, const model_parameters& parameters);

/// What a kernel of a table costs in a served step: its isolated time with the fitted factors.
std::shared_ptr<const op_timer> make_served_timer(std::shared_ptr<const op_timer> tables,
                                                  const model_parameters& parameters);

/// The timer of an engine in a served step: tables where there are any, formulas for the rest.
std::shared_ptr<const op_timer> timer_of(const engine_spec& engine, const timer_factory& tables,
                                         const model_parameters& parameters);

/// Host costs and captured graphs of a back end, for the step timer.
step_parameters served_step_parameters(backend_kind backend, const model_parameters& parameters);

/// What an engine's steps cost and how it schedules them.
struct engine_model {
  step_costs costs;
  scheduling_policy policy;
  double measured_share = 0; ///< of the kernels' time of a typical step, from tables
  double error = 0.3;        ///< relative, expected of the kernels' sum
  std::vector<std::string> sources;
  double first_token_s = 0;  ///< outside of the engine, per request
  double prompt_token_s = 0; ///< the same per prompt token
  double transfer_s = 0;     ///< hand-over of a KV cache to another engine, per request
  double transfer_s_per_token = 0;
  double hand_over_scale = 1; ///< time of a prompt on a prefill engine over that on an aggregated one
};

/// Samples an engine. `tables` may be empty: formulas only. `typical_batch` and `typical_context` choose the step of which
/// the measured share is taken.
engine_model model_engine(const engine_spec& engine, const timer_factory& tables, const model_parameters& parameters,
                          double typical_batch = 16, double typical_context = 2048);

/// The scheduler of a back end with its defaults. `kv_tokens` is of one attention rank.
scheduling_policy default_policy(const engine_spec& engine, double kv_tokens);

} // namespace sextant::performance
