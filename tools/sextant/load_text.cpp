// load_text.cpp: What a person reads about a plan and about a result.
#include <algorithm>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <filesystem>

#include "messages/run_metrics.hpp"
#include "tools/sextant/load.hpp"

namespace sextant {

namespace {

using load::traffic_phase;

/// printf into a text.
[[gnu::format(printf, 2, 3)]] void add(std::string& out, const char* form, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, form);
  std::vsnprintf(text, sizeof text, form, arguments);
  va_end(arguments);
  out += text;
}

/// A number with three or four digits that matter.
std::string short_number(double x) {
  char text[40];
  if (!std::isfinite(x))
    return "-";
  const double size = std::fabs(x);
  std::snprintf(text, sizeof text,
                size >= 1000             ? "%.0f"
                : size >= 100            ? "%.1f"
                : size >= 1 || size == 0 ? "%.2f"
                                         : "%.3g",
                x);
  return text;
}

/// The rows of the table: what people look for first.
constexpr const char* table_tags[] = {
    "time_to_first_token",
    "time_to_second_token",
    "inter_token_latency",
    "inter_chunk_latency",
    "request_latency",
    "output_token_throughput_per_user",
    "input_sequence_length",
    "output_sequence_length",
    "ttft",
    "tpot",
    "itl",
    "e2el",
};

constexpr const char* single_tags[] = {"request_throughput", "output_token_throughput", "total_token_throughput",
                                       "benchmark_duration"};

std::string quantile_text(const metric_summary& m, double q) {
  for (const auto& quantile : m.quantiles)
    if (std::fabs(quantile.q - q) < 1e-9)
      return quantile.enough ? short_number(quantile.value) : short_number(quantile.value) + "?";
  return "-";
}

std::string interval_text(const metric_summary& m) {
  return m.interval_known ? "[" + short_number(m.values.low) + ", " + short_number(m.values.high) + "]" : "";
}

std::string label_of(const metric_summary& m) {
  const auto unit = m.unit == "tokens/sec/user" ? "tok/s/user" : m.unit; // the one that would widen the table
  return m.header + " (" + unit + ")";
}

void add_table(std::string& out, const load_summary& s) {
  std::vector<const metric_summary*> rows;
  size_t width = 20;
  for (const auto* tag : table_tags) {
    const auto* m = s.find(tag);
    const bool twice = std::string_view{tag} == "tpot" && s.find("inter_token_latency");
    if (!m || m->single || twice)
      continue;
    rows.push_back(m);
    width = std::max(width, label_of(*m).size());
  }
  const int label = static_cast<int>(width);
  add(out, "%-*s %8s %8s %8s %8s %8s %8s  %s\n", label, "", "mean", "min", "p50", "p90", "p99", "max", "mean is in");
  for (const auto* m : rows)
    add(out, "%-*s %8s %8s %8s %8s %8s %8s  %s\n", label, label_of(*m).c_str(), short_number(m->values.mean).c_str(),
        short_number(m->values.min).c_str(), quantile_text(*m, 0.5).c_str(), quantile_text(*m, 0.9).c_str(),
        quantile_text(*m, 0.99).c_str(), short_number(m->values.max).c_str(), interval_text(*m).c_str());
  const bool few = std::any_of(rows.begin(), rows.end(), [](const auto* m) {
    return std::any_of(m->quantiles.begin(), m->quantiles.end(),
                       [](const auto& q) { return (q.q == 0.9 || q.q == 0.99 || q.q == 0.5) && !q.enough; });
  });
  if (few)
    out += "? too few requests to bound this quantile\n";
  out += '\n';
  for (const auto* tag : single_tags)
    if (const auto* m = s.find(tag))
      add(out, "%-*s %8s %s\n", label, m->header.c_str(), short_number(m->values.mean).c_str(), m->unit.c_str());
}

void add_service_levels(std::string& out, const load_summary& s) {
  for (const auto& g : s.goodput) {
    std::string limits;
    for (const auto& limit : g.limits)
      limits += (limits.empty() ? "" : ", ") + limit.metric + " " + short_number(limit.limit);
    add(out, "good requests (%s): %zu of %zu, %.1f %% [%.1f, %.1f]; goodput %s requests/s\n", limits.c_str(), g.good,
        g.counted, g.fraction * 100, g.fraction_low * 100, g.fraction_high * 100, short_number(g.requests_per_s).c_str());
  }
}

void add_errors(std::string& out, const load_summary& s) {
  for (const auto& e : s.errors)
    add(out, "%zu failed: %s%s: %.200s\n", e.count, e.type.c_str(),
        e.code > 0 ? (" (" + std::to_string(e.code) + ")").c_str() : "", e.message.c_str());
}

} // namespace

std::string load_plan_text(const load_run& run) {
  const auto& s = run.schedule;
  size_t warmup = 0, last_session = 0;
  int64_t last_ns = -1;
  double isl = 0, osl = 0;
  for (const auto& r : s.requests) {
    warmup += r.phase == traffic_phase::warmup;
    last_session = std::max<size_t>(last_session, r.session + size_t{1});
    last_ns = std::max(last_ns, r.intended_ns);
    isl += r.isl + r.prefix_tokens;
    osl += r.osl;
  }
  const auto n = static_cast<double>(s.requests.size());
  std::string out;
  add(out, "%zu requests (%zu of them warm-up) in %zu sessions, seed %llu\n", s.requests.size(), warmup, last_session,
      static_cast<unsigned long long>(s.seed));
  add(out, "mean input %s tokens, mean output limit %s tokens\n", short_number(isl / n).c_str(),
      osl > 0 ? short_number(osl / n).c_str() : "-");
  if (last_ns >= 0)
    add(out, "last request %s s after the start of its phase\n", short_number(static_cast<double>(last_ns) / 1e9).c_str());
  if (s.concurrency > 0)
    add(out, "at most %d requests in flight\n", s.concurrency);
  for (const auto& remark : run.remarks)
    out += "note: " + remark + '\n';
  out += "dry run: nothing was sent\n";
  return out;
}

std::string load_result_text(const load_facts& facts, const load_summary& s) {
  std::string out;
  add(out, "\n%s at %s%s: %zu requests answered, %zu failed, %zu cancelled\n\n", facts.model.c_str(),
      facts.urls.empty() ? "?" : facts.urls[0].c_str(), facts.urls.size() > 1 ? " and others" : "", s.valid,
      s.failed - s.cancelled, s.cancelled);
  if (s.valid > 0)
    add_table(out, s);
  add_service_levels(out, s);
  add_errors(out, s);
  out += load_validity_text(s);
  for (const auto& remark : s.remarks)
    out += "note: " + remark + '\n';
  return out;
}

std::string load_summary_text(const load_run& run, const load_outcome& outcome) {
  auto out = load_result_text(outcome.records.facts, outcome.summary);
  const auto& h = outcome.health;
  add(out, "client: busiest loop %.0f %%, send lag p99 %s us, read lag p99 %s us, %.2f s of CPU%s\n", h.busy_share_1s * 100,
      short_number(static_cast<double>(h.send_lag.p99_ns) / 1e3).c_str(),
      short_number(static_cast<double>(h.stamp_lag.p99_ns) / 1e3).c_str(), h.cpu_s,
      h.client_limited ? "; IT LIMITED THIS RESULT" : "");
  if (outcome.interrupted)
    out += "interrupted: the result covers what was sent until then\n";
  std::error_code code;
  out += "results in " + std::filesystem::absolute(run.directory, code).lexically_normal().string() + '\n';
  return out;
}

} // namespace sextant
