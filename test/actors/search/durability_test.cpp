// durability_test.cpp: Replay, duplicates and failures: a search comes to the same end whatever happens on the way.
#include <catch2/catch.hpp>

#include "fake_world.hpp"

using namespace sextant;
using namespace sextant::testing;

namespace {

void check_same_answer(const profile_result& a, const profile_result& b) {
  CHECK(a.feasible == b.feasible);
  CHECK(a.prefill.engine == b.prefill.engine);
  CHECK(a.decode.engine == b.decode.engine);
  CHECK(a.decode.concurrency == b.decode.concurrency);
  CHECK(a.decode.value_ms == b.decode.value_ms);
}

/// Everything wanted as text, to compare states.
std::string text_of(const wanted_work& w) {
  std::string text;
  for (const auto& x : w.deploy)
    text += "deploy " + x.engine + "#" + std::to_string(x.attempt) + "\n";
  for (const auto& x : w.measure)
    text += "measure " + x.plan.point + "#" + std::to_string(x.engine_attempt) + "." + std::to_string(x.attempt) + "\n";
  for (const auto& x : w.release)
    text += "release " + x.engine + "#" + std::to_string(x.attempt) + "\n";
  return text + (w.write ? "write" : "") + (w.finished ? "finished" : "");
}

} // namespace

TEST_CASE("a recorded stream, cut anywhere and continued, comes to the same end") {
  const auto which = GENERATE(sample::dense, sample::moe, sample::mla);
  const auto policy = GENERATE(search_policy::adaptive, search_policy::exhaustive);
  const auto request = request_for(which, policy);
  world_settings settings;
  settings.seed = 5;
  settings.engine_failures = 0.08;
  settings.attempt_failures = 0.08;
  settings.most_injected = 2;
  auto search = make_search(request);
  fake_world world(request, settings);
  const auto whole = world.run(*search, 11);
  REQUIRE(whole.finished);
  // Step by step beside the cut, so that the state at the cut is known.
  auto beside = make_search(request);
  for (size_t cut = 0; cut <= whole.results.size(); ++cut) {
    auto restarted = make_search(request);
    for (size_t i = 0; i < cut; ++i)
      restarted->apply(whole.results[i]);
    CHECK(text_of(restarted->wanted()) == text_of(beside->wanted()));
    if (cut % 3 == 0 || cut == whole.results.size()) {
      auto calm = settings;
      calm.engine_failures = calm.attempt_failures = 0;
      fake_world continued(request, calm);
      continued.replay({whole.results.begin(), whole.results.begin() + static_cast<std::ptrdiff_t>(cut)});
      const auto rest = continued.run(*restarted, 1000 + cut);
      CHECK(rest.finished);
      check_same_answer(rest.result, whole.result);
    }
    if (cut < whole.results.size())
      beside->apply(whole.results[cut]);
  }
}

TEST_CASE("a stream that a version with another model wrote, cut anywhere, is gone on with: what was measured is kept") {
  const auto which = GENERATE(sample::dense, sample::moe, sample::mla);
  const auto then = GENERATE(search_policy::adaptive, search_policy::exhaustive);
  const auto request = request_for(which);
  auto other = request_for(which, then); // decides by other predictions, in the same world
  other.gpu.memory_bandwidth *= 0.45;
  other.gpu.bf16_flops *= 3;
  other.gpu.fp8_flops *= 3;
  other.gpu.intra_node_bandwidth *= 0.2;
  world_settings settings;
  settings.seed = 9;
  auto undisturbed = make_search(request);
  const auto expected = fake_world(request, settings).run(*undisturbed, 4);
  REQUIRE(expected.finished);
  auto rough = settings;
  rough.engine_failures = rough.attempt_failures = 0.05;
  rough.most_injected = 1;
  auto old = make_search(other);
  const auto recorded = fake_world(request, rough).run(*old, 7).results;
  const size_t step = recorded.size() / 40 + 1;
  bool decided_otherwise = false;
  for (size_t cut = 0; cut <= recorded.size();
       cut += cut < recorded.size() && cut + step > recorded.size() ? recorded.size() - cut : step) {
    INFO("cut at " << cut << " of " << recorded.size());
    auto search = make_search(request);
    int measured = 0;
    for (size_t i = 0; i < cut; ++i) {
      const auto before = text_of(search->wanted());
      search->apply(recorded[i]);
      if (const auto* point = std::get_if<point_measured>(&recorded[i])) {
        ++measured;
        decided_otherwise = decided_otherwise || before.find("measure " + point->plan.point + "#") == std::string::npos;
      }
    }
    CHECK(search->totals().points_done == measured);
    fake_world world(request, settings); // which counts points that are measured twice
    world.replay({recorded.begin(), recorded.begin() + static_cast<std::ptrdiff_t>(cut)});
    const auto rest = world.run(*search, 100 + cut);
    CHECK(rest.finished);
    check_same_answer(rest.result, expected.result);
    CHECK(rest.result.decode_grid.size() >= 6);
    if (cut == recorded.size())
      break;
  }
  CHECK(decided_otherwise);
}

