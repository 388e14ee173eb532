// status.cpp: Writing the status so that grep and a YAML reader see the same.
#include "actors/artifacts/status.hpp"

#include <ctime>

#include "adapters/backends/yaml_tree.hpp"

namespace sextant {

std::string plain_line(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\'' || c == '`' || c == '\\')
      continue;
    out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  }
  while (!out.empty() && (out.back() == ' ' || out.back() == ':'))
    out.pop_back();
  // `: ` and ` #` would end a plain value.
  for (const auto& [from, to] : {std::pair<std::string, std::string>{": ", " - "}, {" #", " no. "}})
    for (size_t at = out.find(from); at != std::string::npos; at = out.find(from, at + to.size()))
      out.replace(at, from.size(), to);
  const auto first = out.find_first_not_of(" !&*?:,[]{}#|>@%-");
  out.erase(0, first == std::string::npos ? out.size() : first);
  return out;
}

std::string status_text(const profiler_status& s) {
  std::string out = "status: " + s.status + "\ntimestamp: " + s.timestamp + "\n";
  const auto add = [&out](const char* key, const std::string& value) {
    if (const auto line = plain_line(value); !line.empty())
      out += std::string{key} + ": " + line + "\n";
  };
  add("message", s.message);
  add("error", s.error);
  add("phase", s.stage);
  if (s.with_outputs) {
    out += "outputs:\n  config_with_planner: config_with_planner.yaml\n"
           "  mocker_config_with_planner: mocker_config_with_planner.yaml\n  disagg_config: disagg_config.yaml\n";
    if (s.with_final_config)
      out += "  final_config: final_config.yaml\n";
  }
  return out;
}

std::string outcome_message(const profile_request& request, const profile_result& result) {
  if (request.dry_run)
    return "Dry run completed successfully (no recommendations generated)";
  const std::string estimated = result.estimated ? " (estimated, nothing was measured)" : "";
  if (result.feasible)
    return "Profiler completed successfully" + estimated;
  std::string out = "Profiler completed successfully" + estimated + ", but the target is not met";
  if (!result.binding_constraint.empty())
    out += " (" + result.binding_constraint + ")";
  for (const auto* pick : {&result.prefill, &result.decode})
    if (!pick->meets_target && !pick->message.empty())
      out += ". " + pick->message;
  return out;
}

std::string status_time_now() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  char buffer[32];
  std::strftime(buffer, sizeof buffer, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return buffer;
}

} // namespace sextant
