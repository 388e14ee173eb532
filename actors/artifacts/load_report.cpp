// load_report.cpp: The page of a load test.
#include "actors/artifacts/load_report.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include <nlohmann/json.hpp>

#include "actors/artifacts/html.hpp"

namespace sextant {

namespace {

using html::escaped;
using html::number;
using json = nlohmann::json;

/// A number with four digits that matter.
std::string figure(double x) {
  const double size = std::fabs(x);
  return number(x, size >= 1000 || size == 0 ? 0 : size >= 100 ? 1 : size >= 1 ? 2 : 4);
}

/// 99 for 0.99, 99.9 for 0.999.
std::string percent(double share) {
  char text[24];
  std::snprintf(text, sizeof text, "%g", share * 100);
  return text;
}

/// What another part of the client said of itself; null without it.
json own_fact(const load_facts& f, const std::string& name) {
  for (const auto& fact : f.own_facts)
    if (fact.starts_with(name + "="))
      return json::parse(fact.substr(name.size() + 1), nullptr, false);
  return nullptr;
}

std::string load_text(const load_facts& f) {
  std::string out;
  if (f.concurrency > 0)
    out += number(f.concurrency) + " requests in flight at most";
  if (f.request_rate > 0)
    out += (out.empty() ? "" : ", ") + figure(f.request_rate) + " requests/s (" + escaped(f.arrivals) + ")";
  return out.empty() ? "by schedule" : out;
}

std::string head(const load_facts& f, const load_report_extras& extras) {
  std::string urls;
  for (const auto& url : f.urls)
    urls += (urls.empty() ? "" : ", ") + escaped(url);
  std::string out = "<!DOCTYPE html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n"
                    "<meta name=viewport content=\"width=device-width,initial-scale=1\">\n<title>Load test of "
                    + escaped(f.model) + "</title>\n<style>" + std::string{html::style()}
                    + ".tag{margin:2px 4px 2px 0}</style>\n</head>\n<body><main>\n<h1>Load test of " + escaped(f.model)
                    + "</h1>\n<p class=sub>" + urls + " · " + escaped(f.endpoint_type) + (f.streaming ? ", streamed" : "")
                    + " · " + load_text(f) + " · written " + escaped(extras.written_at);
  if (f.simulated)
    out += " · <span class=\"tag bad\">simulated engine</span>";
  return out + "</p>\n";
}

bool any_failed(const load_summary& s) {
  return std::any_of(s.checks.begin(), s.checks.end(),
                     [](const auto& c) { return c.result == consistency_check::outcome::failed; });
}

/// What speaks against the run, the gravest first; empty: nothing.
std::string objection(const load_facts& f, const load_summary& s) {
  if (s.valid == 0)
    return "No request was answered";
  for (const auto& v : s.verdicts)
    if (v.decision == sla_verdict::outcome::fail)
      return "A service level is missed";
  if (f.client_limited)
    return "The client limited this result";
  if (any_failed(s))
    return "A consistency check failed";
  if (s.failed > 0)
    return number(static_cast<double>(s.failed)) + " requests failed";
  return {};
}

std::string verdict(const load_facts& f, const load_summary& s) {
  const auto against = objection(f, s);
  const bool levels = std::any_of(s.verdicts.begin(), s.verdicts.end(),
                                  [](const auto& v) { return v.decision == sla_verdict::outcome::pass; });
  std::string out = against.empty() ? std::string{"<div class=\"verdict good\"><b>✓ "}
                                          + (levels ? "Every decided service level is met" : "The result holds") + "</b>\n"
                                    : "<div class=\"verdict bad\"><b>✗ " + against + "</b>\n";
  out += "<p>" + number(static_cast<double>(s.valid)) + " requests answered, "
         + number(static_cast<double>(s.failed - std::min(s.failed, s.cancelled))) + " failed, "
         + number(static_cast<double>(s.cancelled)) + " cancelled. ";
  if (s.steady.found)
    out += "Steady for " + figure(s.steady.seconds()) + " s of "
           + figure(static_cast<double>(s.last_end_ns - s.first_send_ns) / 1e9) + " s"
           + (s.steady.stationary ? "." : ", but not stationary.");
  else
    out += "No steady part: " + escaped(s.steady.reason) + ".";
  return out + "</p></div>\n";
}

std::string card(const metric_summary* m) {
  if (!m)
    return {};
  std::string out = "<div class=card><h3>" + escaped(m->header) + "</h3>\n<div class=big>" + figure(m->values.mean) + ' '
                    + escaped(m->unit) + "</div>\n<dl>";
  const auto row = [&out](const std::string& name, const std::string& value) {
    out += "<dt>" + name + "</dt><dd>" + value + "</dd>";
  };
  if (m->interval_known)
    row("95 % interval", figure(m->values.low) + " to " + figure(m->values.high));
  for (const auto& q : m->quantiles)
    if (q.q == 0.5 || q.q == 0.9 || q.q == 0.99)
      row("p" + number(q.q * 100), !q.enough   ? figure(q.value) + " <span class=sub>(too few requests to bound it)</span>"
                                   : q.known() ? figure(q.value) + " [" + figure(q.low) + ", " + figure(q.high) + "]"
                                               : figure(q.value));
  return out + "</dl></div>\n";
}

std::string cards(const load_summary& s) {
  std::string out = "<div class=cards>\n";
  for (const auto* tag : {"time_to_first_token", "ttft", "inter_token_latency", "request_latency", "e2el",
                          "output_token_throughput", "output_throughput", "request_throughput"})
    out += card(s.find(tag));
  if (s.profile == metric_profile::vllm || s.profile == metric_profile::mlperf)
    out += card(s.find("tpot"));
  return out + "</div>\n";
}

std::string light(bool good, const std::string& text) {
  return "<span class=\"tag " + std::string{good ? "good\">✓ " : "bad\">✗ "} + text + "</span>";
}

/// Whether the client measured the server or itself.
std::string lights(const load_facts& f, const load_summary& s) {
  std::string out = "<h2>Can it be trusted?</h2>\n<p>";
  const auto client = own_fact(f, "client");
  const auto at = [&](const char* name) { return client.is_object() ? client.value(name, 0.0) : 0.0; };
  if (client.is_object()) {
    const double arrivals = std::max(1.0, at("output_events"));
    out += light(at("busy_share_worst_second") <= 0.7,
                 "client busy " + number(at("busy_share_worst_second") * 100) + " % at most");
    out += light(at("steal_share") <= 0.01, "stolen CPU " + number(at("steal_share") * 100, 1) + " %");
    out += light(at("stamped_by_user") == 0,
                 number(100 - at("stamped_by_user") / arrivals * 100, 1) + " % of arrivals stamped by the kernel");
    out += light(at("coalesced") / arrivals <= 0.001,
                 number(at("coalesced") / arrivals * 100, 2) + " % of arrivals read together");
    out += light(at("retransmits") == 0, number(at("retransmits")) + " retransmitted segments");
    if (client.contains("send_lag") && client["send_lag"].value("count", 0.0) > 0)
      out += light(client["send_lag"].value("p99_us", 0.0) <= 1000,
                   "send lag p99 " + figure(client["send_lag"].value("p99_us", 0.0)) + " µs");
  }
  for (const auto& c : s.checks)
    if (c.result != consistency_check::outcome::not_applicable)
      out += light(c.result == consistency_check::outcome::passed, escaped(c.name));
  out += "</p>\n";
  std::vector<std::vector<html::cell>> rows;
  for (const auto& c : s.checks) {
    static constexpr const char* results[] = {"passed", "failed", "not applicable"};
    const bool applies = c.result != consistency_check::outcome::not_applicable;
    rows.push_back({html::text(c.name), html::text(results[static_cast<size_t>(c.result)]),
                    applies ? html::cell{figure(c.value), true} : html::cell{"–", true},
                    applies ? html::cell{figure(c.limit), true} : html::cell{"–", true}, html::text(c.detail)});
  }
  return out + html::folded("All checks", html::table({"Check", "Result", "Found", "At most", "Of what"}, rows));
}

std::string pictures(const load_report_extras& extras, const std::vector<named_chart>& charts) {
  std::string out = "<h2>Latencies and the run over time</h2>\n<div class=plots>\n";
  for (const auto& c : charts)
    if (const auto found = extras.pictures.find(c.file); found != extras.pictures.end())
      out += "<figure><img alt=\"" + escaped(c.what.title) + "\" src=\"data:image/svg+xml;base64,"
             + html::base64(found->second) + "\"></figure>\n";
  return extras.pictures.empty() ? std::string{} : out + "</div>\n";
}

std::string service_levels(const load_summary& s) {
  if (s.goodput.empty() && s.verdicts.empty())
    return {};
  static constexpr const char* decisions[] = {"tag good\">met", "tag bad\">missed", "tag\">undecided"};
  std::string out = "<h2>Service levels</h2>\n";
  std::vector<std::vector<html::cell>> rows;
  for (const auto& v : s.verdicts)
    rows.push_back({html::text(v.limit.metric + " p" + percent(v.quantile)),
                    {figure(v.limit.limit), true},
                    html::raw("<span class=\"" + std::string{decisions[static_cast<size_t>(v.decision)]} + "</span>"),
                    {v.decided_after > 0 ? number(static_cast<double>(v.decided_after)) : "–", true},
                    {v.bound_known ? figure(v.early_stopping_bound) : "–", true}});
  if (!rows.empty())
    out += html::table({"Level", "Limit", "Verdict", "Decided after (requests)", "At most, 99 % sure"}, rows);
  rows.clear();
  for (const auto& g : s.goodput) {
    std::string limits;
    for (const auto& limit : g.limits)
      limits += (limits.empty() ? "" : ", ") + limit.metric + " ≤ " + figure(limit.limit);
    rows.push_back({html::text(limits),
                    {number(static_cast<double>(g.good)) + " of " + number(static_cast<double>(g.counted)), true},
                    {number(g.fraction * 100, 1) + " % [" + number(g.fraction_low * 100, 1) + ", "
                         + number(g.fraction_high * 100, 1) + "]",
                     true},
                    html::value(g.requests_per_s, 2),
                    html::value(g.tokens_per_s, 1)});
  }
  if (!rows.empty())
    out += "<p></p>"
           + html::table({"Levels together", "Good requests", "Share", "Goodput (requests/s)", "Good tokens/s"}, rows);
  return out;
}

std::string metrics_table(const std::vector<metric_summary>& metrics) {
  std::vector<std::vector<html::cell>> rows, singles;
  for (const auto& m : metrics) {
    const html::cell interval{
        m.interval_known ? "[" + figure(m.values.low) + ", " + figure(m.values.high) + "]" : std::string{"–"}, true};
    if (m.single) {
      singles.push_back({html::text(m.header), {figure(m.values.mean), true}, interval, html::text(m.unit)});
      continue;
    }
    const auto& d = m.values;
    rows.push_back({html::text(m.header),
                    html::text(m.unit),
                    {figure(d.mean), true},
                    interval,
                    {figure(d.min), true},
                    {figure(d.p50), true},
                    {figure(d.p90), true},
                    {figure(d.p95), true},
                    {figure(d.p99), true},
                    {figure(d.max), true},
                    {figure(d.std), true},
                    {number(static_cast<double>(d.count)), true}});
  }
  return html::table({"Metric", "Unit", "Mean", "95 % interval", "Min", "p50", "p90", "p95", "p99", "Max", "Std", "Samples"},
                     rows)
         + "<p></p>" + html::table({"Figure", "Value", "95 % interval", "Unit"}, singles);
}

std::string errors_table(const load_summary& s) {
  if (s.errors.empty())
    return {};
  std::vector<std::vector<html::cell>> rows;
  for (const auto& e : s.errors)
    rows.push_back({{number(static_cast<double>(e.count)), true},
                    html::text(e.type),
                    {e.code > 0 ? number(e.code) : "–", true},
                    html::text(e.message)});
  return "<h2>Failed requests</h2>\n" + html::table({"Requests", "Kind", "Status", "First words"}, rows);
}

/// What the servers' own pages said, beside the client's figures.
std::string server_side(const load_facts& f) {
  const auto server = own_fact(f, "server");
  if (!server.is_object())
    return {};
  std::string out = "<h2>What the server says</h2>\n<p class=sub>";
  for (const auto& page : server.value("pages", json::array()))
    out += escaped(page.value("url", "")) + ": " + number(page.value("scrapes", 0.0)) + " looks, "
           + number(page.value("series", 0.0)) + " series. ";
  out += "</p>\n";
  std::vector<std::vector<html::cell>> rows;
  const auto ms = [](const json& row, const char* name) { return html::cell{figure(row.value(name, 0.0)), true}; };
  for (const auto& row : server.value("latencies", json::array()))
    rows.push_back({html::text(row.value("metric", "")),
                    html::text(row.value("server_histogram", "")),
                    ms(row, "server_mean_ms"),
                    ms(row, "client_mean_ms"),
                    ms(row, "difference_ms"),
                    ms(row, "server_p50_ms"),
                    ms(row, "client_p50_ms"),
                    ms(row, "server_p99_ms"),
                    ms(row, "client_p99_ms"),
                    {number(row.value("server_count", 0.0)) + " / " + number(row.value("client_count", 0.0)), true}});
  if (!rows.empty())
    out += html::table({"Latency (ms)", "Server's histogram", "Mean, server", "client", "Difference", "p50, server",
                        "client", "p99, server", "client", "Counts"},
                       rows);
  rows.clear();
  for (const auto& row : server.value("gauges", json::array()))
    rows.push_back({html::text(row.value("name", "")), html::text(row.value("labels", "")), ms(row, "mean"), ms(row, "min"),
                    ms(row, "max")});
  return rows.empty()
             ? out
             : out + html::folded("Load of the engines", html::table({"Metric", "Labels", "Mean", "Min", "Max"}, rows));
}

std::string cut_off(const load_summary& s) {
  std::vector<std::vector<html::cell>> rows;
  for (const auto& e : s.survival)
    for (const auto& q : e.quantiles)
      rows.push_back(
          {html::text(e.metric + " p" + number(q.q * 100)),
           {std::isfinite(q.value) ? figure(q.value) : "beyond what was seen", true},
           {figure(q.low) + " to " + figure(q.high), true},
           {number(static_cast<double>(e.censored)) + " of " + number(static_cast<double>(e.censored + e.observed)), true}});
  return rows.empty() ? std::string{}
                      : "<h2>With the requests that were cut off</h2>\n<p class=sub>Cancelled and timed-out requests count "
                        "as longer than they were seen (Kaplan and Meier).</p>\n"
                            + html::table({"Quantile", "ms", "95 % interval", "Cut off"}, rows);
}

std::string method(const load_facts& f, const load_summary& s, const load_report_extras& extras) {
  std::string out = "<h2>How it was measured</h2>\n<ul>";
  for (const auto& definition : s.definitions)
    out += "<li>" + escaped(definition) + "</li>";
  out += "</ul>\n";
  if (!s.remarks.empty() || !extras.remarks.empty()) {
    out += "<p>Remarks:</p><ul>";
    for (const auto* remarks : {&s.remarks, &extras.remarks})
      for (const auto& remark : *remarks)
        out += "<li>" + escaped(remark) + "</li>";
    out += "</ul>\n";
  }
  return out + "<p class=sub>Run " + escaped(f.benchmark_id) + ", seed " + escaped(std::to_string(f.seed)) + "</p>\n<pre>"
         + escaped(f.command) + "</pre>\n";
}

} // namespace

std::string load_report_html(const load_facts& f, const load_summary& s, const load_report_extras& extras) {
  auto out = head(f, extras) + verdict(f, s);
  if (s.valid > 0)
    out += cards(s);
  out +=
      service_levels(s) + lights(f, s) + pictures(extras, load_charts(f, s)) + server_side(f) + errors_table(s) + cut_off(s);
  if (s.steady.found)
    out += "<h2>The steady part</h2>\n" + metrics_table(s.steady.metrics);
  out += "<h2>The whole run</h2>\n" + html::folded("All metrics", metrics_table(s.metrics));
  return out + method(f, s, extras) + "</main></body>\n</html>\n";
}

} // namespace sextant
