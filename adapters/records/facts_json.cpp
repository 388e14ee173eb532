// facts_json.cpp: One list of the fields for both directions.
#include "adapters/records/facts_json.hpp"

#include <nlohmann/json.hpp>

namespace sextant {

namespace {

using json = nlohmann::ordered_json;

/// Calls `take(name, field)` for every field, in the order of the struct.
template <class Facts, class Take>
void each_fact(Facts& f, const Take& take) {
  take("benchmark_id", f.benchmark_id);
  take("model", f.model);
  take("endpoint_type", f.endpoint_type);
  take("endpoint_path", f.endpoint_path);
  take("urls", f.urls);
  take("streaming", f.streaming);
  take("seed", f.seed);
  take("command", f.command);
  take("started_unix_ns", f.started_unix_ns);
  take("started_monotonic_ns", f.started_monotonic_ns);
  take("clock_host", f.clock_host);
  take("arrivals", f.arrivals);
  take("concurrency", f.concurrency);
  take("prefill_concurrency", f.prefill_concurrency);
  take("request_rate", f.request_rate);
  take("concurrency_ramp_ns", f.concurrency_ramp_ns);
  take("duration_ns", f.duration_ns);
  take("grace_ns", f.grace_ns);
  take("planned_requests", f.planned_requests);
  take("never_started", f.never_started);
  take("isl", f.isl);
  take("isl_stddev", f.isl_stddev);
  take("osl", f.osl);
  take("osl_stddev", f.osl_stddev);
  take("warmup_requests", f.warmup_requests);
  take("warmup_concurrency", f.warmup_concurrency);
  take("extra_inputs", f.extra_inputs);
  take("input_file", f.input_file);
  take("was_cancelled", f.was_cancelled);
  take("simulated", f.simulated);
  take("client_limited", f.client_limited);
  take("remarks", f.remarks);
  take("own_facts", f.own_facts);
}

} // namespace

std::string facts_text(const load_facts& facts) {
  json out = json::object();
  each_fact(facts, [&](const char* name, const auto& field) { out[name] = field; });
  return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

load_facts read_facts(std::string_view text, std::string& error) {
  load_facts f;
  const auto in = json::parse(text, nullptr, false);
  if (!in.is_object()) {
    error = "the facts are no JSON object";
    return f;
  }
  each_fact(f, [&](const char* name, auto& field) {
    const auto at = in.find(name);
    if (at == in.end() || !error.empty())
      return;
    try {
      at->get_to(field);
    } catch (const json::exception& e) {
      error = std::string{"fact "} + name + ": " + e.what();
    }
  });
  return f;
}

} // namespace sextant
