// player.cpp: Loops, phases and what came of them.
#include "actors/load/player.hpp"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <fstream>
#include <thread>

#include <sched.h>

#include "actors/load/player_loop.hpp"
#include "actors/load/traffic/parts.hpp"
#include "adapters/http/descriptor_limit.hpp"

namespace sextant::load {

namespace {

constexpr int64_t start_delay_ns = 1'000'000; ///< all loops are there when the first request is due
constexpr size_t least_texts_ahead = 64;

/// Clock ticks of all CPUs since boot: all, and those that the hypervisor took.
struct machine_ticks {
  uint64_t all = 0, stolen = 0;
};

machine_ticks read_ticks() {
  machine_ticks out;
  std::ifstream stat("/proc/stat");
  std::string word;
  stat >> word;
  uint64_t n = 0;
  for (int i = 0; i < 8 && stat >> n; ++i) {
    out.all += n;
    out.stolen = n; // the eighth
  }
  return out;
}

/// Cores that this process may use.
int usable_cores() {
  cpu_set_t cores;
  return sched_getaffinity(0, sizeof cores, &cores) == 0 ? std::max(1, CPU_COUNT(&cores)) : 1;
}

double planned_rate(const phase_plan& plan) {
  if (plan.timed.size() < 2)
    return 0;
  const auto& r = plan.schedule.requests;
  const auto span = static_cast<double>(r[plan.timed.back()].intended_ns - r[plan.timed.front()].intended_ns);
  return span > 0 ? static_cast<double>(plan.timed.size() - 1) * 1e9 / span : 0;
}

/// One loop handles 100,000 events/s and more; several only where the plan asks for more than that and there are cores.
int loops_for(const traffic_schedule& schedule, const phase_plan& plan, int wanted) {
  const int cores = usable_cores();
  const double needed = std::max(static_cast<double>(schedule.concurrency) / 4'000, planned_rate(plan) / 30'000);
  int loops = wanted > 0 ? wanted : std::clamp(static_cast<int>(std::ceil(needed)), 1, std::max(1, cores / 2));
  for (const int limit : {schedule.concurrency, schedule.prefill_concurrency, schedule.warmup_concurrency,
                          schedule.warmup_prefill_concurrency})
    if (limit > 0)
      loops = std::min(loops, limit);
  return std::max(1, loops);
}

bool is_loopback(const http_url& url) {
  return url.host == "localhost" || url.host.substr(0, 4) == "127.";
}

std::string limits_error(const traffic_schedule& schedule, const std::vector<http_url>& urls) {
  const auto most = static_cast<size_t>(std::max(schedule.concurrency, schedule.warmup_concurrency));
  const bool loopback = std::all_of(urls.begin(), urls.end(), is_loopback);
  return http::connection_limit_error(std::min(most, schedule.requests.size()), loopback || urls.size() > 1);
}

/// Everything that one call of `play` holds.
class running_plan {
public:
  running_plan(const traffic_schedule& schedule, const endpoint_set& endpoints, const std::vector<http_url>& urls,
               const content_maker& make, const play_settings& settings)
      : schedule_(schedule), settings_(settings), warmup_(schedule, traffic_phase::warmup),
        profiling_(schedule, traffic_phase::profiling), loops_(loops_for(schedule, profiling_, settings.threads)),
        texts_(schedule, urls, make, endpoints.reuse == connection_reuse::never, usable_cores() > loops_) {
    result_.began_ns = monotonic_ns();
    timespec t{};
    clock_gettime(CLOCK_REALTIME, &t);
    result_.began_unix_ns = static_cast<int64_t>(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
    for (int i = 0; i < loops_; ++i)
      loop_.push_back(std::make_unique<load_loop>(schedule, urls, endpoints, settings, texts_, result_.began_ns, i, loops_));
    ahead_ = settings.connect_ahead && endpoints.reuse != connection_reuse::never;
  }

  play_result run() {
    if (settings_.self_check)
      result_.health.probe = probe_machine();
    if (warmup_.requests > 0)
      result_.warmup = run_phase(warmup_, traffic_phase::warmup);
    const auto ticks = read_ticks();
    result_.requests = run_phase(profiling_, traffic_phase::profiling);
    result_.never_started = profiling_.requests - std::min(profiling_.requests, result_.requests.size());
    result_.was_cancelled = settings_.cancelled && *settings_.cancelled;
    take_health(ticks);
    return std::move(result_);
  }

private:
  queue_limits limits_of(traffic_phase phase, int loop) const {
    const bool warming = phase == traffic_phase::warmup;
    const int all = warming && schedule_.warmup_concurrency > 0 ? schedule_.warmup_concurrency : schedule_.concurrency;
    queue_limits out;
    out.concurrency = share_of(all, loop, loops_);
    const int prefill = warming && schedule_.warmup_prefill_concurrency > 0 ? schedule_.warmup_prefill_concurrency
                                                                            : schedule_.prefill_concurrency;
    out.prefill_concurrency = share_of(prefill, loop, loops_);
    out.ramp_ns = warming ? schedule_.warmup_ramp_ns : schedule_.concurrency_ramp_ns;
    out.prefill_ramp_ns = warming ? 0 : schedule_.prefill_ramp_ns;
    out.ends_ns = warming ? schedule_.warmup_duration_ns : schedule_.duration_ns;
    return out;
  }

  /// Connections that will be needed at once, as far as the plan tells.
  size_t connections_for(const phase_plan& plan, const queue_limits& limits) const {
    const size_t mine = plan.requests / static_cast<size_t>(loops_) + 1;
    if (limits.concurrency > 0)
      return std::min(mine, static_cast<size_t>(limits.concurrency));
    const auto half_second = static_cast<size_t>(planned_rate(plan) / 2 / loops_);
    return std::min(mine, plan.timed.empty() ? size_t{1'024} : std::clamp<size_t>(half_second, 16, 512));
  }

  std::vector<request_record> run_phase(phase_plan& plan, traffic_phase phase) {
    texts_.make_first(std::max(least_texts_ahead, static_cast<size_t>(2 * schedule_.concurrency)));
    std::vector<phase_work> work(static_cast<size_t>(loops_));
    for (int i = 0; i < loops_; ++i) {
      auto& w = work[static_cast<size_t>(i)];
      w.plan = &plan;
      w.phase = phase;
      w.limits = limits_of(phase, i);
      w.grace_ns = phase == traffic_phase::warmup ? schedule_.warmup_grace_ns : schedule_.grace_ns;
      if (ahead_)
        loop_[static_cast<size_t>(i)]->connect_ahead(connections_for(plan, w.limits));
    }
    const int64_t soon = monotonic_ns() + start_delay_ns;
    const int64_t begin = settings_.begin_at ? std::max(soon, settings_.begin_at(phase)) : soon;
    if (phase == traffic_phase::profiling)
      result_.profiling_began_ns = begin - result_.began_ns;
    if (auto* p = settings_.progress) {
      p->phase = phase;
      p->phase_began_ns = begin;
    }
    std::vector<std::thread> threads;
    for (size_t i = 0; i < work.size(); ++i) {
      work[i].begin_ns = begin;
      threads.emplace_back([this, i, &work] { loop_[i]->run(work[i]); });
    }
    for (auto& t : threads)
      t.join();
    std::vector<request_record> records;
    for (auto& l : loop_) {
      auto part = l->take_records();
      std::move(part.begin(), part.end(), std::back_inserter(records));
    }
    std::sort(records.begin(), records.end(), [](const auto& a, const auto& b) { return a.index < b.index; });
    if (phase == traffic_phase::profiling)
      result_.profiling_ended_ns = monotonic_ns() - result_.began_ns;
    return records;
  }

  void take_health(const machine_ticks& before) {
    auto& h = result_.health;
    delay_histogram stamp, send, slot, connect;
    for (const auto& l : loop_) {
      add_loop(h, *l);
      stamp.merge(l->health().stamp_lag);
      send.merge(l->health().send_lag);
      slot.merge(l->health().slot_wait);
      connect.merge(l->health().connect);
    }
    h.loops = loops_;
    h.stamp_lag = stamp.quantiles();
    h.send_lag = send.quantiles();
    h.send_lag_above_1ms = send.above(1'000'000);
    h.slot_wait = slot.quantiles();
    h.connect = connect.quantiles();
    h.late_texts = texts_.late();
    const auto after = read_ticks();
    if (after.all > before.all)
      h.steal_share = static_cast<double>(after.stolen - before.stolen) / static_cast<double>(after.all - before.all);
    summarise_requests(result_.requests, h);
    // A plan that was ended early, or that a limit held back, is not one that the client was too slow for.
    if (result_.never_started == 0 && h.slot_wait.count == 0)
      h.wanted_rate = planned_rate(profiling_);
    if (h.wanted_rate == 0)
      h.achieved_rate = 0;
    judge_health(h);
  }

  static void add_loop(load_health& h, const load_loop& loop) {
    const auto& l = loop.health();
    const auto c = loop.counters();
    const auto wall = static_cast<double>(std::max<int64_t>(1, l.ended_ns - l.began_ns));
    const double busy = std::clamp(1 - static_cast<double>(l.idle_ns) / wall, 0.0, 1.0);
    h.busy_share = std::max(h.busy_share, busy);
    h.busy_share_1s = std::max({h.busy_share_1s, l.busiest_second, wall < 1e9 ? busy : 0.0});
    h.longest_turn_ns = std::max(h.longest_turn_ns, c.longest_turn_ns);
    h.cpu_s += l.cpu_s;
    h.involuntary_switches += l.involuntary_switches;
    h.events += l.events;
    h.output_events += l.output_events;
    h.user_stamped += l.user_stamped;
    h.coalesced += l.coalesced;
    h.tls = h.tls || c.tls;
    h.connections += c.connections;
    h.reconnects += c.reconnects;
    h.retransmits += c.retransmits;
    h.clock_steps += c.clock_steps;
  }

  const traffic_schedule& schedule_;
  const play_settings& settings_;
  phase_plan warmup_, profiling_;
  const int loops_;
  text_store texts_;
  std::vector<std::unique_ptr<load_loop>> loop_;
  bool ahead_ = true;
  play_result result_;
};

} // namespace

play_result play(const traffic_schedule& schedule, const endpoint_set& endpoints, const content_maker& make,
                 const play_settings& settings) {
  play_result refused;
  std::vector<http_url> urls;
  for (const auto& text : endpoints.urls) {
    auto url = parse_http_url(text, refused.error);
    if (!url)
      return refused;
    urls.push_back(std::move(*url));
  }
  if (urls.empty()) {
    refused.error = "no URL";
    return refused;
  }
  if (std::any_of(urls.begin(), urls.end(), [](const http_url& u) { return u.tls; })) {
    http_client_settings client;
    client.ca_file = endpoints.ca_file;
    client.verify = endpoints.verify;
    refused.error = tls_settings_error(client);
  }
  if (refused.error.empty())
    refused.error = limits_error(schedule, urls);
  if (!refused.error.empty())
    return refused;
  return running_plan(schedule, endpoints, urls, make, settings).run();
}

} // namespace sextant::load
