#include "config/trace_options.hpp"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "config/flag_words.hpp"
#include "config/option_values.hpp"

namespace sextant {

namespace {

constexpr option_range steps{0, 1e9};

// clang-format off
constexpr std::array rows{
  option_row{.name = "url", .value = "http://localhost:9090", .help = "system address of the worker (DYN_SYSTEM_PORT)"},
  option_row{.name = "timeout", .type = option_type::duration, .unit = "s", .value = "60", .range = {1, 86400}, .help = "how long the engine may take to answer"},
  option_row{.name = "output-dir", .help = "start: where the engine writes its traces, on its own machine; default: its own"},
  option_row{.name = "start-step", .type = option_type::integer, .range = steps, .help = "start: first step that is traced"},
  option_row{.name = "num-steps", .type = option_type::integer, .range = {1, 1e9}, .help = "start: steps after which the engine stops by itself"},
  option_row{.name = "activities", .help = "start: what is traced, of CPU, GPU, MEM, RPD; separated by commas"},
  option_row{.name = "profile-by-stage", .type = option_type::boolean, .help = "start: prefill and decode steps apart"},
  option_row{.name = "with-stack", .type = option_type::boolean, .help = "start: with call stacks"},
  option_row{.name = "record-shapes", .type = option_type::boolean, .help = "start: with shapes of tensors"},
  option_row{.name = "merge-profiles", .type = option_type::boolean, .help = "start: one trace of all ranks"},
  option_row{.name = "profile-prefix", .help = "start: beginning of the traces' file names"},
};
// clang-format on

constexpr std::array<std::string_view, 4> known_activities{"CPU", "GPU", "MEM", "RPD"};

std::string key_of(std::string_view flag) {
  std::string out{flag};
  std::replace(out.begin(), out.end(), '-', '_');
  return out;
}

nlohmann::ordered_json json_value(const option_row& row, const std::string& text) {
  if (row.type == option_type::boolean)
    return text == "true";
  if (row.type == option_type::integer)
    return static_cast<int64_t>(parse_number(text).value_or(0));
  return text;
}

nlohmann::ordered_json activities(const flag_words& given, std::vector<document_error>& errors) {
  auto out = nlohmann::ordered_json::array();
  for (auto name : given.list("activities")) {
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    if (std::find(known_activities.begin(), known_activities.end(), name) == known_activities.end())
      errors.push_back(
          {"--activities", 0, 0, "", "\"" + shown(name) + "\"", "CPU, GPU, MEM or RPD, separated by commas", ""});
    out.push_back(std::move(name));
  }
  return out;
}

std::string body_of(const flag_words& given, std::vector<document_error>& errors) {
  auto body = nlohmann::ordered_json::object();
  for (const auto& row : rows) {
    if (row.name == "url" || row.name == "timeout" || !given.has(row.name))
      continue;
    body[key_of(row.name)] =
        row.name == "activities" ? activities(given, errors) : json_value(row, given.text(rows, row.name));
  }
  return body.dump();
}

} // namespace

trace_options read_trace_options(const std::vector<std::string>& words, std::vector<document_error>& errors) {
  trace_options out;
  const auto given = read_flag_words(words, rows, "trace", errors);
  out.help = given.help;
  if (out.help)
    return out;
  const auto& what = given.others;
  if (what.size() != 1 || (what.front() != "start" && what.front() != "stop"))
    errors.push_back({"trace", 0, 0, "", what.empty() ? "nothing" : "\"" + shown(what.front()) + "\"",
                      "one word, start or stop, and flags of trace --help", ""});
  out.start = !what.empty() && what.front() == "start";
  out.url = http_address(given.text(rows, "url"), "--url", errors);
  out.timeout_ms = static_cast<int64_t>(1000 * given.number(rows, "timeout"));
  out.body = body_of(given, errors);
  if (!out.start && out.body != "{}" && errors.empty())
    errors.push_back({"trace stop", 0, 0, "", out.body, "--url and --timeout only", ""});
  return out;
}

std::vector<std::string> trace_paths(bool start) {
  const std::string route = start ? "start_profile" : "stop_profile";
  return {"/engine/" + route, "/engine/control/" + route};
}

std::string trace_help_text() {
  return "usage: sextant trace start|stop [OPTIONS]\n\n"
         "starts or ends a trace inside a running engine: SGLang in every release of Dynamo, vLLM in the newest. The "
         "traces\n"
         "open in Perfetto, chrome://tracing or TensorBoard\n\n"
         "options:\n"
         + flag_help(rows);
}

} // namespace sextant
