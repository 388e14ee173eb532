// deadline_test.cpp: When the wall time is used up, and how a search then ends.
#include <catch2/catch.hpp>

#include "actors/search/deadline.hpp"
#include "config/time_text.hpp"
#include "fake_world.hpp"

using namespace sextant;
using namespace sextant::testing;

TEST_CASE("times are read as the envelopes write them") {
  CHECK(*seconds_of("1970-01-01T00:00:00Z") == 0);
  CHECK(*seconds_of("2026-11-24T00:00:00.250Z") == Approx(1795478400.25).epsilon(1e-12));
  CHECK(*seconds_of("2024-03-01T00:00:00Z") - *seconds_of("2024-02-28T23:59:59.5Z") == Approx(86400.5));
  CHECK(seconds_of(rfc3339_now()));
  for (const char* text : {"", "now", "2026-11-24", "2026-11-24T00:00:00", "2026-11-24T00:00:00+01:00",
                           "2026-13-24T00:00:00Z", "2026-02-30T00:00:00Z", "2026-11-24T24:00:00Z", "2026-11-24T00:60:00Z",
                           "2026-11-24T00:00:61Z", "2026-11-24T00:00:nanZ", "2026-11-24T00:00:00Zz"})
    CHECK_FALSE(seconds_of(text));
}

TEST_CASE("a deadline counts from the acceptance") {
  profile_request request;
  request.accepted_time = "2026-11-24T08:00:00.500Z";
  CHECK_FALSE(deadline_over(request, "2030-01-01T00:00:00Z"));
  request.deadline_s = 60;
  CHECK_FALSE(deadline_over(request, "2026-11-24T08:01:00.400Z"));
  CHECK(deadline_over(request, "2026-11-24T08:01:00.500Z"));
  CHECK_FALSE(deadline_over(request, "2026-11-24T07:00:00Z"));
  request.accepted_time.clear();
  CHECK_FALSE(deadline_over(request, "2026-11-24T09:00:00Z"));
}

TEST_CASE("a search whose deadline is over measures nothing more, answers from what is there and says so") {
  const auto which = GENERATE(sample::dense, sample::moe);
  const auto policy = GENERATE(search_policy::adaptive, search_policy::exhaustive);
  const auto request = request_for(which, policy);
  for (int steps = 0; steps < 40; steps += 3) {
    auto search = make_search(request);
    fake_world world(request, {});
    const auto before = world.run(*search, 1, steps);
    REQUIRE_FALSE(before.finished);
    const auto measuring = search->wanted().measure.size();
    const auto news = search->apply(budget_spent{"the deadline of 60 s"});
    CHECK(std::any_of(news.begin(), news.end(), [](const progress& line) { return line.what == "budget_spent"; }));
    CHECK(search->apply(budget_spent{"the deadline of 60 s"}).empty());
    CHECK(search->wanted().measure.size() == measuring);
    const auto log = world.run(*search, 2);
    INFO("after " << steps << " results");
    CHECK(log.finished);
    CHECK(log.result.points_measured <= before.result.points_measured + static_cast<int>(measuring));
    CHECK(search->wanted().release.empty());
    CHECK(std::any_of(log.result.remarks.begin(), log.result.remarks.end(),
                      [](const std::string& remark) { return remark.find("deadline of 60 s") != std::string::npos; }));
    if (log.result.points_measured == 0) {
      CHECK_FALSE(log.result.feasible);
      CHECK(log.result.binding_constraint == "budget");
    }
  }
}

TEST_CASE("a deadline ends engines that are still starting and comes too late once the answer stands") {
  auto search = make_search(request_for(sample::dense));
  const auto started = search->wanted().deploy.size();
  REQUIRE(started > 0);
  search->apply(budget_spent{"the deadline of 1 s"});
  CHECK(search->wanted().deploy.empty());
  CHECK(search->wanted().release.size() == started);

  auto whole = make_search(request_for(sample::dense));
  const auto log = fake_world(request_for(sample::dense), {}).run(*whole, 1);
  REQUIRE(log.finished);
  CHECK(whole->apply(budget_spent{"the deadline of 1 s"}).empty());
  CHECK(whole->result().remarks == log.result.remarks);
}

TEST_CASE("a replay with a spent deadline comes to the same end") {
  const auto request = request_for(sample::dense);
  auto search = make_search(request);
  fake_world world(request, {});
  auto results = world.run(*search, 1, 7).results;
  results.emplace_back(budget_spent{"the deadline of 60 s"});
  search->apply(results.back());
  auto rest = world.run(*search, 2);
  REQUIRE(rest.finished);
  results.insert(results.end(), rest.results.begin(), rest.results.end());
  auto again = make_search(request);
  for (const auto& result : results) {
    const auto e = [&] {
      std::vector<codec_error> errors;
      return *decode_envelope(encode_result("id", request.id, result), errors);
    }();
    const auto read = result_from(e);
    REQUIRE(read);
    again->apply(*read);
  }
  CHECK(again->wanted().finished);
  CHECK(again->result().decode.engine == rest.result.decode.engine);
  CHECK(again->result().remarks == rest.result.remarks);
}
