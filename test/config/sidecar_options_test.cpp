#include "config/sidecar_options.hpp"

#include <catch2/catch.hpp>

using namespace sextant;

TEST_CASE("sidecar takes several workers, with commas or repeated") {
  std::vector<document_error> errors;
  const auto o = read_sidecar_options({"--frontend", "f:8000", "--worker-metrics", "a:9090,https://b:9090",
                                       "--worker_metrics", "c:1", "--interval", "2s", "--curves", "out", "--json-events"},
                                      errors);
  CHECK(errors.empty());
  CHECK(o.frontend == "http://f:8000");
  CHECK(o.workers == std::vector<std::string>{"http://a:9090", "https://b:9090", "http://c:1"});
  CHECK(o.interval_s == 2);
  CHECK(o.prefix == "sextant.v1");
  CHECK(o.tolerance == 0.1);
  CHECK(o.json);
}

TEST_CASE("every wrong word of sidecar is told") {
  std::vector<document_error> errors;
  read_sidecar_options({"stray", "--frontend", "nats://x", "--interval", "0", "--corrected", "d", "--curve", "x"}, errors);
  REQUIRE(errors.size() == 5);
  CHECK(errors[0].source == "--interval");
  CHECK(errors[1].hint == "did you mean '--curves'?");
  CHECK(errors[2].source == "stray");
  CHECK(errors[3].source == "--frontend");
  CHECK(errors[4].source == "--corrected");
}
