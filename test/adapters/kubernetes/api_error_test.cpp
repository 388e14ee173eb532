// api_error_test.cpp: Which answers pass by themselves, and how refusals read.
#include <catch2/catch.hpp>

#include "adapters/kubernetes/api_error.hpp"

using namespace sextant;
using namespace sextant::kubernetes;

namespace {

api_error of(int status, const std::string& reason = {}, const std::string& message = {}) {
  return {status, reason, message, 0, false};
}

} // namespace

TEST_CASE("only what may pass is asked again, ever more slowly") {
  for (const int status : {0, 429, 500, 502, 503, 504})
    CHECK(pause_before_retry(of(status), 1, 0).value() == Approx(0.1));
  for (const int status : {400, 401, 403, 404, 409, 410, 422, 501})
    CHECK_FALSE(pause_before_retry(of(status), 1, 0));
  CHECK(pause_before_retry(of(0), 4, 0).value() == Approx(0.8));
  CHECK(pause_before_retry(of(0), 1000, 0).value() == Approx(5));
  CHECK(pause_before_retry(of(0), 1000, 1).value() == Approx(6));
  auto busy = of(429);
  busy.retry_after_s = 3;
  CHECK(pause_before_retry(busy, 1, 0).value() == Approx(3));
  busy.retry_after_s = 1e9;
  CHECK(pause_before_retry(busy, 1, 0).value() == Approx(30));
  auto foreign = of(0);
  foreign.untrusted = true;
  CHECK_FALSE(pause_before_retry(foreign, 1, 0));
}

TEST_CASE("errors are read from Status objects, headers and connections") {
  http_outcome o;
  o.status = 429;
  o.body = R"({"kind":"Status","reason":"TooManyRequests","message":"slow","code":429,"details":{"retryAfterSeconds":2}})";
  auto error = error_of(o);
  CHECK(error.reason == "TooManyRequests");
  CHECK(error.message == "slow");
  CHECK(error.retry_after_s == 2);
  o.retry_after = "5";
  CHECK(error_of(o).retry_after_s == 5);
  o.body = "upstream is down\nmore";
  CHECK(error_of(o).message == "upstream is down");
  o.end = http_end::refused;
  o.detail = "certificate refused: self-signed certificate";
  CHECK(error_of(o).untrusted);
  CHECK(error_of(o).status == 0);
  CHECK_FALSE(error_in("[]"));
  CHECK_FALSE(error_in(R"({"kind":"Pod"})"));
}

TEST_CASE("a missing permission is named with its verb and what grants it") {
  const auto text = error_text(of(403, "Forbidden", "pods is forbidden: User \"u\" cannot list resource \"pods\""),
                               "list pods in namespace dyn");
  CHECK(text
        == "not permitted: list pods in namespace dyn: pods is forbidden: User \"u\" cannot list resource \"pods\" "
           "(deploy/kubernetes/rbac.yaml grants it)");
  CHECK(failure_of(of(403), "x").kind == failure_class::permanent);
  CHECK(failure_of(of(422, "Invalid", "spec is wrong"), "create d").detail == "create d: spec is wrong (Invalid)");
  CHECK(failure_of(of(503), "x").kind == failure_class::transient);
  CHECK_THAT(error_text(of(0, "", "Connection refused"), "x"), Catch::Contains("no answer from the API server"));
}
