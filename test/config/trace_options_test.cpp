#include "config/trace_options.hpp"

#include <catch2/catch.hpp>

using namespace sextant;

TEST_CASE("trace start makes the engine's own body") {
  std::vector<document_error> errors;
  const auto o =
      read_trace_options({"start", "--url", "worker:9090", "--output_dir", "/tmp/t", "--num-steps=5", "--activities",
                          "cpu,GPU", "--with-stack", "--record-shapes", "no", "--profile-prefix", "007"},
                         errors);
  CHECK(errors.empty());
  CHECK(o.start);
  CHECK(o.url == "http://worker:9090");
  CHECK(o.timeout_ms == 60000);
  CHECK(
      o.body
      == R"({"output_dir":"/tmp/t","num_steps":5,"activities":["CPU","GPU"],"with_stack":true,"record_shapes":false,"profile_prefix":"007"})");
}

TEST_CASE("trace stop has an empty body, and a flag without value does not swallow the word behind it") {
  std::vector<document_error> errors;
  CHECK(read_trace_options({"stop"}, errors).body == "{}");
  CHECK(read_trace_options({"--with-stack", "start"}, errors).start);
  CHECK(errors.empty());
}

TEST_CASE("every wrong word of trace is told") {
  std::vector<document_error> errors;
  read_trace_options({"begin", "--activities", "CPU,TPU", "--num-steps", "0", "--ulr", "x"}, errors);
  REQUIRE(errors.size() == 4);
  CHECK(errors[0].source == "--num-steps");
  CHECK(errors[1].hint == "did you mean '--url'?");
  CHECK(errors[2].accepted.find("start or stop") != std::string::npos);
  CHECK(errors[3].source == "--activities");
  errors.clear();
  read_trace_options({"stop", "--num-steps", "3"}, errors);
  CHECK(errors.size() == 1);
  errors.clear();
  read_trace_options({}, errors);
  CHECK(errors.size() == 1);
}
