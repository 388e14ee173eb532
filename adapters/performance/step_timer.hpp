// step_timer.hpp: Seconds of one forward pass of an engine, from the times of its ops.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "adapters/performance/op.hpp"

namespace sextant::performance {

/// What a step costs beside its kernels. Fitted per back end; seconds.
struct step_parameters {
  double host_s = 0;          ///< scheduler, sampling, detokenising: per step
  double host_sequence_s = 0; ///< the same per sequence in the step
  double prompt_layer_s = 0;  ///< launches of a step with prompt tokens, per layer: without captured graphs it takes no less
  double kernel_scale = 1;    ///< on the sum of the kernels
  std::vector<int> graph_batches; ///< decode batches that graphs were captured for, ascending; others are padded up
};

/// Parameters of a back end before any fit.
step_parameters default_parameters(backend_kind backend);

/// Work of one attention rank: `prefill_requests` prompts with `prefill_tokens` new tokens in all that follow
/// `prefill_context` tokens in the cache, beside `decode_requests` with `decode_context` tokens each on average.
/// `finished`: prompts that end in this step and so yield a token.
op_load load_of(double prefill_requests, double prefill_tokens, double prefill_context, double finished,
                double decode_requests, double decode_context);

/// One line of a breakdown: an op of a step with its share of the time.
struct op_share {
  std::string name;    ///< op, after the kind of layer where layers differ
  double count = 0;    ///< instances in the step
  double seconds = 0;  ///< of all instances
  bool hidden = false; ///< ran beside a slower branch: not in the step's time
  time_tier tier = time_tier::fitted;
  std::string source;
  double error = 0; ///< relative
};

/// What a step's time is made of.
struct step_breakdown {
  double seconds = 0;        ///< the whole step
  double host_seconds = 0;   ///< beside kernels: scheduler, sampling, launches that kernels wait for
  double measured_share = 0; ///< of the kernels' time
  double error = 0;          ///< relative, weighted by time
  std::vector<op_share> ops;
};

/// Times steps of one engine. Immutable and thread-safe; a few microseconds per query.
///
/// A step with prompts and decoding requests runs dense ops once on all rows and attention on each part. With pipeline
/// stages the requests are divided into as many micro-batches as there are stages; the result is the time until every
/// request has advanced once.
class step_timer {
public:
  step_timer(const engine_spec& engine, std::shared_ptr<const op_timer> timer, step_parameters parameters);

  double seconds(const op_load& load) const;
  step_breakdown breakdown(const op_load& load) const;

  /// Kernels of a step whose rows are `load`, without host time, padding and micro-batches.
  double kernel_seconds(const op_load& load) const;
  /// Kernels of those ops of a step that work on one kind of rows, `load` being all they work on; of a step with prompt
  /// tokens if `prompts`.
  double rows_seconds(bool prompts, op_rows rows, const op_load& load) const;
  /// Time that launching the kernels of a step takes; 0 with captured graphs.
  double launch_seconds(const op_load& load) const;
  /// Host time of a step.
  double host_seconds(const op_load& load) const;
  /// Decode batch after padding to the next captured graph.
  double padded(double decode_requests) const;

  const step_parameters& parameters() const { return parameters_; }

private:
  template <class Sum, class Visit>
  void add_rows(const std::vector<op>& ops, op_rows rows, const op_load& load, Sum& sum, Visit&& visit) const;
  template <class Visit>
  double walk(const op_load& load, Visit&& visit) const;
  op_load scheduled(const op_load& load) const;

  std::shared_ptr<const op_timer> timer_;
  step_parameters parameters_;
  int layers_ = 0, stages_ = 1;
  std::vector<op> prefill_, decode_;
};

} // namespace sextant::performance
