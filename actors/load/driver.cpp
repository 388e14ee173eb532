// driver.cpp: The course of a measurement: warming, waves, stopping.
#include "actors/load/driver.hpp"

#include <algorithm>
#include <cstdio>
#include <ctime>

#include "actors/load/driver_traffic.hpp"
#include "actors/load/stop_rule.hpp"

namespace sextant {

namespace {

using namespace load;

int64_t clock_ns(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return static_cast<int64_t>(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
}

std::string plan_fault(const point_plan& plan) {
  if (plan.isl < 1 || plan.osl < 1 || plan.requests < 1 || plan.concurrency < 1)
    return "lengths, requests and concurrency must be at least 1";
  if (plan.kind == point_kind::itl && plan.osl < 2)
    return "inter-token latency needs at least 2 output tokens";
  return {};
}

/// One unmeasured pass, if there is anything to send.
std::optional<failure> warm(engine_traffic& traffic, const std::vector<traffic_request>& requests, attempt_records& out,
                            std::vector<request_record>& records) {
  if (requests.empty())
    return std::nullopt;
  if (auto error = traffic.play(requests, out.work.plan.concurrency, pass::warming, records))
    return error;
  const auto failed = std::count_if(records.begin(), records.end(), [](const auto& r) { return !r.error.empty(); });
  if (failed > 0)
    out.remarks.push_back(std::to_string(failed) + " of " + std::to_string(records.size()) + " warming requests failed");
  return std::nullopt;
}

/// Unmeasured passes: warm-up, then every prompt once where the point reuses KV caches. Only the latter is a run of its own
/// for AIPerf, so only its records are kept.
std::optional<failure> warm(engine_traffic& traffic, attempt_records& out) {
  std::vector<request_record> unwanted;
  if (auto error = warm(traffic, warmup_traffic(out.work), out, unwanted))
    return error;
  if (auto error = warm(traffic, warming_traffic(out.work), out, out.warming))
    return error;
  if (!out.warming.empty())
    out.warming_started = rfc3339_text(traffic.began_unix_ns());
  return std::nullopt;
}

/// One wave; played again at a lower speed while it was too late. Appends its records.
std::optional<failure> measure_wave(engine_traffic& traffic, attempt_records& out, int wave) {
  for (int replay = 0;; ++replay) {
    std::vector<request_record> records;
    if (auto error = traffic.play(wave_traffic(out.work, wave, replay), out.work.plan.concurrency, pass::measured, records))
      return error;
    if (out.started.empty())
      out.started = rfc3339_text(traffic.began_unix_ns());
    for (auto& record : records)
      record.wave = static_cast<uint32_t>(wave);
    const auto verdict = traffic.judge_wave(value_of(out.work.plan, records).mean);
    if (verdict == wave_verdict::again)
      continue;
    if (verdict == wave_verdict::too_late) {
      const std::string remark = "the machine could not play this engine in real time";
      if (std::find(out.remarks.begin(), out.remarks.end(), remark) == out.remarks.end())
        out.remarks.push_back(remark);
    }
    out.requests.insert(out.requests.end(), std::make_move_iterator(records.begin()),
                        std::make_move_iterator(records.end()));
    return std::nullopt;
  }
}

std::optional<failure> measure(engine_traffic& traffic, attempt_records& out) {
  const auto& plan = out.work.plan;
  if (plan.concurrency % std::max(1, plan.attention_dp) != 0)
    out.remarks.push_back("requests in flight are no multiple of the attention ranks: ranks are loaded unevenly");
  if (auto error = warm(traffic, out))
    return error;
  for (int wave = 0;; ++wave) {
    if (auto error = measure_wave(traffic, out, wave))
      return error;
    if (const auto reason = stop_after(plan, wave + 1, value_of(plan, out.requests))) {
      out.stopped = *reason;
      return std::nullopt;
    }
  }
}

drive_outcome failed(failure error) {
  drive_outcome out;
  out.error = std::move(error);
  return out;
}

} // namespace

int64_t load::unix_ns() {
  return clock_ns(CLOCK_REALTIME);
}

std::string load::rfc3339_text(int64_t unix_ns) {
  const time_t seconds = unix_ns / 1'000'000'000;
  tm parts{};
  gmtime_r(&seconds, &parts);
  char text[40];
  const auto n = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  snprintf(text + n, sizeof text - n, ".%06dZ", static_cast<int>(unix_ns / 1000 % 1'000'000));
  return text;
}

failure load::cancelled_failure() {
  return {failure_class::transient, failure_cause::cancelled, "the measurement was cancelled", {}};
}

drive_outcome load::drive_with_limits(const std::string& request, const measure_point& work,
                                      const std::atomic<bool>& cancelled, const traffic_limits& limits) {
  const int64_t begin_ns = clock_ns(CLOCK_MONOTONIC);
  if (const auto fault = plan_fault(work.plan); !fault.empty())
    return failed({failure_class::permanent, failure_cause::internal, work.plan.point + ": " + fault, {}});
  failure error;
  const auto traffic = work.endpoint.rfind("virtual:", 0) == 0 ? make_virtual_traffic(request, work, cancelled, error)
                                                               : make_http_traffic(work, limits, cancelled, error);
  if (!traffic)
    return failed(std::move(error));
  drive_outcome out;
  out.records.request = request;
  out.records.work = work;
  if (auto problem = measure(*traffic, out.records))
    return failed(cancelled ? cancelled_failure() : std::move(*problem));
  out.ok = true;
  out.records.wall_ns = clock_ns(CLOCK_MONOTONIC) - begin_ns;
  out.records.engine_ns = traffic->engine_ns();
  out.records.overhead_ns = std::max<int64_t>(0, out.records.wall_ns - traffic->traffic_ns());
  out.records.clock = traffic->clock();
  out.records.speed = traffic->speed() > 0 ? traffic->speed()
                                           : static_cast<double>(out.records.engine_ns)
                                                 / static_cast<double>(std::max<int64_t>(1, out.records.wall_ns));
  return out;
}

drive_outcome drive_measurement(const std::string& request, const measure_point& work, const std::atomic<bool>& cancelled) {
  return load::drive_with_limits(request, work, cancelled, {});
}

} // namespace sextant
