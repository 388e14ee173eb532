// estimated.cpp: From compared deployments to the answer of a profile.
#include "actors/search/estimated.hpp"

#include <algorithm>
#include <set>

#include "actors/search/candidates.hpp"
#include "actors/search/curves.hpp"
#include "actors/search/state.hpp"
#include "adapters/aic/opened_tables.hpp"
#include "adapters/backends/dgd.hpp"

namespace sextant {

namespace {

using estimating::oracle;
using searching::candidate_track;
using searching::knowledge;

std::vector<std::unique_ptr<oracle>> oracles_of(const profile_request& request, bool any_backend,
                                                const performance::estimate_context& context) {
  const auto wish = request.extra.find("backend");
  std::vector<std::unique_ptr<oracle>> result;
  if (any_backend && wish != request.extra.end() && wish->second == "auto")
    for (auto backend : {backend_kind::vllm, backend_kind::sglang, backend_kind::trtllm})
      result.push_back(estimating::make_oracle(request, backend, context));
  else
    result.push_back(estimating::make_oracle(request, request.backend, context));
  return result;
}

std::vector<const oracle*> borrowed(const std::vector<std::unique_ptr<oracle>>& owned) {
  std::vector<const oracle*> result;
  for (const auto& o : owned)
    result.push_back(o.get());
  return result;
}

/// The answer in the form of a profile, filled from a knowledge in which nothing was measured.
class answer_writer {
public:
  /// `asked` answers for the request's back end, as it did for the deployments.
  answer_writer(const profile_request& request, const oracle& asked)
      : known_(searching::first_knowledge(request)), asked_(asked) {
    for (auto& candidate : known_.candidates) {
      if (!candidate.usable())
        continue;
      candidate.report.reason = "estimated, not measured";
      // The memory model's capacity stands for the engine's.
      candidate.report.kv_tokens = candidate.report.predicted_kv_tokens;
    }
  }

  std::vector<searching::scored_point> sweep(phase role) {
    std::vector<searching::scored_point> points;
    for (const auto& candidate : known_.candidates) {
      const auto& report = candidate.report;
      if (report.role != role || !candidate.usable())
        continue;
      for (const auto& plan : searching::sweep_points(known_.request, report, report.kv_tokens)) {
        const auto prediction = predict(candidate, plan);
        points.push_back(
            {report.engine, report.layout, plan.concurrency, prediction.predicted_ms, prediction.low_ms, prediction.high_ms,
             candidate.throughput_weight(searching::spot_of(plan)) / prediction.predicted_ms, report.kv_tokens});
      }
    }
    return points;
  }

  /// The engine that a deployment needs, also where the profiler would not have tried it.
  candidate_track& engine_of(phase role, const mapping& layout) {
    for (auto& candidate : known_.candidates)
      if (candidate.report.role == role && candidate.report.layout == layout && candidate.usable())
        return candidate;
    candidate_track candidate;
    const auto& request = known_.request;
    candidate.report.engine = std::string{to_text(role)} + "-" + layout.tag();
    candidate.report.role = role;
    candidate.report.layout = layout;
    candidate.report.reason = "estimated, not measured";
    candidate.model = make_step_model({request.model, request.gpu, request.backend, layout});
    const auto plan = plan_memory({request.model, request.gpu, request.backend, layout}, request.sla.isl + request.sla.osl);
    candidate.report.weight_bytes_per_gpu = plan.weight_bytes;
    candidate.report.predicted_kv_tokens = candidate.report.kv_tokens = plan.kv_tokens;
    std::string error;
    candidate.report.dgd = candidate_dgd(request, role, layout, error);
    std::erase_if(known_.candidates, [&](const candidate_track& c) { return c.report.engine == candidate.report.engine; });
    known_.candidates.push_back(std::move(candidate));
    return known_.candidates.back();
  }

