// load_analysis.cpp: Pairs, triples and file names of the analysis flags.
#include "config/load_analysis.hpp"

#include "config/load_reader.hpp"
#include "config/option_values.hpp"

namespace sextant {

namespace {

service_levels read_levels(load_reader& in, std::string_view flag, const std::string& text) {
  service_levels out;
  for (const auto& word : split_text(text, ' ')) {
    const auto colon = word.find(':');
    const double limit = colon == std::string::npos ? 0 : parse_number(word.substr(colon + 1)).value_or(0);
    if (limit <= 0 || colon == 0)
      in.refuse(flag, "\"" + shown(word) + "\"", "metric:limit with a number > 0");
    else
      out.emplace_back(word.substr(0, colon), limit);
  }
  return out;
}

/// `metric:p99:limit`.
void read_sla(load_reader& in, const std::string& text, std::vector<sla_wish>& out) {
  const auto parts = split_text(text, ':');
  const bool complete = parts.size() == 3 && parts[1].starts_with("p");
  const double percent = complete ? parse_number(parts[1].substr(1)).value_or(0) : 0;
  const double limit = complete ? parse_number(parts[2]).value_or(0) : 0;
  if (percent < 50 || percent >= 100 || limit <= 0)
    in.refuse("sla", "\"" + shown(text) + "\"",
              "metric:pQ:limit, e.g. time_to_first_token:p99:300, with Q from 50 to below 100");
  else
    out.push_back({parts[0], percent / 100, limit});
}

/// Addresses of exporters: `host:9400` and `http://host:9400` mean their page `/metrics`.
void read_gpu_telemetry(load_reader& in, load_analysis& out) {
  for (auto url : in.list("gpu-telemetry")) {
    const bool address = url.find("://") != std::string::npos || url.find(':') != std::string::npos;
    if (!address) {
      in.refuse("gpu-telemetry", "\"" + shown(url) + "\"", "addresses of DCGM exporters, as http://host:9400");
      continue;
    }
    if (url.find("://") == std::string::npos)
      url = "http://" + url;
    while (url.ends_with('/'))
      url.pop_back();
    if (url.find('/', url.find("://") + 3) == std::string::npos)
      url += "/metrics";
    out.gpu_telemetry_urls.push_back(std::move(url));
  }
  if (in.flag("no-gpu-telemetry"))
    out.gpu_telemetry_urls.clear();
}

} // namespace

load_analysis read_load_analysis(const load_arguments& arguments, std::vector<document_error>& errors) {
  load_analysis out;
  load_reader in{arguments, errors};
  service_levels first;
  for (const auto& text : arguments.texts("goodput"))
    for (auto& level : read_levels(in, "goodput", text))
      first.push_back(std::move(level));
  if (!first.empty())
    out.goodput.push_back(std::move(first));
  for (const auto& text : arguments.texts("goodput-set"))
    if (auto levels = read_levels(in, "goodput-set", text); !levels.empty())
      out.goodput.push_back(std::move(levels));
  for (const auto& text : arguments.texts("sla"))
    read_sla(in, text, out.slas);
  out.stop_precision = in.number("stop-precision");
  out.stop_tail_precision = in.number("stop-tail-precision");
  out.stop_on_sla = in.flag("stop-on-sla");
  if (out.stop_on_sla && out.slas.empty())
    in.refuse("stop-on-sla", "no --sla", "at least one --sla to decide");
  out.server_metrics = !in.flag("no-server-metrics");
  for (auto& url : in.list("server-metrics"))
    out.server_metrics_urls.push_back(url.find("://") == std::string::npos ? "http://" + url : url);
  if (!out.server_metrics && !out.server_metrics_urls.empty())
    in.refuse("no-server-metrics", "--server-metrics too", "one of the two");
  out.server_metrics_interval_s = in.number("server-metrics-interval");
  read_gpu_telemetry(in, out);
  out.summarise = in.list("summarise");
  out.compare = arguments.texts("compare");
  if (in.has("compare") && out.compare.size() != 2)
    in.refuse("compare", std::to_string(out.compare.size()) + " sides", "two sides: --compare A B");
  if (in.has("compare") && in.has("summarise"))
    in.refuse("compare", "--summarise too", "one of the two");
  out.compare_margin = in.number("compare-margin");
  out.json = in.flag("json");
  out.report = in.flag("auto-plot");
  if (out.json && !in.has("compare") && !in.has("summarise"))
    in.refuse("json", "a run that is to be made", "with --compare or --summarise; runs write their files");
  return out;
}

} // namespace sextant
