// load_files.cpp: The folder of a load test.
#include <cstdio>
#include <fstream>
#include <functional>
#include <map>

#include "actors/artifacts/files.hpp"
#include "actors/artifacts/load_report.hpp"
#include "actors/load/traffic/plan_file.hpp"
#include "adapters/aiperf/load_export.hpp"
#include "adapters/aiperf/series_export.hpp"
#include "adapters/aiperf/server_metrics_export.hpp"
#include "adapters/records/record_file.hpp"
#include "tools/sextant/load.hpp"

namespace sextant {

namespace {

/// Writes a file piece by piece; it appears only once it is complete. Returns an error text, or nothing.
std::string write_in_pieces(const std::string& path, const std::function<void(const text_sink&)>& fill) {
  std::string error;
  const auto temporary = temporary_beside(path, error);
  if (!error.empty())
    return error;
  {
    std::ofstream file{temporary, std::ios::binary};
    fill([&file](std::string_view part) { file.write(part.data(), static_cast<std::streamsize>(part.size())); });
    file.flush();
    if (!file) {
      file.close();
      remove_file(temporary);
      return path + ": cannot be written: is the disk full?";
    }
  }
  return put_in_place(temporary, path);
}

/// Names of the files: AIPerf's, or those of `--profile-export-prefix`.
struct file_names {
  std::string summary, records, record_file, servers, gpus;

  explicit file_names(const std::string& prefix)
      : summary(prefix.empty() ? "profile_export_aiperf" : prefix), records(prefix.empty() ? "profile_export" : prefix),
        record_file(records + "_records.npz"),
        servers(prefix.empty() ? "server_metrics_export.json" : prefix + "_server_metrics.json"),
        gpus(prefix.empty() ? "gpu_telemetry_export.jsonl" : prefix + "_gpu_telemetry.jsonl") {}
};

/// Positions in the schedule of the sessions of the measured phase, turns in order.
std::vector<std::vector<uint32_t>> sessions_of(const load::traffic_schedule& schedule) {
  std::map<uint32_t, std::vector<uint32_t>> by_session;
  for (uint32_t i = 0; i < schedule.requests.size(); ++i)
    if (schedule.requests[i].phase == load::traffic_phase::profiling)
      by_session[schedule.requests[i].session].push_back(i);
  std::vector<std::vector<uint32_t>> out;
  for (auto& [session, positions] : by_session)
    out.push_back(std::move(positions));
  return out;
}

std::string write_session_inputs(const load_run& run, const load_outcome& outcome, const std::string& path) {
  load::payload_context context;
  context.system_text = run.inputs.system_text;
  context.tools = run.inputs.tools;
  context.benchmark_id = outcome.records.facts.benchmark_id;
  context.run_key = outcome.run_key;
  const load::payload_maker maker{run.options, run.schedule, run.inputs.data, outcome.shape, context};
  const auto sessions = sessions_of(run.schedule);
  return write_in_pieces(path, [&](const text_sink& sink) {
    write_inputs(
        sessions.size(),
        [&](size_t i) {
          session_inputs out;
          out.session_id = session_name(run.schedule.requests[sessions[i].front()].session);
          for (const auto position : sessions[i])
            out.payloads.push_back(maker.make(run.schedule.requests[position], {}).body);
          return out;
        },
        sink);
  });
}

} // namespace

std::string write_load_files(const load_run& run, const load_outcome& outcome) {
  const auto& o = run.options;
  const file_names names{o.export_prefix};
  const auto at = [&](const std::string& name) { return run.directory + '/' + name; };
  auto error = write_file(at(names.summary + ".json"), load_summary_json(outcome.records.facts, outcome.summary));
  if (error.empty())
    error = write_file(at(names.summary + ".csv"),
                       load_summary_csv(outcome.summary)
                           + (outcome.gpus.empty() ? "" : gpu_telemetry_table(outcome.gpus, telemetry_span_of(outcome))));
  if (error.empty() && o.level != export_level::summary)
    error = write_in_pieces(at(names.records + ".jsonl"),
                            [&](const text_sink& sink) { write_record_lines(outcome.records, sink); });
  if (error.empty() && o.level != export_level::summary)
    error = write_in_pieces(at(names.record_file), [&](const text_sink& sink) { write_record_file(outcome.records, sink); });
  if (error.empty() && o.level != export_level::summary)
    error = write_session_inputs(run, outcome, at("inputs.json"));
  if (error.empty() && o.slice_s > 0) {
    const auto slices = slice_load(outcome.records, static_cast<int64_t>(o.slice_s * 1e9));
    error = write_file(at(names.summary + "_timeslices.json"), slices_json(outcome.records.facts, slices));
    if (error.empty())
      error = write_file(at(names.summary + "_timeslices.csv"), slices_csv(outcome.records.facts, slices));
  }
  const auto& facts = outcome.records.facts;
  if (error.empty() && !outcome.servers.empty())
    error = write_file(at(names.servers),
                       server_metrics_json(facts, outcome.servers, facts.started_unix_ns - facts.started_monotonic_ns));
  if (error.empty() && !outcome.gpus.empty())
    error = write_file(at(names.gpus), gpu_telemetry_lines(outcome.gpus, telemetry_span_of(outcome).offset_ns));
  if (error.empty() && run.analysis.report)
    error = write_load_report(at("report.html"), outcome.records.facts, outcome.summary);
  return error;
}

std::string write_aggregate_files(const load_run& run, const std::string& directory, const std::vector<load_summary>& runs) {
  const auto& o = run.options;
  const auto base = directory + "/aggregate/" + file_names{o.export_prefix}.summary + "_aggregate";
  const auto planned = static_cast<size_t>(o.runs);
  auto error = write_file(base + ".json", aggregate_json(runs, planned, o.confidence));
  return error.empty() ? write_file(base + ".csv", aggregate_csv(runs, planned, o.confidence)) : error;
}

std::string write_plan_file(const load_run& run) {
  return write_in_pieces(run.options.export_plan_file, [&](const text_sink& sink) { load::write_plan(run.schedule, sink); });
}

} // namespace sextant
