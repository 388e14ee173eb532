// estimate_point.cpp: One deployment of the command line: checks of its engine, its estimate, what its steps are made of.
#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include <nlohmann/json.hpp>

#include "actors/search/estimating/goal.hpp"
#include "adapters/performance/memory_plan.hpp"
#include "adapters/performance/serving.hpp"
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

/// A step of the deployment under the asked load, for people: what its time is made of.
struct named_step {
  const char* name;
  performance::step_breakdown parts;
};

std::vector<named_step> steps_of(const performance::engine_spec& engine, const performance::serving_traffic& traffic,
                                 int replicas, const performance::estimate_context& context) {
  using namespace performance;
  const auto& parameters = *context.parameters;
  const step_timer timer(engine, timer_of(engine, context.tables, parameters),
                         served_step_parameters(engine.backend, parameters));
  const double batch = std::max(1.0, std::ceil(traffic.concurrency / (1.0 * replicas * engine.layout.dp)));
  const double fresh = traffic.isl - traffic.prefix;
  return {{"prefill of one prompt", timer.breakdown(load_of(1, fresh, traffic.prefix, 1, 0, 0))},
          {"decode at this load", timer.breakdown(load_of(0, 0, 0, 0, batch, traffic.isl + traffic.osl / 2.0))}};
}

const char* tier_name(performance::time_tier tier) {
  return tier == performance::time_tier::measured ? "measured" : "fitted";
}

std::string label_of(const performance::parallel_layout& l, int replicas) {
  std::string label = replicas > 1 ? std::to_string(replicas) + " x " : "";
  label += "tp" + std::to_string(l.tp) + " pp" + std::to_string(l.pp) + " dp" + std::to_string(l.dp);
  if (l.moe_tp > 1 || l.moe_ep > 1)
    label += " moe-tp" + std::to_string(l.moe_tp) + " moe-ep" + std::to_string(l.moe_ep);
  return label;
}

void print_step(const named_step& step) {
  auto ops = step.parts.ops;
  std::sort(ops.begin(), ops.end(), [](const auto& a, const auto& b) { return a.seconds > b.seconds; });
  printf("\n%s: %.3f ms, of it host %.3f ms\n", step.name, step.parts.seconds * 1e3, step.parts.host_seconds * 1e3);
  printf("  %10s %6s %7s  %-9s op\n", "ms", "share", "count", "tier");
  for (const auto& o : ops)
    printf("  %10.4f %5.1f%% %7.0f  %-9s %s%s\n", o.seconds * 1e3, 100 * o.seconds / step.parts.seconds, o.count,
           tier_name(o.tier), o.name.c_str(), o.hidden ? " (hidden beside a slower branch)" : "");
}

nlohmann::json step_json(const named_step& step) {
  auto ops = nlohmann::json::array();
  for (const auto& o : step.parts.ops)
    ops.push_back({{"op", o.name},
                   {"ms", o.seconds * 1e3},
                   {"count", o.count},
                   {"hidden", o.hidden},
                   {"tier", tier_name(o.tier)},
                   {"source", o.source}});
  return {{"step", step.name}, {"ms", step.parts.seconds * 1e3}, {"host_ms", step.parts.host_seconds * 1e3}, {"ops", ops}};
}

nlohmann::json banded_json(const performance::banded& b) {
  return {{"value", b.value}, {"low", b.low}, {"high", b.high}};
}

} // namespace

int run_estimate_point(const command_line& args, const profile_request& request,
                       const performance::estimate_context& context, const performance::opened_tables& tables) {
  const auto wanted = estimating::goal_of(request);
  performance::engine_group group;
  group.engine = {request.model, request.gpu, request.backend, {}, layout_of_flags(args, request.model), 0};
  group.replicas = flag_or(args, "replicas", 1);
  group.chunk_tokens = flag_or(args, "chunk-tokens", 0);
  performance::serving_traffic traffic;
  traffic.isl = wanted.isl;
  traffic.osl = wanted.osl;
  traffic.prefix = flag_or(args, "cached-tokens", 0);
  if (wanted.concurrency <= 0 && wanted.requests_per_s > 0)
    traffic.rate_per_s = wanted.requests_per_s;
  else
    traffic.concurrency = std::max(1.0, wanted.concurrency);
  const auto plan =
      performance::plan_memory(group.engine, traffic.isl + traffic.osl, label_of(group.engine.layout, group.replicas));
  if (!plan.fits) {
    fprintf(stderr, "does not fit: %s\n", plan.reason.c_str());
    return exit_infeasible;
  }
  const auto e = performance::estimate_aggregated(group, traffic, context);
  if (!e.ok) {
    fprintf(stderr, "%s\n1 error; nothing was started\n", e.reason.c_str());
    return exit_bad_input;
  }
  const double per_gpu = e.output_tokens_per_s / (group.engine.layout.gpus() * group.replicas);
  const auto steps = steps_of(group.engine, traffic, group.replicas, context);
  const auto label = label_of(group.engine.layout, group.replicas);
  if (args.value("format") == "json") {
    nlohmann::json out{{"estimated", true},
                       {"deployment", label},
                       {"ttft_ms", banded_json(e.ttft_ms)},
                       {"tpot_ms", banded_json(e.tpot_ms)},
                       {"ttft_p50_ms", e.ttft_p50_ms},
                       {"ttft_p99_ms", e.ttft_p99_ms},
                       {"tpot_p50_ms", e.tpot_p50_ms},
                       {"tpot_p99_ms", e.tpot_p99_ms},
                       {"request_latency_ms", e.request_latency_ms},
                       {"tokens_per_s_per_gpu", per_gpu},
                       {"kv_tokens", e.kv_tokens},
                       {"kv_load", e.kv_load},
                       {"tier", tier_name(e.tier)},
                       {"sources", e.sources},
                       {"steps", nlohmann::json::array()}};
    for (const auto& step : steps)
      out["steps"].push_back(step_json(step));
    printf("%s\n", out.dump(2).c_str());
    return exit_ok;
  }
  printf("%s, estimated (tier %s; in brackets what holds in 80 %% of cases)\n", label.c_str(), tier_name(e.tier));
  printf("TTFT %.1f ms [%.1f, %.1f], p50 %.1f, p99 %.1f\n", e.ttft_ms.value, e.ttft_ms.low, e.ttft_ms.high, e.ttft_p50_ms,
         e.ttft_p99_ms);
  printf("TPOT %.2f ms [%.2f, %.2f], p50 %.2f, p99 %.2f\n", e.tpot_ms.value, e.tpot_ms.low, e.tpot_ms.high, e.tpot_p50_ms,
         e.tpot_p99_ms);
  printf("%.1f tokens/s/GPU, %.1f tokens/s in all; KV cache of an engine %.0f tokens, %.0f %% of it wanted at this load\n",
         per_gpu, e.output_tokens_per_s, e.kv_tokens, 100 * e.kv_load);
  for (const auto& step : steps)
    print_step(step);
  if (!e.sources.empty())
    printf("\nmeasured kernels from\n");
  for (const auto& source : e.sources)
    printf("  %s\n", source.c_str());
  fputs(note_of_tables(tables).c_str(), stdout);
  return exit_ok;
}

} // namespace sextant
