// load.hpp: The parts of `sextant load`: flags to runs, one run, its files, and what a person sees meanwhile.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "actors/load/player.hpp"
#include "actors/load/traffic/dataset.hpp"
#include "actors/load/traffic/payload.hpp"
#include "adapters/aiperf/gpu_telemetry_export.hpp"
#include "config/load_analysis.hpp"
#include "config/load_options.hpp"
#include "messages/load_summary.hpp"
#include "messages/server_metrics.hpp"
#include "tools/sextant/waiting.hpp"

namespace sextant {

/// What files and the environment add to the flags of one run.
struct load_inputs {
  load::dataset data;
  std::vector<rate_point> series;
  std::string system_text;
  std::string tools;   ///< JSON array; empty: none
  std::string api_key; ///< secret
  std::string plan;    ///< text of `--plan`; empty: none
};

/// Reads every file that the options name, and SEXTANT_API_KEY; all errors at once.
load_inputs read_load_inputs(const load_options& options, std::vector<document_error>& errors);

/// One run, decided to the last request.
struct load_run {
  load_options options;
  load_analysis analysis;
  load_inputs inputs;
  load::traffic_schedule schedule;
  bool fixed = false;    ///< at the timestamps of the data set
  std::string directory; ///< of its results
  std::string command;   ///< without secrets
  std::vector<std::string> remarks;
};

/// What came of a run.
struct load_outcome {
  load_records records;
  load_summary summary;
  load::load_health health;
  std::vector<server_report> servers;               ///< what the endpoints' metrics pages said
  std::vector<scraped_endpoint> gpus;               ///< what GPU exporters said
  int64_t measured_from_ns = 0, measured_to_ns = 0; ///< the measured phase, CLOCK_MONOTONIC
  load::prompt_shape shape;                         ///< of the prompts that were sent
  uint64_t run_key = 0;                             ///< of `payload_context`
  std::string error;                                ///< why nothing was sent, or what could not be written
  bool interrupted = false;
};

/// The measured phase on the clock of the scrapes, and wall time.
inline telemetry_span telemetry_span_of(const load_outcome& outcome) {
  const auto& facts = outcome.records.facts;
  return {outcome.measured_from_ns, outcome.measured_to_ns, facts.started_unix_ns - facts.started_monotonic_ns};
}

/// Waits for the endpoint as asked, calibrates, plays and summarises. Signals of the terminal end the run: the first one
/// stops sending, the second one breaks off what is under way.
load_outcome play_load(const load_run& run, event_queue& signals);

/// Writes the folder of a run: AIPerf's files, each whole or not at all. Returns an error text, or nothing.
std::string write_load_files(const load_run& run, const load_outcome& outcome);

/// Writes what repeats of a run say together, below the folder of the run. Returns an error text, or nothing.
std::string write_aggregate_files(const load_run& run, const std::string& directory, const std::vector<load_summary>& runs);

/// Writes `--export-plan`. Returns an error text, or nothing.
std::string write_plan_file(const load_run& run);

/// The plan in words, for `--dry-run`.
std::string load_plan_text(const load_run& run);

/// The end of a run for people: metrics as a table, errors, what limits the result, where the files are.
std::string load_summary_text(const load_run& run, const load_outcome& outcome);

/// The same of a stored run: metrics, service levels, errors, validity, remarks.
std::string load_result_text(const load_facts& facts, const load_summary& summary);

/// Verdicts, steady part, checks: what must be known of a result before it is trusted.
std::string load_validity_text(const load_summary& summary);

/// Shows how a run goes, on stderr. Used from one thread, but for `note`.
class load_view {
public:
  virtual ~load_view() = default;
  /// A finished request. From any thread.
  virtual void note(const request_record&) {}
  virtual void refresh(const load::play_progress& progress) = 0;
  /// Takes a live view away.
  virtual void done() = 0;
};

/// `ui`: `dashboard`, `simple`, `none`, `json`, or empty: by what stderr is.
std::unique_ptr<load_view> make_load_view(const std::string& ui, const load_run& run);

} // namespace sextant
