// Schedules and payloads from options, synthetic and from files.
#include "actors/load/traffic/planner.hpp"

#include <set>

#include <catch2/catch.hpp>

#include "actors/load/traffic/payload.hpp"

namespace sextant::load {

namespace {

load_options options_of(const std::vector<std::string>& words) {
  std::vector<document_error> errors;
  auto all = words;
  all.insert(all.end(), {"--model", "m"});
  const auto arguments = parse_load_arguments(all);
  auto out = read_load_options(arguments, errors);
  REQUIRE(arguments.errors.empty());
  REQUIRE(errors.empty());
  return out;
}

traffic_plan plan_of(const load_options& options, uint64_t seed = 0, const dataset& data = {}) {
  std::vector<document_error> errors;
  auto out = plan_traffic(options, seed, data, {}, errors);
  REQUIRE(errors.empty());
  return out;
}

dataset data_of(const std::string& text, const load_options& options) {
  std::vector<document_error> errors;
  auto out = read_dataset(text, "file", options, errors);
  for (const auto& e : errors)
    INFO(e.path << ": " << e.found << ", accepted " << e.accepted);
  REQUIRE(errors.empty());
  return out;
}

prompt_shape shape_of(bool ids) {
  prompt_shape out;
  out.ids = ids;
  out.words.words.assign(common_words().begin(), common_words().end());
  return out;
}

size_t count_of(const std::string& text, char c) {
  return static_cast<size_t>(std::count(text.begin(), text.end(), c));
}

} // namespace

TEST_CASE("a closed loop is as many requests as asked for, warm-up first", "[planner]") {
  const auto plan = plan_of(options_of(
      {"--concurrency", "4", "--request-count", "20", "--warmup-request-count", "3", "--isl", "100", "--osl", "7"}));
  const auto& requests = plan.schedule.requests;
  REQUIRE(requests.size() == 23);
  CHECK(plan.schedule.concurrency == 4);
  std::set<uint64_t> prompts;
  for (size_t i = 0; i < requests.size(); ++i) {
    CHECK(requests[i].index == i);
    CHECK((requests[i].phase == traffic_phase::warmup) == (i < 3));
    CHECK(requests[i].intended_ns == -1);
    CHECK(requests[i].isl == 100);
    CHECK(requests[i].osl == 7);
    prompts.insert(requests[i].prompt);
  }
  CHECK(prompts.size() == 23); // the measured ones are not in the cache
}

TEST_CASE("lengths follow their laws", "[planner]") {
  const auto plan = plan_of(
      options_of({"--request-count", "5000", "--num-dataset-entries", "5000", "--seq-dist", "100|10,20:30;1000|0,5:70"}));
  double small = 0, sum = 0;
  for (const auto& r : plan.schedule.requests)
    if (r.isl < 500) {
      ++small;
      sum += r.isl;
      CHECK(r.osl == 20);
    }
  CHECK(small / 5000 == Approx(0.3).margin(0.03));
  CHECK(sum / small == Approx(100).margin(1.5));
  for (uint64_t i = 0; i < 2000; ++i) {
    CHECK(draw_length({5, 50}, 0, 1, 1, i) >= 1);
    const int uniform = draw_length({100, 0}, 0.25, 1, 1, i);
    CHECK((uniform >= 75 && uniform <= 125));
  }
}

TEST_CASE("sessions have turns with pauses, and keep their order", "[planner]") {
  const auto plan = plan_of(options_of({"--num-sessions", "10", "--session-turns-mean", "3", "--session-turn-delay-mean",
                                        "500", "--request-rate", "30", "--arrival-pattern", "constant"}));
  REQUIRE(plan.schedule.requests.size() == 30);
  std::vector<uint32_t> next(10, 0);
  for (const auto& r : plan.schedule.requests) {
    CHECK(r.turn == next[r.session]++);
    CHECK(r.delay_ns == (r.turn == 0 ? 0 : 500'000'000));
    CHECK(r.intended_ns == (r.turn == 0 ? r.session * 100'000'000LL : -1)); // 30 requests/s of 3 turns
  }
}

TEST_CASE("users keep their gap", "[planner]") {
  const auto plan = plan_of(
      options_of({"--user-centric-rate", "2", "--num-users", "4", "--session-turns-mean", "5", "--request-count", "16"}));
  REQUIRE(plan.schedule.requests.size() == 16);
  for (const auto& r : plan.schedule.requests)
    CHECK(r.intended_ns == r.index * 500'000'000LL);
}

TEST_CASE("a Mooncake trace is replayed at its times; equal hashes are equal tokens", "[planner]") {
  const auto options = options_of(
      {"--input-file", "t.jsonl", "--endpoint-type", "completions", "--replay-speedup", "2", "--isl-block-size", "4"});
  const auto data = data_of(R"({"timestamp": 1000, "input_length": 10, "output_length": 5, "hash_ids": [1, 2, 3]}
{"timestamp": 1500, "input_length": 7, "output_length": 6, "hash_ids": [1, 9]}
{"timestamp": 3000, "input_length": 9, "output_length": 7, "hash_ids": [1, 2]})",
                            options);
  CHECK(data.format == dataset_format::mooncake);
  const auto plan = plan_of(options, 5, data);
  CHECK(plan.fixed);
  const auto& r = plan.schedule.requests;
  REQUIRE(r.size() == 3);
  CHECK(r[0].intended_ns == 0);
  CHECK(r[1].intended_ns == 250'000'000);
  CHECK(r[2].intended_ns == 1'000'000'000);
  const payload_maker maker{options, plan.schedule, data, shape_of(true), {}};
  std::vector<std::string> ids;
  for (const auto& request : r) {
    const auto body = maker.make(request, {}).body;
    ids.push_back(body.substr(body.find('[') + 1, body.find(']') - body.find('[') - 1));
    CHECK(count_of(ids.back(), ',') + 1 == static_cast<size_t>(request.isl));
  }
  CHECK(ids[0].substr(0, 19) == ids[1].substr(0, 19)); // 4 ids of 4 digits
  CHECK(ids[0].substr(0, 39) == ids[2].substr(0, 39)); // 8
  CHECK(ids[0].substr(20, 19) != ids[1].substr(20, 14));
}

TEST_CASE("formats are seen from the first line, and bad rows are named", "[dataset]") {
  const auto options = options_of({"--input-file", "x"});
  CHECK(data_of("{\"text\": \"hello\"}\n", options).format == dataset_format::single_turn);
  CHECK(data_of("{\"session_id\": \"a\", \"turns\": [{\"text\": \"x\"}, {\"text\": \"y\", \"delay\": 5}]}", options)
            .sessions.at(0)
            .turns.at(1)
            .delay_ms
        == 5);
  const auto share = data_of(R"([{"id": "q", "conversations": [{"from": "human", "value": "hi"},
    {"from": "gpt", "value": "0123456789abcdef"}, {"from": "human", "value": "more"}]}])",
                             options);
  CHECK(share.format == dataset_format::sharegpt);
  CHECK(share.sessions.at(0).turns.size() == 2);
  CHECK(share.sessions[0].turns[0].osl == 4);
  const auto csv = data_of("timestamp,input,output\n0,100,5\n250,80,6\n", options);
  CHECK(csv.has_timestamps);
  CHECK(csv.sessions.at(1).turns.at(0).timestamp_ms == 250);
  std::vector<document_error> errors;
  read_dataset("{\"input_length\": 5, \"output_lenght\": 3}\n{\"input_length\": -1}\nnonsense\n", "f", options, errors);
  REQUIRE(errors.size() >= 3);
  CHECK(errors[0].line == 1);
  CHECK(errors[0].hint == "did you mean 'output_length'?");
  CHECK(errors.back().line == 3);
}

