// validity_json.cpp: Null stands for a number that is not known.
#include "adapters/aiperf/validity_json.hpp"

#include <cmath>
#include <cstdio>

namespace sextant::aiperf {

namespace {

json finite_or_null(double x) {
  return std::isfinite(x) ? json(x) : json(nullptr);
}

json steady_json(const steady_window& w) {
  json out = {{"found", w.found},
              {"reason", w.reason},
              {"begin_s", static_cast<double>(w.begin_ns) / 1e9},
              {"end_s", static_cast<double>(w.end_ns) / 1e9},
              {"requests", w.requests},
              {"stationary", w.stationary},
              {"drifts", w.drifts}};
  for (const auto& m : w.metrics) {
    out["metrics"][m.tag] = metric_json(m);
    out["metrics"][m.tag]["intervals"] = interval_json(m);
  }
  return out;
}

json check_json(const consistency_check& c) {
  static constexpr const char* results[] = {"passed", "failed", "not_applicable"};
  json out = {{"name", c.name}, {"result", results[static_cast<size_t>(c.result)]}, {"detail", c.detail}};
  if (c.result != consistency_check::outcome::not_applicable) {
    out["value"] = c.value;
    out["limit"] = c.limit;
  }
  return out;
}

json survival_json(const survival_estimate& e) {
  json out = {{"metric", e.metric}, {"observed", e.observed}, {"censored", e.censored}};
  for (const auto& q : e.quantiles) {
    char name[24];
    std::snprintf(name, sizeof name, "p%g", q.q * 100);
    out["quantiles"][name] = {{"value", finite_or_null(q.value)},
                              {"interval", {finite_or_null(q.low), finite_or_null(q.high)}}};
  }
  return out;
}

} // namespace

json interval_json(const metric_summary& m) {
  json out;
  if (m.interval_known)
    out["mean_interval"] = {m.values.low, m.values.high};
  if (m.single)
    return out;
  out["trimmed_mean"] = m.trimmed_mean;
  out["effective_count"] = m.effective_count;
  for (const auto& q : m.quantiles) {
    char name[24];
    std::snprintf(name, sizeof name, "p%g", q.q * 100);
    json entry;
    entry["value"] = q.enough ? json(q.value) : json(nullptr);
    if (!q.enough)
      entry["note"] = "n/a (n too small)";
    entry["interval"] = {finite_or_null(q.low), finite_or_null(q.high)};
    out["quantiles"][name] = std::move(entry);
  }
  return out;
}

json validity_json(const load_summary& s) {
  json out = json::object();
  if (s.checks.empty())
    return out;
  out["steady_state"] = steady_json(s.steady);
  out["littles_law"] = {{"known", s.little.known},
                        {"in_flight", s.little.in_flight},
                        {"completed_per_s", s.little.completed_per_s},
                        {"mean_s", s.little.mean_s},
                        {"difference", s.little.difference}};
  for (const auto& c : s.checks)
    out["checks"].push_back(check_json(c));
  for (const auto& e : s.survival)
    out["survival"].push_back(survival_json(e));
  return out;
}

} // namespace sextant::aiperf
