// load_options.cpp: Types and ranges of one run's flags.
#include "config/load_options.hpp"

#include <cmath>

#include "config/load_option_table.hpp"
#include "config/load_reader.hpp"
#include "config/option_values.hpp"

namespace sextant {

namespace {

void read_endpoint(load_reader& in, load_options& out) {
  out.models = in.list("model");
  if (out.models.empty())
    in.refuse("model", "no model", "--model NAME, as the endpoint names it");
  out.random_models = in.choice("model-selection-strategy") == 1;
  out.urls = in.list("url");
  for (auto& url : out.urls)
    if (url.find("://") == std::string::npos)
      url = "http://" + url; // as AIPerf reads `localhost:8000`
  out.endpoint = static_cast<load_endpoint>(in.choice("endpoint-type"));
  out.custom_path = in.text("custom-endpoint");
  if (!out.custom_path.empty() && out.custom_path[0] != '/')
    out.custom_path.insert(0, "/");
  out.streaming = in.flag("streaming");
  out.request_timeout_s = in.number("request-timeout-seconds");
  out.stall_timeout_s = in.number("stall-timeout-seconds");
  out.api_key = in.text("api-key");
  out.api_key_file = in.text("api-key-file");
  out.headers = in.pairs("header", "Name:Value");
  out.session_header = in.text("session-header");
  out.legacy_max_tokens = in.flag("use-legacy-max-tokens");
  out.reuse = static_cast<reuse_strategy>(in.choice("connection-reuse-strategy"));
  out.wait_for_model_s = in.number("wait-for-model-timeout");
  out.wait_for_model_mode = in.chosen("wait-for-model-mode");
  out.wait_for_model_interval_s = in.number("wait-for-model-interval");
  out.extra_inputs = in.json_objects("extra-inputs");
  out.dialect = static_cast<server_dialect>(in.choice("dialect"));
  out.exact_osl = in.flag("exact-osl");
  out.ca_file = in.text("ca-file");
}

void read_input(load_reader& in, load_options& out) {
  out.input_file = in.text("input-file");
  out.format = static_cast<dataset_format>(in.choice("custom-dataset-type") + 1);
  if (const int strategy = in.choice("dataset-sampling-strategy"); strategy >= 0)
    out.sampling = static_cast<sampling_strategy>(strategy);
  if (in.has("random-seed"))
    out.seed = static_cast<uint64_t>(in.number("random-seed"));
  out.entries = in.integer("num-dataset-entries");
  out.entries_given = in.has("num-dataset-entries");
  out.prompts = static_cast<prompt_format>(in.choice("prompt-format"));
  out.calibrate = static_cast<calibrate_when>(in.choice("calibrate"));
  out.batch = in.integer("prompt-batch-size");
  out.system_prompt = in.text("system-prompt");
  out.system_prompt_file = in.text("system-prompt-file");
  out.prefix_prompts = in.integer("num-prefix-prompts");
  out.prefix_length = in.integer("prefix-prompt-length");
  out.prefix_hit_ratio = in.number("prefix-hit-ratio");
  out.shared_system_length = in.integer("shared-system-prompt-length");
  out.user_context_length = in.integer("user-context-prompt-length");
  out.bust = static_cast<cache_bust>(in.choice("cache-bust"));
  out.tools_file = in.text("tools-file");
}

/// `ISL|sd,OSL|sd:percent;...`, also with AIPerf's brackets and parentheses left out.
std::vector<length_part> read_mixture(load_reader& in, const std::string& text) {
  std::vector<length_part> out;
  double sum = 0;
  const auto number = [](const std::string& word) { return parse_number(word).value_or(-1); };
  // A mean of 0 stands for what is no length.
  const auto law = [&](const std::string& word) {
    const auto bar = word.find('|');
    const length_law read{number(word.substr(0, bar)), bar == std::string::npos ? 0 : number(word.substr(bar + 1))};
    return read.mean < 1 || read.stddev < 0 ? length_law{} : read;
  };
  for (const auto& part : split_text(text, ';')) {
    const auto colon = part.rfind(':');
    const auto lengths = split_text(part.substr(0, colon), ',');
    length_part read;
    read.percent = colon == std::string::npos ? 0 : number(part.substr(colon + 1));
    if (lengths.size() == 2) {
      read.isl = law(lengths[0]);
      read.osl = law(lengths[1]);
    }
    if (read.isl.mean < 1 || read.osl.mean < 1 || read.percent <= 0) {
      in.refuse("seq-dist", "\"" + shown(part) + "\"", "ISL|sd,OSL|sd:percent, parts with ';' between them");
      return {};
    }
    sum += read.percent;
    out.push_back(read);
  }
  if (std::fabs(sum - 100) > 1e-6)
    in.refuse("seq-dist", "percentages that sum to " + number_text(sum), "a sum of 100");
  return out;
}

void read_lengths(load_reader& in, load_options& out) {
  length_part one;
  one.isl = {in.number("isl"), in.number("isl-stddev")};
  one.osl = {in.number("osl"), in.number("osl-stddev")};
  out.lengths = {one};
  if (in.has("seq-dist"))
    if (auto parts = read_mixture(in, in.text("seq-dist")); !parts.empty())
      out.lengths = std::move(parts);
  if (in.has("random-range-ratio"))
    out.range_ratio = in.number("random-range-ratio");
  out.block_size = in.integer("isl-block-size");
  out.max_context = in.integer("max-context-length");
}

void read_sessions(load_reader& in, load_options& out) {
  out.turns_mean = in.number("session-turns-mean");
  out.turns_stddev = in.number("session-turns-stddev");
  out.turn_delay_mean_ms = in.number("session-turn-delay-mean");
  out.turn_delay_stddev_ms = in.number("session-turn-delay-stddev");
  out.delay_ratio = in.number("session-delay-ratio");
  out.delay_cap_s = in.number_or("inter-turn-delay-cap-seconds", -1);
  out.ignore_delays = in.flag("ignore-trace-delays");
}

void read_profiling(load_reader& in, load_options& out) {
  auto& phase = out.profiling;
  phase.concurrency = in.integer("concurrency");
  phase.prefill_concurrency = in.integer("prefill-concurrency");
  phase.rate = in.number("request-rate");
  phase.pattern = static_cast<arrival_pattern>(in.choice("arrival-pattern"));
  if (in.has("arrival-smoothness")) {
    phase.smoothness = in.number("arrival-smoothness");
    if (!in.has("arrival-pattern"))
      phase.pattern = arrival_pattern::gamma;
  }
  phase.requests = in.integer("request-count");
  phase.sessions = in.integer("num-sessions");
  phase.duration_s = in.number("benchmark-duration");
  phase.grace_s = phase.duration_s > 0 ? in.number("benchmark-grace-period") : -1;
  phase.concurrency_ramp_s = in.number("concurrency-ramp-duration");
  phase.prefill_ramp_s = in.number("prefill-concurrency-ramp-duration");
  phase.rate_ramp_s = in.number("request-rate-ramp-duration");
}

void read_warmup(load_reader& in, load_options& out) {
  auto& phase = out.warmup;
  phase = out.profiling;
  phase.requests = in.integer("warmup-request-count");
  phase.sessions = in.integer("num-warmup-sessions");
  phase.duration_s = in.number("warmup-duration");
  phase.grace_s = in.number_or("warmup-grace-period", -1);
  phase.concurrency = in.has("warmup-concurrency") ? in.integer("warmup-concurrency") : phase.concurrency;
  if (in.has("warmup-prefill-concurrency"))
    phase.prefill_concurrency = in.integer("warmup-prefill-concurrency");
  phase.rate = in.has("warmup-request-rate") ? in.number("warmup-request-rate") : phase.rate;
  if (const int pattern = in.choice("warmup-arrival-pattern"); pattern >= 0)
    phase.pattern = static_cast<arrival_pattern>(pattern);
  phase.concurrency_ramp_s = in.number("warmup-concurrency-ramp-duration");
  phase.rate_ramp_s = in.number("warmup-request-rate-ramp-duration");
  phase.prefill_ramp_s = 0;
  out.has_warmup = phase.requests > 0 || phase.sessions > 0 || phase.duration_s > 0;
}

void read_schedule(load_reader& in, load_options& out) {
  out.rate_series_file = in.text("request-rate-series");
  out.user_rate = in.number("user-centric-rate");
  out.users = in.integer("num-users");
  out.fixed_schedule = in.flag("fixed-schedule");
  out.no_fixed_schedule = in.flag("no-fixed-schedule");
  out.auto_offset = in.flag("fixed-schedule-auto-offset");
  out.start_offset_ms = static_cast<int64_t>(in.number_or("fixed-schedule-start-offset", -1));
  out.end_offset_ms = static_cast<int64_t>(in.number_or("fixed-schedule-end-offset", -1));
  out.speedup = in.number("replay-speedup");
  out.idle_gap_cap_s = in.number_or("max-idle-gap-cap-seconds", -1);
  out.prefix_len_factor = in.number("synthesis-prefix-len-multiplier");
  out.prefix_roots = in.integer("synthesis-prefix-root-multiplier");
  out.prompt_len_factor = in.number("synthesis-prompt-len-multiplier");
  out.output_len_factor = in.number("synthesis-output-len-multiplier");
  out.synthesis_max_isl = in.integer("synthesis-max-isl");
  out.synthesis_max_osl = in.integer("synthesis-max-osl");
  out.cancel_percent = in.number("request-cancellation-rate");
  out.cancel_delay_s = in.number("request-cancellation-delay");
  out.failed_threshold = in.number_or("failed-request-threshold", -1);
  out.plan_file = in.text("plan");
  out.export_plan_file = in.text("export-plan");
  out.dry_run = in.flag("dry-run");
}

void read_results(load_reader& in, load_options& out) {
  out.artifact_dir = in.text("artifact-dir");
  out.artifact_dir_given = in.has("artifact-dir");
  out.export_prefix = in.text("profile-export-prefix");
  out.level = static_cast<export_level>(in.choice("export-level"));
  out.slice_s = in.number("slice-duration");
  for (const auto& [metric, limit] : in.pairs("goodput", "metric:limit")) {
    const auto number = parse_number(limit);
    if (!number || *number <= 0)
      in.refuse("goodput", "\"" + shown(metric + ":" + limit) + "\"", "metric:limit with a number > 0");
    else
      out.goodput.emplace_back(metric, *number);
  }
  out.metric_profile = in.chosen("metric-profile");
  out.ui = in.chosen("ui");
  out.http_trace = in.flag("export-http-trace");
  out.show_trace_timing = in.flag("show-trace-timing");
  out.strict = in.flag("strict");
  out.verbose = in.flag("verbose");
}

/// `2/4`: the second of four parts.
void read_part(load_reader& in, load_options& out) {
  const auto text = in.text("part");
  if (text.empty())
    return;
  const auto slash = text.find('/');
  const auto part = parse_number(text.substr(0, slash));
  const auto parts = slash == std::string::npos ? std::nullopt : parse_number(text.substr(slash + 1));
  const auto whole = [](double x) { return x >= 1 && x <= 1024 && x == std::floor(x); };
  if (!part || !parts || !whole(*part) || !whole(*parts) || *part > *parts)
    return in.refuse("part", "\"" + shown(text) + "\"", "I/N, as 2/4: the second of four parts; N up to 1024");
  out.part = static_cast<int>(*part) - 1;
  out.parts = static_cast<int>(*parts);
  if (out.parts > 1 && !out.seed)
    in.refuse("part", "no --random-seed", "the same --random-seed for every part: it is what makes them parts of one plan");
}

void read_runs(load_reader& in, load_options& out) {
  in.chosen("sweep-type"); // used before, by the caller
  out.runs = in.integer("num-profile-runs");
  out.run_cooldown_s = in.number("profile-run-cooldown-seconds");
  out.confidence = in.number("confidence-level");
  out.warmup_once = in.flag("profile-run-disable-warmup-after-first");
  out.vary_seed = in.flag("vary-seed-per-trial");
  if (out.runs > 1 && !out.seed && in.flag("set-consistent-seed"))
    out.seed = 42;
  out.independent_sweep = in.chosen("parameter-sweep-mode") == "independent";
  out.sweep_cooldown_s = in.number("parameter-sweep-cooldown-seconds");
  out.sweep_same_seed = in.flag("parameter-sweep-same-seed");
  out.threads = in.integer("workers-max");
  out.processes = in.integer("processes");
  out.start_at_s = in.number("start-at");
  read_part(in, out);
}

} // namespace

load_options read_load_options(const load_arguments& arguments, std::vector<document_error>& errors) {
  load_options out;
  load_reader in{arguments, errors};
  read_endpoint(in, out);
  read_input(in, out);
  read_lengths(in, out);
  read_sessions(in, out);
  read_profiling(in, out);
  read_warmup(in, out);
  read_schedule(in, out);
  read_results(in, out);
  read_runs(in, out);
  check_load_rules(in, out);
  return out;
}

std::string load_folder_name(const load_options& options, bool fixed) {
  std::string model = options.models.empty() ? "" : options.models[0];
  for (auto& c : model)
    if (c == '/')
      c = '_';
  if (options.models.size() > 1)
    model += "_multi";
  static constexpr std::string_view endpoints[] = {"chat", "completions", "embeddings", "raw"};
  const auto python = [](double value) {
    const auto text = number_text(value);
    return text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
  };
  const auto& load = options.profiling;
  std::string stimulus;
  if (fixed)
    stimulus = "fixed_schedule";
  else if (options.user_rate > 0)
    stimulus = "user_centric-users" + std::to_string(options.users) + "-qps" + python(options.user_rate);
  else {
    if (load.concurrency > 0)
      stimulus = "concurrency" + std::to_string(load.concurrency);
    if (load.rate > 0)
      stimulus += (stimulus.empty() ? "" : "-") + std::string{"request_rate"} + python(load.rate);
  }
  return model + "-openai-" + std::string{endpoints[static_cast<int>(options.endpoint)]}
         + (stimulus.empty() ? "" : "-" + stimulus);
}

} // namespace sextant
