// draft.cpp: Values with defaults, and the rules between options that stand in no single row of the table.
#include "config/draft.hpp"

#include <limits>

#include "config/option_values.hpp"
#include "config/options.hpp"
#include "config/schema.hpp"

namespace sextant {

namespace {

/// First path of an option in documents of an API, in full.
std::string document_path(std::string_view name, request_api api) {
  const auto* row = find_option(name);
  const auto paths = row ? words(api == request_api::v1alpha1 ? row->alpha : row->beta) : std::vector<std::string>{};
  if (paths.empty())
    return "options." + std::string{name};
  std::string path = paths.front();
  if (path.starts_with('~'))
    path.erase(0, 1);
  return path.starts_with('$') ? std::string{config_path} + "." + path.substr(1) : path;
}

void check_names(draft& d) {
  for (const auto* name : {"namespace", "service-name", "dgd-name"})
    if (d.has(name) && !d.value(name).empty() && !dns_name(d.value(name), false))
      d.refuse(name, "\"" + shown(d.value(name)) + "\"",
               "1 to 63 lower case letters, digits and '-', beginning and ending with no '-'");
  if (!d.value("model-cache-pvc-name").empty() && !dns_name(d.value("model-cache-pvc-name"), true))
    d.refuse("model-cache-pvc-name", "\"" + shown(d.value("model-cache-pvc-name")) + "\"", "the name of a claim");
  if (!d.value("model-cache-pvc-path").empty() && d.value("model-cache-pvc-name").empty())
    d.refuse("model-cache-pvc-path", "a path without a claim", "model-cache-pvc-name beside it");
  if (!d.value("model-cache-pvc-mount-path").starts_with('/'))
    d.refuse("model-cache-pvc-mount-path", "\"" + shown(d.value("model-cache-pvc-mount-path")) + "\"", "an absolute path");
}

void check_estimates(draft& d) {
  if (d.flag("use-ai-configurator") && !d.has("aic-system") && !d.has("gpu"))
    d.refuse("aic-system", "nothing", "a GPU name, because use-ai-configurator is set");
  if (d.has("aic-system") && d.has("gpu") && d.value("aic-system") != d.value("gpu"))
    d.out.warnings.push_back("aic-system " + d.value("aic-system") + " is not used: gpu is " + d.value("gpu"));
}

/// What excludes each other, and objectives that only the performance model can answer.
void check_objectives(draft& d) {
  if (d.has("concurrency") && d.has("request-rate"))
    d.refuse("request-rate", "concurrency and requestRate", "one of them");
  if (d.has("e2e-latency")) {
    if (d.has("ttft") || d.has("itl"))
      d.refuse("e2e-latency", "e2eLatency together with ttft or itl", "either of them");
    if (!estimates_only(d))
      d.refuse("e2e-latency", d.value("e2e-latency"), "ttft and itl where engines are measured",
               "sextant estimate takes e2eLatency");
  }
  if (d.has("optimization-type") && !estimates_only(d))
    d.refuse("optimization-type", d.value("optimization-type"), "ttft and itl where engines are measured",
             "sextant estimate takes optimizationType");
  if (d.value("backend") == "auto" && d.value("search-strategy") == "thorough")
    d.refuse("backend", "auto together with searchStrategy thorough", "one of vllm, sglang, trtllm");
}

} // namespace

std::string draft::value(std::string_view name) const {
  const auto found = given.find(std::string{name});
  if (found != given.end())
    return found->second.value;
  const auto* row = find_option(name);
  if (!row)
    return {};
  const bool newer = api == request_api::v1beta1 && !row->beta_value.empty();
  return std::string{newer ? row->beta_value : row->value};
}

double draft::number(std::string_view name) const {
  return parse_duration(value(name)).value_or(0);
}

int draft::integer(std::string_view name) const {
  const auto x = number(name);
  constexpr auto largest = std::numeric_limits<int>::max();
  return x >= largest ? largest : x <= -largest ? -largest : static_cast<int>(x);
}

bool draft::flag(std::string_view name) const {
  return value(name) == "true";
}

void draft::refuse(std::string_view name, std::string found, std::string accepted, std::string hint) {
  const auto known = given.find(std::string{name});
  document_error error;
  if (known != given.end()) {
    error = known->second.place;
  } else {
    error.source = source;
    error.path = document_path(name, api);
    // A value that was refused counts as not given; to say that it is missing as well would only confuse.
    for (const auto& known_error : out.errors)
      if (known_error.path == error.path || known_error.path == "options." + std::string{name})
        return;
  }
  error.found = std::move(found);
  error.accepted = std::move(accepted);
  error.hint = std::move(hint);
  out.errors.push_back(std::move(error));
}

bool estimates_only(const draft& d) {
  return d.value("mode") == "estimated" || d.flag("use-ai-configurator");
}

bool dns_name(std::string_view text, bool dots) {
  if (text.empty() || text.size() > (dots ? 253U : 63U) || text.front() == '-' || text.back() == '-' || text.front() == '.'
      || text.back() == '.')
    return false;
  for (char c : text)
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || (dots && c == '.')))
      return false;
  return text.find("..") == std::string_view::npos;
}

void check_rules(draft& d) {
  check_names(d);
  check_estimates(d);
  check_objectives(d);
  if ((d.has("concurrency") || d.has("request-rate")) && !estimates_only(d))
    d.out.warnings.emplace_back("the requested load is kept for the planner; only estimates plan replicas");
  if (d.flag("pick-with-webui"))
    d.out.warnings.emplace_back("pick-with-webui: this version shows the choice in report.html");
}

} // namespace sextant
