// The flags of `sextant load`.
#include "config/load_options.hpp"

#include <set>

#include <catch2/catch.hpp>

#include "config/load_option_table.hpp"

namespace sextant {

namespace {

std::vector<document_error> errors_of(const std::vector<std::string>& words) {
  auto arguments = parse_load_arguments(words);
  auto errors = arguments.errors;
  read_load_options(arguments, errors);
  return errors;
}

load_options options_of(const std::vector<std::string>& words) {
  std::vector<document_error> errors;
  const auto arguments = parse_load_arguments(words);
  auto out = read_load_options(arguments, errors);
  CHECK(arguments.errors.empty());
  CHECK(errors.empty());
  return out;
}

} // namespace

TEST_CASE("every name means one flag", "[load_options]") {
  std::set<std::string> seen;
  for (const auto& name : load_option_names())
    CHECK(seen.insert(name).second);
  for (const auto& group : load_option_groups())
    for (const auto& row : group.rows)
      CHECK(load_help_text().find("--" + std::string{row.name}) != std::string::npos);
}

TEST_CASE("the reference profiler's command line is understood", "[load_options]") {
  const auto options = options_of({"profile",
                                   "--model",
                                   "M",
                                   "--tokenizer",
                                   "T",
                                   "--endpoint-type",
                                   "chat",
                                   "--endpoint",
                                   "/v1/chat/completions",
                                   "--streaming",
                                   "--url",
                                   "localhost:8000",
                                   "--extra-inputs",
                                   "ignore_eos:true",
                                   "--extra-inputs",
                                   "{\"nvext\":{\"ignore_eos\":true}}",
                                   "--warmup-request-count",
                                   "3",
                                   "--artifact-dir",
                                   "D",
                                   "--random-seed",
                                   "100",
                                   "--request-timeout-seconds",
                                   "1800",
                                   "--synthetic-input-tokens-mean",
                                   "3000",
                                   "--synthetic-input-tokens-stddev",
                                   "0",
                                   "--output-tokens-mean",
                                   "150",
                                   "--output-tokens-stddev",
                                   "0",
                                   "--extra-inputs",
                                   "max_tokens:150",
                                   "--extra-inputs",
                                   "min_tokens:150",
                                   "--concurrency",
                                   "4",
                                   "--request-count",
                                   "4",
                                   "--num-dataset-entries",
                                   "4"});
  CHECK(options.urls == std::vector<std::string>{"http://localhost:8000"});
  CHECK(options.extra_inputs.size() == 4);
  CHECK(options.extra_inputs[2] == "{\"max_tokens\":150}");
  CHECK(options.lengths[0].isl.mean == 3000);
  CHECK(options.warmup.requests == 3);
  CHECK(options.warmup.concurrency == 4);
  CHECK(options.seed == 100);
}

TEST_CASE("defaults are AIPerf's", "[load_options]") {
  const auto options = options_of({"-m", "org/name"});
  CHECK(options.urls == std::vector<std::string>{"http://localhost:8000"});
  CHECK(options.endpoint == load_endpoint::chat);
  CHECK(options.lengths[0].isl.mean == 550);
  CHECK(options.profiling.concurrency == 1);
  CHECK(options.profiling.requests == 10);
  CHECK(options_of({"-m", "x", "--concurrency", "20"}).profiling.requests == 40);
  CHECK(load_folder_name(options, false) == "org_name-openai-chat-concurrency1");
  CHECK(load_folder_name(options_of({"-m", "a,b", "--request-rate", "5", "--concurrency", "2"}), false)
        == "a_multi-openai-chat-concurrency2-request_rate5.0");
}

TEST_CASE("unknown and foreign flags are told apart", "[load_options]") {
  const auto unknown = errors_of({"-m", "x", "--concurency", "4"});
  REQUIRE(unknown.size() == 1);
  CHECK(unknown[0].hint == "did you mean '--concurrency'?");
  const auto refused = errors_of({"-m", "x", "--otel-url", "http://a", "--image-width-mean", "5"});
  CHECK(refused.size() == 2);
  CHECK(parse_load_arguments({"--tokenizer", "t", "--no-sweep-table"}).remarks.size() == 2);
}

TEST_CASE("conflicts are all named at once", "[load_options]") {
  CHECK(errors_of({"-m", "x", "--request-count", "5", "--benchmark-duration", "5"}).size() == 1);
  CHECK(errors_of({"-m", "x", "--benchmark-grace-period", "5"}).size() == 1);
  CHECK(errors_of(
            {"-m", "x", "--request-rate", "5", "--user-centric-rate", "2", "--num-users", "2", "--session-turns-mean", "2"})
            .size()
        == 1);
  CHECK(errors_of({"-m", "x", "--request-rate", "5", "--arrival-pattern", "poisson", "--arrival-smoothness", "2"}).size()
        == 1);
  CHECK(errors_of({"-m", "x", "--request-cancellation-delay", "2"}).size() == 1);
  CHECK(errors_of({"-m", "x", "--fixed-schedule-start-offset", "2"}).size() == 1);
  CHECK(errors_of({"-m", "x", "--prefill-concurrency", "2"}).size() == 1);
  CHECK(errors_of({"--isl", "0", "--osl", "x", "--ui", "dashbord", "--arrival-pattern", "gama"}).size() == 5);
}

TEST_CASE("lists are runs with folders of their own", "[load_options]") {
  std::vector<document_error> errors;
  const auto grid = spread_sweep(parse_load_arguments({"--concurrency", "1,2", "--isl", "64,128"}), errors);
  REQUIRE(grid.size() == 4);
  CHECK(grid[1].label == "isl_64__concurrency_2");
  const auto rates = spread_sweep(parse_load_arguments({"--request-rate", "5,10"}), errors);
  CHECK(rates.at(0).label == "rate_5.0");
  const auto single = spread_sweep(parse_load_arguments({"--concurrency", "4"}), errors);
  REQUIRE(single.size() == 1);
  CHECK(single[0].label.empty());
  CHECK(errors.empty());
  spread_sweep(parse_load_arguments({"--concurrency", "1,2", "--isl", "1,2,3", "--sweep-type", "zip"}), errors);
  CHECK(errors.size() == 1);
}

TEST_CASE("configuration files of both kinds", "[load_options]") {
  auto flat = parse_load_arguments({"--concurrency", "8"});
  merge_load_config(flat, "model: m\nrequestRate: 5\nconcurrency: 2\nextra_inputs: {temperature: 0}\n", "c.yaml");
  CHECK(flat.errors.empty());
  CHECK(flat.text("concurrency") == "8");
  CHECK(flat.text("request-rate") == "5");
  CHECK(flat.text("extra-inputs") == "temperature:0");
  load_arguments aiperf;
  merge_load_config(aiperf, R"(schemaVersion: "2.0"
randomSeed: 42
benchmark:
  model: m
  endpoint: {url: "http://h:1", type: chat, streaming: true, timeout: 600.0}
  dataset: {type: synthetic, entries: 50, isl: {mean: 550, stddev: 50}, osl: 150}
  warmup: {type: concurrency, requests: 100, concurrency: 8}
  profiling: {type: gamma, duration: 300, rate: 50.0, smoothness: 1.5, rateRamp: 30s}
  artifacts: {dir: ./a}
)",
                    "a.yaml");
  CHECK(aiperf.errors.empty());
  CHECK(aiperf.text("isl-stddev") == "50");
  CHECK(aiperf.text("warmup-request-count") == "100");
  CHECK(aiperf.text("arrival-pattern") == "gamma");
  CHECK(aiperf.text("request-rate-ramp-duration") == "30");
  load_arguments wrong;
  merge_load_config(wrong, "benchmark:\n  model: m\n  endpoint:\n    strming: true\n", "w.yaml");
  REQUIRE(wrong.errors.size() == 1);
  CHECK(wrong.errors[0].line == 4);
}

TEST_CASE("secrets are in no text", "[load_options]") {
  const auto text =
      load_command_text({"--api-key", "s3cret", "-H", "Authorization: Bearer s3cret", "--api-key=s3cret", "--url", "u"});
  CHECK(text.find("s3cret") == std::string::npos);
  CHECK(text.find("--url u") != std::string::npos);
}

} // namespace sextant
