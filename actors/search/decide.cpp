// decide.cpp: Decisions of a search: what is measured, deployed and released next. Made after every result, in order.
#include <algorithm>

#include "actors/search/candidates.hpp"
#include "actors/search/curves.hpp"
#include "actors/search/economy.hpp"
#include "actors/search/run.hpp"

namespace sextant::searching {

namespace {

/// Engines that the adaptive policy keeps alive, as far as there are candidates: more are speculation.
constexpr int engines_side_by_side = 3;

constexpr phase roles[] = {phase::prefill, phase::decode};

bool contains(const std::vector<need>& needs, size_t candidate) {
  return std::any_of(needs.begin(), needs.end(), [&](const need& n) { return n.candidate == candidate; });
}

/// Whether an engine is doing or about to do something.
bool active(const candidate_track& candidate) {
  return candidate.life == engine_life::deploying || candidate.busy();
}

} // namespace

void search_run::decide() {
  if (known_.request.dry_run)
    return;
  check_budget();
  std::array<std::vector<need>, 2> needs;
  if (trial_.has_news())
    conclude_trial(); // it may open a phase again
  if (!over()) {
    for (size_t i = 0; i < 2; ++i)
      needs[i] = phases_[i].done ? std::vector<need>{} : needs_of(roles[i]);
    for (const auto& list : needs)
      measure_next(list);
  }
  release_idle(needs);
  if (!over())
    deploy_next(needs);
  confirm();
}

void search_run::check_budget() {
  const double budget_s = known_.request.max_gpu_hours * 3600;
  if (budget_s <= 0 || known_.budget_spent || known_.gpu_seconds() < budget_s)
    return;
  spend_budget("the budget of GPU hours");
}

void search_run::spend_budget(const std::string& what) {
  known_.budget_spent = true;
  known_.remarks.push_back(what + " is spent: what was not measured by then is left out");
  tell("budget_spent", known_.remarks.back());
}

/// Sweep measurements while the pick may change, then the curve of the pick. Updates where the phase stands.
std::vector<need> search_run::needs_of(phase role) {
  auto& track = phases_[static_cast<size_t>(role)];
  std::vector<need> needs;
  if (!known_.budget_spent)
    needs = known_.request.policy == search_policy::adaptive ? adaptive_needs(known_, role) : exhaustive_needs(known_, role);
  const bool sweeping = std::any_of(known_.candidates.begin(), known_.candidates.end(),
                                    [&](const candidate_track& c) { return c.report.role == role && c.sweeping(); });
  track.swept = needs.empty() && !sweeping;
  count_ahead(role, needs);
  if (!track.swept)
    return needs;
  const auto pick = known_.pick(role);
  if (track.announced != pick.engine + std::to_string(pick.concurrency)) {
    track.announced = pick.engine + std::to_string(pick.concurrency);
    tell("engine_chosen", pick.engine.empty() ? pick.message : pick.engine + " is chosen", pick.engine, {}, pick.value_ms);
  }
  if (auto curve = curve_need(role))
    return {*curve};
  track.done = std::none_of(known_.candidates.begin(), known_.candidates.end(),
                            [&](const candidate_track& c) { return c.report.role == role && c.busy(); });
  return {};
}

/// What the sweep still needs and the curve after it, as far as can be told now.
void search_run::count_ahead(phase role, const std::vector<need>& needs) {
  int points = 0, engines = 0;
  for (const auto& n : needs) {
    points += n.points;
    engines += known_.candidates[n.candidate].life == engine_life::idle ? 1 : 0;
  }
  if (!phases_[static_cast<size_t>(role)].swept && !known_.budget_spent)
    points += expected_curve_points(role);
  points_ahead_[static_cast<size_t>(role)] = points;
  engines_ahead_[static_cast<size_t>(role)] = engines;
}

/// Points of the curve of what is the pick now, else of the first candidate, with the capacity that it reported or the
/// memory model's.
int search_run::expected_curve_points(phase role) const {
  const auto pick = known_.pick(role).engine;
  const candidate_track* chosen = nullptr;
  for (const auto& candidate : known_.candidates)
    if (candidate.report.role == role && candidate.usable() && (!chosen || candidate.report.engine == pick))
      chosen = &candidate;
  if (!chosen)
    return 0;
  if (chosen->report.kv_tokens > 0)
    return curve_points_expected(known_, *chosen);
  auto as_if_ready = *chosen;
  as_if_ready.report.kv_tokens = chosen->report.predicted_kv_tokens;
  return curve_points_expected(known_, as_if_ready);
}

std::optional<need> search_run::curve_need(phase role) {
  const auto pick = known_.pick(role);
  for (size_t i = 0; i < known_.candidates.size(); ++i) {
    auto& candidate = known_.candidates[i];
    if (candidate.report.engine != pick.engine || !candidate.usable() || known_.budget_spent)
      continue;
    auto next = next_curve_point(known_, candidate);
    if (!next && !candidate.busy())
      return std::nullopt;
    const auto measured = std::count_if(candidate.points.begin(), candidate.points.end(), [](const auto& p) {
      return p.second.plan.purpose == "curve" && (p.second.result || p.second.failed);
    });
    const int left = std::max(curve_points_expected(known_, candidate) - static_cast<int>(measured), 1);
    points_ahead_[static_cast<size_t>(role)] = left;
    return candidate.busy() ? std::nullopt : std::optional{need{i, std::move(next), left}};
  }
  return std::nullopt;
}

void search_run::measure_next(const std::vector<need>& needs) {
  for (const auto& n : needs) {
    auto& candidate = known_.candidates[n.candidate];
    if (candidate.life != engine_life::ready || candidate.busy() || !n.next)
      continue;
    measure(candidate, *n.next);
  }
}

void search_run::measure(candidate_track& candidate, const point_plan& plan) {
  candidate.current = plan.point;
  auto& point = candidate.points.try_emplace(plan.point, point_track{plan, 1, 0, false, {}, {}}).first->second;
  if (const auto used = candidate.used_attempts.find(plan.point); used != candidate.used_attempts.end())
    point.attempt = std::max(point.attempt, used->second + 1);
}

void search_run::deploy(candidate_track& candidate) {
  candidate.life = engine_life::deploying;
  candidate.order = ++deployments_;
  ++candidate.incarnation;
  tell("engine_wanted",
       candidate.report.engine + " is to be deployed on " + std::to_string(candidate.report.layout.gpus) + " GPUs",
       candidate.report.engine);
}

/// What is deployed first. The exhaustive policy takes both phases in turn. The adaptive one runs prefill candidates first:
/// their points are short, so the winner's curve is measured while it runs and the pool is decode's soon.
std::vector<const need*> search_run::deploy_order(const std::array<std::vector<need>, 2>& needs) const {
  std::vector<const need*> order;
  if (known_.request.policy == search_policy::adaptive) {
    for (const auto& list : needs)
      for (const auto& n : list)
        order.push_back(&n);
    return order;
  }
  for (size_t rank = 0; rank < std::max(needs[0].size(), needs[1].size()); ++rank)
    for (const auto& list : needs)
      if (rank < list.size())
        order.push_back(&list[rank]);
  return order;
}

/// Whether an engine may start though others of its phase are at work: the adaptive policy bounds such speculation.
bool search_run::may_speculate(const need& n) const {
  const auto role = known_.candidates[n.candidate].report.role;
  const auto alive = std::count_if(known_.candidates.begin(), known_.candidates.end(), [&](const candidate_track& c) {
    return c.life != engine_life::idle && (role == phase::decode || c.report.role == role);
  });
  return n.likely && alive < engines_side_by_side;
}

void search_run::deploy_next(const std::array<std::vector<need>, 2>& needs) {
  const bool adaptive = known_.request.policy == search_policy::adaptive;
  const need* blocked = nullptr;
  for (const auto* n : deploy_order(needs)) {
    auto& candidate = known_.candidates[n->candidate];
    if (candidate.life != engine_life::idle)
      continue;
    const bool phase_rests = std::none_of(known_.candidates.begin(), known_.candidates.end(), [&](const candidate_track& c) {
      return c.report.role == candidate.report.role && active(c);
    });
    // Speculation never takes the GPUs that a more promising engine waits for.
    if (adaptive && !phase_rests && (blocked || !may_speculate(*n)))
      continue;
    if (candidate.report.layout.gpus <= known_.gpus_free())
      deploy(candidate);
    else if (!blocked)
      blocked = n;
  }
  if (blocked && all_quiet())
    make_room(*blocked, needs);
  // While others work, small engines may use what a waiting large one cannot; not once room is being made for it.
  const bool room_is_made = std::any_of(known_.candidates.begin(), known_.candidates.end(),
                                        [](const candidate_track& c) { return c.life == engine_life::releasing; });
  if (adaptive && (!blocked || (!all_quiet() && !room_is_made)))
    fill_up(needs);
}

/// Brings the engines side by side to their number with the smallest that still has something to tell.
void search_run::fill_up(const std::array<std::vector<need>, 2>& needs) {
  const auto alive = std::count_if(known_.candidates.begin(), known_.candidates.end(),
                                   [](const candidate_track& c) { return c.life != engine_life::idle; });
  candidate_track* smallest = nullptr;
  for (const auto& list : needs)
    for (const auto& n : list) {
      auto& candidate = known_.candidates[n.candidate];
      if (candidate.life == engine_life::idle && (!smallest || candidate.report.layout.gpus < smallest->report.layout.gpus))
        smallest = &candidate;
    }
  if (smallest && alive < engines_side_by_side && smallest->report.layout.gpus <= known_.gpus_free())
    deploy(*smallest);
}

bool search_run::all_quiet() const {
  return std::none_of(known_.candidates.begin(), known_.candidates.end(),
                      [](const candidate_track& c) { return active(c) || c.life == engine_life::releasing; });
}

/// Lets an engine that is about to be ended measure the next point of its curve, where that saves GPU-seconds.
bool search_run::curve_first(candidate_track& candidate) {
  if (known_.budget_spent || !curve_before_end(known_, candidate))
    return false;
  const auto next = next_curve_point(known_, candidate);
  if (next)
    measure(candidate, *next);
  return next.has_value();
}

/// The last resort: engines that only wait for their curves are ended for one that cannot start beside them.
void search_run::make_room(const need& blocked, const std::array<std::vector<need>, 2>& needs) {
  int free = known_.gpus_free();
  const auto& waiting = known_.candidates[blocked.candidate].report;
  for (auto& candidate : known_.candidates) {
    const auto index = static_cast<size_t>(&candidate - known_.candidates.data());
    if (free >= waiting.layout.gpus)
      return;
    if (candidate.life != engine_life::ready || contains(needs[0], index) || contains(needs[1], index))
      continue;
    if (curve_first(candidate))
      return;
    candidate.life = engine_life::releasing;
    free += candidate.report.layout.gpus;
    tell("engine_released", candidate.report.engine + " is ended to make room for " + waiting.engine,
         candidate.report.engine);
  }
}

/// Whether an idle engine may still be needed: it is the pick as far as is known, and its curve is to come.
bool search_run::worth_holding(size_t index) const {
  const auto& candidate = known_.candidates[index];
  const auto role = candidate.report.role;
  return !over() && !phases_[static_cast<size_t>(role)].done && candidate.usable() && !known_.budget_spent
         && known_.pick(role).engine == candidate.report.engine;
}

void search_run::release_idle(const std::array<std::vector<need>, 2>& needs) {
  for (size_t i = 0; i < known_.candidates.size(); ++i) {
    auto& candidate = known_.candidates[i];
    if (ended_)
      candidate.current.clear();
    // Nothing waits for an engine that is still starting once the search is over.
    const bool cancelled_start = (ended_ || searched()) && candidate.life == engine_life::deploying;
    if (!cancelled_start && (candidate.life != engine_life::ready || candidate.busy()))
      continue;
    if (!ended_ && (contains(needs[0], i) || contains(needs[1], i) || worth_holding(i)))
      continue;
    candidate.life = engine_life::releasing;
    tell("engine_released", candidate.report.engine + " is not needed any more", candidate.report.engine);
  }
}

} // namespace sextant::searching
