// confirming_test.cpp: Recommended pairs are deployed together, judged, and give way where they do not keep their promise.
#include <catch2/catch.hpp>

#include "actors/search/pair_forecast.hpp"
#include "actors/search/pair_trial.hpp"
#include "fake_world.hpp"

using namespace sextant;
using namespace sextant::searching;
using namespace sextant::testing;

namespace {

profile_request asked(const std::string& host = "local") {
  auto request = request_for(sample::dense);
  request.host = host;
  request.pool_gpus = 16;
  return request;
}

world_log search_in(const profile_request& request, world_settings settings) {
  settings.mapping_spread = 0.02;
  auto search = make_search(request);
  return fake_world(request, settings).run(*search, 7);
}

std::string joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const auto& line : lines)
    out += line + "\n";
  return out;
}

} // namespace

TEST_CASE("the recommended pair is deployed once, after the search, with both mappings and no planner") {
  const auto request = asked();
  auto search = make_search(request);
  world_settings settings;
  settings.mapping_spread = 0.02;
  fake_world world(request, settings);
  deploy_engine pair;
  while (true) { // step by step, to see what is wanted
    const auto work = search->wanted();
    for (const auto& d : work.deploy)
      if (pair_trial::is_pair(d.engine))
        pair = d;
    if (world.run(*search, 7, 1).finished)
      break;
  }
  const auto result = search->result();
  REQUIRE(result.confirmations.size() == 1);
  const auto& c = result.confirmations.front();
  INFO(c.reason);
  CHECK(c.state == confirmation_state::confirmed);
  CHECK(c.prefill == result.prefill.layout);
  CHECK(c.decode == result.decode.layout);
  CHECK(c.engine == "pair-" + c.prefill.tag() + "-" + c.decode.tag());
  CHECK(c.ttft_ms > 0);
  CHECK(c.itl_ms > 0);
  CHECK(pair.prefill_layout == c.prefill);
  CHECK(pair.layout == c.decode);
  CHECK(pair.dgd.find("VllmPrefillWorker") != std::string::npos);
  CHECK(pair.dgd.find("VllmDecodeWorker") != std::string::npos);
  CHECK(pair.dgd.find("Planner") == std::string::npos);
  CHECK(result.feasible);
}

TEST_CASE("no pair where the host cannot run one, none is wanted, or the pool is too small") {
  CHECK(search_in(asked("simulated"), {}).result.confirmations.empty());
  auto request = asked();
  request.extra["confirm"] = "false";
  CHECK(search_in(request, {}).result.confirmations.empty());
  request = asked();
  request.max_gpus_per_engine = 1;
  request.min_gpus_per_engine = 1;
  request.pool_gpus = 1;
  const auto log = search_in(request, {});
  CHECK(log.finished);
  if (!log.result.prefill.engine.empty() && !log.result.decode.engine.empty())
    CHECK(joined(log.result.remarks).find("was not measured together: the pair needs 2 GPUs, there are 1")
          != std::string::npos);
}

TEST_CASE("a pair outside its band gives way to the next alternative, which is confirmed and reported") {
  world_settings settings;
  settings.pair_slowness = 2;
  settings.slow_pairs = 1;
  const auto log = search_in(asked(), settings);
  CHECK(log.finished);
  const auto& tried = log.result.confirmations;
  REQUIRE(tried.size() == 2);
  CHECK(tried[0].state != confirmation_state::confirmed);
  CHECK(!tried[0].reason.empty());
  CHECK(tried[1].state == confirmation_state::confirmed);
  CHECK((tried[0].concurrency != tried[1].concurrency || !(tried[0].decode == tried[1].decode)
         || !(tried[0].prefill == tried[1].prefill)));
  CHECK(tried[1].decode == log.result.decode.layout);
  CHECK(joined(log.result.remarks).find("did not keep its promise") != std::string::npos);
  CHECK(log.result.feasible);
  CHECK(log.result.decode_grid.size() > 3); // of the engine that was chosen in the end
}

TEST_CASE("pairs that all miss the target end in an answer that is not feasible, after three of them at most") {
  world_settings settings;
  settings.pair_slowness = 50;
  const auto log = search_in(asked(), settings);
  CHECK(log.finished);
  CHECK(log.result.confirmations.size() <= 3);
  CHECK(log.result.confirmations.back().state == confirmation_state::misses_target);
  CHECK(!log.result.feasible);
  CHECK(log.result.binding_constraint == "itl");
  CHECK(log.result.achievable.itl_ms >= log.result.confirmations.back().itl_ms);
}

TEST_CASE("lost engines and failed attempts are tried again; a pair that cannot run is said to have failed") {
  world_settings settings;
  settings.engine_failures = 0.3;
  settings.attempt_failures = 0.3;
  settings.most_injected = 1;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    settings.seed = seed;
    const auto log = search_in(asked(), settings);
    INFO("seed " << seed);
    CHECK(log.finished);
    REQUIRE(!log.result.confirmations.empty());
    CHECK(log.result.confirmations.back().state != confirmation_state::failed);
  }
  world_settings broken;
  auto request = asked();
  const auto whole = search_in(request, broken).result;
  broken.broken["pair-" + whole.prefill.layout.tag() + "-" + whole.decode.layout.tag()] = {
      failure_class::permanent, failure_cause::out_of_memory, "no memory for two", {}};
  const auto log = search_in(request, broken);
  CHECK(log.finished);
  REQUIRE(log.result.confirmations.size() == 1);
  CHECK(log.result.confirmations.front().state == confirmation_state::failed);
  CHECK(log.result.confirmations.front().reason == "no memory for two");
  CHECK(log.result.feasible); // what was measured alone stands
}

TEST_CASE("a search that is replayed from its results comes to the same confirmation") {
  world_settings settings;
  settings.pair_slowness = 2;
  settings.slow_pairs = 1;
  const auto request = asked();
  const auto log = search_in(request, settings);
  auto again = make_search(request);
  for (const auto& event : log.results)
    again->apply(event);
  CHECK(encode_body(again->result()) == encode_body(log.result));
  CHECK(again->wanted().finished);
}

TEST_CASE("a cancelled search ends its pair") {
  const auto request = asked();
  auto search = make_search(request);
  world_settings settings;
  settings.mapping_spread = 0.02;
  fake_world world(request, settings);
  while (search->gpus_of("pair-") == 0)
    REQUIRE(!world.run(*search, 7, 1).finished);
  search->apply(cancel_request{"enough"});
  const auto log = world.run(*search, 7);
  CHECK(log.finished);
  CHECK(log.result.confirmations.empty());
}
