// load_stored.cpp: Record files by their paths, and the summary of stored runs.
#include "tools/sextant/load_stored.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "actors/artifacts/files.hpp"
#include "actors/metrics/statistics/merging.hpp"
#include "adapters/aiperf/load_export.hpp"
#include "adapters/records/record_file.hpp"
#include "tools/sextant/commands.hpp"
#include "tools/sextant/load.hpp"
#include "tools/sextant/load_judging.hpp"
#include "tools/sextant/process.hpp"

namespace sextant {

namespace {

namespace fs = std::filesystem;

std::vector<std::string> in_folder(const fs::path& folder) {
  std::vector<std::string> out;
  std::error_code code;
  for (const auto& entry : fs::directory_iterator{folder, code})
    if (entry.path().filename().string().ends_with("_records.npz"))
      out.push_back(entry.path().string());
  std::sort(out.begin(), out.end());
  return out;
}

} // namespace

std::vector<std::string> record_files_of(const std::string& path, std::string& error) {
  std::error_code code;
  if (!fs::is_directory(path, code))
    return {path};
  auto files = in_folder(path);
  if (files.size() > 1) {
    error = path + ": " + std::to_string(files.size()) + " record files: name one of them";
    return {};
  }
  if (files.empty())
    for (const auto& run : fs::directory_iterator{fs::path{path} / "profile_runs", code})
      for (auto& file : in_folder(run.path()))
        files.push_back(std::move(file));
  std::sort(files.begin(), files.end());
  if (files.empty())
    error = path + ": no record file (*_records.npz) in it, nor in folders below profile_runs";
  return files;
}

load_records read_stored_records(const std::string& file, std::string& error) {
  const auto bytes = read_file(file, error);
  if (!error.empty())
    return {};
  auto records = read_record_file(bytes, error);
  if (!records) {
    error = file + ": " + error;
    return {};
  }
  return std::move(*records);
}

int summarise_stored(const load_arguments& arguments, const load_analysis& analysis) {
  std::vector<document_error> errors;
  const auto options = read_load_options(arguments, errors);
  // What a run needs is not asked of a stored one.
  std::erase_if(errors, [&](const auto& e) { return e.source.starts_with("--") && !arguments.has(e.source.substr(2)); });
  const auto judging = judging_options(options, analysis, errors);
  std::vector<load_records> parts;
  for (const auto& path : analysis.summarise) {
    std::string error;
    for (const auto& file : record_files_of(path, error))
      if (error.empty())
        parts.push_back(read_stored_records(file, error));
    if (!error.empty())
      errors.push_back({"--summarise", 0, 0, "", error, "a record file of sextant load, or a folder with one", ""});
  }
  std::string error;
  const auto records = errors.empty() ? statistics::merge_records(std::move(parts), error) : load_records{};
  if (!error.empty())
    errors.push_back({"--summarise", 0, 0, "", error, "parts of one run", ""});
  if (!errors.empty()) {
    print_errors(errors);
    return exit_bad_input;
  }
  const auto summary = statistics::summarise_load(records, judging);
  printf("%s",
         (analysis.json ? load_summary_json(records.facts, summary) : load_result_text(records.facts, summary)).c_str());
  return summary.valid > 0 ? exit_ok : exit_failed;
}

} // namespace sextant