TEST_CASE("results that come twice change nothing") {
  const auto request = request_for(sample::moe);
  world_settings settings;
  settings.engine_failures = 0.05;
  settings.attempt_failures = 0.1;
  settings.most_injected = 2;
  auto search = make_search(request);
  fake_world world(request, settings);
  const auto whole = world.run(*search, 3);
  auto once = make_search(request);
  auto twice = make_search(request);
  for (size_t i = 0; i < whole.results.size(); ++i) {
    once->apply(whole.results[i]);
    twice->apply(whole.results[i]);
    CHECK(twice->apply(whole.results[i]).empty());
    if (i > 5)
      CHECK(twice->apply(whole.results[i - 5]).empty());
    CHECK(text_of(once->wanted()) == text_of(twice->wanted()));
    CHECK(text_of(once->wanted()) == text_of(once->wanted()));
  }
  CHECK(once->result().gpu_seconds == twice->result().gpu_seconds);
  CHECK(once->result().attempts_failed == twice->result().attempts_failed);
  // The whole stream again, after the end.
  for (const auto& result : whole.results)
    CHECK(twice->apply(result).empty());
  CHECK(text_of(twice->wanted()) == "finished");
}

TEST_CASE("transient failures are tried again and do not change the answer") {
  const auto which = GENERATE(sample::dense, sample::moe);
  const auto policy = GENERATE(search_policy::adaptive, search_policy::exhaustive);
  const auto request = request_for(which, policy);
  for (uint64_t order = 1; order <= 25; ++order) {
    world_settings calm;
    calm.seed = order;
    auto undisturbed = make_search(request);
    const auto expected = fake_world(request, calm).run(*undisturbed, order);
    auto rough = calm;
    rough.engine_failures = 0.15;
    rough.attempt_failures = 0.15;
    rough.most_injected = 2; // a third failure would end the candidate
    auto search = make_search(request);
    const auto log = fake_world(request, rough).run(*search, order);
    INFO("order " << order);
    CHECK(log.finished);
    check_same_answer(log.result, expected.result);
    CHECK(log.result.attempts_failed > 0);
  }
}

TEST_CASE("a candidate that runs out of memory is recorded and the sweep goes on") {
  const auto policy = GENERATE(search_policy::adaptive, search_policy::exhaustive);
  const auto request = request_for(sample::dense, policy);
  auto undisturbed = make_search(request);
  const auto winner = fake_world(request, {}).run(*undisturbed, 1).result.decode.engine;
  world_settings settings;
  settings.broken[winner] = {failure_class::permanent, failure_cause::out_of_memory, "CUDA out of memory", {"last line"}};
  auto search = make_search(request);
  const auto log = fake_world(request, settings).run(*search, 1);
  CHECK(log.finished);
  CHECK(log.result.feasible);
  CHECK(log.result.decode.engine != winner);
  for (const auto& c : log.result.candidates)
    if (c.engine == winner) {
      CHECK(c.state == candidate_state::failed);
      CHECK(c.reason == "CUDA out of memory");
      CHECK(c.attempts == 1);
      REQUIRE(c.failures.size() == 1);
      CHECK(c.failures[0].log_tail.front() == "last line");
    }
}