  void select(phase role, const mapping& layout, double target_ms, int concurrency) {
    auto& pick = role == phase::prefill ? result.prefill : result.decode;
    const auto& candidate = engine_of(role, layout);
    const auto& sla = known_.request.sla;
    const searching::decode_spot spot{sla.isl, role == phase::prefill ? searching::prefill_osl : sla.osl,
                                      role == phase::prefill ? 1 : std::max(concurrency, 1)};
    const double ms = model_ms(candidate, spot), band = 1 + candidate.model->error_band();
    pick.engine = candidate.report.engine;
    pick.layout = layout;
    pick.value_ms = ms;
    pick.value_low_ms = ms / band;
    pick.value_high_ms = ms * band;
    pick.meets_target = target_ms <= 0 || ms <= target_ms;
    pick.throughput_per_gpu = candidate.throughput_weight(spot) / ms;
    pick.concurrency = spot.in_flight;
    pick.kv_tokens = candidate.report.kv_tokens;
  }

  void select_by_rule() {
    const auto prefill = sweep(phase::prefill), decode = sweep(phase::decode);
    searching::select_by_rule(result, prefill, decode, known_.request.sla);
  }

  void select_by_mode(const estimating::comparison& compared, const estimating::choice& chosen) {
    sweep(phase::prefill);
    sweep(phase::decode);
    const auto& wanted = compared.wanted;
    const auto pair = std::find_if(chosen.ranked.begin(), chosen.ranked.end(),
                                   [](const auto& d) { return d.serving == serving_mode::disaggregated; });
    if (pair != chosen.ranked.end()) {
      select(phase::prefill, pair->prefill, wanted.ttft_ms, 1);
      select(phase::decode, pair->decode, wanted.tpot_ms,
             static_cast<int>(pair->concurrency / std::max(pair->units * pair->decode_replicas, 1)));
    } else if (!chosen.ranked.empty()) { // room for one kind of engine only
      select(phase::prefill, chosen.ranked.front().decode, wanted.ttft_ms, 1);
      select(phase::decode, chosen.ranked.front().decode, wanted.tpot_ms, chosen.ranked.front().batch);
    }
    result.feasible = chosen.feasible;
    result.binding_constraint = chosen.binding;
    result.achievable = known_.request.sla;
    if (!chosen.ranked.empty()) {
      result.achievable.ttft_ms = std::max(result.achievable.ttft_ms, chosen.ranked.front().ttft_ms);
      result.achievable.itl_ms = std::max(result.achievable.itl_ms, chosen.ranked.front().tpot_ms);
    }
  }

  void add_curves() {
    for (const auto& candidate : known_.candidates) {
      const auto& report = candidate.report;
      if (report.engine != (report.role == phase::prefill ? result.prefill : result.decode).engine)
        continue;
      for (const auto& plan : searching::reference_curve(known_, candidate)) {
        const auto spot = searching::spot_of(plan);
        const double ms = predict(candidate, plan).predicted_ms;
        const double throughput = candidate.throughput_weight(spot) / ms;
        if (report.role == phase::prefill)
          result.prefill_curve.push_back({plan.isl, ms, throughput});
        else
          result.decode_grid.push_back(
              {searching::kv_usage(spot, report.kv_tokens), searching::mean_context(spot), ms, throughput});
      }
      if (report.role == phase::decode)
        result.max_kv_tokens = report.kv_tokens;
    }
    result.prefill_curve = searching::rising_part(result.prefill_curve);
    if (!result.prefill.engine.empty() && !result.decode.engine.empty())
      for (auto& objection : searching::curve_objections(result.prefill_curve, result.decode_grid))
        result.remarks.push_back(std::move(objection));
  }

  profile_result finish(const estimating::choice& chosen) {
    add_curves();
    for (const auto& candidate : known_.candidates) {
      result.candidates.push_back(candidate.report);
      result.candidates.back().kv_tokens = 0; // no engine reported it
    }
    result.estimated = true;
    result.clock = "estimated";
    result.deployments = chosen.ranked;
    result.remarks.insert(result.remarks.begin(), known_.remarks.begin(), known_.remarks.end());
    result.remarks.insert(result.remarks.begin(), "estimated by the performance model: no engine was run");
    return std::move(result);
  }

