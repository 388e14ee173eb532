// load_judging.hpp: What a load test is judged by: flags as options of the statistics, and the rule that ends a run early.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "actors/metrics/statistics/stopping.hpp"
#include "actors/metrics/statistics/summarise.hpp"
#include "config/load_analysis.hpp"
#include "messages/load_summary.hpp"

namespace sextant {

/// Definitions by their flag's value; AIPerf's for an empty one.
metric_profile metric_profile_of(const std::string& name);

/// Confidence, definitions, levels and limits of the flags. Metrics that the definitions do not have are errors.
statistics::summary_options judging_options(const load_options& options, const load_analysis& analysis,
                                            std::vector<document_error>& errors);

/// Collects finished requests and says when a run has seen enough.
class stop_watcher {
public:
  stop_watcher(const load_analysis& analysis, statistics::summary_options options, load_facts facts);

  bool active() const { return active_; }

  /// Takes a finished request of the measured phase; from any thread, quick.
  void take(const request_record& record);

  /// Looks, if it is time to. True once the run may end; from one thread, may take as long as a summary.
  bool enough();

  /// Why it may end, or what still lacks.
  const std::string& reason() const { return reason_; }

private:
  const bool active_;
  const statistics::stop_wishes wishes_;
  const statistics::summary_options options_;
  load_records seen_; ///< of the watching thread
  std::mutex mutex_;
  std::vector<request_record> fresh_; ///< of the loops, under the mutex
  size_t ask_at_ = 0;
  std::string reason_;
};

} // namespace sextant
