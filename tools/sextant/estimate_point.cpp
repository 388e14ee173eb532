// estimate_point.cpp: One deployment of the command line: checks of its engine, its estimate, what its steps are made of.
#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include <nlohmann/json.hpp>

#include "actors/search/estimating/compare.hpp"
#include "tools/sextant/commands.hpp"
#include "tools/sextant/estimate.hpp"

namespace sextant {

namespace {

constexpr const char* engine_flags[] = {"tp", "pp", "dp", "moe-tp", "moe-ep", "replicas", "chunk-tokens"};

int flag_or(const command_line& args, const char* name, int otherwise) {
  return args.has(name) ? std::atoi(args.value(name).c_str()) : otherwise;
}

performance::parallel_layout layout_of_flags(const command_line& args, const model_facts& model) {
  performance::parallel_layout layout;
  layout.tp = flag_or(args, "tp", 1);
  layout.pp = flag_or(args, "pp", 1);
  layout.dp = flag_or(args, "dp", 1);
  if (model.experts > 0) {
    // Data-parallel attention goes with experts that are split among the ranks, else experts are shared.
    const int ranks = layout.tp * layout.dp;
    const int by_default = layout.dp > 1 ? ranks : 1;
    layout.moe_ep =
        flag_or(args, "moe-ep", args.has("moe-tp") ? ranks / std::max(1, flag_or(args, "moe-tp", 1)) : by_default);
    layout.moe_tp = flag_or(args, "moe-tp", ranks / std::max(1, layout.moe_ep));
  } else {
    layout.moe_tp = flag_or(args, "moe-tp", 1);
    layout.moe_ep = flag_or(args, "moe-ep", 1);
  }
  return layout;
}

document_error flag_error(const char* flag, int found, std::string accepted, std::string hint = {}) {
  return {std::string{"--"} + flag, 0, 0, "", std::to_string(found), std::move(accepted), std::move(hint)};
}

void check_divides(std::vector<document_error>& errors, const char* flag, int ranks, const char* what, int count) {
  if (count > 0 && ranks > 0 && count % ranks != 0)
    errors.push_back(flag_error(flag, ranks, "a divisor of the model's " + std::to_string(count) + " " + what));
}

} // namespace

bool asks_for_point(const command_line& args) {
  return std::any_of(std::begin(engine_flags), std::end(engine_flags), [&](const char* name) { return args.has(name); });
}

std::vector<document_error> check_engine_flags(const command_line& args, const model_facts& model) {
  std::vector<document_error> errors;
  const auto layout = layout_of_flags(args, model);
  check_divides(errors, "tp", layout.tp, "attention heads", model.heads);
  check_divides(errors, "pp", layout.pp, "layers", model.layers);
  if (model.experts > 0) {
    check_divides(errors, "moe-ep", layout.moe_ep, "experts", model.experts);
    check_divides(errors, "moe-tp", layout.moe_tp, "columns of an expert", model.moe_intermediate);
    if (layout.moe_tp * layout.moe_ep != layout.tp * layout.dp)
      errors.push_back(
          flag_error("moe-ep", layout.moe_ep, "moe-tp * moe-ep = tp * dp = " + std::to_string(layout.tp * layout.dp)));
  } else if (model.heads > 0) {
    check_divides(errors, "tp", layout.tp, "FFN columns", model.intermediate);
    for (const char* flag : {"dp", "moe-tp", "moe-ep"})
      if (flag_or(args, flag, 1) > 1)
        errors.push_back(flag_error(flag, flag_or(args, flag, 1), "1: this model has no experts",
                                    "more engines side by side are --replicas"));
  }
  if (args.has("gpus")) {
    const int needed = layout.gpus() * flag_or(args, "replicas", 1), there = flag_or(args, "gpus", 1);
    if (needed > there)
      errors.push_back(flag_error("gpus", there, "at least " + std::to_string(needed) + ", what these engines take"));
  }
  return errors;
}

namespace {

/// The mapping of a layout, where the profiler has a name for it.
std::optional<mapping> mapping_of(const performance::parallel_layout& layout, const model_facts& model) {
  if (layout.pp != 1)
    return std::nullopt;
  if (layout.dp == 1 && (model.experts == 0 || layout.moe_ep == 1))
    return mapping{mapping_method::tp, layout.tp};
  if (layout.dp == 1 && layout.moe_tp == 1)
    return mapping{mapping_method::tep, layout.tp};
  if (layout.tp == 1 && layout.moe_tp == 1)
    return mapping{mapping_method::dep, layout.dp};
  return std::nullopt;
}

} // namespace

int run_estimate_point(const command_line& args, const profile_request& request) {
  const auto layout = mapping_of(layout_of_flags(args, request.model), request.model);
  if (!layout) {
    fprintf(stderr,
            "--tp: this combination of tp, pp, dp, moe-tp and moe-ep has no mapping\n1 error; nothing was started\n");
    return exit_bad_input;
  }
  const auto model = estimating::make_oracle(request, request.backend);
  auto wanted = estimating::goal_of(request);
  const int replicas = flag_or(args, "replicas", 1);
  wanted.gpus = layout->gpus * replicas;
  wanted.cached_tokens = flag_or(args, "cached-tokens", 0);
  const double load = wanted.concurrency > 0 ? wanted.concurrency : 1;
  bool ok = false;
  const auto d =
      estimating::estimate_aggregated(wanted, *model, {*layout, replicas, flag_or(args, "chunk-tokens", 0)}, load, 1, ok);
  printf("%s: TTFT %.1f ms [%.1f, %.1f], TPOT %.2f ms [%.2f, %.2f], %.1f tokens/s/GPU (%s)\n", d.label.c_str(), d.ttft_ms,
         d.ttft_low_ms, d.ttft_high_ms, d.tpot_ms, d.tpot_low_ms, d.tpot_high_ms, d.tokens_per_s_per_gpu, d.tier.c_str());
  return ok ? exit_ok : exit_infeasible;
}

} // namespace sextant
