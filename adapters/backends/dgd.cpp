// dgd.cpp: Base and candidate deployments, and the KV capacity that engines print.
#include "adapters/backends/dgd.hpp"

#include <cctype>
#include <cmath>
#include <cstdlib>
#include <optional>

#include "adapters/backends/documents.hpp"
#include "adapters/backends/mocked_workers.hpp"
#include "adapters/backends/modifiers.hpp"
#include "adapters/backends/templates.hpp"

namespace sextant {

namespace {

// An integer with or without thousands commas, behind `marker`.
std::optional<int64_t> number_behind(std::string_view line, std::string_view marker) {
  const auto at = line.find(marker);
  if (at == std::string_view::npos)
    return std::nullopt;
  int64_t value = 0;
  bool any = false;
  for (const char c : line.substr(at + marker.size())) {
    if (c == ' ' && !any)
      continue;
    if (std::isdigit(static_cast<unsigned char>(c)) == 0 && c != ',')
      break;
    if (c == ',')
      continue;
    if (value > (INT64_MAX - 9) / 10)
      return std::nullopt;
    value = value * 10 + (c - '0');
    any = true;
  }
  return any ? std::optional{value} : std::nullopt;
}

std::optional<int64_t> vllm_tokens(std::string_view line, int attention_dp) {
  const auto tokens = number_behind(line, "Maximum concurrency for ");
  static constexpr std::string_view marker = " tokens per request: ";
  const auto at = line.find(marker);
  if (!tokens || at == std::string_view::npos)
    return std::nullopt;
  std::string factor;
  for (const char c : line.substr(at + marker.size())) {
    if (c == 'x')
      break;
    if (c != ',')
      factor += c;
  }
  char* end = nullptr;
  const double times = std::strtod(factor.c_str(), &end);
  if (factor.empty() || *end != '\0' || !(times > 0) || times > 1e9)
    return std::nullopt;
  return static_cast<int64_t>(static_cast<double>(*tokens) * times) * attention_dp;
}

std::optional<int64_t> tokens_in(backend_kind backend, std::string_view line, int attention_dp) {
  switch (backend) {
    case backend_kind::vllm:
      return vllm_tokens(line, attention_dp);
    case backend_kind::sglang:
      if (line.find("KV Cache is allocated") == std::string_view::npos)
        return std::nullopt;
      // A comma ends this number: SGLang prints no thousands separators.
      if (const auto at = line.find("#tokens:"); at != std::string_view::npos) {
        const auto rest = line.substr(at);
        if (const auto n = number_behind(rest.substr(0, rest.find(',')), "#tokens:"))
          return *n * attention_dp;
      }
      return std::nullopt;
    case backend_kind::trtllm:
      break;
  }
  if (line.find("Allocated") == std::string_view::npos)
    return std::nullopt;
  return number_behind(line, "for max tokens in paged KV cache (");
}

} // namespace

std::string base_dgd(const profile_request& request, std::string& error) {
  const auto dgd = base_document(request, error);
  return dgd ? write_yaml(*dgd) : std::string{};
}

std::string candidate_dgd(const profile_request& request, phase role, const mapping& layout, std::string& error) {
  auto dgd = base_document(request, error);
  if (!dgd)
    return {};
  convert_to_aggregated(*dgd, request, role);
  (*dgd)["metadata"]["name"] = candidate_name(request, role, layout);
  auto* worker = service_of(*dgd, request.backend, phase::decode);
  set_mapping(*worker, request.backend, layout, request.gpus_per_node);
  if (role == phase::prefill)
    set_prefill_limits(*worker, request.backend, layout);
  if (mocks_engines(request))
    mock_workers(*dgd, request);
  return write_yaml(*dgd);
}

std::string pair_dgd(const profile_request& request, const mapping& prefill, const mapping& decode, std::string& error) {
  auto dgd = base_document(request, error);
  if (!dgd)
    return {};
  drop_planner(*dgd);
  auto* first = service_of(*dgd, request.backend, phase::prefill);
  auto* second = service_of(*dgd, request.backend, phase::decode);
  if (!first || !second || first == second) {
    error = "the base deployment has no prefill worker";
    return {};
  }
  (*dgd)["metadata"]["name"] =
      std::string{to_text(request.backend)} + "-pair-" + short_hash(request.id + prefill.tag() + decode.tag());
  set_mapping(*first, request.backend, prefill, request.gpus_per_node);
  set_prefill_limits(*first, request.backend, prefill);
  set_mapping(*second, request.backend, decode, request.gpus_per_node);
  for (auto* worker : {first, second})
    (*worker)["replicas"] = 1;
  if (mocks_engines(request))
    mock_workers(*dgd, request);
  return write_yaml(*dgd);
}

int64_t kv_tokens_from_log(backend_kind backend, const std::vector<std::string>& log, int attention_dp) {
  // A back end may print a trial allocation first: the last line counts.
  for (auto line = log.rbegin(); line != log.rend(); ++line)
    if (const auto tokens = tokens_in(backend, *line, attention_dp))
      return *tokens;
  return 0;
}

} // namespace sextant
