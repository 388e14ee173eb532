// policies_test.cpp: Both policies come to the same recommendation; the adaptive one at a fraction of the GPU-seconds.
#include <iostream>

#include <catch2/catch.hpp>

#include "actors/search/curves.hpp"
#include "fake_world.hpp"

using namespace sextant;
using namespace sextant::testing;

namespace {

struct both {
  world_log adaptive;
  world_log exhaustive;
};

both run_both(profile_request request, const world_settings& settings) {
  both b;
  for (auto policy : {search_policy::adaptive, search_policy::exhaustive}) {
    request.policy = policy;
    auto search = make_search(request);
    fake_world world(request, settings);
    (policy == search_policy::adaptive ? b.adaptive : b.exhaustive) = world.run(*search, settings.seed * 7919);
  }
  return b;
}

void check_same(const both& b) {
  const auto& a = b.adaptive.result;
  const auto& e = b.exhaustive.result;
  CHECK(b.adaptive.finished);
  CHECK(b.exhaustive.finished);
  CHECK(a.prefill.engine == e.prefill.engine);
  CHECK(a.decode.engine == e.decode.engine);
  CHECK(a.decode.concurrency == e.decode.concurrency);
  CHECK(a.feasible == e.feasible);
  CHECK(a.binding_constraint == e.binding_constraint);
  CHECK(a.prefill.message == e.prefill.message);
}

/// Targets all over the range, from out of reach to trivial.
service_level random_target(std::mt19937_64& generator) {
  const auto log_uniform = [&](double low, double high) {
    return std::exp(std::uniform_real_distribution<double>(std::log(low), std::log(high))(generator));
  };
  service_level sla;
  sla.isl = static_cast<int>(log_uniform(500, 8000));
  sla.osl = static_cast<int>(log_uniform(100, 1000));
  sla.ttft_ms = log_uniform(30, 2000);
  sla.itl_ms = log_uniform(4, 60);
  return sla;
}

} // namespace

TEST_CASE("both policies pick the same engine and load, whatever target, deviation and order") {
  const auto which = GENERATE(sample::dense, sample::moe, sample::mla);
  double adaptive_s = 0, exhaustive_s = 0;
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    auto request = request_for(which);
    std::mt19937_64 generator(seed);
    request.sla = random_target(generator);
    world_settings settings;
    settings.seed = seed;
    const auto b = run_both(request, settings);
    INFO("seed " << seed << " isl " << request.sla.isl << " osl " << request.sla.osl << " ttft " << request.sla.ttft_ms
                 << " itl " << request.sla.itl_ms);
    check_same(b);
    CHECK(b.adaptive.most_gpus <= request.pool_gpus);
    CHECK(b.exhaustive.most_gpus <= request.pool_gpus);
    adaptive_s += b.adaptive.result.gpu_seconds;
    exhaustive_s += b.exhaustive.result.gpu_seconds;
  }
  std::cout << "sample " << static_cast<int>(which) << ": GPU-seconds adaptive / exhaustive = " << adaptive_s / exhaustive_s
            << " (" << adaptive_s << " / " << exhaustive_s << ")\n";
  CHECK(adaptive_s / exhaustive_s <= 0.2);
}
