// load_validity_text.cpp: What a person should know of a result before trusting it.
#include <cmath>
#include <cstdio>

#include "tools/sextant/load.hpp"

namespace sextant {

namespace {

std::string number(double x) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", x);
  return text;
}

std::string steady_text(const load_summary& s) {
  const auto& w = s.steady;
  if (!w.found)
    return "no steady part: " + w.reason + '\n';
  std::string out = "steady for " + number(w.seconds()) + " s of "
                    + number(static_cast<double>(s.last_end_ns - s.first_send_ns) / 1e9) + " s ("
                    + std::to_string(w.requests) + " requests; begins after: " + w.reason + ")\n";
  for (const auto& m : w.metrics)
    if (m.tag == "time_to_first_token" || m.tag == "inter_token_latency" || m.tag == "ttft"
        || (m.tag == "tpot" && s.profile != metric_profile::aiperf) || m.tag == "output_token_throughput")
      out += "  " + m.header + ' ' + number(m.values.mean)
             + (m.interval_known ? " [" + number(m.values.low) + ", " + number(m.values.high) + "]" : "") + ' ' + m.unit
             + '\n';
  for (const auto& drift : w.drifts)
    out += "  NOT STATIONARY: " + drift + '\n';
  return out;
}

std::string verdict_text(const sla_verdict& v) {
  static constexpr const char* decisions[] = {"met", "MISSED", "undecided with so few requests"};
  std::string out = "sla " + v.limit.metric + " p" + number(v.quantile * 100) + " <= " + number(v.limit.limit) + ": "
                    + decisions[static_cast<size_t>(v.decision)];
  if (v.decided_after > 0)
    out += " (decided after " + std::to_string(v.decided_after) + " requests)";
  if (v.bound_known)
    out += ", with 99 % confidence at most " + number(v.early_stopping_bound);
  return out + '\n';
}

} // namespace

std::string load_validity_text(const load_summary& s) {
  std::string out;
  for (const auto& v : s.verdicts)
    out += verdict_text(v);
  if (s.valid > 0)
    out += steady_text(s);
  for (const auto& e : s.survival) {
    out += e.metric + " with " + std::to_string(e.censored) + " requests that were cut off counted as longer:";
    for (const auto& q : e.quantiles)
      out += " p" + number(q.q * 100) + ' ' + (std::isfinite(q.value) ? number(q.value) + " ms" : "beyond what was seen");
    out += '\n';
  }
  size_t passed = 0;
  for (const auto& c : s.checks) {
    passed += c.result == consistency_check::outcome::passed;
    if (c.result == consistency_check::outcome::failed)
      out += "CHECK FAILED " + c.name + ": " + number(c.value) + " > " + number(c.limit) + ": " + c.detail + '\n';
  }
  if (passed > 0)
    out += std::to_string(passed) + " consistency checks passed\n";
  return out;
}

} // namespace sextant
