#include "actors/load/health_json.hpp"

#include <nlohmann/json.hpp>

namespace sextant::load {

namespace {

using json = nlohmann::ordered_json;

double us(int64_t ns) {
  return static_cast<double>(ns) / 1e3;
}

json delay_json(const delay_quantiles& d) {
  return {{"count", d.count},
          {"p50_us", us(d.p50_ns)},
          {"p90_us", us(d.p90_ns)},
          {"p99_us", us(d.p99_ns)},
          {"max_us", us(d.max_ns)}};
}

json probe_json(const start_probe& p) {
  return {{"kernel_rx_stamps", p.kernel_rx},  {"kernel_tx_stamps", p.kernel_tx}, {"clock_read_ns", p.clock_read_ns},
          {"wake_up", delay_json(p.wake_up)}, {"timer", delay_json(p.timer)},    {"round_trip", delay_json(p.round_trip)},
          {"took_ms", us(p.took_ns) / 1e3}};
}

} // namespace

std::string health_json(const load_health& h) {
  json out{{"client_limited", h.client_limited},
           {"reasons", h.reasons},
           {"loops", h.loops},
           {"busy_share", h.busy_share},
           {"busy_share_worst_second", h.busy_share_1s},
           {"longest_turn_us", us(h.longest_turn_ns)},
           {"cpu_s", h.cpu_s},
           {"events", h.events},
           {"output_events", h.output_events},
           {"stamped_by_user", h.user_stamped},
           {"coalesced", h.coalesced},
           {"tls", h.tls},
           {"stamp_lag", delay_json(h.stamp_lag)},
           {"send_lag", delay_json(h.send_lag)},
           {"send_lag_above_1ms", h.send_lag_above_1ms},
           {"slot_wait", delay_json(h.slot_wait)},
           {"connect", delay_json(h.connect)},
           {"connections", h.connections},
           {"reconnects", h.reconnects},
           {"late_texts", h.late_texts},
           {"retransmits", h.retransmits},
           {"clock_steps", h.clock_steps},
           {"steal_share", h.steal_share},
           {"involuntary_switches", h.involuntary_switches},
           {"wanted_rate", h.wanted_rate},
           {"achieved_rate", h.achieved_rate}};
  if (h.probe.done)
    out["probe"] = probe_json(h.probe);
  return out.dump();
}

} // namespace sextant::load
