// load_options.hpp: What a person asked `sextant load` for: flags taken apart, lists spread over runs, values with their
// types, and every conflict at once. Pure: files are read by the caller.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "messages/request.hpp"

namespace sextant {

/// Values of one flag as they were given.
struct load_value {
  std::vector<std::string> texts;
  document_error place; ///< source, line, column, path; the rest is empty
};

/// Flags by canonical name, only what was given.
struct load_arguments {
  bool help = false;
  std::map<std::string, load_value> given;
  std::vector<std::string> remarks; ///< flags that were taken and change nothing
  std::vector<document_error> errors;

  bool has(std::string_view name) const { return given.count(std::string{name}) != 0; }
  /// Last value as given, else the default of the table; empty if there is neither.
  std::string text(std::string_view name) const;
  /// Every value as given, else the default.
  std::vector<std::string> texts(std::string_view name) const;
};

/// Takes the words after `load` apart; a leading `profile` is tolerated, as AIPerf's command line has it.
load_arguments parse_load_arguments(const std::vector<std::string>& words);

/// Adds what a `--config` file says; flags win over it. The file is a mapping of flags (any of `request-rate`,
/// `request_rate`, `requestRate`) or an AIPerf configuration with `benchmark:`.
void merge_load_config(load_arguments& arguments, std::string_view text, const std::string& source);

/// One run of a sweep.
struct load_variation {
  std::string label; ///< folder of its own, e.g. `concurrency_4`; empty without a sweep
  std::vector<std::pair<std::string, std::string>> values; ///< flag and value of what varies
  load_arguments arguments;                                ///< with one value for each flag
};

/// The runs that lists of values ask for: every combination, or side by side with `--sweep-type zip`. Later flags of the
/// table vary fastest. Lengths that do not match are an error.
std::vector<load_variation> spread_sweep(const load_arguments& arguments, std::vector<document_error>& errors);

enum class load_endpoint : uint8_t { chat, completions, embeddings, raw };
enum class server_dialect : uint8_t { automatic, openai, vllm, sglang, trtllm, dynamo };
enum class prompt_format : uint8_t { automatic, text, ids };
enum class calibrate_when : uint8_t { automatic, on, off };
enum class reuse_strategy : uint8_t { pooled, never, sticky };
enum class arrival_pattern : uint8_t { constant, poisson, gamma, burst };
enum class sampling_strategy : uint8_t { sequential, random, shuffle };
enum class dataset_format : uint8_t {
  automatic,
  single_turn,
  multi_turn,
  random_pool,
  mooncake,
  bailian,
  burst_gpt,
  csv,
  sharegpt,
  raw_payload,
  inputs_json
};
enum class cache_bust : uint8_t { none, system_prefix, system_suffix, first_turn_prefix, first_turn_suffix };
enum class export_level : uint8_t { summary, records, raw };

/// A length: normal around a mean, at least 1.
struct length_law {
  double mean = 0; ///< tokens; 0: none asked for
  double stddev = 0;
};

/// One part of a mixture of lengths.
struct length_part {
  length_law isl;
  length_law osl;
  double percent = 100;
};

/// A point of a rate that changes.
struct rate_point {
  double time_s = 0;
  double rate = 0; ///< requests/s
};

/// How one phase is driven.
struct phase_options {
  int concurrency = 0;         ///< 0: no limit
  int prefill_concurrency = 0; ///< 0: no limit
  double rate = 0;             ///< requests/s; 0: closed loop
  arrival_pattern pattern = arrival_pattern::poisson;
  double smoothness = 1; ///< gamma's shape
  int64_t requests = 0;  ///< 0: by sessions or time
  int64_t sessions = 0;  ///< 0: by requests or time
  double duration_s = 0; ///< 0: no limit
  double grace_s = 0;    ///< < 0: until all answers are there
  double concurrency_ramp_s = 0;
  double prefill_ramp_s = 0;
  double rate_ramp_s = 0;
};

/// Everything about one run, with types and defaults.
struct load_options {
  // endpoint
  std::vector<std::string> models;
  bool random_models = false;
  std::vector<std::string> urls;
  load_endpoint endpoint = load_endpoint::chat;
  std::string custom_path;
  bool streaming = false;
  double request_timeout_s = 21600;
  double stall_timeout_s = 0; ///< 0: no limit
  std::string api_key_file;
  std::string api_key; ///< secret: never written anywhere
  std::vector<std::pair<std::string, std::string>> headers;
  std::string session_header;
  bool legacy_max_tokens = false;
  reuse_strategy reuse = reuse_strategy::pooled;
  double wait_for_model_s = 0;
  std::string wait_for_model_mode;
  double wait_for_model_interval_s = 5;
  std::vector<std::string> extra_inputs; ///< each a JSON object
  server_dialect dialect = server_dialect::automatic;
  bool exact_osl = false;
  std::string ca_file;
  // input
  std::string input_file;
  dataset_format format = dataset_format::automatic;
  std::optional<sampling_strategy> sampling;
  std::optional<uint64_t> seed;
  int entries = 100;
  bool entries_given = false;
  prompt_format prompts = prompt_format::automatic;
  calibrate_when calibrate = calibrate_when::automatic;
  int batch = 1;
  std::string system_prompt;
  std::string system_prompt_file;
  int prefix_prompts = 0;
  int prefix_length = 0;
  double prefix_hit_ratio = 1;
  int shared_system_length = 0;
  int user_context_length = 0;
  cache_bust bust = cache_bust::none;
  std::string tools_file;
  // lengths
  std::vector<length_part> lengths; ///< at least one
  double range_ratio = 0;           ///< > 0: uniform within that share of the mean
  int block_size = 0;               ///< 0: of the format
  int max_context = 0;
  // sessions
  double turns_mean = 1, turns_stddev = 0;
  double turn_delay_mean_ms = 0, turn_delay_stddev_ms = 0;
  double delay_ratio = 1;
  double delay_cap_s = -1; ///< < 0: none
  bool ignore_delays = false;
  // load
  phase_options profiling;
  phase_options warmup;
  bool has_warmup = false;
  std::string rate_series_file;
  double user_rate = 0; ///< > 0: user-centric
  int users = 0;
  bool fixed_schedule = false, no_fixed_schedule = false;
  bool auto_offset = false;
  int64_t start_offset_ms = -1, end_offset_ms = -1; ///< < 0: none
  double speedup = 1;
  double idle_gap_cap_s = -1; ///< < 0: none
  double prefix_len_factor = 1, prompt_len_factor = 1, output_len_factor = 1;
  int prefix_roots = 1;
  int synthesis_max_isl = 0, synthesis_max_osl = 0;
  double cancel_percent = 0;
  double cancel_delay_s = 0;
  double failed_threshold = -1; ///< < 0: none
  std::string plan_file, export_plan_file;
  bool dry_run = false;
  // results
  std::string artifact_dir;
  bool artifact_dir_given = false;
  std::string export_prefix;
  export_level level = export_level::records;
  double slice_s = 0;
  std::vector<std::pair<std::string, double>> goodput; ///< metric tag, limit in its display unit
  std::string metric_profile;
  std::string ui;
  bool http_trace = false;
  bool show_trace_timing = false;
  bool strict = false;
  bool verbose = false;
  // runs
  int runs = 1;
  double run_cooldown_s = 0;
  double confidence = 0.95;
  bool warmup_once = true;
  bool vary_seed = false;
  bool independent_sweep = false;
  double sweep_cooldown_s = 0;
  bool sweep_same_seed = false;
  int threads = 0; ///< 0: by load and cores
  int processes = 1;
  int part = 0;          ///< this run's part of the plan, 0-based
  int parts = 1;         ///< of the whole plan, on any number of hosts
  double start_at_s = 0; ///< Unix time before which the measured phase does not begin; 0: at once
};

/// Types, ranges and conflicts of one run's flags; every error at once.
load_options read_load_options(const load_arguments& arguments, std::vector<document_error>& errors);

/// Name of the folder below `artifacts` for a run whose folder was not chosen: `MODEL-openai-ENDPOINT-STIMULUS`. `fixed`:
/// the data set has timestamps that are kept.
std::string load_folder_name(const load_options& options, bool fixed);

/// `{"points": [{"time_s":, "qps":}, ...]}` or only the list: at least two points, times rising, rates above 0.
std::vector<rate_point> read_rate_series(std::string_view text, const std::string& source,
                                         std::vector<document_error>& errors);

/// The flags as one line that could be typed again; secrets as `***`.
std::string load_command_text(const std::vector<std::string>& words);

} // namespace sextant
