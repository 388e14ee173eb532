// load_inputs.cpp: Files and secrets of a load test, read before anything starts.
#include <cstdlib>

#include <nlohmann/json.hpp>

#include "actors/artifacts/files.hpp"
#include "config/option_values.hpp"
#include "tools/sextant/load.hpp"

namespace sextant {

namespace {

/// The content of the file that a flag names; an error at the flag if it cannot be read.
std::string content_of(const std::string& path, const char* flag, std::vector<document_error>& errors) {
  if (path.empty())
    return {};
  std::string error;
  auto text = read_file(path, error);
  if (!error.empty())
    errors.push_back({"--" + std::string{flag}, 0, 0, flag, error, "a file that can be read", ""});
  return text;
}

std::string first_line(const std::string& text) {
  return text.substr(0, text.find_first_of("\r\n"));
}

/// The secret for `Authorization`: a flag wins over a file, a file over the environment.
std::string api_key_of(const load_options& options, std::vector<document_error>& errors) {
  if (!options.api_key.empty())
    return options.api_key;
  if (!options.api_key_file.empty()) {
    auto key = first_line(content_of(options.api_key_file, "api-key-file", errors));
    if (key.empty() && errors.empty())
      errors.push_back({"--api-key-file", 0, 0, "api-key-file", "an empty first line", "a key in the first line", ""});
    return key;
  }
  const char* from_environment = std::getenv("SEXTANT_API_KEY");
  return from_environment ? from_environment : "";
}

} // namespace

load_inputs read_load_inputs(const load_options& options, std::vector<document_error>& errors) {
  load_inputs out;
  const auto before = errors.size();
  const auto rows = content_of(options.input_file, "input-file", errors);
  if (!options.input_file.empty() && errors.size() == before) {
    out.data = load::read_dataset(rows, options.input_file, options, errors);
    if (out.data.sessions.empty() && errors.size() == before)
      errors.push_back({options.input_file, 0, 0, "",
                        "no row" + std::string{out.data.left_out > 0 ? " within the limits" : ""},
                        "a data set with at least one row", ""});
  }
  if (const auto series = content_of(options.rate_series_file, "request-rate-series", errors); !series.empty())
    out.series = read_rate_series(series, options.rate_series_file, errors);
  out.system_text = options.system_prompt_file.empty()
                        ? options.system_prompt
                        : content_of(options.system_prompt_file, "system-prompt-file", errors);
  out.tools = content_of(options.tools_file, "tools-file", errors);
  if (!out.tools.empty() && !nlohmann::json::parse(out.tools, nullptr, false).is_array())
    errors.push_back({options.tools_file, 1, 1, "", shown(out.tools.substr(0, 40)), "a JSON array of tools", ""});
  content_of(options.ca_file, "ca-file", errors);
  out.plan = content_of(options.plan_file, "plan", errors);
  out.api_key = api_key_of(options, errors);
  return out;
}

} // namespace sextant