  profile_result result;

private:
  double model_ms(const candidate_track& candidate, const searching::decode_spot& spot) const {
    const auto& report = candidate.report;
    return report.role == phase::prefill ? asked_.prefill_ms(report.layout, spot.isl)
                                         : asked_.decode_ms(report.layout, spot.in_flight, searching::mean_context(spot));
  }

  point_prediction predict(const candidate_track& candidate, const point_plan& plan) {
    const double ms = model_ms(candidate, searching::spot_of(plan)), band = 1 + candidate.model->error_band();
    result.predictions.push_back({candidate.report.engine, plan.point, ms, ms / band, ms * band, 0});
    return result.predictions.back();
  }

  knowledge known_;
  const oracle& asked_;
};

class estimated_search final : public search_core {
public:
  explicit estimated_search(const profile_request& request)
      : dry_run_(request.dry_run), answer_(estimate_request(request, false, {performance::installed_tables().timers})) {
    if (const auto& error = performance::installed_tables().error; !error.empty())
      answer_.result.remarks.push_back("performance tables: " + error + "; formulas answered");
  }

  std::vector<progress> apply(const result_event& event) override {
    if (std::holds_alternative<artifacts_written>(event))
      written_ = true;
    else if (std::holds_alternative<cancel_request>(event) || std::holds_alternative<profile_failed>(event))
      ended_ = !written_;
    return {};
  }
  wanted_work wanted() const override {
    wanted_work work;
    work.finished = dry_run_ || written_ || ended_;
    work.write = !work.finished;
    return work;
  }
  profile_result result() const override { return answer_.result; }
  search_totals totals() const override { return {}; }
  int gpus_of(const std::string&) const override { return 0; }
  bool holds(const std::string&, int) const override { return false; }
  int incarnations_of(const std::string&) const override { return 0; }
  std::string stage() const override { return dry_run_ || written_ || ended_ ? "Done" : "GeneratingDGD"; }

private:
  bool dry_run_;
  estimated_answer answer_;
  bool written_ = false;
  bool ended_ = false;
};

} // namespace

namespace {

/// Tables behind the engines of a deployment, each once.
std::vector<std::string> sources_of(const deployment_estimate& d, const std::vector<const oracle*>& oracles) {
  std::set<std::string> all;
  for (const auto* asked : oracles)
    if (asked->backend() == d.backend)
      for (const auto& layout : {d.decode, d.serving == serving_mode::disaggregated ? d.prefill : d.decode})
        for (auto& source : asked->sources(layout))
          all.insert(std::move(source));
  return {all.begin(), all.end()};
}

} // namespace

estimated_answer estimate_request(const profile_request& request, bool any_backend,
                                  const performance::estimate_context& context) {
  estimated_answer answer;
  answer.request = request;
  const auto owned = oracles_of(request, any_backend, context);
  const auto oracles = borrowed(owned);
  answer.compared = estimating::compare_deployments(request, estimating::goal_of(request), oracles);
  answer.chosen = estimating::choose_deployment(answer.compared, oracles);
  if (!answer.chosen.ranked.empty()) {
    answer.request.backend = answer.chosen.ranked.front().backend;
    answer.sources = sources_of(answer.chosen.ranked.front(), oracles);
  }
  const auto asked =
      std::find_if(oracles.begin(), oracles.end(), [&](const auto* o) { return o->backend() == answer.request.backend; });
  answer_writer writer{answer.request, asked == oracles.end() ? *oracles.front() : **asked};
  if (request.api == request_api::v1alpha1)
    writer.select_by_rule();
  else
    writer.select_by_mode(answer.compared, answer.chosen);
  answer.result = writer.finish(answer.chosen);
  return answer;
}

std::unique_ptr<search_core> make_estimated_search(const profile_request& request) {
  return std::make_unique<estimated_search>(request);
}

} // namespace sextant
