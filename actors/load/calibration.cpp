// calibration.cpp: Short requests of known words, and what their token counts mean.
#include "actors/load/calibration.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace sextant::load {

namespace {

constexpr int most_questions = 20;
constexpr int probed_ids = 64;
constexpr size_t group_size = 16;   ///< different words of a group
constexpr size_t group_repeats = 4; ///< of each: what stands before a word must not matter
constexpr size_t least_words = 32;  ///< different ones, so that prompts do not repeat themselves

/// The options of a probe: the same endpoint, model and dialect, nothing else in the prompt.
load_options probe_options(const load_options& options) {
  auto out = options;
  out.streaming = false;
  out.exact_osl = false;
  out.system_prompt.clear();
  out.shared_system_length = out.user_context_length = 0;
  out.bust = cache_bust::none;
  out.batch = 1;
  return out;
}

class prompt_calibration {
public:
  prompt_calibration(const load_options& options, const payload_context& context, const ask_endpoint& ask)
      : options_{probe_options(options)}, context_{context}, ask_{ask} {
    context_.system_text.clear();
    context_.tools.clear();
  }

  calibration_result run() {
    out_.shape = assumed_shape(options_);
    if (out_.shape.ids && try_ids())
      return std::move(out_);
    if (out_.error.empty())
      try_words();
    return std::move(out_);
  }

private:
  /// Tokens of a prompt: of `isl` ids, or of the words behind the opener; 0 if the endpoint does not tell.
  uint32_t count(int isl, const std::string& text, calibration_answer& answer) {
    traffic_schedule schedule;
    schedule.seed = context_.run_key;
    planned_request request;
    request.isl = isl;
    request.osl = 1;
    schedule.requests.push_back(request);
    dataset data;
    if (!text.empty()) {
      data.sessions.emplace_back().turns.emplace_back();
      data.sessions[0].turns[0].text = text;
    }
    ++out_.asked;
    answer = ask_(payload_maker{options_, schedule, data, out_.shape, context_}.make(schedule.requests[0], {}));
    if (answer.status == 0)
      out_.error = answer.error;
    return answer.status == 200 ? answer.prompt_tokens : 0;
  }

  uint32_t count_words(const std::vector<std::string_view>& words, size_t repeats, calibration_answer& answer) {
    std::string text{prompt_opener};
    for (size_t i = 0; i < repeats; ++i)
      for (const auto word : words)
        text.append(" ").append(word);
    return count(0, text, answer);
  }

  /// False where the endpoint takes no ids and words are to be tried instead.
  bool try_ids() {
    calibration_answer answer;
    const auto got = count(probed_ids, {}, answer);
    if (answer.status == 200 || answer.status == 0) {
      out_.shape.calibrated = got == probed_ids;
      if (got > 0 && got != probed_ids)
        out_.remarks.push_back("the endpoint counts " + std::to_string(got) + " tokens for a prompt of "
                               + std::to_string(probed_ids) + " token ids");
      return true;
    }
    if (options_.prompts == prompt_format::ids) {
      out_.error = "the endpoint does not take token ids (HTTP " + std::to_string(answer.status) + "): " + answer.error;
      return true;
    }
    out_.shape.ids = false;
    out_.remarks.push_back("the endpoint takes no token ids: prompts are words");
    return false;
  }

  void try_words() {
    auto& shape = out_.shape;
    calibration_answer answer;
    const auto opening = count_words({}, 0, answer);
    const auto sample = opening > 0 ? count_words(shape.words.words, 1, answer) : 0;
    if (opening == 0 || sample <= opening) {
      if (out_.error.empty())
        out_.remarks.push_back(answer.status == 200 ? "the endpoint's answers have no usage: words count as one token each"
                                                    : "calibration failed with HTTP " + std::to_string(answer.status)
                                                          + ": words count as one token each");
      return;
    }
    shape.calibrated = true;
    const auto words = shape.words.words.size();
    shape.tokens_per_word = static_cast<double>(sample - opening) / static_cast<double>(words);
    if (sample - opening != words)
      keep_simple_words(opening);
    shape.overhead = opening;
  }

  /// Words that cost one token each; all words at their mean cost where too few do.
  void keep_simple_words(uint32_t opening) {
    auto& shape = out_.shape;
    const auto words = shape.words.words;
    word_list simple;
    for (size_t i = 0; i < words.size() && out_.asked < most_questions; i += group_size) {
      const auto first = words.begin() + static_cast<ptrdiff_t>(i);
      const std::vector<std::string_view> group(first,
                                                first + static_cast<ptrdiff_t>(std::min(group_size, words.size() - i)));
      calibration_answer answer;
      if (count_words(group, group_repeats, answer) == opening + group.size() * group_repeats)
        simple.words.insert(simple.words.end(), group.begin(), group.end());
    }
    if (simple.words.size() >= least_words) {
      shape.words = std::move(simple);
      shape.tokens_per_word = 1;
      return;
    }
    char text[120];
    std::snprintf(text, sizeof text, "words cost %.3f tokens each on average: prompt lengths vary around what was asked for",
                  shape.tokens_per_word);
    out_.remarks.emplace_back(text);
  }

  const load_options options_;
  payload_context context_;
  const ask_endpoint& ask_;
  calibration_result out_;
};

bool makes_prompts(const dataset& data) {
  return data.sessions.empty() || std::any_of(data.sessions.begin(), data.sessions.end(), [](const auto& session) {
           return std::any_of(session.turns.begin(), session.turns.end(), [](const auto& turn) {
             return turn.text.empty() && turn.messages.empty() && turn.payload.empty();
           });
         });
}

} // namespace

prompt_shape assumed_shape(const load_options& options) {
  prompt_shape shape;
  shape.ids = options.prompts == prompt_format::ids
              || (options.prompts == prompt_format::automatic && options.endpoint == load_endpoint::completions);
  shape.words.words.assign(common_words().begin(), common_words().end());
  return shape;
}

bool wants_calibration(const load_options& options, const dataset& data) {
  return options.calibrate != calibrate_when::off && options.endpoint != load_endpoint::raw && makes_prompts(data);
}

calibration_result calibrate_prompts(const load_options& options, const payload_context& context, const ask_endpoint& ask) {
  return prompt_calibration{options, context, ask}.run();
}

} // namespace sextant::load
