// summary_test.cpp: From token records to the result of a point.
#include <cmath>
#include <random>

#include <catch2/catch.hpp>

#include "actors/metrics/summary.hpp"
#include "messages/codec.hpp"
#include "messages/point_value.hpp"

using namespace sextant;

namespace {

request_record request(uint32_t wave, double sent_ms, double ttft, double itl, int tokens, int isl = 100) {
  request_record r;
  r.wave = wave;
  r.sent_ns = std::llround(sent_ms * 1e6);
  r.intended_ns = r.sent_ns;
  r.input_tokens = static_cast<uint32_t>(isl);
  r.usage_tokens = static_cast<uint32_t>(tokens);
  for (int i = 0; i < tokens; ++i)
    r.token_ns.push_back(std::llround((sent_ms + ttft + itl * i) * 1e6));
  return r;
}

attempt_records attempt(point_kind kind, int concurrency, int requests, int osl) {
  attempt_records a;
  a.work.engine = "e";
  a.work.plan.kind = kind;
  a.work.plan.isl = 100;
  a.work.plan.osl = osl;
  a.work.plan.concurrency = concurrency;
  a.work.plan.requests = requests;
  return a;
}

const point_measured& measured(const std::variant<point_measured, failure>& x) {
  REQUIRE(std::holds_alternative<point_measured>(x));
  return std::get<point_measured>(x);
}

} // namespace

TEST_CASE("percentiles are numpy's, the deviation is the population's") {
  // numpy.percentile([15, 20, 35, 40, 50], [1, 10, 25, 40.., 99])
  const auto d = describe_samples({50, 15, 40, 20, 35});
  CHECK(d.count == 5);
  CHECK(d.mean == Approx(32));
  CHECK(d.min == 15);
  CHECK(d.max == 50);
  CHECK(d.p1 == Approx(15.2));
  CHECK(d.p10 == Approx(17));
  CHECK(d.p25 == Approx(20));
  CHECK(d.p50 == Approx(35));
  CHECK(d.p90 == Approx(46));
  CHECK(d.p99 == Approx(49.6));
  CHECK(d.std == Approx(12.884098726725126));
  CHECK(d.low == Approx(32 - 2.7764451 * 14.404860 / std::sqrt(5.0)));
  CHECK(describe_samples({}).count == 0);
  const auto one = describe_samples({7});
  CHECK(one.p99 == 7);
  CHECK(one.low == 7);
}

TEST_CASE("Student's t has the tabled quantiles") {
  CHECK(student_t_975(1) == Approx(12.7062).epsilon(1e-4));
  CHECK(student_t_975(2) == Approx(4.30265).epsilon(1e-5));
  CHECK(student_t_975(10) == Approx(2.22814).epsilon(1e-5));
  CHECK(student_t_975(120) == Approx(1.97993).epsilon(1e-5));
  CHECK(student_t_975(1e9) == Approx(1.95996).epsilon(1e-5));
}

TEST_CASE("a prefill point is the mean TTFT, its throughput counts prompt tokens") {
  auto a = attempt(point_kind::ttft, 1, 3, 5);
  a.work.plan.gpus = 2;
  a.requests = {request(0, 0, 50, 5, 5), request(0, 100, 52, 5, 5), request(0, 200, 54, 5, 5)};
  const auto result = summarise(a);
  const auto& m = measured(result);
  CHECK(m.value_ms == Approx(52));
  CHECK(m.value_low_ms == Approx(52 - 4.30265 * 2 / std::sqrt(3.0)));
  CHECK(m.throughput_per_gpu == Approx(100 / 52.0 * 1000 / 2));
  CHECK(m.valid);
  CHECK(m.ttft.p50 == Approx(52));
  CHECK(m.itl.mean == Approx(5));
  CHECK(m.latency.max == Approx(74));
  CHECK(m.samples.start_ms == std::vector<double>{0, 100, 200});
}

TEST_CASE("a decode point is the mean of the requests' ITL, its throughput counts output tokens over the wave") {
  auto a = attempt(point_kind::itl, 4, 4, 11);
  a.work.plan.gpus = 4;
  for (int i = 0; i < 4; ++i)
    a.requests.push_back(request(0, 0, 20, 10 + i, 11));
  const auto result = summarise(a);
  const auto& m = measured(result);
  CHECK(m.value_ms == Approx(11.5));
  CHECK(m.output_tokens_per_s == Approx(44 / 0.150)); // 20 + 13 * 10 ms
  CHECK(m.throughput_per_gpu == Approx(11 / 0.150));
}

TEST_CASE("throughput over two waves leaves out the pause between them") {
  auto a = attempt(point_kind::itl, 2, 2, 11);
  for (uint32_t wave = 0; wave < 2; ++wave)
    for (int i = 0; i < 2; ++i)
      a.requests.push_back(request(wave, wave * 5000.0, 10, 9, 11));
  const auto result = summarise(a);
  CHECK(measured(result).output_tokens_per_s == Approx(44 / 0.2));
  CHECK(measured(result).waves == 2);
}

