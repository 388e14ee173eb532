// driver_live_test.cpp: Measurements at the simulated host: the same engines over sockets and in virtual time.
#include <future>

#include <catch2/catch.hpp>

#include "actors/load/driver.hpp"
#include "actors/metrics/summary.hpp"
#include "adapters/simulation/engine_core.hpp"
#include "adapters/simulation/engine_host.hpp"
#include "test/actors/load/simulated_model.hpp"

using namespace sextant;

namespace {

/// One engine of the simulated host, ended with the test.
struct live_engine {
  explicit live_engine(deploy_engine d) : what(std::move(d)), host(make_simulated_host()) {
    what.simulation = "live";
    what.simulation_speed = 100'000; // of its start
    std::promise<hosted_engine> ready;
    host->apply(
        "k", what, [&](hosted_engine e) { ready.set_value(std::move(e)); }, [](failure) {});
    about = ready.get_future().get();
  }

  ~live_engine() {
    std::promise<void> ended;
    host->remove("k", [&] { ended.set_value(); });
    ended.get_future().wait();
  }

  measure_point work(point_kind kind, int concurrency, int osl) const {
    measure_point w;
    w.engine = what.engine;
    w.endpoint = about.endpoint;
    w.served_model = about.served_model;
    w.simulated = true;
    w.plan.point = "e/sweep/c" + std::to_string(concurrency);
    w.plan.kind = kind;
    w.plan.isl = 1000;
    w.plan.osl = osl;
    w.plan.concurrency = w.plan.requests = concurrency;
    w.plan.warm_prompts = kind == point_kind::itl;
    w.plan.gpus = what.layout.gpus;
    return w;
  }

  deploy_engine what;
  std::unique_ptr<engine_host> host;
  hosted_engine about;
};

point_measured measure(const measure_point& w) {
  const std::atomic<bool> cancelled{false};
  const auto out = drive_measurement("live", w, cancelled);
  INFO(out.error.detail);
  REQUIRE(out.ok);
  const auto result = summarise(out.records);
  REQUIRE(std::holds_alternative<point_measured>(result));
  return std::get<point_measured>(result);
}

/// The same measurement in virtual time.
point_measured in_virtual_time(const live_engine& e, measure_point w) {
  auto d = e.what;
  d.simulation = "virtual";
  w.endpoint = virtual_endpoint(d);
  return measure(w);
}

void tell(const char* what, const point_measured& live, const point_measured& quick) {
  std::string remarks;
  for (const auto& r : live.remarks)
    remarks += "; " + r;
  WARN(what << ": live " << live.value_ms << " ms, virtual " << quick.value_ms << " ms, speed " << live.speed << ", wall "
            << live.wall_s << " s, overhead " << live.overhead_s * 1e3 << " ms" << remarks);
}

} // namespace

TEST_CASE("live: a simulated engine is measured over sockets as planned") {
  live_engine e(testing::dense_engine(phase::decode));
  auto w = e.work(point_kind::itl, 8, 20);
  w.expected_itl_ms = in_virtual_time(e, w).value_ms;
  const auto m = measure(w);
  CHECK(m.valid);
  CHECK(m.samples.ttft_ms.size() == 8);
  CHECK(m.cached_share > 0.9);
  CHECK(m.clock == "scaled");
  CHECK(m.simulated);
  CHECK(m.value_ms > 0);
  CHECK(m.engine_s > 0);
}

TEST_CASE("live: an engine that ends in the middle is gone") {
  live_engine e(testing::dense_engine(phase::prefill));
  auto w = e.work(point_kind::ttft, 1, 5);
  w.plan.max_waves = w.plan.min_waves = 1000;
  w.simulation_speed = 1000;
  const std::atomic<bool> cancelled{false};
  auto outcome = std::async(std::launch::async, [&] { return drive_measurement("live-crash", w, cancelled); });
  std::promise<void> gone;
  e.host->remove("k", [&] { gone.set_value(); });
  gone.get_future().wait();
  const auto out = outcome.get();
  REQUIRE_FALSE(out.ok);
  CHECK(out.error.kind == failure_class::transient);
  CHECK(out.error.cause == failure_cause::engine_gone);
}

TEST_CASE("live: accuracy against virtual time", "[.bench]") {
  live_engine decode(testing::dense_engine(phase::decode));
  for (const int concurrency : {1, 64, 512, 1000}) {
    auto w = decode.work(point_kind::itl, concurrency, 200);
    const auto quick = in_virtual_time(decode, w);
    w.expected_itl_ms = quick.value_ms;
    w.expected_ttft_ms = quick.ttft.mean;
    tell(("decode " + std::to_string(concurrency)).c_str(), measure(w), quick);
  }
  live_engine prefill(testing::dense_engine(phase::prefill));
  for (const int isl : {500, 3000, 7000}) {
    auto w = prefill.work(point_kind::ttft, 1, 5);
    w.plan.isl = isl;
    w.plan.min_waves = w.plan.max_waves = 4;
    const auto quick = in_virtual_time(prefill, w);
    w.expected_ttft_ms = quick.value_ms;
    tell(("prefill " + std::to_string(isl)).c_str(), measure(w), quick);
  }
}
