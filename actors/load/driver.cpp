// driver.cpp: The course of a measurement: warming, waves, stopping.
#include "actors/load/driver.hpp"

#include <algorithm>
#include <ctime>

#include "actors/load/driver_traffic.hpp"
#include "actors/load/stop_rule.hpp"

namespace sextant {

namespace {

using namespace load;

int64_t now_ns() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<int64_t>(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
}

std::string plan_fault(const point_plan& plan) {
  if (plan.isl < 1 || plan.osl < 1 || plan.requests < 1 || plan.concurrency < 1)
    return "lengths, requests and concurrency must be at least 1";
  if (plan.kind == point_kind::itl && plan.osl < 2)
    return "inter-token latency needs at least 2 output tokens";
  return {};
}

/// Unmeasured passes: warm-up, then every prompt once where the point reuses KV caches.
std::optional<failure> warm(engine_traffic& traffic, const measure_point& work, std::vector<std::string>& remarks) {
  for (const auto& requests : {warmup_traffic(work), warming_traffic(work)}) {
    std::vector<request_record> records;
    if (requests.empty())
      continue;
    if (auto error = traffic.play(requests, work.plan.concurrency, pass::warming, records))
      return error;
    const auto failed = std::count_if(records.begin(), records.end(), [](const auto& r) { return !r.error.empty(); });
    if (failed > 0)
      remarks.push_back(std::to_string(failed) + " of " + std::to_string(records.size()) + " warming requests failed");
  }
  return std::nullopt;
}

/// One wave; played again at a lower speed while it was too late. Appends its records.
std::optional<failure> measure_wave(engine_traffic& traffic, attempt_records& out, int wave) {
  for (int replay = 0;; ++replay) {
    std::vector<request_record> records;
    if (auto error = traffic.play(wave_traffic(out.work, wave, replay), out.work.plan.concurrency, pass::measured, records))
      return error;
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
    out.requests.insert(out.requests.end(), std::make_move_iterator(records.begin()), std::make_move_iterator(records.end()));
    return std::nullopt;
  }
}

std::optional<failure> measure(engine_traffic& traffic, attempt_records& out) {
  const auto& plan = out.work.plan;
  if (plan.concurrency % std::max(1, plan.attention_dp) != 0)
    out.remarks.push_back("requests in flight are no multiple of the attention ranks: ranks are loaded unevenly");
  if (auto error = warm(traffic, out.work, out.remarks))
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

failure load::cancelled_failure() {
  return {failure_class::transient, failure_cause::cancelled, "the measurement was cancelled", {}};
}

drive_outcome load::drive_with_limits(const std::string& request, const measure_point& work, const std::atomic<bool>& cancelled,
                                      const traffic_limits& limits) {
  const int64_t begin_ns = now_ns();
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
  out.records.wall_ns = now_ns() - begin_ns;
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
