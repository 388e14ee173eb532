// calibration.cpp: Short requests of known words, and what their token counts mean.
#include "actors/load/calibration.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace sextant::load {

namespace {

constexpr int sample_words = 256;  ///< enough that a word of two tokens among them shows
constexpr int group_words = 64;    ///< of one probe of a group
constexpr size_t group_size = 16;  ///< different words in it
constexpr size_t least_words = 32; ///< different ones, so that prompts do not repeat themselves

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
  /// Tokens of a prompt that should have `tokens`; 0 if the endpoint does not tell.
  uint32_t count(const prompt_shape& shape, int tokens, calibration_answer& answer) {
    traffic_schedule schedule;
    schedule.seed = context_.run_key;
    planned_request request;
    request.isl = tokens;
    request.osl = 1;
    request.prompt = static_cast<uint64_t>(++out_.asked);
    schedule.requests.push_back(request);
    static const dataset synthetic;
    answer = ask_(payload_maker{options_, schedule, synthetic, shape, context_}.make(request, {}));
    if (answer.status == 0)
      out_.error = answer.error;
    return answer.status == 200 ? answer.prompt_tokens : 0;
  }

  /// False where the endpoint takes no ids and words are to be tried instead.
  bool try_ids() {
    calibration_answer answer;
    const auto got = count(out_.shape, group_words, answer);
    if (answer.status == 200 || answer.status == 0) {
      out_.shape.calibrated = got == group_words;
      if (got > 0 && got != group_words)
        out_.remarks.push_back("the endpoint counts " + std::to_string(got) + " tokens for a prompt of "
                               + std::to_string(group_words) + " token ids");
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
    shape.overhead = 1;
    calibration_answer answer;
    const auto opening = count(shape, 1, answer);
    const auto sample = opening > 0 ? count(shape, 1 + sample_words, answer) : 0;
    if (opening == 0 || sample <= opening) {
      if (out_.error.empty())
        out_.remarks.push_back(answer.status == 200 ? "the endpoint's answers have no usage: words count as one token each"
                                                    : "calibration failed with HTTP " + std::to_string(answer.status)
                                                          + ": words count as one token each");
      return;
    }
    shape.calibrated = true;
    shape.tokens_per_word = static_cast<double>(sample - opening) / sample_words;
    if (sample - opening != sample_words)
      keep_simple_words(opening);
    shape.overhead = opening;
  }

  /// Words that cost one token each; all words at their mean cost where too few do.
  void keep_simple_words(uint32_t opening) {
    auto& shape = out_.shape;
    const auto words = shape.words.words;
    word_list simple;
    for (size_t i = 0; i < words.size() && out_.asked < 19; i += group_size) {
      prompt_shape group;
      const auto end = std::min(words.size(), i + group_size);
      group.words.words.assign(words.begin() + static_cast<ptrdiff_t>(i), words.begin() + static_cast<ptrdiff_t>(end));
      calibration_answer answer;
      if (count(group, 1 + group_words, answer) == opening + group_words)
        simple.words.insert(simple.words.end(), group.words.words.begin(), group.words.words.end());
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
