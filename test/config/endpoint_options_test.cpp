#include "config/endpoint_options.hpp"

#include <catch2/catch.hpp>

using namespace sextant;

namespace {

std::vector<document_error> errors_of(const std::vector<std::string>& words) {
  std::vector<document_error> errors;
  read_endpoint_options(words, errors);
  return errors;
}

} // namespace

TEST_CASE("profile-endpoint takes the reference's flags with dashes or underscores") {
  std::vector<document_error> errors;
  const auto o = read_endpoint_options({"--mode", "decode", "--model_name", "m", "--url=localhost:9", "--num_gpus", "4",
                                        "--max_kv_tokens", "1000", "--work_dir", "w", "--max_context_length", "4096",
                                        "--interpolation-granularity", "3", "--tokenizer_path", "t"},
                                       errors);
  CHECK(errors.empty());
  CHECK_FALSE(o.prefill);
  CHECK(o.model == "m");
  CHECK(o.url == "http://localhost:9");
  CHECK(o.gpus == 4);
  CHECK(o.max_kv_tokens == 1000);
  CHECK(o.work_dir == "w");
  CHECK(o.max_context == 4096);
  CHECK(o.granularity == 3);
  CHECK(o.remarks.size() == 1);
}

TEST_CASE("defaults are the reference's") {
  std::vector<document_error> errors;
  const auto o = read_endpoint_options({"--mode", "prefill"}, errors);
  CHECK(errors.empty());
  CHECK(o.prefill);
  CHECK(o.work_dir == "endpoint_profiling_results");
  CHECK(o.max_context == 16384);
  CHECK(o.granularity == 8);
}

TEST_CASE("every wrong word is told at once") {
  const auto errors =
      errors_of({"--mode", "both", "--modle", "x", "--num-gpus", "0", "stray", "--url", "ftp://x", "--seed"});
  REQUIRE(errors.size() == 6);
  CHECK(errors[0].source == "--mode");
  CHECK(errors[1].hint == "did you mean '--mode'?");
  CHECK(errors[2].source == "--num-gpus");
  CHECK(errors[3].found == "no value");
  CHECK(errors[4].source == "stray");
  CHECK(errors[5].source == "--url");
  CHECK(errors_of({}).size() == 1);
}
