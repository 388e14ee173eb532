#include "actors/load/calibration.hpp"

#include <sstream>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace sextant;
using namespace sextant::load;

namespace {

load_options options_for(load_endpoint endpoint) {
  load_options o;
  o.models = {"m"};
  o.urls = {"http://localhost:1"};
  o.endpoint = endpoint;
  o.lengths.resize(1);
  return o;
}

payload_context context() {
  payload_context c;
  c.benchmark_id = "id";
  c.run_key = 7;
  return c;
}

std::vector<std::string> words_of(const payload& p) {
  const auto body = nlohmann::json::parse(p.body);
  std::istringstream in{body.contains("messages") ? body["messages"].back()["content"].get<std::string>()
                                                  : body["prompt"].get<std::string>()};
  std::vector<std::string> out;
  for (std::string word; in >> word;)
    out.push_back(word);
  return out;
}

/// Tokens of a prompt for an endpoint whose template adds `around` and to which some words cost two.
calibration_answer count_words(const payload& p, uint32_t around, const std::function<bool(const std::string&)>& is_dear) {
  uint32_t tokens = around;
  for (const auto& word : words_of(p))
    tokens += is_dear(word) ? 2 : 1;
  return {200, tokens, ""};
}

uint32_t tokens_of_made(const calibration_result& found, const load_options& options, int isl,
                        const std::function<calibration_answer(const payload&)>& count) {
  traffic_schedule schedule;
  schedule.requests.emplace_back();
  schedule.requests[0].isl = isl;
  const dataset synthetic;
  return count(payload_maker{options, schedule, synthetic, found.shape, context()}.make(schedule.requests[0], {}))
      .prompt_tokens;
}

} // namespace

TEST_CASE("words of one token each: two questions, and prompts have the length that was asked for") {
  const auto options = options_for(load_endpoint::chat);
  const auto endpoint = [](const payload& p) { return count_words(p, 9, [](const auto&) { return false; }); };
  const auto found = calibrate_prompts(options, context(), endpoint);
  CHECK(found.error.empty());
  CHECK(found.remarks.empty());
  CHECK(found.asked == 2);
  CHECK(found.shape.calibrated);
  for (const int isl : {20, 333, 4000})
    CHECK(tokens_of_made(found, options, isl, endpoint) == static_cast<uint32_t>(isl));
}

TEST_CASE("words that cost more are left out where enough others remain") {
  const auto options = options_for(load_endpoint::chat);
  std::string dear{common_words()[3]};
  const auto endpoint = [&](const payload& p) { return count_words(p, 4, [&](const auto& w) { return w == dear; }); };
  const auto found = calibrate_prompts(options, context(), endpoint);
  CHECK(found.shape.tokens_per_word == 1);
  CHECK(found.shape.words.words.size() >= 32);
  CHECK(std::find(found.shape.words.words.begin(), found.shape.words.words.end(), dear) == found.shape.words.words.end());
  CHECK(found.asked <= 20);
  CHECK(tokens_of_made(found, options, 1000, endpoint) == 1000);
}

TEST_CASE("where all words cost more, lengths hold on average and a remark says so") {
  const auto options = options_for(load_endpoint::chat);
  const auto endpoint = [](const payload& p) { return count_words(p, 4, [](const auto& w) { return w.size() % 2 == 0; }); };
  const auto found = calibrate_prompts(options, context(), endpoint);
  CHECK(found.shape.tokens_per_word > 1.1);
  REQUIRE(found.remarks.size() == 1);
  CHECK(found.remarks[0].find("tokens each on average") != std::string::npos);
  CHECK(tokens_of_made(found, options, 4000, endpoint) == Approx(4000).epsilon(0.05));
}

TEST_CASE("an endpoint that takes token ids gets them; one that does not gets words") {
  auto options = options_for(load_endpoint::completions);
  const auto taking = calibrate_prompts(options, context(), [](const payload& p) {
    return calibration_answer{200, static_cast<uint32_t>(nlohmann::json::parse(p.body)["prompt"].size()), ""};
  });
  CHECK(taking.shape.ids);
  CHECK(taking.shape.calibrated);
  CHECK(taking.remarks.empty());

  const auto refusing = [](const payload& p) {
    if (nlohmann::json::parse(p.body)["prompt"].is_array())
      return calibration_answer{400, 0, "prompt must be a string"};
    return count_words(p, 1, [](const auto&) { return false; });
  };
  const auto found = calibrate_prompts(options, context(), refusing);
  CHECK_FALSE(found.shape.ids);
  CHECK(tokens_of_made(found, options, 100, refusing) == 100);

  options.prompts = prompt_format::ids;
  CHECK(calibrate_prompts(options, context(), refusing).error.find("does not take token ids") != std::string::npos);
}

TEST_CASE("an endpoint without usage, and one that is not there") {
  const auto options = options_for(load_endpoint::chat);
  const auto silent = calibrate_prompts(options, context(), [](const payload&) { return calibration_answer{200, 0, ""}; });
  CHECK_FALSE(silent.shape.calibrated);
  REQUIRE(silent.remarks.size() == 1);
  CHECK(silent.remarks[0].find("no usage") != std::string::npos);
  const auto gone = calibrate_prompts(options, context(), [](const payload&) {
    return calibration_answer{0, 0, "refused"};
  });
  CHECK(gone.error == "refused");
}

TEST_CASE("questions carry nothing that the run adds to its prompts") {
  auto options = options_for(load_endpoint::chat);
  options.shared_system_length = 50;
  auto c = context();
  c.system_text = "be kind";
  const auto found = calibrate_prompts(options, c, [](const payload& p) {
    CHECK(nlohmann::json::parse(p.body)["messages"].size() == 1);
    return count_words(p, 4, [](const auto&) { return false; });
  });
  CHECK(found.shape.overhead == 5);
}
