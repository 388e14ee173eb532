// load_foreign_options.cpp: AIPerf's flags that are taken with a remark or refused with a reason; look-up and help of all.
#include <array>

#include "config/load_option_table.hpp"
#include "config/option_values.hpp"

namespace sextant {

namespace {

// `=`: the flag stands alone.
constexpr std::array foreign{
    // -- taken: the run means the same without them -----------------------------------------------------
    foreign_load_flags{
        false, "no tokenizer is used here: prompts are token ids or calibrated words, lengths are the endpoint's own",
        "tokenizer tokenizer-revision =tokenizer-trust-remote-code =apply-chat-template"},
    foreign_load_flags{false, "Sextant has no processes to tune for it",
                       "record-processors record-processor-service-count log-level "
                       "=vv =extra-verbose stats-interval zmq-host zmq-ipc-path =zmq-dual-bind"},
    foreign_load_flags{false, "server metrics are written as JSON", "server-metrics-formats"},
    foreign_load_flags{false, "prompts come from a list of words of its own", "prompt-corpus random-corpus-style"},
    foreign_load_flags{false, "the table of a sweep is not written", "=no-sweep-table"},
    foreign_load_flags{false, "requests beyond the data set start again from its first row",
                       "=allow-dataset-wrap =no-allow-dataset-wrap"},
    // -- refused: the run would mean something else -----------------------------------------------------
    foreign_load_flags{
        true, "only text is sent: no audio, images or video",
        "audio-batch-size batch-size-audio audio-length-mean audio-length-stddev audio-format audio-depths "
        "audio-sample-rates audio-num-channels image-width-mean image-width-stddev image-height-mean "
        "image-height-stddev image-batch-size batch-size-image image-format image-source image-source-sampling "
        "video-batch-size batch-size-video video-duration video-fps video-width video-height video-synth-type "
        "video-format video-codec video-audio-sample-rate video-audio-num-channels video-audio-codec "
        "video-audio-depth =download-video-content =uuid-and-strip request-content-type"},
    foreign_load_flags{
        true, "rankings are not spoken",
        "rankings-passages-mean rankings-passages-stddev rankings-passages-prompt-token-mean "
        "rankings-passages-prompt-token-stddev rankings-query-prompt-token-mean rankings-query-prompt-token-stddev"},
    foreign_load_flags{true, "results are files: send them on from there",
                       "otel-url stream otel-resource-attributes gen-ai-provider mlflow-tracking-uri mlflow-experiment "
                       "mlflow-run-name mlflow-tag mlflow-parent-run-id mlflow-artifact-glob wandb-project wandb-entity "
                       "wandb-run-name wandb-tag =plot-required"},
    foreign_load_flags{true, "answers are timed, not graded",
                       "accuracy-benchmark accuracy-tasks accuracy-n-shots =accuracy-enable-cot =accuracy-no-enable-cot "
                       "accuracy-grader accuracy-system-prompt =accuracy-verbose"},
    foreign_load_flags{
        true, "searches are `sextant profile` and `sextant profile-endpoint`",
        "search-space search-metric search-stat search-direction search-max-iterations search-initial-points "
        "search-random-seed search-planner optuna-sampler optuna-acquisition optuna-terminator "
        "search-percentile-pooling bo-constraint-mode search-sla search-sla-tier search-recipe ttft-sla-ms "
        "isl-osl-pairs itl-sla-ms tpot-sla-ms e2e-sla-ms error-rate-sla slo-attainment-fraction search-style "
        "degradation-threshold degradation-metric-tag degradation-stat isl-min isl-max isl-steps concurrency-min "
        "concurrency-max concurrency-steps osl-min osl-max osl-steps variant sweep-variant"},
    foreign_load_flags{true, "runs end by their plan, not by convergence",
                       "convergence-metric convergence-stat convergence-threshold convergence-mode"},
    foreign_load_flags{true, "data sets are not fetched: save the file and give --input-file",
                       "public-dataset hf-subset hf-weka-dataset dataset-filter"},
    foreign_load_flags{
        true, "agent traces are not replayed",
        "=use-think-time-only trace-session-sample-ratio =open-loop-replay =no-open-loop-replay =open-loop-strict "
        "=omit-kv-hints =force-min-tokens =no-force-min-tokens trajectory-start-min-ratio "
        "trajectory-start-max-ratio =burst-phase-starts trace-idle-gap-cap-seconds system-idle-gap-cap-seconds "
        "scenario =unsafe-override agentic-cache-warmup-duration agentic-warmup-grace-period"},
    foreign_load_flags{true, "the server is not told to do anything but answer",
                       "=reset-kv-cache reset-kv-cache-timeout-seconds reset-kv-cache-path =server-profiler "
                       "server-profiler-timeout-seconds server-profiler-start-path server-profiler-stop-path"},
    foreign_load_flags{true, "HTTP/1.1 is the only transport", "transport transport-type"},
    foreign_load_flags{true, "the export does not exist here",
                       "=export-outputs-json =per-chunk-usage =network-latency-automatic network-latency-mean "
                       "network-latency-ping-interval"},
    foreign_load_flags{true, "there is no HTTP service in this command", "api-port api-host"},
    foreign_load_flags{true, "the prefill limit of the warm-up is not ramped", "warmup-prefill-concurrency-ramp-duration"},
};

std::string plain(std::string_view name) {
  std::string out{name};
  for (auto& c : out)
    if (c == '_')
      c = '-';
  return out;
}

std::string_view without_mark(std::string_view name) {
  return name.starts_with("=") ? name.substr(1) : name;
}

/// Breaks a text into lines of at most `width`, all but the first behind an indent.
std::string wrapped(std::string_view text, size_t indent, size_t width) {
  std::string out;
  size_t column = indent;
  for (const auto& word : words(text)) {
    if (column > indent && column + 1 + word.size() > width) {
      out += '\n' + std::string(indent, ' ');
      column = indent;
    } else if (column > indent) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
  }
  return out;
}

std::string help_line(const load_option_row& row) {
  std::string head = "  --" + std::string{row.name};
  for (const auto& alias : words(row.aliases))
    head += (alias.size() == 1 ? ", -" : ", --") + alias;
  std::string text{row.help};
  if (row.kind == load_kind::choice)
    text += "; " + accepted_text(row);
  if (!row.unit.empty())
    text += " (" + std::string{row.unit} + ")";
  if (row.kind == load_kind::integers || row.kind == load_kind::numbers)
    text += "; several with commas: one run each";
  if (!row.value.empty() && row.value != "false")
    text += " [" + std::string{row.value} + "]";
  return wrapped(head, 6, 110).insert(0, "  ") + "\n      " + wrapped(text, 6, 110) + "\n";
}

} // namespace

std::span<const foreign_load_flags> foreign_load_options() {
  return foreign;
}

const load_option_row* find_load_option(std::string_view name) {
  const auto wanted = plain(name);
  for (const auto& group : load_option_groups())
    for (const auto& row : group.rows) {
      if (row.name == wanted)
        return &row;
      for (const auto& alias : words(row.aliases))
        if (alias == wanted)
          return &row;
    }
  return nullptr;
}

const foreign_load_flags* find_foreign_load_option(std::string_view name, bool& takes_value) {
  const auto wanted = plain(name);
  for (const auto& group : foreign)
    for (const auto& candidate : words(group.names))
      if (without_mark(candidate) == wanted) {
        takes_value = !candidate.starts_with("=");
        return &group;
      }
  return nullptr;
}

std::vector<std::string> load_option_names() {
  std::vector<std::string> out;
  for (const auto& group : load_option_groups())
    for (const auto& row : group.rows) {
      out.emplace_back(row.name);
      for (const auto& alias : words(row.aliases))
        out.push_back(alias);
    }
  for (const auto& group : foreign)
    for (const auto& name : words(group.names))
      out.emplace_back(without_mark(name));
  return out;
}

std::string accepted_text(const load_option_row& row) {
  switch (row.kind) {
    case load_kind::text:
      return "a text";
    case load_kind::file:
      return "a path";
    case load_kind::boolean:
      return "true or false";
    case load_kind::choice: {
      std::string out;
      for (const auto& choice : words(row.choices))
        out += (out.empty() ? "" : ", ") + choice;
      return "one of " + out;
    }
    default:
      break;
  }
  const bool whole = row.kind == load_kind::integer || row.kind == load_kind::integers;
  std::string out = whole ? "an integer" : "a number";
  out += row.range.open ? " > " + number_text(row.range.low) : " >= " + number_text(row.range.low);
  if (row.range.high < 1e9)
    out += " and <= " + number_text(row.range.high);
  if (row.kind == load_kind::integers || row.kind == load_kind::numbers)
    out += ", or several with commas";
  return row.unit.empty() ? out : out + " (" + std::string{row.unit} + ")";
}

std::string load_help_text() {
  std::string out = "usage: sextant load --model NAME --url URL [flags]\n\n"
                    "Measures an endpoint under load. Takes AIPerf's flags and writes AIPerf's files.\n";
  for (const auto& group : load_option_groups()) {
    out += "\n" + std::string{group.title} + "\n";
    for (const auto& row : group.rows)
      out += help_line(row);
  }
  out += "\nFlags of AIPerf that are taken but change nothing\n";
  for (const bool refused : {false, true}) {
    if (refused)
      out += "\nFlags of AIPerf that are refused\n";
    for (const auto& group : foreign)
      if (group.refused == refused) {
        std::string names;
        for (const auto& name : words(group.names))
          names += (names.empty() ? "--" : " --") + std::string{without_mark(name)};
        out += "  " + wrapped(names, 2, 110) + "\n      " + wrapped(group.reason, 6, 110) + "\n";
      }
  }
  return out;
}

} // namespace sextant
