// engine_core_test.cpp: The simulated scheduler: batching, prefix cache, attention ranks, preemption, determinism.
#include "adapters/simulation/engine_core.hpp"

#include <catch2/catch.hpp>
#include <map>

#include "adapters/simulation/kv_cache.hpp"
#include "adapters/simulation/prompts.hpp"
#include "worlds.hpp"

using namespace sextant;

namespace {

/// Times that can be counted by hand: 1 s per prompt token, 100 s for a step with decoding.
class hand_model final : public step_model {
public:
  double step_seconds(const step_batch& b) const override {
    return static_cast<double>(b.prefill_tokens) + (b.decode_requests > 0 ? 100 : 0);
  }
  std::string tier() const override { return "hand"; }
  double error_band() const override { return 0; }
};

engine_settings quiet(phase role = phase::decode) {
  engine_settings s;
  s.role = role;
  s.noise = 0;
  s.kv_tokens = 16000;
  return s;
}

std::unique_ptr<engine_core> engine(const engine_settings& settings, mapping layout = {}) {
  return make_engine_core({worlds::qwen3_30b_a3b(), worlds::h200(), backend_kind::vllm, layout},
                          std::make_shared<hand_model>(), settings);
}

sim_request request(uint64_t id, int prompt, int max_tokens, uint64_t content = 0, int rank = -1) {
  return {id, prompt, virtual_block_hashes(7, content ? content : id, prompt), max_tokens, rank};
}

struct seen {
  double first_s = 0, last_s = 0;
  int tokens = 0, cached = 0;
  bool last = false;
};

/// Plays until idle.
std::map<uint64_t, seen> play(engine_core& e, double& now, int limit = 100000) {
  std::map<uint64_t, seen> all;
  std::vector<sim_token> tokens;
  while (e.busy() && limit-- > 0) {
    tokens.clear();
    const double end = e.step(now, tokens);
    REQUIRE(end > now);
    now = end;
    for (const auto& t : tokens) {
      auto& s = all[t.request];
      REQUIRE(t.index == s.tokens); // tokens of a request come once and in order
      REQUIRE_FALSE(s.last);
      if (t.index == 0)
        s.first_s = now;
      s.last_s = now;
      ++s.tokens;
      s.last = t.last;
      s.cached = t.cached_tokens;
    }
  }
  CHECK_FALSE(e.busy());
  return all;
}

} // namespace

TEST_CASE("a request gets its first token with the end of its prefill and one per step after") {
  auto e = engine(quiet());
  CHECK(e->submit(request(1, 1000, 5), 0).empty());
  double now = 0;
  const auto all = play(*e, now);
  CHECK(all.at(1).tokens == 5);
  CHECK(all.at(1).last);
  CHECK(all.at(1).first_s == 1000);
  CHECK(all.at(1).last_s == 1000 + 4 * 100);
  CHECK(e->kv_tokens_used() == 0);
}

TEST_CASE("a prompt larger than the step's budget is computed in chunks beside decoding requests") {
  auto settings = quiet();
  settings.max_batched_tokens = 100;
  auto e = engine(settings);
  e->submit(request(1, 50, 20), 0);
  e->submit(request(2, 200, 1), 0);
  std::vector<sim_token> tokens;
  CHECK(e->step(0, tokens) == 100); // 50 of the first and 50 of the second
  REQUIRE(tokens.size() == 1);
  CHECK(tokens[0].request == 1);
  CHECK(e->step(100, tokens) == 100 + 100 + 99); // one decode leaves 99 of the budget
  CHECK(tokens.size() == 2);
  e->step(299, tokens); // the last 51
  CHECK(tokens.size() == 4);
}

TEST_CASE("requests are admitted in order of arrival and not before they arrive") {
  auto e = engine(quiet());
  e->submit(request(1, 10, 1), 5);
  e->submit(request(2, 10, 1), 1000);
  std::vector<sim_token> tokens;
  CHECK(e->step(0, tokens) == 15);
  CHECK(tokens.size() == 1);
  CHECK(e->waiting() == 1);
  CHECK(e->step(15, tokens) == 1010);
}

