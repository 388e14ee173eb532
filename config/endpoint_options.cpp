// endpoint_options.cpp: One table of flags for reading and help.
#include "config/endpoint_options.hpp"

#include <array>

#include "config/flag_words.hpp"

namespace sextant {

namespace {

constexpr option_range counted{1, 1e6};

// clang-format off
constexpr std::array rows{
  option_row{.name = "mode", .type = option_type::choice, .choices = "prefill decode", .help = "which curve: TTFT over prompt length, or ITL over KV usage and context"},
  option_row{.name = "url", .value = "http://localhost:8000", .help = "the endpoint"},
  option_row{.name = "model-name", .aliases = "model", .help = "model as the endpoint names it; default: the first one it lists"},
  option_row{.name = "num-gpus", .type = option_type::integer, .value = "1", .range = counted, .help = "GPUs behind the endpoint"},
  option_row{.name = "attention-dp-size", .type = option_type::integer, .value = "1", .range = counted, .help = "attention ranks of its engine"},
  option_row{.name = "max-kv-tokens", .type = option_type::integer, .unit = "tokens", .value = "0", .range = {0, 1e12}, .help = "KV capacity; 0: what the endpoint's /metrics say"},
  option_row{.name = "work-dir", .value = "endpoint_profiling_results", .help = "where raw_data.npz and the plots go"},
  option_row{.name = "max-context-length", .type = option_type::integer, .unit = "tokens", .value = "16384", .range = {700, 1e8}, .help = "longest context of the curves"},
  option_row{.name = "interpolation-granularity", .type = option_type::integer, .value = "8", .range = {2, 1000}, .help = "steps of each axis"},
  option_row{.name = "precision", .type = option_type::number, .value = "0.005", .range = {0, 0.5}, .help = "a point ends when the 95 % interval is this narrow, share of its value; 0: one pass"},
  option_row{.name = "seed", .type = option_type::integer, .value = "0", .range = {0, 9e15}, .help = "of the prompts"},
  option_row{.name = "tokenizer-path", .help = "not needed: prompts are token ids"},
};
// clang-format on

} // namespace

endpoint_options read_endpoint_options(const std::vector<std::string>& words, std::vector<document_error>& errors) {
  endpoint_options out;
  const auto given = read_flag_words(words, rows, "profile-endpoint", errors);
  out.help = given.help;
  if (out.help)
    return out;
  const auto text = [&](const char* name) { return given.text(rows, name); };
  const auto number = [&](const char* name) { return given.number(rows, name); };
  refuse_others(given, "profile-endpoint", errors);
  if (!given.has("mode") && errors.empty())
    errors.push_back({"--mode", 0, 0, "", "no mode", "--mode prefill or --mode decode", ""});
  out.prefill = text("mode") == "prefill";
  out.url = http_address(text("url"), "--url", errors);
  out.model = text("model-name");
  out.gpus = static_cast<int>(number("num-gpus"));
  out.attention_dp = static_cast<int>(number("attention-dp-size"));
  out.max_kv_tokens = static_cast<int64_t>(number("max-kv-tokens"));
  out.work_dir = text("work-dir");
  out.max_context = static_cast<int>(number("max-context-length"));
  out.granularity = static_cast<int>(number("interpolation-granularity"));
  out.precision = number("precision");
  out.seed = static_cast<uint64_t>(number("seed"));
  if (given.has("tokenizer-path"))
    out.remarks.emplace_back("--tokenizer-path is not needed: prompts are token ids");
  return out;
}

std::string endpoint_help_text() {
  return "usage: sextant profile-endpoint --mode prefill|decode [OPTIONS]\n\n"
         "measures the curves of an endpoint that is already running\n\n"
         "options (dashes and underscores are the same):\n"
         + flag_help(rows);
}

} // namespace sextant
