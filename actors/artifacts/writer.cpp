// writer.cpp: The output directory, file by file; the status comes last.
#include "actors/artifacts/writer.hpp"

#include <algorithm>
#include <map>

#include "actors/artifacts/charts.hpp"
#include "actors/artifacts/curves_npz.hpp"
#include "actors/artifacts/engine_files.hpp"
#include "actors/artifacts/estimated.hpp"
#include "actors/artifacts/files.hpp"
#include "actors/artifacts/output_configmap.hpp"
#include "actors/artifacts/places.hpp"
#include "actors/artifacts/report.hpp"
#include "actors/artifacts/status.hpp"
#include "actors/artifacts/stored.hpp"
#include "adapters/aiperf/export.hpp"
#include "adapters/backends/dgd.hpp"
#include "adapters/gnuplot/plot.hpp"

namespace sextant {

namespace {

constexpr double plot_timeout_s = 60;

// Collects what was written; after the first error nothing more is attempted.
struct output {
  std::string directory;
  write_outcome outcome;

  bool good() const { return outcome.error.empty(); }

  void write(const std::string& file, const std::string& content) {
    if (!good())
      return;
    outcome.error = write_file(directory + "/" + file, content);
    outcome.files.push_back(file);
  }

  // A file of an earlier run that this result does not have must not stay behind.
  void write_or_remove(const std::string& file, const std::string& content) {
    if (content.empty())
      remove_file(directory + "/" + file);
    else
      write(file, content);
  }

  // A document that may be impossible: then the reason is the error.
  void write_document(const std::string& file, const std::string& content, const std::string& error) {
    if (good() && !error.empty())
      outcome.error = file + ": " + error;
    write(file, content);
  }
};

// AIPerf's files of a point and of the pass that filled the KV cache before it, by path below the output directory.
std::map<std::string, std::string> point_files(const profile_request& request, const point_measured& point) {
  std::map<std::string, std::string> files;
  for (auto& [name, content] : aiperf_export(request, point))
    files[point_folder(point) + "/" + name] = std::move(content);
  if (!point.warmup.error.empty())
    for (auto& [name, content] : aiperf_export(request, warming_run(point)))
      files[warming_folder(point) + "/" + name] = std::move(content);
  return files;
}

void write_points(output& out, const profile_request& request, const std::vector<point_measured>& points) {
  for (const auto& point : points)
    for (const auto& [file, content] : point_files(request, point))
      out.write(file, content);
}

void write_curves(output& out, const profile_result& result, const std::vector<point_measured>& points) {
  out.write_or_remove(selected_folder(phase::prefill) + "/raw_data.npz", prefill_npz(result, points));
  out.write_or_remove(selected_folder(phase::decode) + "/raw_data.npz", decode_npz(result, points));
}

// All charts in one gnuplot process, each put in place when all are good. A missing picture does not spoil the answer:
// the reason goes into the remarks.
std::map<std::string, std::string> draw(output& out, const std::vector<named_chart>& charts) {
  std::map<std::string, std::string> pictures;
  std::string script;
  std::vector<std::string> temporaries;
  for (const auto& c : charts) {
    temporaries.push_back(temporary_beside(out.directory + "/" + c.file, out.outcome.error));
    if (!out.good())
      return pictures;
    script += chart_script(c.what, temporaries.back());
  }
  if (const auto error = run_gnuplot(script, plot_timeout_s); !error.empty()) {
    out.outcome.remarks.push_back("the plots are missing: " + error);
    for (const auto& temporary : temporaries)
      remove_file(temporary);
    return pictures;
  }
  for (size_t i = 0; i < charts.size() && out.good(); ++i) {
    pictures[charts[i].file] = read_file(temporaries[i], out.outcome.error);
    if (out.good())
      out.outcome.error = put_in_place(temporaries[i], out.directory + "/" + charts[i].file);
    out.outcome.files.push_back(charts[i].file);
  }
  return pictures;
}

} // namespace

write_outcome write_output(const std::string& directory, const write_artifacts& what,
                           const std::vector<point_measured>& measured, const std::vector<engine_ready>& engines) {
  const auto& request = what.request;
  const auto& result = what.result;
  const auto points = result.estimated ? estimated_points(result) : measured;
  const auto mark = estimate_comment(result);
  const bool beta = request.api == request_api::v1beta1;
  output out{directory, {}};
  out.write("sextant_result.json", stored_result_text(what));
  out.write("points.jsonl", stored_points_text(points));
  std::string error;
  const auto base = base_dgd(request, error);
  out.write_document("disagg_config.yaml", base, error);
  for (const auto& [file, content] : engine_files(request, result, engines))
    out.write(file, content);
  write_points(out, request, measured); // exports are of measurements only
  write_curves(out, result, points);
  std::map<std::string, std::string> pictures;
  if (out.good())
    pictures = draw(out, profile_charts(request, result, points));

  const auto config = mark + final_dgd(request, result, error);
  out.write_document("config_with_planner.yaml", config, error);
  const auto mocker = mark + mocker_dgd(request, result, error);
  out.write_document("mocker_config_with_planner.yaml", mocker, error);
  if (beta) {
    const auto picked = mark + deployment_dgd(request, result, error);
    out.write_document("final_config.yaml", request.use_mocker ? mocker : picked, error);
  }
  if (const auto aggregated = aggregated_dgd(request, result, error); !aggregated.empty() || !error.empty())
    out.write_document(std::string{picked_deployment_file}, mark + aggregated, error);
  const auto data = planner_configmap(request, result);
  out.write_or_remove("planner-profile-data.yaml", data.empty() ? data : mark + data);
  if (!request.dry_run)
    for (auto& remark : curve_remarks(result))
      out.outcome.remarks.push_back(std::move(remark));
  const auto time = status_time_now();
  out.write("report.html", report_html(request, result, points, {time, pictures, config, out.outcome.remarks}));
  const auto message = outcome_message(request, result);
  const auto status = status_text({"success", time, message, "", beta ? "Done" : "", true, beta});
  out.write("dgdr-output-" + safe_name(object_name(request)) + ".yaml",
            output_configmap(request, {config, mocker, status, plain_line(message)}));
  out.write("profiler_status.yaml", status);
  std::sort(out.outcome.files.begin(), out.outcome.files.end());
  out.outcome.files.erase(std::unique(out.outcome.files.begin(), out.outcome.files.end()), out.outcome.files.end());
  return out.outcome;
}

std::string write_status(const std::string& directory, const std::string& status, const std::string& message,
                         const std::string& error, const std::string& stage, bool with_outputs) {
  return write_file(directory + "/profiler_status.yaml",
                    status_text({status, status_time_now(), message, error, stage, with_outputs, false}));
}

std::string write_point(const std::string& directory, const profile_request& request, const point_measured& point) {
  for (const auto& [file, content] : point_files(request, point))
    if (auto error = write_file(directory + "/" + file, content); !error.empty())
      return error;
  return {};
}

} // namespace sextant
