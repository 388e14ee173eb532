// sidecar_desk.hpp: The talking half of `sextant sidecar`: events and answers over NATS, verdicts, corrected curves.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "actors/sidecar/curves.hpp"
#include "actors/sidecar/drift.hpp"
#include "config/sidecar_options.hpp"
#include "tools/sextant/process.hpp"

namespace sextant {

/// Publishes, judges and answers. All functions in the main thread; the bus hands questions over from its own.
class sidecar_desk {
public:
  sidecar_desk(const sidecar_options& options, std::optional<sidecar::planner_curves> curves, event_queue& queue);
  ~sidecar_desk();
  sidecar_desk(const sidecar_desk&) = delete;
  sidecar_desk& operator=(const sidecar_desk&) = delete;

  /// Connects if a server is wanted and not there yet; asks again every 30 s. The connection mends itself later on.
  void connect();

  /// Compares a window with the curves, publishes it, and tells what is new about the curves. Windows in which a measurement
  /// of this sidecar ran are published and not compared.
  void note(serving_observed& window);

  /// Answers what was asked over NATS since the last call.
  void answer_questions();

  /// Writes corrected npz files and the ConfigMap below a directory.
  curves_corrected correct(const std::string& directory) const;

private:
  struct question {
    envelope message;
    std::string reply;
  };

  void listen(const char* what);
  template <class T>
  void tell(const char* what, const T& message);
  template <class T>
  void reply(const question& asked, const T& message);
  void answer(const question& asked);
  void measure(const question& asked, const measure_point& wanted);

  const sidecar_options& options_;
  std::optional<sidecar::planner_curves> curves_;
  event_queue& queue_;
  sidecar::drift_watch prefill_, decode_;

  std::shared_ptr<bus> link_;
  std::vector<subscription_ptr> subscriptions_;
  std::chrono::steady_clock::time_point next_try_{};
  std::mutex mutex_;
  std::vector<question> questions_; ///< guarded by `mutex_`
  uint64_t told_ = 0;

  std::thread measuring_;
  std::atomic<bool> busy_{false}, stop_{false};
  bool measured_lately_ = false;
};

} // namespace sextant