TEST_CASE("the burst rule takes the decode steps out of the last first token") {
  // Two ranks, four rounds of 40 ms, four decode steps of 5 ms between rounds.
  auto a = attempt(point_kind::ttft, 8, 8, 5);
  a.work.plan.attention_dp = 2;
  a.work.plan.gpus = 2;
  a.work.plan.burst_ratio = 4;
  for (int i = 0; i < 8; ++i)
    a.requests.push_back(request(0, 0, 40 + (i / 2) * 60.0, 5, 5));
  const auto result = summarise(a);
  const auto& m = measured(result);
  CHECK(m.value_ms == Approx((220 - 5.0 * 4 * 3) / 4));
  CHECK(m.value_low_ms == Approx(40));
  CHECK(m.throughput_per_gpu == Approx(100 / 40.0 * 1000 / 2 * 2));
}

TEST_CASE("several bursts are averaged") {
  auto a = attempt(point_kind::ttft, 4, 4, 5);
  a.work.plan.burst_ratio = 4;
  for (uint32_t wave = 0; wave < 3; ++wave)
    for (int i = 0; i < 4; ++i)
      a.requests.push_back(request(wave, wave * 1000.0, (i + 1) * (30.0 + wave) + i * 4 * 2.0, 2, 5));
  const auto result = summarise(a);
  CHECK(measured(result).value_ms == Approx(31));
}

TEST_CASE("faulty requests stay out of the statistics and make the point invalid") {
  auto a = attempt(point_kind::ttft, 1, 4, 5);
  a.requests = {request(0, 0, 50, 5, 5), request(0, 100, 50, 5, 5), request(0, 200, 9999, 5, 3), request(0, 300, 50, 5, 5)};
  a.requests[3].error = "connection reset";
  const auto result = summarise(a);
  const auto& m = measured(result);
  CHECK_FALSE(m.valid);
  CHECK(m.value_ms == Approx(50));
  CHECK(m.ttft.count == 2);
  CHECK(m.samples.error[2] == "got 3 output tokens instead of 5");
  CHECK(m.samples.error[3] == "connection reset");
  CHECK(m.remarks.front().find("2 of 4") == 0);
}

TEST_CASE("an engine that counts another prompt length is not measured as planned") {
  auto a = attempt(point_kind::ttft, 1, 1, 5);
  a.requests = {request(0, 0, 50, 5, 5, 115)};
  const auto result = summarise(a);
  REQUIRE(std::holds_alternative<failure>(result));
  CHECK(std::get<failure>(result).kind == failure_class::permanent);
  CHECK(std::get<failure>(result).detail.find("115 input tokens") != std::string::npos);
}

TEST_CASE("warming requests are in no statistic, but on record") {
  auto a = attempt(point_kind::itl, 2, 2, 11);
  a.work.plan.warm_prompts = true;
  a.work.plan.warm_osl = 1;
  a.requests = {request(0, 1000, 20, 10, 11), request(0, 1000, 20, 10, 11)};
  const auto before = summarise(a);
  a.warming = {request(0, 0, 500, 0, 1), request(0, 3, 500.00004, 0, 1), request(0, 4, 500, 0, 2)};
  a.started = "2026-11-24T00:00:01.000000Z";
  a.warming_started = "2026-11-24T00:00:00.000000Z";
  const auto after = summarise(a);
  const auto &x = measured(before), &y = measured(after);
  CHECK(x.value_ms == y.value_ms);
  CHECK(x.valid == y.valid);
  CHECK(x.ttft.count == y.ttft.count);
  CHECK(x.ttft.max == y.ttft.max);
  CHECK(x.output_tokens_per_s == y.output_tokens_per_s);
  CHECK(x.cached_share == y.cached_share);
  CHECK(x.remarks == y.remarks);
  CHECK(y.samples.second_ms == std::vector<double>{10, 10});
  CHECK(y.samples.started == a.started);
  CHECK(y.warmup.started == a.warming_started);
  CHECK(y.warmup.start_ms == std::vector<double>{0, 3, 4});
  CHECK(y.warmup.ttft_ms == std::vector<double>{500, 500, 500});
  CHECK(y.warmup.error[0].empty());
  CHECK(y.warmup.error[2] == "got 2 output tokens instead of 1");
}

