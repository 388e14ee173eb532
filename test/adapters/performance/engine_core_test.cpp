// The event-by-event run against the engine simulator, which takes every step one by one.
#include <catch2/catch.hpp>
#include <map>

#include "adapters/performance/benchmark_run.hpp"
#include "adapters/simulation/engine_core.hpp"
#include "config/intake.hpp"

using namespace sextant;
using namespace sextant::performance;

namespace {

step_costs costs_with_context() {
  step_costs c;
  c.dense_decode = sampled_curve::of([](double rows) { return 0.008 + 2e-5 * rows; });
  c.dense_mixed = sampled_curve::of([](double rows) { return 0.008 + 2e-5 * rows; });
  c.decode = sampled_curve::of([](double requests) { return 2e-5 * requests; });
  c.decode_more = sampled_curve::of([](double requests) { return 1.4e-4 * requests; });
  c.host_s = 1e-3;
  return c;
}

/// The same costs behind the simulator's interface.
class costs_as_model final : public step_model {
public:
  double step_seconds(const step_batch& b) const override {
    return costs_({static_cast<double>(b.prefill_tokens), static_cast<double>(b.prefill_requests), 0,
                   static_cast<double>(b.decode_requests), static_cast<double>(b.decode_context_tokens)});
  }
  std::string tier() const override { return "test"; }
  double error_band() const override { return 0; }

private:
  step_costs costs_ = costs_with_context();
};

struct means {
  double ttft = 0, tpot = 0;
};

/// A closed loop, every step taken.
means step_by_step(int clients, int requests, int isl, int osl) {
  engine_shape shape;
  shape.model = *find_model("Qwen/Qwen3-32B");
  shape.gpu = *find_gpu("h200_sxm");
  engine_settings settings;
  settings.noise = 0;
  settings.prefix_caching = false;
  settings.kv_tokens = 10'000'000;
  settings.max_running = 1024;
  auto engine = make_engine_core(shape, std::make_shared<costs_as_model>(), settings);
  std::map<uint64_t, std::pair<double, double>> times; // arrival, first token
  int sent = 0, done = 0;
  double now = 0;
  means sum;
  const auto send = [&](double at) {
    sim_request r;
    r.id = static_cast<uint64_t>(++sent);
    r.prompt_tokens = isl;
    r.max_tokens = osl;
    times[r.id].first = at;
    REQUIRE(engine->submit(r, at).empty());
  };
  for (int i = 0; i < clients; ++i)
    send(0);
  while (done < requests) {
    std::vector<sim_token> tokens;
    now = engine->step(now, tokens);
    for (const auto& t : tokens) {
      auto& [arrival, first] = times[t.request];
      if (t.index == 0)
        first = now;
      if (!t.last)
        continue;
      sum.ttft += first - arrival;
      sum.tpot += (now - first) / (osl - 1);
      ++done;
      if (sent < requests)
        send(now);
    }
  }
  return {sum.ttft / requests, sum.tpot / requests};
}

} // namespace

TEST_CASE("runs by events agree with the engine simulator step by step") {
  for (const auto& [clients, isl, osl] : {std::tuple{1, 1000, 100}, {16, 1000, 200}, {64, 2000, 100}}) {
    CAPTURE(clients, isl, osl);
    const auto exact = step_by_step(clients, 10 * clients, isl, osl);
    rank_traffic t;
    t.clients = clients;
    t.requests = 10 * clients;
    t.isl = isl;
    t.osl = osl;
    const auto quick = play(costs_with_context(), {}, t);
    CHECK(quick.tpot_s == Approx(exact.tpot).epsilon(0.03));
    CHECK(quick.ttft_s == Approx(exact.ttft).epsilon(0.05));
  }
}
