#include "config/sidecar_options.hpp"

#include <array>

#include "config/flag_words.hpp"

namespace sextant {

namespace {

// clang-format off
constexpr std::array rows{
  option_row{.name = "frontend", .value = "http://localhost:8000", .help = "Dynamo frontend, whose /metrics are read"},
  option_row{.name = "worker-metrics", .help = "system address of a decode worker (DYN_SYSTEM_PORT), for the use of its KV cache; several by commas or repeated"},
  option_row{.name = "model", .help = "one model of the frontend; default: all together"},
  option_row{.name = "curves", .help = "output directory of a profile, or a mounted ConfigMap planner-profile-data; without it nothing is compared"},
  option_row{.name = "nats", .help = "server for events and questions; without it lines are printed only"},
  option_row{.name = "prefix", .value = "sextant.v1", .help = "first tokens of every subject"},
  option_row{.name = "name", .help = "of this sidecar, in subjects; default: the host's name"},
  option_row{.name = "interval", .type = option_type::duration, .unit = "s", .value = "10", .range = {0.5, 3600}, .help = "length of a window"},
  option_row{.name = "duration", .type = option_type::duration, .unit = "s", .value = "0", .range = {0, 31536000}, .help = "end after this time; 0: run until a signal"},
  option_row{.name = "tolerance", .type = option_type::number, .value = "0.1", .range = {0.001, 10}, .help = "share by which latencies may leave their curve"},
  option_row{.name = "prefill-replicas", .type = option_type::integer, .value = "1", .range = {1, 1e6}, .help = "engines that prefill (aggregated ones count)"},
  option_row{.name = "decode-replicas", .type = option_type::integer, .value = "1", .range = {1, 1e6}, .help = "engines that decode (aggregated ones count)"},
  option_row{.name = "corrected", .help = "where corrected curves go when they are asked for over NATS, and at the end of --duration"},
  option_row{.name = "namespace", .help = "namespace in the corrected ConfigMap"},
  option_row{.name = "json-events", .type = option_type::boolean, .help = "events as JSON, one a line, on stdout"},
};
// clang-format on

} // namespace

sidecar_options read_sidecar_options(const std::vector<std::string>& words, std::vector<document_error>& errors) {
  sidecar_options out;
  const auto given = read_flag_words(words, rows, "sidecar", errors);
  out.help = given.help;
  if (out.help)
    return out;
  refuse_others(given, "sidecar", errors);
  const auto text = [&](const char* name) { return given.text(rows, name); };
  const auto number = [&](const char* name) { return given.number(rows, name); };
  out.name = text("name");
  out.frontend = http_address(text("frontend"), "--frontend", errors);
  for (auto& url : given.list("worker-metrics"))
    out.workers.push_back(http_address(std::move(url), "--worker-metrics", errors));
  out.model = text("model");
  out.curves = text("curves");
  out.nats = text("nats");
  out.prefix = text("prefix");
  out.corrected = text("corrected");
  out.kubernetes_namespace = text("namespace");
  out.interval_s = number("interval");
  out.duration_s = number("duration");
  out.tolerance = number("tolerance");
  out.prefill_replicas = static_cast<int>(number("prefill-replicas"));
  out.decode_replicas = static_cast<int>(number("decode-replicas"));
  out.json = text("json-events") == "true";
  if (!out.corrected.empty() && out.curves.empty())
    errors.push_back({"--corrected", 0, 0, "", "no curves", "--curves DIR, which are to be corrected", ""});
  return out;
}

std::string sidecar_help_text() {
  return "usage: sextant sidecar --frontend URL [OPTIONS]\n\n"
         "watches a deployment that serves: its own metrics as events, held against the planner's curves\n\n"
         "options:\n"
         + flag_help(rows);
}

} // namespace sextant
