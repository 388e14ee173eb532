// state.cpp: What a search knows.
#include "actors/search/state.hpp"

#include <algorithm>

#include "actors/search/candidates.hpp"

namespace sextant::searching {

const point_measured* candidate_track::measured(const std::string& point) const {
  auto found = points.find(point);
  return found != points.end() && found->second.result ? &*found->second.result : nullptr;
}

bool candidate_track::given_up(const std::string& point) const {
  auto found = points.find(point);
  return found != points.end() && found->second.failed;
}

bool candidate_track::sweeping() const {
  auto found = points.find(current);
  return found != points.end() && found->second.plan.purpose == "sweep";
}

double candidate_track::predict(const decode_spot& spot) const {
  const bool prefill = report.role == phase::prefill;
  // The context's half tokens matter to nobody; they only make the key exact.
  const std::pair key{prefill ? 0 : spot.in_flight, prefill ? spot.isl : 2 * spot.isl + spot.osl};
  auto [entry, fresh] = predictions.try_emplace(key, 0.0);
  if (fresh)
    entry->second = prefill ? predicted_ttft_ms(*model, report.layout, spot.isl)
                            : predicted_itl_ms(*model, report.layout, spot.in_flight, mean_context(spot));
  return entry->second;
}

double candidate_track::throughput_weight(const decode_spot& spot) const {
  const double tokens = report.role == phase::prefill
                            ? static_cast<double>(spot.isl) * report.layout.attention_data_parallel()
                            : spot.in_flight;
  return tokens * 1000 / report.layout.gpus;
}

candidate_track* knowledge::find(const std::string& engine) {
  for (auto& candidate : candidates)
    if (candidate.report.engine == engine)
      return &candidate;
  return nullptr;
}

std::vector<scored_point> knowledge::scored(phase role, bool with_failed) const {
  std::vector<scored_point> result;
  for (const auto& candidate : candidates) {
    if (candidate.report.role != role || (candidate.failed && !with_failed))
      continue;
    for (const auto& plan : candidate.grid)
      if (const auto* point = candidate.measured(plan.point);
          point && std::find(rejected.begin(), rejected.end(), plan.point) == rejected.end())
        result.push_back(score(*point, candidate.report.layout, candidate.report.kv_tokens));
  }
  return result;
}

selected_engine knowledge::pick(phase role) const {
  auto points = scored(role, false);
  if (points.empty())
    points = scored(role, true);
  return select_engine(points, role, target(role));
}

double knowledge::gpu_seconds() const {
  double sum = 0;
  for (const auto& candidate : candidates)
    sum += candidate.report.layout.gpus * candidate.engine_s;
  return sum;
}

int knowledge::gpus_held() const {
  int sum = 0;
  for (const auto& candidate : candidates)
    if (candidate.life != engine_life::idle)
      sum += candidate.report.layout.gpus;
  return sum;
}

int knowledge::gpus_free() const {
  const int held = gpus_held(), all = gpus_at_once(request);
  return held == 0 ? all : std::min(all, room) - held;
}

std::vector<point_plan> sweep_points(const profile_request& request, const candidate_report& candidate, int64_t kv_tokens) {
  if (candidate.role == phase::prefill)
    return {prefill_plan(request, candidate.engine, candidate.layout, point_set::sweep, request.sla.isl)};
  std::vector<point_plan> result;
  const auto capacity = kv_tokens / std::max(request.sla.isl + request.sla.osl, 1);
  for (int n : request_range(candidate.layout.attention_data_parallel(), capacity, request.decode_granularity))
    result.push_back(
        decode_plan(request, candidate.engine, candidate.layout, point_set::sweep, {request.sla.isl, request.sla.osl, n}));
  return result;
}

namespace {

void predict_candidate(const profile_request& request, candidate_track& candidate, double target_ms) {
  auto& report = candidate.report;
  candidate.model = make_step_model({request.model, request.gpu, request.backend, report.layout});
  const auto points = sweep_points(request, report, report.predicted_kv_tokens);
  if (points.empty()) {
    report.state = candidate_state::dropped;
    report.reason = "memory: the KV cache holds less than one request for each attention rank";
    return;
  }
  report.predicted_ms = candidate.predict(spot_of(points.front()));
  for (const auto& plan : points) {
    const auto spot = spot_of(plan);
    const double ms = candidate.predict(spot);
    if (ms <= target_ms || &plan == &points.front())
      report.predicted_throughput_per_gpu =
          std::max(report.predicted_throughput_per_gpu, candidate.throughput_weight(spot) / ms);
  }
  if (report.role == phase::prefill) {
    candidate.grid = points;
    candidate.grid_known = true;
  }
}

} // namespace

knowledge first_knowledge(const profile_request& request) {
  knowledge known;
  known.request = request;
  auto list = list_candidates(request);
  known.remarks = std::move(list.remarks);
  for (auto& report : list.candidates) {
    candidate_track candidate;
    candidate.report = std::move(report);
    if (candidate.report.state != candidate_state::dropped)
      predict_candidate(request, candidate, known.target(candidate.report.role));
    known.candidates.push_back(std::move(candidate));
  }
  return known;
}

} // namespace sextant::searching
