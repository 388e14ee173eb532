// load_analysis_test.cpp: The flags that judge, stop, summarise and compare.
#include <catch2/catch.hpp>

#include "config/load_analysis.hpp"

using namespace sextant;

namespace {

load_analysis analysis_of(const std::vector<std::string>& words, std::vector<document_error>& errors) {
  const auto arguments = parse_load_arguments(words);
  errors = arguments.errors;
  return read_load_analysis(arguments, errors);
}

} // namespace

TEST_CASE("levels, limits and stop rules are read", "[load_analysis]") {
  std::vector<document_error> errors;
  const auto a = analysis_of({"--goodput", "time_to_first_token:100", "inter_token_latency:10", "--goodput-set",
                              "time_to_first_token:200 request_latency:900", "--goodput-set", "request_latency:500", "--sla",
                              "time_to_first_token:p99.9:300", "--stop-precision", "0.02", "--stop-on-sla"},
                             errors);
  CHECK(errors.empty());
  REQUIRE(a.goodput.size() == 3);
  CHECK(a.goodput[0] == service_levels{{"time_to_first_token", 100}, {"inter_token_latency", 10}});
  CHECK(a.goodput[1].size() == 2);
  CHECK(a.goodput[2] == service_levels{{"request_latency", 500}});
  REQUIRE(a.slas.size() == 1);
  CHECK(a.slas[0].metric == "time_to_first_token");
  CHECK(a.slas[0].quantile == Approx(0.999));
  CHECK(a.slas[0].limit == 300);
  CHECK(a.stop_precision == 0.02);
  CHECK(a.stop_on_sla);
  CHECK(a.stops());
  CHECK(a.compare_margin == 0.02);
}

TEST_CASE("every wrong analysis flag is named at once", "[load_analysis]") {
  std::vector<document_error> errors;
  analysis_of({"--sla", "time_to_first_token:99:300", "--goodput-set", "ttft", "--stop-on-sla", "--compare", "a",
               "--stop-precision", "2", "--json", "--summarise", "x"},
              errors);
  std::vector<std::string> sources;
  for (const auto& e : errors)
    sources.push_back(e.source);
  CHECK(
      sources
      == std::vector<std::string>{"--goodput-set", "--sla", "--stop-precision", "--stop-on-sla", "--compare", "--compare"});
  CHECK(errors[1].accepted.find("metric:pQ:limit") == 0);
}
