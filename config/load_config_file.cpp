// load_config_file.cpp: `--config` files of `sextant load`: flags as keys, or the part of AIPerf's configuration that has
// flags here.
#include <algorithm>
#include <cctype>
#include <cstdlib>

#include "config/document.hpp"
#include "config/load_option_table.hpp"
#include "config/load_options.hpp"
#include "config/nearest.hpp"
#include "config/option_values.hpp"

namespace sextant {

namespace {

struct place_row {
  std::string_view path; ///< keys in dashed form, `benchmark.` left out; `#` is the phase
  std::string_view flag; ///< empty: known, means nothing here
};

/// Places of an AIPerf configuration (schema 2.0). A mapping with mean and stddev may stand where a length stands.
constexpr place_row places[] = {
    {"schema-version", ""},
    {"random-seed", "random-seed"},
    {"model", "model"},
    {"models", "model"},
    {"endpoint.url", "url"},
    {"endpoint.urls", "url"},
    {"endpoint.url-strategy", "url-strategy"},
    {"endpoint.type", "endpoint-type"},
    {"endpoint.path", "custom-endpoint"},
    {"endpoint.streaming", "streaming"},
    {"endpoint.timeout", "request-timeout-seconds"},
    {"endpoint.api-key", "api-key"},
    {"endpoint.headers", "header"},
    {"endpoint.extra", "extra-inputs"},
    {"endpoint.use-legacy-max-tokens", "use-legacy-max-tokens"},
    {"endpoint.use-server-token-count", "use-server-token-count"},
    {"endpoint.connection-reuse", "connection-reuse-strategy"},
    {"dataset.type", ""},
    {"dataset.name", ""},
    {"dataset.entries", "num-dataset-entries"},
    {"dataset.random-seed", "random-seed"},
    {"dataset.path", "input-file"},
    {"dataset.format", "custom-dataset-type"},
    {"dataset.sampling", "dataset-sampling-strategy"},
    {"dataset.isl", "isl"},
    {"dataset.osl", "osl"},
    {"dataset.prompts.isl", "isl"},
    {"dataset.prompts.osl", "osl"},
    {"dataset.prompts.block-size", "isl-block-size"},
    {"dataset.prompts.batch-size", "prompt-batch-size"},
    {"dataset.turns", "session-turns-mean"},
    {"dataset.turn-delay", "session-turn-delay-mean"},
    {"dataset.turn-delay-ratio", "session-delay-ratio"},
    {"dataset.prefix-prompts.pool-size", "num-prefix-prompts"},
    {"dataset.prefix-prompts.length", "prefix-prompt-length"},
    {"dataset.prefix-prompts.shared-system-length", "shared-system-prompt-length"},
    {"dataset.prefix-prompts.user-context-length", "user-context-prompt-length"},
    {"#.name", ""},
    {"#.type", "arrival-pattern"},
    {"#.exclude-from-results", ""},
    {"#.concurrency", "concurrency"},
    {"#.prefill-concurrency", "prefill-concurrency"},
    {"#.requests", "request-count"},
    {"#.sessions", "num-sessions"},
    {"#.duration", "benchmark-duration"},
    {"#.grace-period", "benchmark-grace-period"},
    {"#.rate", "request-rate"},
    {"#.users", "num-users"},
    {"#.smoothness", "arrival-smoothness"},
    {"#.concurrency-ramp", "concurrency-ramp-duration"},
    {"#.prefill-ramp", "prefill-concurrency-ramp-duration"},
    {"#.rate-ramp", "request-rate-ramp-duration"},
    {"#.rate-series", "request-rate-series"},
    {"#.cancellation.rate", "request-cancellation-rate"},
    {"#.cancellation.delay", "request-cancellation-delay"},
    {"#.auto-offset", "fixed-schedule-auto-offset"},
    {"#.start-offset", "fixed-schedule-start-offset"},
    {"#.end-offset", "fixed-schedule-end-offset"},
    {"artifacts.dir", "artifact-dir"},
    {"artifacts.prefix", "profile-export-prefix"},
    {"artifacts.slice-duration", "slice-duration"},
    {"artifacts.summary", ""},
    {"artifacts.records", ""},
    {"slos", "goodput"},
    {"multi-run.num-runs", "num-profile-runs"},
    {"multi-run.cooldown-seconds", "profile-run-cooldown-seconds"},
    {"multi-run.confidence-level", "confidence-level"},
    {"multi-run.set-consistent-seed", "set-consistent-seed"},
    {"multi-run.disable-warmup-after-first", "profile-run-disable-warmup-after-first"},
    {"runtime.ui", "ui"},
    {"runtime.workers", "workers-max"},
};

/// Flags of the warm-up that a phase's keys mean there.
constexpr std::pair<std::string_view, std::string_view> warmup_flags[] = {
    {"concurrency", "warmup-concurrency"},
    {"prefill-concurrency", "warmup-prefill-concurrency"},
    {"request-count", "warmup-request-count"},
    {"num-sessions", "num-warmup-sessions"},
    {"benchmark-duration", "warmup-duration"},
    {"benchmark-grace-period", "warmup-grace-period"},
    {"request-rate", "warmup-request-rate"},
    {"arrival-pattern", "warmup-arrival-pattern"},
    {"concurrency-ramp-duration", "warmup-concurrency-ramp-duration"},
    {"request-rate-ramp-duration", "warmup-request-rate-ramp-duration"},
};

/// `requestRate` and `request_rate` as `request-rate`.
std::string dashed(const std::string& key) {
  std::string out;
  for (const char c : key) {
    if (std::isupper(static_cast<unsigned char>(c)) && !out.empty() && out.back() != '-')
      out += '-';
    out += c == '_' ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return out;
}

/// `${NAME}` and `${NAME:default}` from the environment, as AIPerf has them.
std::string with_environment(std::string text) {
  for (size_t at = 0; (at = text.find("${", at)) != std::string::npos;) {
    const auto end = text.find('}', at);
    if (end == std::string::npos)
      break;
    const auto inside = text.substr(at + 2, end - at - 2);
    const auto colon = inside.find(':');
    const char* value = std::getenv(inside.substr(0, colon).c_str());
    const std::string put = value ? value : colon == std::string::npos ? "" : inside.substr(colon + 1);
    text.replace(at, end - at + 1, put);
    at += put.size();
  }
  return text;
}

/// Walks one file.
class config_walk {
public:
  config_walk(load_arguments& out, const std::string& source) : out_{out}, source_{source} {}

  void flat(const document_node& root) {
    for (size_t i = 0; i < root.keys.size(); ++i) {
      const auto name = dashed(root.keys[i].text);
      const auto* row = find_load_option(name);
      if (row)
        put(*row, root.items[i], root.keys[i], root.keys[i].text);
      else
        unknown(root.keys[i], root.keys[i].text, load_option_names(), name);
    }
  }

  void aiperf(const document_node& node, const std::string& path, const std::string& shown_path, bool warmup) {
    for (size_t i = 0; i < node.keys.size(); ++i) {
      const auto key = dashed(node.keys[i].text);
      const auto& item = node.items[i];
      const auto place = path.empty() ? key : path + "." + key;
      const auto seen = shown_path.empty() ? node.keys[i].text : shown_path + "." + node.keys[i].text;
      if (place == "benchmark")
        aiperf(item, "", seen, false);
      else if (place == "phases")
        phases(item, seen);
      else if (place == "warmup" || place == "profiling")
        aiperf(item, "#", seen, place == "warmup");
      else if (const auto* row = find_place(place))
        put_place(*row, item, node.keys[i], seen, warmup);
      else if (item.kind == document_node::kinds::mapping && leads_on(place))
        aiperf(item, place, seen, warmup);
      else
        unknown(node.keys[i], seen, place_names(), place);
    }
  }

private:
  static const place_row* find_place(const std::string& path) {
    const auto* found =
        std::find_if(std::begin(places), std::end(places), [&](const auto& row) { return row.path == path; });
    return found == std::end(places) ? nullptr : found;
  }

  static bool leads_on(const std::string& path) {
    return std::any_of(std::begin(places), std::end(places),
                       [&](const auto& row) { return row.path.starts_with(path + "."); });
  }

  static std::vector<std::string> place_names() {
    std::vector<std::string> out;
    for (const auto& row : places)
      out.emplace_back(row.path);
    return out;
  }

  void phases(const document_node& node, const std::string& seen) {
    if (node.kind != document_node::kinds::sequence)
      return aiperf(node, "#", seen, false);
    for (size_t i = 0; i < node.items.size(); ++i) {
      const auto* name = node.items[i].find("name");
      aiperf(node.items[i], "#", seen + "[" + std::to_string(i) + "]", name && name->text == "warmup");
    }
  }

  void put_place(const place_row& place, const document_node& item, const document_key& key, const std::string& seen,
                 bool warmup) {
    std::string flag{place.flag};
    if (flag.empty())
      return;
    if (flag == "arrival-pattern")
      flag = pattern_flag(item, key, seen);
    if (warmup)
      for (const auto& [plain, of_warmup] : warmup_flags)
        if (plain == flag)
          flag = of_warmup;
    if (flag.empty())
      return;
    put(*find_load_option(flag), item, key, seen);
  }

  /// The type of a phase is a pattern, or stands for a flag of its own.
  std::string pattern_flag(const document_node& item, const document_key& key, const std::string& seen) {
    const auto type = dashed(item.text);
    if (type == "concurrency")
      return "";
    if (type == "user-centric" || type == "fixed-schedule") {
      document_node yes = item;
      yes.text = "true";
      if (type == "fixed-schedule")
        put(*find_load_option("fixed-schedule"), yes, key, seen);
      return "";
    }
    return "arrival-pattern";
  }

  void put(const load_option_row& row, const document_node& item, const document_key& key, const std::string& seen) {
    load_value value;
    value.place = {source_, key.line, key.column, seen, "", "", ""};
    if (item.kind == document_node::kinds::mapping && item.find("mean")) {
      length(row, item, key, seen);
      return;
    }
    if (item.kind == document_node::kinds::mapping && row.many) {
      for (size_t i = 0; i < item.keys.size(); ++i)
        value.texts.push_back(with_environment(item.keys[i].text + ":" + value_text(item.items[i])));
    } else if (item.kind == document_node::kinds::sequence) {
      for (const auto& one : item.items)
        value.texts.push_back(with_environment(value_text(one)));
      if (!row.many) { // a sweep
        std::string joined;
        for (const auto& text : value.texts)
          joined += (joined.empty() ? "" : ",") + text;
        value.texts = {joined};
      }
    } else if (item.kind == document_node::kinds::scalar) {
      value.texts = {with_environment(seconds_text(row, item.text))};
    } else {
      out_.errors.push_back({source_, key.line, key.column, seen, found_text(item), accepted_text(row), ""});
      return;
    }
    out_.given.try_emplace(std::string{row.name}, std::move(value)); // flags of the command line win
  }

  /// `{mean:, stddev:}` of a length is two flags.
  void length(const load_option_row& row, const document_node& item, const document_key& key, const std::string& seen) {
    const std::string name{row.name};
    const auto deviation = name.ends_with("-mean") ? name.substr(0, name.size() - 5) + "-stddev" : name + "-stddev";
    for (size_t i = 0; i < item.keys.size(); ++i) {
      const auto part = item.keys[i].text;
      const auto* target = part == "mean" ? &row : part == "stddev" ? find_load_option(deviation) : nullptr;
      if (target)
        put(*target, item.items[i], item.keys[i], seen + "." + part);
      else
        unknown(item.keys[i], seen + "." + part, {"mean", "stddev"}, part);
    }
    (void)key;
  }

  static std::string value_text(const document_node& node) {
    return node.kind == document_node::kinds::scalar ? node.text : json_text(node);
  }

  /// AIPerf writes times as `30s`, too.
  static std::string seconds_text(const load_option_row& row, const std::string& text) {
    const auto seconds = row.unit == "s" && !parse_number(text) ? parse_duration(text) : std::nullopt;
    return seconds ? number_text(*seconds) : text;
  }

  void unknown(const document_key& key, const std::string& seen, const std::vector<std::string>& names,
               const std::string& name) {
    const auto nearest = nearest_name(name, names);
    out_.errors.push_back({source_, key.line, key.column, seen, "an unknown key", "a key that a flag of `sextant load` has",
                           nearest.empty() ? "" : "did you mean '" + nearest + "'?"});
  }

  load_arguments& out_;
  const std::string& source_;
};

} // namespace

void merge_load_config(load_arguments& arguments, std::string_view text, const std::string& source) {
  const auto root = read_document(text, source, arguments.errors);
  if (!root)
    return;
  if (root->kind != document_node::kinds::mapping) {
    arguments.errors.push_back({source, 1, 1, "", found_text(*root), "a mapping of flags, or an AIPerf configuration", ""});
    return;
  }
  config_walk walk{arguments, source};
  if (root->find("benchmark"))
    walk.aiperf(*root, "", "", false);
  else
    walk.flat(*root);
}

} // namespace sextant