TEST_CASE("a prompt sent again is served from the cache, except its last block") {
  auto e = engine(quiet());
  double now = 0;
  e->submit(request(1, 160, 2, 42), now);
  CHECK(play(*e, now).at(1).cached == 0);
  const double begin = now;
  e->submit(request(2, 160, 2, 42), now);
  const auto again = play(*e, now).at(2);
  CHECK(again.cached == 144);
  CHECK(again.first_s - begin == 16);
  e->submit(request(3, 165, 2, 42), now); // same beginning, longer
  CHECK(play(*e, now).at(3).cached == 160);
  e->submit(request(4, 160, 2, 43), now);
  CHECK(play(*e, now).at(4).cached == 0);
}

TEST_CASE("a prefill engine runs one request per rank without cache, so that bursts form rounds") {
  auto e = engine(quiet(phase::prefill), {mapping_method::dep, 4});
  CHECK_FALSE(e->settings().prefix_caching);
  for (uint64_t id = 1; id <= 16; ++id)
    e->submit(request(id, 100, 5, 1), 0);
  double now = 0;
  const auto all = play(*e, now);
  double longest = 0;
  for (const auto& [id, s] : all) {
    CHECK(s.tokens == 5);
    CHECK(s.cached == 0);
    longest = std::max(longest, s.first_s);
  }
  CHECK(longest == 4 * 100 + 3 * 4 * 100); // four rounds of prefill, three of decoding before the last
}

TEST_CASE("the router spreads requests over attention ranks and the busiest sets the time") {
  auto e = engine(quiet(), {mapping_method::dep, 2});
  e->submit(request(1, 100, 1), 0);
  e->submit(request(2, 300, 1), 0);
  std::vector<sim_token> tokens;
  CHECK(e->step(0, tokens) == 300);
  CHECK(tokens.size() == 2);
  // The cache of a rank is its own.
  double now = 300;
  e->submit(request(3, 320, 1, 9, 0), now);
  play(*e, now);
  e->submit(request(4, 320, 1, 9, 1), now);
  CHECK(play(*e, now).at(4).cached == 0);
  e->submit(request(5, 320, 1, 9, 0), now);
  CHECK(play(*e, now).at(5).cached == 304);
  CHECK_FALSE(e->submit(request(6, 10, 1, 9, 2), now).empty());
}

TEST_CASE("sequences that outgrow the cache are preempted, computed again and all finish") {
  auto settings = quiet();
  settings.kv_tokens = 40 * kv_block_tokens;
  for (bool caching : {true, false}) {
    settings.prefix_caching = caching;
    auto e = engine(settings);
    for (uint64_t id = 1; id <= 8; ++id)
      CHECK(e->submit(request(id, 64, 300), 0).empty());
    double now = 0;
    const auto all = play(*e, now);
    REQUIRE(all.size() == 8);
    for (const auto& [id, s] : all) {
      CHECK(s.tokens == 300);
      CHECK(s.last);
    }
    CHECK(e->kv_tokens_used() == 0);
    CHECK(now > 8 * 300 * 214 / 640.0 * 100); // each holds 214 tokens on average, 640 fit
  }
}

TEST_CASE("requests that can never run are refused with the reason") {
  auto settings = quiet();
  settings.max_context = 2000;
  settings.kv_tokens = 1600;
  auto e = engine(settings);
  CHECK(e->submit(request(1, 1999, 2), 0).find("context of 2000") != std::string::npos);
  CHECK(e->submit(request(2, 1600, 2), 0).find("1600") != std::string::npos);
  CHECK_FALSE(e->submit(request(3, 0, 2), 0).empty());
  CHECK_FALSE(e->submit(request(4, 10, 0), 0).empty());
  CHECK_FALSE(e->busy());
  CHECK(e->submit(request(5, 1600, 1), 0).empty()); // the last token's keys are never stored
  double now = 0;
  CHECK(play(*e, now).at(5).tokens == 1);
}

TEST_CASE("a cancelled request leaves at once, running or waiting, and gives its blocks back") {
  auto settings = quiet();
  settings.max_running = 1;
  auto e = engine(settings);
  e->submit(request(1, 100, 50), 0);
  e->submit(request(2, 100, 50), 0);
  e->submit(request(3, 100, 1), 0);
  std::vector<sim_token> tokens;
  e->step(0, tokens);
  CHECK(e->running() == 1);
  CHECK(e->waiting() == 2);
  CHECK(e->kv_tokens_used() == 7 * kv_block_tokens);
  e->cancel(1);
  e->cancel(2);
  e->cancel(99);
  CHECK(e->kv_tokens_used() == 0);
  double now = 100;
  const auto all = play(*e, now);
  CHECK(all.size() == 1);
  CHECK(all.at(3).tokens == 1);
}