TEST_CASE("a thousand requests and their warming stay far below a megabyte") {
  auto a = attempt(point_kind::itl, 1000, 1000, 500);
  a.work.plan.warm_prompts = true;
  for (int i = 0; i < 1000; ++i) {
    a.requests.push_back(request(0, 1e6 + i / 7.0, 1e4 / 3, 100 / 3.0, 500));
    a.warming.push_back(request(0, i / 7.0, 1e5 / 3, 0, 1));
  }
  const auto result = summarise(a);
  CHECK(encode_body(measured(result)).size() < 250'000);
}

TEST_CASE("too few valid requests are a transient failure") {
  auto a = attempt(point_kind::ttft, 1, 3, 5);
  a.requests = {request(0, 0, 50, 5, 5), request(0, 0, 50, 5, 5), request(0, 0, 50, 5, 5)};
  a.requests[0].error = a.requests[1].error = "timed out";
  const auto result = summarise(a);
  REQUIRE(std::holds_alternative<failure>(result));
  CHECK(std::get<failure>(result).cause == failure_cause::too_few_samples);
  CHECK(std::get<failure>(result).kind == failure_class::transient);
  CHECK(std::holds_alternative<failure>(summarise(attempt(point_kind::ttft, 1, 3, 5))));
}

TEST_CASE("events that carry several tokens count by usage") {
  auto a = attempt(point_kind::itl, 1, 1, 9);
  auto r = request(0, 0, 10, 20, 5);
  r.usage_tokens = 9;
  a.requests = {r};
  const auto result = summarise(a);
  CHECK(measured(result).value_ms == Approx(10));
  CHECK(measured(result).remarks.size() >= 1);
}

TEST_CASE("missing prefix reuse and missing concurrency are remarked") {
  auto a = attempt(point_kind::itl, 4, 4, 11);
  a.work.plan.isl = 1000;
  a.work.plan.warm_prompts = true;
  for (int i = 0; i < 4; ++i)
    a.requests.push_back(request(0, i * 110.0, 10, 10, 11, 1000));
  auto result = summarise(a);
  const auto text = [](const point_measured& m) {
    std::string all;
    for (const auto& r : m.remarks)
      all += r + "\n";
    return all;
  };
  CHECK(text(measured(result)).find("prefix cache served 0.0 %") != std::string::npos);
  CHECK(text(measured(result)).find("1.0 requests were in flight on average instead of 4") != std::string::npos);
  for (auto& r : a.requests)
    r.cached_tokens = 960;
  result = summarise(a);
  CHECK(measured(result).cached_share == Approx(0.96));
  CHECK(text(measured(result)).find("prefix cache") == std::string::npos);
}

namespace {

/// Share of seeded repetitions whose interval holds the truth.
template <class Make>
double coverage(const Make& make, double truth) {
  int inside = 0;
  constexpr int repetitions = 1000;
  for (int seed = 0; seed < repetitions; ++seed) {
    std::mt19937_64 random(static_cast<uint64_t>(seed) * 7919 + 1);
    const attempt_records a = make(random);
    const auto value = value_of(a.work.plan, a.requests);
    inside += value.low <= truth && truth <= value.high;
  }
  return inside / static_cast<double>(repetitions);
}

} // namespace

TEST_CASE("the interval holds the truth in 95 of 100 cases: independent requests") {
  const auto make = [](std::mt19937_64& random) {
    std::normal_distribution<double> ttft(50, 4);
    auto a = attempt(point_kind::ttft, 1, 10, 2);
    for (int i = 0; i < 10; ++i)
      a.requests.push_back(request(0, i * 100.0, ttft(random), 5, 2));
    return a;
  };
  const auto share = coverage(make, 50);
  CHECK(share >= 0.93);
  CHECK(share <= 0.97);
}

TEST_CASE("the interval holds the truth in 95 of 100 cases: one wave whose requests share their steps") {
  const auto make = [](std::mt19937_64& random) {
    std::normal_distribution<double> noise(0, 0.5);
    auto a = attempt(point_kind::itl, 8, 8, 101);
    std::vector<double> at{20};
    for (int j = 0; j < 100; ++j)
      at.push_back(at.back() + 10 + 0.02 * (j - 49.5) + noise(random)); // the context makes each step slower
    for (int i = 0; i < 8; ++i) {
      auto r = request(0, 0, 20, 10, 101);
      for (size_t j = 0; j < at.size(); ++j)
        r.token_ns[j] = std::llround(at[j] * 1e6);
      a.requests.push_back(std::move(r));
    }
    return a;
  };
  const auto share = coverage(make, 10);
  CHECK(share >= 0.93);
  CHECK(share <= 0.97);
}

TEST_CASE("the interval holds the truth in 95 of 100 cases: waves that differ as a whole") {
  const auto make = [](std::mt19937_64& random) {
    std::normal_distribution<double> of_wave(10, 0.3), of_request(0, 0.1);
    auto a = attempt(point_kind::itl, 4, 4, 11);
    for (uint32_t wave = 0; wave < 5; ++wave) {
      const double level = of_wave(random);
      for (int i = 0; i < 4; ++i)
        a.requests.push_back(request(wave, wave * 500.0, 20, level + of_request(random), 11));
    }
    return a;
  };
  const auto share = coverage(make, 10);
  CHECK(share >= 0.93);
  CHECK(share <= 0.97);
}

TEST_CASE("the interval holds the truth in 95 of 100 cases: rounds of bursts") {
  const auto make = [](std::mt19937_64& random) {
    std::normal_distribution<double> round(40, 2);
    auto a = attempt(point_kind::ttft, 4, 4, 5);
    a.work.plan.burst_ratio = 4;
    for (uint32_t wave = 0; wave < 2; ++wave) {
      double at = 0;
      for (int i = 0; i < 4; ++i) {
        at += round(random) + (i > 0 ? 4 * 3.0 : 0);
        a.requests.push_back(request(wave, wave * 1000.0, at, 3, 5));
      }
    }
    return a;
  };
  const auto share = coverage(make, 40);
  CHECK(share >= 0.93);
  CHECK(share <= 0.97);
}