TEST_CASE("three transient failures end a candidate") {
  const auto request = request_for(sample::dense);
  world_settings settings;
  for (const char* engine : {"decode-TP1", "decode-TP2", "decode-TP4", "decode-TP8"})
    settings.broken[engine] = {failure_class::transient, failure_cause::start_timeout, "not ready in time", {}};
  auto search = make_search(request);
  const auto log = fake_world(request, settings).run(*search, 1);
  CHECK(log.finished);
  CHECK_FALSE(log.result.feasible);
  CHECK(log.result.binding_constraint == "engines");
  CHECK(log.result.decode.message == "No decode results produced; skipping recommendations.");
  CHECK_FALSE(log.result.prefill.engine.empty());
  for (const auto& c : log.result.candidates)
    if (c.role == phase::decode) {
      CHECK(c.state == candidate_state::failed);
      CHECK(c.attempts == 3);
    }
}

TEST_CASE("a chosen engine that dies for good during its curve gives way to the next best") {
  const auto request = request_for(sample::dense);
  auto undisturbed = make_search(request);
  const auto winner = fake_world(request, {}).run(*undisturbed, 1).result.decode.engine;
  world_settings settings;
  settings.broken_curves = {winner};
  auto search = make_search(request);
  const auto log = fake_world(request, settings).run(*search, 1);
  CHECK(log.finished);
  CHECK(log.result.feasible);
  CHECK_FALSE(log.result.decode.engine.empty());
  CHECK(log.result.decode.engine != winner);
  CHECK(log.result.decode_grid.size() >= 8);
}

TEST_CASE("a point that fails for good is left out with a remark") {
  const auto request = request_for(sample::dense);
  auto undisturbed = make_search(request);
  const auto expected = fake_world(request, {}).run(*undisturbed, 1);
  std::string curve_point;
  for (const auto& result : expected.results)
    if (auto* p = std::get_if<point_measured>(&result); p && p->plan.purpose == "curve" && p->plan.kind == point_kind::ttft)
      curve_point = p->plan.point;
  world_settings settings;
  settings.broken_points = {curve_point};
  auto search = make_search(request);
  const auto log = fake_world(request, settings).run(*search, 1);
  CHECK(log.finished);
  CHECK(log.result.prefill_curve.size() >= 5);
  CHECK(std::any_of(log.result.remarks.begin(), log.result.remarks.end(),
                    [&](const std::string& r) { return r.find(curve_point) != std::string::npos; }));
}

TEST_CASE("engines that find no room beside an idle one wait until it has made room, and that is no failure") {
  const auto request = request_for(sample::dense, search_policy::adaptive);
  auto search = make_search(request);
  const auto held = search->wanted().deploy.back();
  engine_ready ready;
  ready.engine = held.engine;
  ready.attempt = 1;
  ready.kv_tokens = 1'000'000;
  search->apply(ready);
  int taken_back = 0; // whoever starts engines has no room for a second one, whatever the sum of GPUs says
  for (auto asked = search->wanted().deploy; !asked.empty() && taken_back < 50;
       asked = search->wanted().deploy, ++taken_back)
    search->apply(engine_released{asked.front().engine, asked.front().attempt, 0});
  CHECK(taken_back > 0);
  CHECK(search->wanted().deploy.empty());
  CHECK(search->result().attempts_failed == 0);
  search->apply(engine_lost{held.engine, 1, {failure_class::transient, failure_cause::node_lost, "gone", {}}});
  CHECK_FALSE(search->wanted().deploy.empty()); // nothing is held: all GPUs may be used again
}

TEST_CASE("the results of an old incarnation change nothing") {
  const auto request = request_for(sample::dense);
  auto search = make_search(request);
  const auto first = search->wanted().deploy.front();
  search->apply(engine_failed{first.engine, 1, {failure_class::transient, failure_cause::node_lost, "gone", {}}});
  const auto again = search->wanted();
  CHECK(std::any_of(again.deploy.begin(), again.deploy.end(),
                    [&](const deploy_engine& d) { return d.engine == first.engine && d.attempt == 2; }));
  engine_ready late;
  late.engine = first.engine;
  late.attempt = 1;
  late.kv_tokens = 1000000;
  CHECK(search->apply(late).empty());
  CHECK(search->apply(engine_lost{first.engine, 1, {}}).empty());
  CHECK(search->apply(engine_released{first.engine, 1, 0}).empty());
  CHECK(search->apply(engine_ready{}).empty());
  CHECK(search->apply(point_measured{}).empty());
  CHECK(text_of(search->wanted()) == text_of(again));
}