TEST_CASE("equal seeds give equal histories, other seeds other times around the same mean") {
  auto run = [](uint64_t seed) {
    engine_settings s;
    s.seed = seed;
    const auto shape = worlds::shape(worlds::qwen3_32b(), mapping_method::tp, 2);
    auto e = make_engine_core(shape, make_step_model(shape), s);
    for (uint64_t id = 1; id <= 40; ++id)
      e->submit(request(id, 500 + static_cast<int>(id), 200), 0.01 * static_cast<double>(id));
    double now = 0;
    play(*e, now);
    return now;
  };
  CHECK(run(1) == run(1));
  CHECK(run(1) != run(2));
  CHECK(run(1) == Approx(run(2)).epsilon(0.02));
}

TEST_CASE("capacity comes from the memory plan unless it is given") {
  const auto shape = worlds::shape(worlds::deepseek_r1(), mapping_method::dep, 8);
  engine_settings s;
  CHECK(make_engine_core(shape, make_step_model(shape), s)->kv_tokens() == plan_memory(shape, 1).kv_tokens);
  s.kv_tokens = 8 * 1600;
  CHECK(make_engine_core(shape, make_step_model(shape), s)->kv_tokens() == 8 * 1600);
}

TEST_CASE("block pool stays consistent under random use") {
  kv_cache cache(50);
  uint64_t state = 1;
  std::vector<kv_cache::block> held;
  for (int i = 0; i < 20000; ++i) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    const auto dice = state >> 33;
    const uint64_t hash = (dice >> 4) % 80;
    if (dice % 3 == 0 && !held.empty()) {
      cache.release(held.back());
      held.pop_back();
    } else if (auto b = cache.find(hash); b != kv_cache::none) {
      cache.hold(b);
      held.push_back(b);
    } else if (b = cache.take(); b != kv_cache::none) {
      cache.name(b, hash);
      held.push_back(b);
    }
    if (i % 97 == 0)
      REQUIRE(cache.consistent());
  }
  for (auto b : held)
    cache.release(b);
  CHECK(cache.consistent());
  CHECK(cache.free() == 50);
}

TEST_CASE("the block that was unused longest is evicted first") {
  kv_cache cache(3);
  for (uint64_t hash = 1; hash <= 3; ++hash) {
    const auto b = cache.take();
    cache.name(b, hash);
    cache.release(b);
  }
  const auto one = cache.find(1);
  cache.hold(one);
  cache.release(one);
  cache.take();
  CHECK(cache.find(2) == kv_cache::none);
  CHECK(cache.find(1) != kv_cache::none);
  CHECK(cache.find(3) != kv_cache::none);
}

TEST_CASE("a virtual endpoint describes an engine completely") {
  deploy_engine what;
  what.engine = "decode-TP2";
  what.layout = {mapping_method::tp, 2};
  what.role = phase::decode;
  what.model = worlds::qwen3_32b();
  what.gpu = worlds::h200();
  what.max_context = 8000;
  what.dgd = "large text that does not matter";
  const auto endpoint = virtual_endpoint(what);
  CHECK(endpoint.rfind("virtual:{", 0) == 0);
  CHECK(endpoint.find("large text") == std::string::npos);
  CHECK(virtual_endpoint(what) == endpoint);
  std::string error;
  const auto e = engine_from_endpoint(endpoint, error);
  REQUIRE(e);
  CHECK(error.empty());
  CHECK(e->kv_tokens() == plan_memory({what.model, what.gpu, what.backend, what.layout}, 1).kv_tokens);
  CHECK(e->settings().max_context == 8000);
  what.attempt = 2;
  CHECK(virtual_endpoint(what) != endpoint);
  what.model = worlds::deepseek_r1();
  CHECK_FALSE(engine_from_endpoint(virtual_endpoint(what), error));
  CHECK(error.find("no room") != std::string::npos);
  for (const char* bad : {"http://x", "virtual:", "virtual:{}", "virtual:[1]", "virtual:{\"engine\":1}"}) {
    error.clear();
    CHECK_FALSE(engine_from_endpoint(bad, error));
    CHECK_FALSE(error.empty());
  }
}
