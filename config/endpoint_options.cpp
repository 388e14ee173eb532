// endpoint_options.cpp: One table of flags for reading and help.
#include "config/endpoint_options.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "config/nearest.hpp"
#include "config/option_values.hpp"
#include "config/options.hpp"

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

const option_row* row_of(const std::string& name) {
  const auto same = [&](const option_row& row) { return row.name == name || (!row.aliases.empty() && row.aliases == name); };
  const auto found = std::find_if(rows.begin(), rows.end(), same);
  return found == rows.end() ? nullptr : &*found;
}

std::vector<std::string> names() {
  std::vector<std::string> out;
  for (const auto& row : rows)
    out.emplace_back(row.name);
  return out;
}

/// One pass over the words.
class endpoint_walk {
public:
  endpoint_walk(const std::vector<std::string>& words, std::vector<document_error>& errors)
      : words_{words}, errors_{errors} {}

  std::map<std::string, std::string> run(bool& help) {
    for (at_ = 0; at_ < words_.size(); ++at_) {
      const auto& word = words_[at_];
      if (word == "-h" || word == "--help")
        help = true;
      else if (word.starts_with("--"))
        take(word.substr(2));
      else
        refuse(shown(word), "a word too many", "flags of profile-endpoint --help");
    }
    return std::move(values_);
  }

private:
  void refuse(const std::string& source, std::string found, std::string accepted, std::string hint = {}) {
    errors_.push_back({source, 0, 0, "", std::move(found), std::move(accepted), std::move(hint)});
  }

  void take(const std::string& text) {
    const auto equals = text.find('=');
    auto name = text.substr(0, equals);
    std::replace(name.begin(), name.end(), '_', '-');
    const auto* row = row_of(name);
    const bool spare = at_ + 1 < words_.size() && !words_[at_ + 1].starts_with("--");
    if (!row) {
      const auto nearest = nearest_name(name, names());
      refuse("--" + shown(name), "an unknown flag", "a flag of profile-endpoint --help",
             nearest.empty() ? "" : "did you mean '--" + nearest + "'?");
      at_ += equals == std::string::npos && spare ? 1 : 0;
      return;
    }
    std::string value;
    if (equals != std::string::npos)
      value = text.substr(equals + 1);
    else if (spare)
      value = words_[++at_];
    else
      return refuse("--" + name, "no value", accepted_text(*row));
    std::string hint;
    if (const auto canonical = canonical_value(*row, value, hint))
      values_[std::string{row->name}] = *canonical;
    else
      refuse("--" + name, "\"" + shown(value) + "\"", accepted_text(*row), hint);
  }

  const std::vector<std::string>& words_;
  std::vector<document_error>& errors_;
  std::map<std::string, std::string> values_;
  size_t at_ = 0;
};

} // namespace

endpoint_options read_endpoint_options(const std::vector<std::string>& words, std::vector<document_error>& errors) {
  endpoint_options out;
  const auto values = endpoint_walk{words, errors}.run(out.help);
  if (out.help)
    return out;
  const auto text = [&](const char* name) {
    const auto at = values.find(name);
    return at != values.end() ? at->second : std::string{row_of(name)->value};
  };
  const auto number = [&](const char* name) { return parse_number(text(name)).value_or(0); };
  if (!values.contains("mode") && errors.empty())
    errors.push_back({"--mode", 0, 0, "", "no mode", "--mode prefill or --mode decode", ""});
  out.prefill = text("mode") == "prefill";
  out.url = text("url");
  if (!out.url.starts_with("http://") && !out.url.starts_with("https://")) {
    if (out.url.find("://") != std::string::npos)
      errors.push_back({"--url", 0, 0, "", "\"" + shown(out.url) + "\"", "an http:// or https:// address", ""});
    out.url = "http://" + out.url;
  }
  out.model = text("model-name");
  out.gpus = static_cast<int>(number("num-gpus"));
  out.attention_dp = static_cast<int>(number("attention-dp-size"));
  out.max_kv_tokens = static_cast<int64_t>(number("max-kv-tokens"));
  out.work_dir = text("work-dir");
  out.max_context = static_cast<int>(number("max-context-length"));
  out.granularity = static_cast<int>(number("interpolation-granularity"));
  out.precision = number("precision");
  out.seed = static_cast<uint64_t>(number("seed"));
  if (values.contains("tokenizer-path"))
    out.remarks.emplace_back("--tokenizer-path is not needed: prompts are token ids");
  return out;
}

std::string endpoint_help_text() {
  std::string text = "usage: sextant profile-endpoint --mode prefill|decode [OPTIONS]\n\n"
                     "measures the curves of an endpoint that is already running\n\n"
                     "options (dashes and underscores are the same):\n";
  for (const auto& row : rows)
    append_option_help(text, std::string{row.name}, row);
  return text;
}

} // namespace sextant
