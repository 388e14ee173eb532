// payload.hpp: Paths, headers and bodies of the requests of a plan, in the dialect of the endpoint. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "actors/load/traffic/dataset.hpp"
#include "actors/load/traffic/prompts.hpp"
#include "actors/load/traffic/schedule.hpp"
#include "config/load_options.hpp"

namespace sextant::load {

/// The changing part of one HTTP request.
struct payload {
  std::string path;
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
};

/// First word of every made text; its cost is in the overhead of the shape.
inline constexpr std::string_view prompt_opener = "The";

/// What synthetic prompts are made of.
struct prompt_shape {
  bool ids = false;           ///< token ids; else words
  word_list words;            ///< all cost the same
  double tokens_per_word = 1; ///< by calibration
  double overhead = 1;        ///< tokens around the words of a first turn: opener, chat template
  bool calibrated = false;
};

/// What belongs to one run and is not in its options.
struct payload_context {
  std::string system_text;  ///< content of `--system-prompt-file`, or the option's text
  std::string tools;        ///< JSON array; empty: none
  std::string api_key;      ///< secret
  std::string benchmark_id; ///< request and session ids derive from it, as in the exported records
  uint64_t run_key = 0;     ///< makes cache-busting markers of this run unlike those of others
};

/// Makes payloads. Immutable: may be used from several threads. Options, schedule and data set must outlive it.
class payload_maker {
public:
  payload_maker(const load_options& options, const traffic_schedule& schedule, const dataset& data, prompt_shape shape,
                payload_context context);

  /// `answers` are the texts of the session's turns before, as far as there are any.
  payload make(const planned_request& request, const std::vector<std::string>& answers) const;

  /// Text of the prompt of one turn, without history.
  std::string turn_text(const planned_request& request) const;

private:
  using fields = std::vector<std::pair<std::string, std::string>>; ///< keys and JSON values, in order

  const dataset_turn* row_of(const planned_request& request) const;
  std::string default_path() const;
  fields chat(const planned_request& request, const std::vector<std::string>& answers) const;
  fields completion(const planned_request& request, const std::vector<std::string>& answers) const;
  fields embedding(const planned_request& request) const;
  void add_limits(fields& out, const planned_request& request) const;
  std::string system_of(const planned_request& request) const;
  std::string prompt_ids(const planned_request& request) const;
  std::string bust_marker(const planned_request& request) const;
  std::string made_text(const planned_request& request) const;
  void add_words(std::string& out, random_stream stream, uint64_t key, double tokens) const;
  std::vector<const planned_request*> turns_before(const planned_request& request) const;

  const load_options& options_;
  const traffic_schedule& schedule_;
  const dataset& data_;
  const prompt_shape shape_;
  const payload_context context_;
  std::vector<uint32_t> previous_; ///< by index: position in the plan of the session's turn before + 1; 0: none
  fields extras_;
  fields fixed_headers_;
};

/// A text as JSON, with its quotes; bytes that are no UTF-8 are replaced.
std::string json_quoted(const std::string& text);

} // namespace sextant::load
