// engine_files.cpp: Deployments and logs by folder.
#include "actors/artifacts/engine_files.hpp"

#include <algorithm>
#include <cctype>

#include "actors/artifacts/places.hpp"
#include "adapters/backends/dgd.hpp"
#include "adapters/backends/modifiers.hpp"

namespace sextant {

namespace {

std::string text_of(const std::vector<std::string>& lines) {
  std::string out;
  for (const auto& line : lines)
    out += line + "\n";
  return out;
}

// `{deployment}/{service}/0.log`, as the reference stores a pod's log.
std::string log_path(const std::string& dgd, backend_kind backend) {
  std::string error;
  const auto documents = parse_yaml(dgd, error);
  if (documents.empty())
    return {};
  const auto* metadata = documents.front().find("metadata");
  auto service = service_name_of(documents.front(), backend, phase::decode);
  std::transform(service.begin(), service.end(), service.begin(), [](unsigned char c) { return std::tolower(c); });
  const auto name = metadata ? metadata->text_at("name") : std::string{};
  return name.empty() || service.empty() ? std::string{} : safe_name(name) + "/" + safe_name(service) + "/0.log";
}

const engine_ready* latest(const std::vector<engine_ready>& engines, const std::string& engine) {
  const engine_ready* found = nullptr;
  for (const auto& e : engines)
    if (e.engine == engine && (!found || e.attempt >= found->attempt))
      found = &e;
  return found;
}

} // namespace

std::map<std::string, std::string> engine_files(const profile_request& request, const profile_result& result,
                                                const std::vector<engine_ready>& engines) {
  std::map<std::string, std::string> files;
  for (const auto& c : result.candidates) {
    std::string error;
    const auto dgd = c.dgd.empty() ? candidate_dgd(request, c.role, c.layout, error) : c.dgd;
    const auto* ready = latest(engines, c.engine);
    // A dry run and an estimate show what would be deployed; else only what was.
    const bool wanted = request.dry_run || result.estimated ? c.state != candidate_state::dropped : ready || c.attempts > 0;
    if (!wanted || dgd.empty())
      continue;
    std::vector<std::string> folders{engine_folder(c.engine)};
    if (c.engine == result.prefill.engine || c.engine == result.decode.engine)
      folders.push_back(selected_folder(c.role));
    const auto log = log_path(dgd, request.backend);
    for (const auto& folder : folders) {
      files[folder + "/config.yaml"] = dgd;
      if (ready && !ready->log.empty() && !log.empty())
        files[folder + "/" + log] = text_of(ready->log);
    }
  }
  return files;
}

} // namespace sextant
