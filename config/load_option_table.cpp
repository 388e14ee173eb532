// load_option_table.cpp: The rows. A new flag starts here and is at once parsed, checked and explained.
#include "config/load_option_table.hpp"

#include <array>

namespace sextant {

namespace {

using enum load_kind;
constexpr option_range positive{0, 1e12, true};
constexpr option_range not_negative{0, 1e12};
constexpr option_range counted{1, 1e9};
constexpr option_range from_zero{0, 1e9};
constexpr std::string_view arrivals = "constant poisson gamma concurrency_burst";

// Rows are aligned by hand: one field a line would hide the table.
// clang-format off
constexpr std::array endpoint_rows{
  load_option_row{.name = "model", .aliases = "model-names m", .many = true, .help = "model as the endpoint names it; several take turns"},
  load_option_row{.name = "model-selection-strategy", .kind = choice, .value = "round_robin", .choices = "round_robin random", .help = "how requests choose among several models"},
  load_option_row{.name = "url", .aliases = "u", .value = "http://localhost:8000", .many = true, .help = "endpoint; several are used in turn"},
  load_option_row{.name = "url-strategy", .kind = choice, .value = "round_robin", .choices = "round_robin", .help = "how requests choose among several endpoints"},
  load_option_row{.name = "endpoint-type", .kind = choice, .value = "chat", .choices = "chat completions embeddings raw", .help = "API spoken; raw: bodies as they stand in the input file"},
  load_option_row{.name = "custom-endpoint", .aliases = "endpoint", .help = "path instead of the type's, as /v1/chat/completions"},
  load_option_row{.name = "streaming", .kind = boolean, .value = "false", .help = "answers as server-sent events; needed for TTFT and ITL"},
  load_option_row{.name = "request-timeout-seconds", .kind = number, .value = "21600", .unit = "s", .range = positive, .help = "a whole request"},
  load_option_row{.name = "stall-timeout-seconds", .kind = number, .value = "0", .unit = "s", .range = not_negative, .help = "silence in the middle of an answer; 0: no limit but that of the whole request"},
  load_option_row{.name = "api-key", .help = "bearer token; better in --api-key-file or SEXTANT_API_KEY, where no process list shows it"},
  load_option_row{.name = "api-key-file", .kind = file, .help = "file whose first line is the bearer token"},
  load_option_row{.name = "header", .aliases = "H", .many = true, .help = "Name:Value, sent with every request"},
  load_option_row{.name = "session-header", .value = "X-Correlation-ID", .help = "header that carries the session's id"},
  load_option_row{.name = "use-legacy-max-tokens", .kind = boolean, .value = "false", .help = "chat: max_tokens instead of max_completion_tokens"},
  load_option_row{.name = "use-server-token-count", .kind = boolean, .value = "true", .help = "token counts by the endpoint's `usage`; always so, there is no tokenizer here"},
  load_option_row{.name = "connection-reuse-strategy", .kind = choice, .value = "pooled", .choices = "pooled never sticky-user-sessions", .help = "which requests share connections"},
  load_option_row{.name = "wait-for-model-timeout", .kind = number, .value = "0", .unit = "s", .range = not_negative, .help = "wait that long for the endpoint to be ready"},
  load_option_row{.name = "wait-for-model-mode", .kind = choice, .value = "inference", .choices = "models inference both", .help = "ready: lists the model, answers a request, or both"},
  load_option_row{.name = "wait-for-model-interval", .kind = number, .value = "5", .unit = "s", .range = positive, .help = "between two looks"},
  load_option_row{.name = "extra-inputs", .many = true, .help = "key:value or a JSON object, merged into every body"},
  load_option_row{.name = "dialect", .kind = choice, .value = "auto", .choices = "auto openai vllm sglang trtllm dynamo", .help = "server, for what --exact-osl and token ids look like in a body"},
  load_option_row{.name = "exact-osl", .kind = boolean, .value = "false", .help = "make the server write exactly OSL tokens: ignore_eos and min_tokens in its dialect"},
  load_option_row{.name = "ca-file", .kind = file, .help = "PEM file of certificates that https trusts besides the system's"},
};
constexpr std::array input_rows{
  load_option_row{.name = "input-file", .kind = file, .help = "data set or trace: JSONL, ShareGPT JSON, CSV with timestamp,input,output"},
  load_option_row{.name = "custom-dataset-type", .kind = choice, .choices = "single_turn multi_turn random_pool mooncake_trace bailian_trace burst_gpt_trace csv_trace sharegpt raw_payload inputs_json", .help = "format of the input file; else seen from its first line"},
  load_option_row{.name = "dataset-sampling-strategy", .kind = choice, .choices = "sequential random shuffle", .help = "order of rows; random_pool: random, else sequential"},
  load_option_row{.name = "random-seed", .kind = integer, .range = {0, 9.007199254740992e15}, .help = "of prompts, lengths, arrivals and cancellations; 0 is a seed; default: from the system"},
  load_option_row{.name = "num-dataset-entries", .aliases = "num-prompts", .kind = integer, .value = "100", .range = counted, .help = "different synthetic prompts; requests beyond them send them again"},
  load_option_row{.name = "prompt-format", .kind = choice, .value = "auto", .choices = "auto text ids", .help = "synthetic prompts as words or token ids; auto: ids for completions, words else"},
  load_option_row{.name = "calibrate", .kind = choice, .value = "auto", .choices = "auto on off", .help = "ask the endpoint how many tokens words have, with short requests before the run; auto: when prompts are words"},
  load_option_row{.name = "prompt-batch-size", .aliases = "batch-size-text batch-size b", .kind = integer, .value = "1", .range = counted, .help = "texts of one embeddings request"},
  load_option_row{.name = "system-prompt", .help = "text of a system message for every conversation"},
  load_option_row{.name = "system-prompt-file", .kind = file, .help = "file with that text"},
  load_option_row{.name = "num-prefix-prompts", .aliases = "prompt-prefix-pool-size prefix-prompt-pool-size", .kind = integer, .value = "0", .range = from_zero, .help = "pool of prefixes, each request has one of them"},
  load_option_row{.name = "prefix-prompt-length", .aliases = "prompt-prefix-length", .kind = integer, .value = "0", .unit = "tokens", .range = from_zero, .help = "length of each"},
  load_option_row{.name = "prefix-hit-ratio", .kind = number, .value = "1", .range = {0, 1}, .help = "share of requests that have a prefix of the pool; the others have a fresh one of the same length"},
  load_option_row{.name = "shared-system-prompt-length", .kind = integer, .unit = "tokens", .range = counted, .help = "one system message for all sessions"},
  load_option_row{.name = "user-context-prompt-length", .kind = integer, .unit = "tokens", .range = counted, .help = "context of its own at the start of each session"},
  load_option_row{.name = "cache-bust", .kind = choice, .value = "none", .choices = "none system_prefix system_suffix first_turn_prefix first_turn_suffix", .help = "where a marker of its own keeps a session out of the prefix cache"},
  load_option_row{.name = "tools-file", .kind = file, .help = "JSON array of tools for every chat request"},
};
constexpr std::array length_rows{
  load_option_row{.name = "isl", .aliases = "synthetic-input-tokens-mean prompt-input-tokens-mean", .kind = integers, .value = "550", .unit = "tokens", .range = counted, .help = "mean input length"},
  load_option_row{.name = "isl-stddev", .aliases = "synthetic-input-tokens-stddev prompt-input-tokens-stddev", .kind = numbers, .value = "0", .unit = "tokens", .range = not_negative, .help = "its deviation: normal, truncated below 1"},
  load_option_row{.name = "osl", .aliases = "output-tokens-mean prompt-output-tokens-mean", .kind = integers, .unit = "tokens", .range = counted, .help = "mean of the output limit; unset: the model decides"},
  load_option_row{.name = "osl-stddev", .aliases = "output-tokens-stddev prompt-output-tokens-stddev", .kind = numbers, .value = "0", .unit = "tokens", .range = not_negative, .help = "its deviation"},
  load_option_row{.name = "seq-dist", .aliases = "sequence-distribution", .help = "mixture ISL|sd,OSL|sd:percent;... whose percentages sum to 100"},
  load_option_row{.name = "random-range-ratio", .kind = number, .range = {0, 1}, .help = "lengths uniform within (1-r, 1+r) of their means, instead of normal"},
  load_option_row{.name = "isl-block-size", .aliases = "synthetic-input-tokens-block-size prompt-input-tokens-block-size", .kind = integer, .unit = "tokens", .range = counted, .help = "tokens behind one hash id of a trace; default 512, bailian 16"},
  load_option_row{.name = "max-context-length", .kind = integer, .unit = "tokens", .range = counted, .help = "longer rows of a file (ISL + OSL) are left out"},
};
constexpr std::array session_rows{
  load_option_row{.name = "num-sessions", .aliases = "conversation-num num-conversations", .kind = integers, .range = counted, .help = "sessions to run; each all its turns"},
  load_option_row{.name = "session-turns-mean", .aliases = "conversation-turn-mean", .kind = number, .value = "1", .range = {1, 1e6}, .help = "turns of a session"},
  load_option_row{.name = "session-turns-stddev", .aliases = "conversation-turn-stddev", .kind = number, .value = "0", .range = not_negative, .help = "their deviation"},
  load_option_row{.name = "session-turn-delay-mean", .aliases = "conversation-turn-delay-mean", .kind = number, .value = "0", .unit = "ms", .range = not_negative, .help = "pause between an answer and the next turn"},
  load_option_row{.name = "session-turn-delay-stddev", .aliases = "conversation-turn-delay-stddev", .kind = number, .value = "0", .unit = "ms", .range = not_negative, .help = "its deviation"},
  load_option_row{.name = "session-delay-ratio", .aliases = "conversation-turn-delay-ratio", .kind = number, .value = "1", .range = not_negative, .help = "factor of all pauses, also of a file's"},
  load_option_row{.name = "inter-turn-delay-cap-seconds", .kind = number, .unit = "s", .range = not_negative, .help = "longest pause"},
  load_option_row{.name = "ignore-trace-delays", .kind = boolean, .value = "false", .help = "no pauses between the turns of a file"},
};
constexpr std::array load_rows{
  load_option_row{.name = "concurrency", .kind = integers, .range = counted, .help = "requests in flight, at most; 1 without a rate"},
  load_option_row{.name = "prefill-concurrency", .kind = integers, .range = counted, .help = "requests that wait for their first token, at most"},
  load_option_row{.name = "request-rate", .kind = numbers, .unit = "requests/s", .range = positive, .help = "open loop"},
  load_option_row{.name = "arrival-pattern", .aliases = "request-rate-mode", .kind = choice, .value = "poisson", .choices = arrivals, .help = "law of the arrivals"},
  load_option_row{.name = "arrival-smoothness", .aliases = "vllm-burstiness", .kind = number, .range = positive, .help = "gamma: shape; 1 is Poisson, more is smoother"},
  load_option_row{.name = "request-count", .aliases = "num-requests", .kind = integers, .range = counted, .help = "requests to measure; default max(10, 2 x concurrency)"},
  load_option_row{.name = "benchmark-duration", .kind = numbers, .unit = "s", .range = positive, .help = "send for that long instead"},
  load_option_row{.name = "benchmark-grace-period", .kind = number, .value = "30", .unit = "s", .range = not_negative, .help = "how long answers may come after the duration"},
  load_option_row{.name = "concurrency-ramp-duration", .kind = number, .unit = "s", .range = positive, .help = "the limit grows linearly from 1"},
  load_option_row{.name = "prefill-concurrency-ramp-duration", .kind = number, .unit = "s", .range = positive, .help = "the prefill limit grows linearly from 1"},
  load_option_row{.name = "request-rate-ramp-duration", .kind = number, .unit = "s", .range = positive, .help = "the rate grows linearly to its value"},
  load_option_row{.name = "request-rate-series", .kind = file, .help = "JSON {\"points\": [{\"time_s\":, \"qps\":}, ...]}: the rate between points is linear"},
  load_option_row{.name = "user-centric-rate", .kind = number, .unit = "requests/s", .range = positive, .help = "of all users together; each keeps a gap of users / rate between its turns"},
  load_option_row{.name = "num-users", .kind = integers, .range = counted, .help = "users of --user-centric-rate"},
  load_option_row{.name = "fixed-schedule", .kind = boolean, .value = "false", .help = "send at the file's timestamps; so by default where it has some"},
  load_option_row{.name = "no-fixed-schedule", .kind = boolean, .value = "false", .help = "ignore the file's timestamps"},
  load_option_row{.name = "fixed-schedule-auto-offset", .kind = boolean, .value = "false", .help = "the first timestamp is the start"},
  load_option_row{.name = "fixed-schedule-start-offset", .kind = integer, .unit = "ms", .range = from_zero, .help = "skip what is before; it is the start"},
  load_option_row{.name = "fixed-schedule-end-offset", .kind = integer, .unit = "ms", .range = from_zero, .help = "skip what is after"},
  load_option_row{.name = "replay-speedup", .aliases = "synthesis-speedup-ratio", .kind = number, .value = "1", .range = positive, .help = "timestamps and pauses are divided by it"},
  load_option_row{.name = "max-idle-gap-cap-seconds", .kind = number, .unit = "s", .range = positive, .help = "longest gap between timestamps"},
  load_option_row{.name = "synthesis-prefix-len-multiplier", .kind = number, .value = "1", .range = not_negative, .help = "traces: factor of the length of shared prefixes"},
  load_option_row{.name = "synthesis-prefix-root-multiplier", .kind = integer, .value = "1", .range = counted, .help = "traces: number of trees the prefixes are spread over"},
  load_option_row{.name = "synthesis-prompt-len-multiplier", .kind = number, .value = "1", .range = not_negative, .help = "traces: factor of the part of a prompt that is not shared"},
  load_option_row{.name = "synthesis-output-len-multiplier", .kind = number, .value = "1", .range = not_negative, .help = "traces: factor of output lengths"},
  load_option_row{.name = "synthesis-max-isl", .kind = integer, .unit = "tokens", .range = counted, .help = "traces: rows with longer inputs are left out"},
  load_option_row{.name = "synthesis-max-osl", .kind = integer, .unit = "tokens", .range = counted, .help = "traces: longest output"},
  load_option_row{.name = "request-cancellation-rate", .kind = number, .unit = "%", .range = {0, 100, true}, .help = "share of requests that are broken off"},
  load_option_row{.name = "request-cancellation-delay", .kind = number, .value = "0", .unit = "s", .range = not_negative, .help = "that long after they were sent"},
  load_option_row{.name = "failed-request-threshold", .kind = number, .range = {0, 1}, .help = "end the run when a larger share has failed, after max(concurrency, 10) requests"},
  load_option_row{.name = "plan", .kind = file, .help = "send exactly what this file of --export-plan says"},
  load_option_row{.name = "export-plan", .kind = file, .help = "write everything that will be sent, and when, as JSON lines"},
  load_option_row{.name = "dry-run", .kind = boolean, .value = "false", .help = "make the plan, send nothing"},
};
constexpr std::array warmup_rows{
  load_option_row{.name = "warmup-request-count", .aliases = "num-warmup-requests", .kind = integer, .range = counted, .help = "requests before the measured ones"},
  load_option_row{.name = "warmup-duration", .kind = number, .unit = "s", .range = positive, .help = "or as many as fit in this time"},
  load_option_row{.name = "num-warmup-sessions", .kind = integer, .range = counted, .help = "or sessions"},
  load_option_row{.name = "warmup-concurrency", .kind = integer, .range = counted, .help = "default: as measured"},
  load_option_row{.name = "warmup-prefill-concurrency", .kind = integer, .range = counted, .help = "default: as measured"},
  load_option_row{.name = "warmup-request-rate", .kind = number, .unit = "requests/s", .range = positive, .help = "default: as measured"},
  load_option_row{.name = "warmup-arrival-pattern", .kind = choice, .choices = arrivals, .help = "default: as measured"},
  load_option_row{.name = "warmup-grace-period", .kind = number, .unit = "s", .range = not_negative, .help = "how long answers may come after --warmup-duration; default: until all are there"},
  load_option_row{.name = "warmup-concurrency-ramp-duration", .kind = number, .unit = "s", .range = positive, .help = "as --concurrency-ramp-duration"},
  load_option_row{.name = "warmup-request-rate-ramp-duration", .kind = number, .unit = "s", .range = positive, .help = "as --request-rate-ramp-duration"},
};
constexpr std::array result_rows{
  load_option_row{.name = "artifact-dir", .aliases = "output-artifact-dir", .kind = file, .value = "artifacts", .help = "folder of the results; unset: a folder below it named by model, endpoint and load"},
  load_option_row{.name = "profile-export-prefix", .aliases = "profile-export-file", .help = "first part of the files' names"},
  load_option_row{.name = "export-level", .aliases = "profile-export-level", .kind = choice, .value = "records", .choices = "summary records raw", .help = "summary only, one line per request, or all arrivals too"},
  load_option_row{.name = "slice-duration", .kind = number, .unit = "s", .range = positive, .help = "statistics per slice of time too"},
  load_option_row{.name = "goodput", .many = true, .help = "service levels metric:limit, in the metric's display unit"},
  load_option_row{.name = "metric-profile", .kind = choice, .value = "aiperf", .choices = "aiperf vllm genai-perf mlperf", .help = "whose definitions of the metrics"},
  load_option_row{.name = "export-http-trace", .kind = boolean, .value = "false", .help = "phases of each exchange in the records"},
  load_option_row{.name = "show-trace-timing", .kind = boolean, .value = "false", .help = "phases of the exchanges in the summary too"},
  load_option_row{.name = "ui", .aliases = "ui-type", .kind = choice, .choices = "dashboard simple none json", .help = "progress on the error output; default: dashboard on a terminal, a line every 5 s else; json: a line of JSON every second"},
  load_option_row{.name = "strict", .kind = boolean, .value = "false", .help = "exit code 1 also when a validity check fails"},
  load_option_row{.name = "verbose", .aliases = "v", .kind = boolean, .value = "false", .help = "more words on the error output"},
};
constexpr std::array run_rows{
  load_option_row{.name = "num-profile-runs", .kind = integer, .value = "1", .range = {1, 10}, .help = "the same again, with statistics over the runs"},
  load_option_row{.name = "profile-run-cooldown-seconds", .kind = number, .value = "0", .unit = "s", .range = not_negative, .help = "pause between them"},
  load_option_row{.name = "confidence-level", .kind = number, .value = "0.95", .range = {0.5, 0.9999}, .help = "of intervals"},
  load_option_row{.name = "profile-run-disable-warmup-after-first", .kind = boolean, .value = "true", .help = "warm up before the first run only"},
  load_option_row{.name = "set-consistent-seed", .kind = boolean, .value = "true", .help = "several runs without a seed use 42"},
  load_option_row{.name = "vary-seed-per-trial", .kind = boolean, .value = "false", .help = "each run has a seed of its own"},
  load_option_row{.name = "sweep-type", .kind = choice, .value = "grid", .choices = "grid zip", .help = "several lists: every combination, or side by side"},
  load_option_row{.name = "parameter-sweep-mode", .kind = choice, .value = "repeated", .choices = "repeated independent", .help = "all values then again, or all runs of a value together"},
  load_option_row{.name = "parameter-sweep-cooldown-seconds", .kind = number, .value = "0", .unit = "s", .range = not_negative, .help = "pause between values"},
  load_option_row{.name = "parameter-sweep-same-seed", .kind = boolean, .value = "false", .help = "the same seed for every value instead of seed + place"},
  load_option_row{.name = "workers-max", .aliases = "max-workers threads", .kind = integer, .range = {1, 1024}, .help = "sending threads; default: by load and cores"},
  load_option_row{.name = "processes", .kind = integer, .value = "1", .range = {1, 256}, .help = "load processes on this host; each has a part of the plan, they begin together and their records become one run"},
  load_option_row{.name = "part", .help = "I/N: play the I-th of N parts of the plan, the others are played elsewhere with the same flags and seed; --summarise puts them together"},
  load_option_row{.name = "start-at", .kind = number, .unit = "s", .range = not_negative, .help = "Unix time at which the measured phase begins, so that parts on several hosts begin together"},
  load_option_row{.name = "config", .aliases = "f", .kind = file, .help = "YAML with these flags as keys, or an AIPerf configuration; flags override it"},
};
constexpr std::array analysis_rows{
  load_option_row{.name = "goodput-set", .many = true, .help = "one more set of levels 'metric:limit metric:limit', counted by itself"},
  load_option_row{.name = "sla", .many = true, .help = "metric:pQ:limit, as time_to_first_token:p99:300: is it met? By a sequential test"},
  load_option_row{.name = "stop-precision", .kind = number, .range = {0, 1, true}, .help = "end the run when the 95 % intervals of mean TTFT, ITL, latency and throughput are this narrow, as a share"},
  load_option_row{.name = "stop-tail-precision", .kind = number, .range = {0, 1, true}, .help = "the same of their p99; needs 368 requests at least"},
  load_option_row{.name = "stop-on-sla", .kind = boolean, .value = "false", .help = "end the run when every --sla is decided"},
  load_option_row{.name = "server-metrics", .many = true, .help = "metrics pages to read during the run; default: /metrics of each endpoint, if there is one"},
  load_option_row{.name = "no-server-metrics", .kind = boolean, .value = "false", .help = "read none"},
  load_option_row{.name = "server-metrics-interval", .kind = number, .value = "0.333", .unit = "s", .range = {0.01, 60}, .help = "between two looks at a page"},
  load_option_row{.name = "gpu-telemetry", .many = true, .help = "DCGM exporters whose pages are read as often: power, energy, memory and load of each GPU; default: none"},
  load_option_row{.name = "no-gpu-telemetry", .kind = boolean, .value = "false", .help = "read none"},
  load_option_row{.name = "auto-plot", .kind = boolean, .value = "true", .help = "write report.html with its pictures, half a second of gnuplot"},
  load_option_row{.name = "summarise", .kind = file, .many = true, .help = "no run: summarise this record file or run folder again; several are parts of one run"},
  load_option_row{.name = "compare", .kind = file, .many = true, .help = "no run: is B better than A? Each a record file or run folder, or several runs with commas; exit code 1 if B is worse"},
  load_option_row{.name = "compare-margin", .kind = number, .value = "0.02", .range = {0, 1, true}, .help = "relative difference that does not matter"},
  load_option_row{.name = "json", .kind = boolean, .value = "false", .help = "the answer of --compare or --summarise as JSON"},
};
// clang-format on

constexpr std::array groups{
    load_option_group{"Endpoint", endpoint_rows}, load_option_group{"Input", input_rows},
    load_option_group{"Lengths", length_rows},    load_option_group{"Sessions", session_rows},
    load_option_group{"Load", load_rows},         load_option_group{"Warm-up", warmup_rows},
    load_option_group{"Results", result_rows},    load_option_group{"Runs", run_rows},
    load_option_group{"Analysis", analysis_rows},
};

} // namespace

std::span<const load_option_group> load_option_groups() {
  return groups;
}

} // namespace sextant
