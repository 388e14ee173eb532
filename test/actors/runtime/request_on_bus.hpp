// request_on_bus.hpp: Runs one request through an installation on a given bus and waits for its last event.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "actors/runtime/installation.hpp"
#include "messages/codec.hpp"

namespace sextant::test {

/// A small request that finishes in virtual time within a second or two.
inline submit_request small_request(const std::string& policy = "adaptive") {
  submit_request x;
  x.document = "apiVersion: nvidia.com/v1alpha1\n"
               "kind: DynamoGraphDeploymentRequest\n"
               "metadata: {name: small}\n"
               "spec:\n"
               "  model: Qwen/Qwen3-32B\n"
               "  backend: vllm\n"
               "  profilingConfig:\n"
               "    profilerImage: registry/profiler:1\n"
               "    config:\n"
               "      sla: {isl: 3000, osl: 100, ttft: 300, itl: 20}\n"
               "      hardware: {minNumGpusPerEngine: 1, maxNumGpusPerEngine: 4, gpuType: h200_sxm}\n"
               "      sweep: {prefillInterpolationGranularity: 6, decodeInterpolationGranularity: 3}\n"
               "      engine: {maxContextLength: 8192}\n";
  x.options = {{"simulation", "virtual"}, {"policy", policy}, {"gpus", "8"}};
  x.source = "small.yaml";
  return x;
}

/// Collects the events of a request; safe from bus threads.
class event_log {
public:
  event_log(bus& link, const subjects& names, const std::string& id) {
    events_ = link.follow(
        names.event_stream(), names.event(id), 1,
        [this](bus_message m) {
          std::vector<codec_error> errors;
          auto e = decode_envelope(m.body, errors);
          const std::lock_guard guard{mutex_};
          if (e)
            seen_.push_back(std::move(*e));
          changed_.notify_all();
        },
        [] {});
  }

  /// Waits for an event of one of these kinds.
  std::optional<envelope> wait_for(const std::vector<std::string>& kinds, std::chrono::seconds timeout) {
    std::unique_lock guard{mutex_};
    std::optional<envelope> found;
    changed_.wait_for(guard, timeout, [&] {
      for (const auto& e : seen_)
        for (const auto& kind : kinds)
          if (e.kind == kind)
            found = e;
      return found.has_value();
    });
    return found;
  }

  /// Waits until at least this many progress events of a kind were seen.
  bool wait_for_progress(const std::string& what, size_t count, std::chrono::seconds timeout) {
    std::unique_lock guard{mutex_};
    return changed_.wait_for(guard, timeout, [&] {
      size_t n = 0;
      for (const auto& e : seen_)
        if (auto p = message_as<progress>(e); p && p->what == what)
          ++n;
      return n >= count;
    });
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<envelope> seen_;
  subscription_ptr events_;
};

/// Submits by request/reply, again until INTAKE listens. The kind of the answer.
inline std::string submit(bus& link, const subjects& names, const std::string& id, const submit_request& request) {
  for (int attempt = 0; attempt < 100; ++attempt) {
    std::mutex mutex;
    std::condition_variable changed;
    std::optional<std::string> kind;
    link.request(names.request_submit(), encode_message("submit", id, request), std::chrono::milliseconds{5000},
                 [&](std::optional<bus_message> answer, const std::string&) {
                   std::vector<codec_error> errors;
                   auto e = answer ? decode_envelope(answer->body, errors) : std::nullopt;
                   const std::lock_guard guard{mutex};
                   kind = e ? e->kind : std::string{};
                   changed.notify_all();
                 });
    std::unique_lock guard{mutex};
    changed.wait(guard, [&] { return kind.has_value(); });
    if (!kind->empty())
      return *kind;
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
  }
  return {};
}

/// What the choice comes down to, for comparing runs.
inline std::string choice(const profile_result& r) {
  return r.prefill.layout.label() + " " + r.decode.layout.label() + " n=" + std::to_string(r.decode.concurrency)
         + (r.feasible ? " feasible" : " infeasible");
}

} // namespace sextant::test
