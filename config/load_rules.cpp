// load_rules.cpp: Values of `sextant load` that cannot stand together, and defaults that depend on others.
#include <algorithm>

#include <nlohmann/json.hpp>

#include "config/load_reader.hpp"
#include "config/option_values.hpp"

namespace sextant {

namespace {

/// `name` given without what makes it mean something.
void needs(load_reader& in, std::string_view name, bool condition, const std::string& what) {
  if (in.has(name) && !condition)
    in.refuse(name, "--" + std::string{name} + " alone", what);
}

void exclusive(load_reader& in, std::string_view name, std::string_view other) {
  if (in.has(name) && in.has(other))
    in.refuse(name, "together with --" + std::string{other}, "only one of the two");
}

void check_load(load_reader& in, load_options& out) {
  auto& load = out.profiling;
  exclusive(in, "request-count", "benchmark-duration");
  exclusive(in, "request-count", "num-sessions");
  exclusive(in, "request-rate", "user-centric-rate");
  exclusive(in, "request-rate", "request-rate-series");
  exclusive(in, "request-rate-series", "user-centric-rate");
  exclusive(in, "fixed-schedule", "no-fixed-schedule");
  exclusive(in, "system-prompt", "system-prompt-file");
  exclusive(in, "api-key", "api-key-file");
  exclusive(in, "seq-dist", "random-range-ratio");
  needs(in, "benchmark-grace-period", load.duration_s > 0, "with --benchmark-duration");
  const bool rated = load.rate > 0 || out.user_rate > 0 || !out.rate_series_file.empty();
  needs(in, "arrival-smoothness", load.pattern == arrival_pattern::gamma, "with --arrival-pattern gamma");
  needs(in, "request-rate-ramp-duration", rated, "with --request-rate or --request-rate-series");
  needs(in, "request-cancellation-delay", in.has("request-cancellation-rate"), "with --request-cancellation-rate");
  for (const auto* offset : {"fixed-schedule-auto-offset", "fixed-schedule-start-offset", "fixed-schedule-end-offset"})
    needs(in, offset, out.fixed_schedule || !out.input_file.empty(), "with --fixed-schedule and an --input-file");
  needs(in, "fixed-schedule", !out.input_file.empty(), "with an --input-file that has timestamps");
  if (out.start_offset_ms >= 0 && out.end_offset_ms >= 0 && out.end_offset_ms < out.start_offset_ms)
    in.refuse("fixed-schedule-end-offset", "before the start offset", "a later time than --fixed-schedule-start-offset");
  if (out.auto_offset && out.start_offset_ms >= 0)
    exclusive(in, "fixed-schedule-auto-offset", "fixed-schedule-start-offset");
  needs(in, "prefill-concurrency", out.streaming, "with --streaming: the first token is not seen without it");
  needs(in, "prefill-concurrency-ramp-duration", load.prefill_concurrency > 0, "with --prefill-concurrency");
  needs(in, "concurrency-ramp-duration", load.concurrency > 0, "with --concurrency");
  needs(in, "num-users", out.user_rate > 0, "with --user-centric-rate");
  if (out.user_rate > 0 && out.users < 1)
    in.refuse("user-centric-rate", "no number of users", "with --num-users");
  if (out.user_rate > 0 && out.turns_mean < 2 && out.input_file.empty())
    in.refuse("user-centric-rate", "one turn a session", "with --session-turns-mean >= 2; else use --request-rate");
  needs(in, "dataset-sampling-strategy", !out.input_file.empty(), "with --input-file");
  needs(in, "custom-dataset-type", !out.input_file.empty(), "with --input-file");
}

void check_warmup(load_reader& in, const load_options& out) {
  for (const auto* name :
       {"warmup-concurrency", "warmup-prefill-concurrency", "warmup-request-rate", "warmup-arrival-pattern",
        "warmup-concurrency-ramp-duration", "warmup-request-rate-ramp-duration", "warmup-grace-period"})
    needs(in, name, out.has_warmup, "with --warmup-request-count, --num-warmup-sessions or --warmup-duration");
  exclusive(in, "warmup-request-count", "num-warmup-sessions");
  if (out.has_warmup)
    needs(in, "warmup-grace-period", out.warmup.duration_s > 0, "with --warmup-duration");
}

void check_body(load_reader& in, const load_options& out) {
  if (out.endpoint == load_endpoint::embeddings && out.streaming)
    in.refuse("streaming", "with embeddings", "an endpoint type that streams");
  if (out.endpoint == load_endpoint::chat && out.prompts == prompt_format::ids)
    in.refuse("prompt-format", "token ids for chat", "--endpoint-type completions, or --prompt-format text");
  if (out.endpoint == load_endpoint::raw && out.input_file.empty())
    in.refuse("endpoint-type", "raw without bodies", "an --input-file of them");
  if (out.exact_osl && out.lengths[0].osl.mean <= 0 && out.input_file.empty())
    in.refuse("exact-osl", "no output length", "with --osl");
  if (!out.tools_file.empty() && out.endpoint != load_endpoint::chat)
    in.refuse("tools-file", "tools outside of chat", "--endpoint-type chat");
  if (out.batch > 1 && out.endpoint != load_endpoint::embeddings)
    in.refuse("prompt-batch-size", std::to_string(out.batch), "1, or --endpoint-type embeddings");
  if ((out.prefix_prompts > 0) != (out.prefix_length > 0))
    in.refuse(out.prefix_prompts > 0 ? "num-prefix-prompts" : "prefix-prompt-length", "half a description of prefixes",
              "both --num-prefix-prompts and --prefix-prompt-length");
  for (const auto& url : out.urls)
    if (!url.starts_with("http://") && !url.starts_with("https://"))
      in.refuse("url", "\"" + shown(url) + "\"", "an http:// or https:// address");
}

} // namespace

void check_load_rules(load_reader& in, load_options& out) {
  check_load(in, out);
  check_warmup(in, out);
  check_body(in, out);
  auto& load = out.profiling;
  const bool rated = load.rate > 0 || out.user_rate > 0 || !out.rate_series_file.empty() || out.fixed_schedule;
  if (load.pattern == arrival_pattern::burst)
    load.rate = 0; // as fast as slots are free
  if (load.concurrency == 0 && !rated && load.rate == 0)
    load.concurrency = 1;
  // With neither a count nor sessions nor a time, AIPerf sends max(10, 2 x concurrency).
  if (load.requests == 0 && load.sessions == 0 && load.duration_s == 0 && out.input_file.empty() && out.plan_file.empty())
    load.requests = std::max(10, 2 * load.concurrency);
  if (out.warmup.concurrency == 0 && out.warmup.rate == 0)
    out.warmup.concurrency = std::max(1, load.concurrency);
}

std::vector<rate_point> read_rate_series(std::string_view text, const std::string& source,
                                         std::vector<document_error>& errors) {
  const auto refuse = [&](std::string path, std::string found, std::string accepted) {
    errors.push_back({source, 0, 0, std::move(path), std::move(found), std::move(accepted), ""});
  };
  const auto document = nlohmann::json::parse(text, nullptr, false);
  const auto points =
      document.is_object() && document.size() == 1 && document.contains("points") ? document["points"] : document;
  std::vector<rate_point> out;
  if (!points.is_array() || points.size() < 2) {
    refuse("", document.is_discarded() ? "no JSON" : "no list of points",
           "{\"points\": [...]} or a list, with at least 2 points");
    return out;
  }
  for (size_t i = 0; i < points.size(); ++i) {
    const auto& point = points[i];
    const auto path = "points[" + std::to_string(i) + "]";
    const auto number = [&](const char* key) {
      return point.is_object() && point.contains(key) && point[key].is_number() ? point[key].get<double>() : -1.0;
    };
    const rate_point next{number("time_s"), number("qps")};
    if (!point.is_object() || point.size() != 2 || next.time_s < 0 || next.rate <= 0)
      refuse(path, shown(point.dump()), "{\"time_s\": >= 0, \"qps\": > 0}");
    else if (!out.empty() && next.time_s <= out.back().time_s)
      refuse(path + ".time_s", number_text(next.time_s), "a later time than the point before");
    else
      out.push_back(next);
  }
  return out;
}

} // namespace sextant
