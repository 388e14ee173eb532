// load_export.cpp: AIPerf's schema (1.5) from the summary and the records.
#include "adapters/aiperf/load_export.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <ctime>

#include "adapters/aiperf/format.hpp"
#include "adapters/aiperf/validity_json.hpp"
#include "messages/request_metrics.hpp"
#include "messages/run_metrics.hpp"
#include "messages/subjects.hpp"

namespace sextant {

namespace {

using aiperf::interval_json;
using aiperf::iso_time;
using aiperf::json;
using aiperf::metric_json;
using aiperf::text_of;
using aiperf::two_decimals;

json error_json(int code, const std::string& type, const std::string& message) {
  return {{"code", code == 0 ? json(nullptr) : json(code)}, {"type", type}, {"message", message}};
}

json prompt_json(const load_facts& f) {
  json prompts;
  if (f.isl > 0)
    prompts["isl"] = {{"mean", f.isl}, {"stddev", f.isl_stddev}};
  if (f.osl > 0)
    prompts["osl"] = {{"mean", f.osl}, {"stddev", f.osl_stddev}};
  return prompts;
}

json phase_json(const load_facts& f, size_t sent) {
  json phase = {{"name", "profiling"}};
  phase["type"] = f.arrivals.empty() ? "concurrency" : f.arrivals;
  if (f.duration_ns > 0) {
    phase["duration"] = static_cast<double>(f.duration_ns) / 1e9;
    phase["grace_period"] = static_cast<double>(f.grace_ns) / 1e9;
  } else {
    phase["requests"] = std::max<size_t>(1, sent);
  }
  if (f.concurrency > 0)
    phase["concurrency"] = f.concurrency;
  if (f.prefill_concurrency > 0)
    phase["prefill_concurrency"] = f.prefill_concurrency;
  if (f.request_rate > 0)
    phase["rate"] = f.request_rate;
  return phase;
}

/// The run in the form of AIPerf's `BenchmarkConfig`.
json input_config(const load_facts& f, size_t sent) {
  json out;
  out["models"]["items"] = json::array({{{"name", f.model}}});
  out["endpoint"] = {{"urls", f.urls}, {"type", f.endpoint_type}, {"streaming", f.streaming}};
  if (!f.endpoint_path.empty())
    out["endpoint"]["path"] = f.endpoint_path;
  if (const auto extra = json::parse(f.extra_inputs, nullptr, false); extra.is_object())
    out["endpoint"]["extra"] = extra;
  json data = {{"name", "main"}};
  if (f.input_file.empty()) {
    data["type"] = "synthetic";
    data["entries"] = std::max<size_t>(1, sent);
    data["prompts"] = prompt_json(f);
  } else {
    data["type"] = "file";
    data["path"] = f.input_file;
  }
  out["datasets"] = json::array({data});
  out["phases"] = json::array();
  if (f.warmup_requests > 0)
    out["phases"].push_back({{"name", "warmup"},
                             {"type", "concurrency"},
                             {"exclude_from_results", true},
                             {"requests", f.warmup_requests},
                             {"concurrency", std::max(1, f.warmup_concurrency)}});
  out["phases"].push_back(phase_json(f, sent));
  return out;
}

json limits_json(const std::vector<objective>& limits) {
  json out = json::object();
  for (const auto& limit : limits)
    out[limit.metric] = limit.limit;
  return out;
}

json own_facts(const load_facts& f, const load_summary& s) {
  json out;
  out["metric_profile"] = std::string{to_text(s.profile)};
  out["definitions"] = s.definitions;
  out["confidence"] = s.confidence;
  out["simulated"] = f.simulated;
  out["client_limited"] = f.client_limited;
  out["requests"] = {{"planned", f.planned_requests},
                     {"never_started", f.never_started},
                     {"sent", s.sent},
                     {"valid", s.valid},
                     {"failed", s.failed},
                     {"cancelled", s.cancelled},
                     {"timed_out", s.timed_out}};
  for (const auto& m : s.metrics)
    if (auto intervals = interval_json(m); !intervals.is_null())
      out["intervals"][m.tag] = std::move(intervals);
  for (const auto& both : s.origins)
    for (const auto* m : {&both.from_intended, &both.from_send}) {
      auto entry = metric_json(*m);
      entry["intervals"] = interval_json(*m);
      out["origins"][m->tag] = std::move(entry);
    }
  for (const auto& g : s.goodput)
    out["goodput"].push_back({{"limits", limits_json(g.limits)},
                              {"good", g.good},
                              {"counted", g.counted},
                              {"requests_per_s", g.requests_per_s},
                              {"tokens_per_s", g.tokens_per_s},
                              {"fraction", g.fraction},
                              {"effective_count", g.effective_count},
                              {"fraction_interval", {g.fraction_low, g.fraction_high}}});
  for (const auto& v : s.verdicts)
    out["verdicts"].push_back({{"metric", v.limit.metric},
                               {"limit", v.limit.limit},
                               {"quantile", v.quantile},
                               {"decision", v.decision == sla_verdict::outcome::pass   ? "pass"
                                            : v.decision == sla_verdict::outcome::fail ? "fail"
                                                                                       : "undecided"},
                               {"decided_after", v.decided_after},
                               {"early_stopping_bound", v.bound_known ? json(v.early_stopping_bound) : json(nullptr)}});
  out.update(aiperf::validity_json(s));
  for (const auto& fact : f.own_facts)
    if (const auto at = fact.find('='); at != std::string::npos)
      if (auto value = json::parse(fact.substr(at + 1), nullptr, false); !value.is_discarded())
        out[fact.substr(0, at)] = std::move(value);
  out["remarks"] = s.remarks;
  return out;
}

std::string table_name(const metric_summary& m) {
  return m.unit == "count" || m.unit == "requests" ? m.header : m.header + " (" + m.unit + ')';
}

int64_t wall(const load_facts& f, int64_t ns) {
  return f.started_unix_ns + ns;
}

json metadata_json(const load_facts& f, const request_record& r, bool warmup) {
  const bool cancelled = r.fault == request_fault_class::cancelled;
  const int64_t end = r.ended_ns > 0 ? r.ended_ns : r.token_ns.empty() ? r.sent_ns : r.token_ns.back();
  return {{"session_num", r.index},
          {"x_request_id", request_id(f.benchmark_id, r.index)},
          {"x_correlation_id", correlation_id(f.benchmark_id, r.session)},
          {"conversation_id", session_name(r.session)},
          {"turn_index", r.turn},
          {"credit_issued_ns", r.intended_ns > 0 ? json(wall(f, r.intended_ns)) : json(nullptr)},
          {"request_start_ns", wall(f, r.sent_ns)},
          {"request_ack_ns", r.first_byte_ns > 0 ? json(wall(f, r.first_byte_ns)) : json(nullptr)},
          {"request_end_ns", wall(f, end)},
          {"worker_id", "sextant"},
          {"record_processor_id", "sextant"},
          {"benchmark_phase", warmup ? "warmup" : "profiling"},
          {"was_cancelled", cancelled},
          {"cancellation_time_ns", cancelled ? json(wall(f, end)) : json(nullptr)}};
}

/// What is more than one number: written as text, since it is most of the file.
void append_gaps(std::string& out, const std::vector<double>& gaps) {
  char number[32];
  for (size_t i = 0; i < gaps.size(); ++i) {
    if (i > 0)
      out += ',';
    const auto end = std::to_chars(number, number + sizeof number, gaps[i]).ptr;
    out.append(number, end);
  }
}

json metrics_json(const load_facts& f, const std::vector<request_metric>& metrics, const request_record& r) {
  json out = json::object();
  if (is_valid(r)) {
    for (const auto& m : metrics)
      if (!m.streaming_only || f.streaming)
        if (const double x = m.of(r); std::isfinite(x))
          out[m.tag] = {{"value", x}, {"unit", m.unit}};
  } else if (const double isl = input_tokens_of(r); isl > 0) {
    out["error_isl"] = {{"value", isl}, {"unit", "tokens"}};
  }
  return out;
}

json error_of(const request_record& r) {
  if (is_valid(r))
    return nullptr;
  return error_json(error_code(r), error_type(r.fault), r.error.empty() ? "the answer has no output" : r.error);
}

/// One line of the file; `gaps` is room for a list.
std::string record_line(const load_facts& f, const std::vector<request_metric>& metrics, const request_record& r,
                        bool warmup, std::vector<double>& gaps) {
  std::string out = "{\"metadata\":" + text_of(metadata_json(f, r, warmup), -1) + ",\"metrics\":";
  out += text_of(metrics_json(f, metrics, r), -1);
  gaps.clear();
  if (f.streaming && is_valid(r))
    append_gaps_ms(metric_profile::aiperf, r, gaps);
  if (!gaps.empty()) {
    out.pop_back(); // of an object that has TTFT at least
    out += ",\"inter_chunk_latency\":{\"value\":[";
    append_gaps(out, gaps);
    out += "],\"unit\":\"ms\"}}";
  }
  return out + ",\"error\":" + text_of(error_of(r), -1) + "}\n";
}

} // namespace

std::string load_summary_json(const load_facts& f, const load_summary& s) {
  json out;
  out["schema_version"] = aiperf::schema_version;
  out["aiperf_version"] = aiperf::imitated_version;
  out["benchmark_id"] = f.benchmark_id;
  for (const auto& m : s.metrics)
    out[m.tag] = metric_json(m);
  if (!s.goodput.empty()) {
    const auto& g = s.goodput.front();
    out["good_request_count"] = {{"unit", "requests"}, {"avg", g.good}};
    out["goodput"] = {{"unit", "requests/sec"}, {"avg", g.requests_per_s}};
    out["good_request_fraction"] = {{"unit", "ratio"}, {"avg", g.fraction}};
  }
  out["input_config"] = input_config(f, s.sent);
  out["run_info"] = {{"benchmark_id", f.benchmark_id}, {"random_seed", f.seed}, {"trial", 0},
                     {"variation_label", "base"},      {"variation_index", 0},  {"cli_command", f.command}};
  out["was_cancelled"] = f.was_cancelled;
  out["is_complete"] = !f.was_cancelled;
  out["error_summary"] = json::array();
  for (const auto& e : s.errors)
    out["error_summary"].push_back({{"error_details", error_json(e.code, e.type, e.message)}, {"count", e.count}});
  const bool timed = f.started_unix_ns > 0;
  out["start_time"] = timed ? json(iso_time(wall(f, s.first_send_ns))) : json(nullptr);
  out["end_time"] = timed ? json(iso_time(wall(f, s.last_end_ns))) : json(nullptr);
  for (const auto& m : s.warmup)
    out["warmup_metrics"][m.tag] = metric_json(m);
  auto own = own_facts(f, s);
  if (own.contains("telemetry_data")) { // AIPerf's place for it
    out["telemetry_data"] = own["telemetry_data"];
    own.erase("telemetry_data");
  }
  out["sextant"] = std::move(own);
  return text_of(out, 2) + '\n';
}

namespace {

/// What AIPerf counts among its metrics and the summary has by itself.
std::vector<metric_summary> goodput_rows(const load_summary& s) {
  if (s.goodput.empty())
    return {};
  const auto row = [](const char* tag, const char* header, const char* unit, double value) {
    metric_summary m;
    m.tag = tag;
    m.header = header;
    m.unit = unit;
    m.single = true;
    m.values.mean = value;
    return m;
  };
  const auto& g = s.goodput.front();
  return {row("good_request_count", "Good Request Count", "requests", static_cast<double>(g.good)),
          row("good_request_fraction", "GoodRequestFraction", "ratio", g.fraction),
          row("goodput", "Goodput", "requests/sec", g.requests_per_s)};
}

} // namespace

std::string load_summary_csv(const load_summary& s) {
  const auto good = goodput_rows(s);
  std::vector<const metric_summary*> ordered;
  for (const auto* rows : {&s.metrics, &good})
    for (const auto& m : *rows)
      ordered.push_back(&m);
  std::sort(ordered.begin(), ordered.end(), [](const auto* a, const auto* b) { return a->tag < b->tag; });
  std::string out = aiperf::table_head();
  for (const auto* m : ordered) {
    if (m->single)
      continue;
    out += table_name(*m) + aiperf::table_cells(m->values);
  }
  out += "\nMetric,Value\n";
  for (const auto* m : ordered)
    if (m->single)
      out += table_name(*m) + ',' + two_decimals(m->values.mean) + '\n';
  return out;
}

void write_record_lines(const load_records& records, const text_sink& sink) {
  const auto metrics = request_metrics(metric_profile::aiperf);
  std::vector<double> gaps;
  for (const bool warmup : {true, false})
    for (const auto& r : warmup ? records.warming : records.requests)
      sink(record_line(records.facts, metrics, r, warmup, gaps));
}

void write_inputs(size_t sessions, const std::function<session_inputs(size_t)>& session, const text_sink& sink) {
  sink("{\n \"data\": [");
  for (size_t i = 0; i < sessions; ++i) {
    const auto inputs = session(i);
    std::string text = i == 0 ? "\n" : ",\n";
    text += "  {\"session_id\": " + text_of(json(inputs.session_id), -1) + ", \"payloads\": [";
    for (size_t turn = 0; turn < inputs.payloads.size(); ++turn)
      text += (turn == 0 ? "" : ", ") + inputs.payloads[turn];
    sink(text + "]}");
  }
  sink("\n ]\n}\n");
}

std::string stable_uuid(const std::string& text) {
  const auto h = stable_hash(text) + stable_hash(text + "#");
  return h.substr(0, 8) + '-' + h.substr(8, 4) + "-4" + h.substr(13, 3) + "-8" + h.substr(17, 3) + '-' + h.substr(20, 12);
}

std::string request_id(const std::string& benchmark_id, uint32_t index) {
  return stable_uuid(benchmark_id + '\n' + std::to_string(index));
}

std::string correlation_id(const std::string& benchmark_id, uint32_t session) {
  return stable_uuid(benchmark_id + "\nsession " + std::to_string(session));
}

std::string session_name(uint32_t session) {
  char text[32];
  std::snprintf(text, sizeof text, "session_%06u", session);
  return text;
}

} // namespace sextant