TEST_CASE("bodies are what the dialects take", "[payload]") {
  const auto options =
      options_of({"--streaming", "--osl", "9", "--isl", "12", "--extra-inputs", "temperature:0", "{\"nvext\": {\"a\": 1}}",
                  "--api-key", "top-secret", "-H", "X-A: b", "--request-count", "2"});
  const auto plan = plan_of(options);
  payload_context context;
  context.api_key = options.api_key;
  const dataset none;
  const payload_maker maker{options, plan.schedule, none, shape_of(false), context};
  const auto made = maker.make(plan.schedule.requests[0], {});
  CHECK(made.path == "/v1/chat/completions");
  CHECK(made.body.find("\"max_completion_tokens\":9") != std::string::npos);
  CHECK(made.body.find("\"include_usage\":true") != std::string::npos);
  CHECK(made.body.find("\"temperature\":0") != std::string::npos);
  CHECK(made.body.find("\"nvext\":{\"a\":1}") != std::string::npos);
  CHECK(made.body.find("top-secret") == std::string::npos);
  CHECK(count_of(maker.turn_text(plan.schedule.requests[0]), ' ') == 11); // 12 words
  std::set<std::string> names;
  for (const auto& [name, value] : made.headers)
    names.insert(name);
  CHECK(names == std::set<std::string>{"X-A", "Authorization", "X-Request-ID", "X-Correlation-ID"});
}

TEST_CASE("history of a chat has the answers", "[payload]") {
  const auto options = options_of({"--num-sessions", "1", "--session-turns-mean", "2", "--isl", "3"});
  const auto plan = plan_of(options);
  const dataset none;
  const payload_maker maker{options, plan.schedule, none, shape_of(false), {}};
  const auto body = maker.make(plan.schedule.requests[1], {"an \"answer\""}).body;
  CHECK(body.find("{\"role\":\"assistant\",\"content\":\"an \\\"answer\\\"\"},{\"role\":\"user\"") != std::string::npos);
}

TEST_CASE("shared prefixes are shared as often as asked", "[payload]") {
  const auto options =
      options_of({"--endpoint-type", "completions", "--num-prefix-prompts", "2", "--prefix-prompt-length", "50",
                  "--prefix-hit-ratio", "0.5", "--request-count", "400", "--num-dataset-entries", "400"});
  const auto plan = plan_of(options);
  double hits = 0;
  for (const auto& r : plan.schedule.requests)
    hits += r.prefix <= 2;
  CHECK(hits / 400 == Approx(0.5).margin(0.1));
}

} // namespace sextant::load
