#include "adapters/aiperf/series_export.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "messages/run_metrics.hpp"

using namespace sextant;

namespace {

constexpr int64_t ms = 1'000'000;

request_record answered(uint32_t index, int64_t sent_ms, int64_t ttft_ms) {
  request_record r;
  r.index = index;
  r.session = index;
  r.status = 200;
  r.intended_ns = r.queued_ns = r.sent_ns = sent_ms * ms;
  r.token_ns = {(sent_ms + ttft_ms) * ms, (sent_ms + ttft_ms + 10) * ms};
  r.ended_ns = r.token_ns.back();
  r.input_tokens = 5;
  r.usage_tokens = 2;
  return r;
}

load_records records_of(std::vector<std::pair<int64_t, int64_t>> requests) {
  load_records out;
  out.facts.streaming = true;
  out.facts.started_unix_ns = 1'000'000'000'000;
  for (const auto& [sent, ttft] : requests)
    out.requests.push_back(answered(static_cast<uint32_t>(out.requests.size()), sent, ttft));
  return out;
}

} // namespace

TEST_CASE("repeats have Student's interval of every statistic that all of them have") {
  std::vector<load_summary> runs;
  for (const int64_t ttft : {10, 12, 14})
    runs.push_back(plain_summary(records_of({{0, ttft}, {5, ttft}}), metric_profile::aiperf));
  const auto all = over_runs(runs, 0.95);
  const auto found = std::find_if(all.begin(), all.end(), [](const auto& v) { return v.name == "time_to_first_token_avg"; });
  REQUIRE(found != all.end());
  CHECK(found->mean == Approx(12));
  CHECK(found->std == Approx(2));
  CHECK(found->cv == Approx(1.0 / 6));
  CHECK(found->t_critical == Approx(4.302653).epsilon(1e-6)); // 97.5 % with 2 degrees of freedom
  CHECK(found->low == Approx(12 - 4.302653 * 2 / std::sqrt(3.0)).epsilon(1e-6));
  const auto json = nlohmann::json::parse(aggregate_json(runs, 4, 0.95));
  CHECK(json["metadata"]["num_profile_runs"] == 4);
  CHECK(json["metadata"]["num_successful_runs"] == 3);
  CHECK(json["metrics"]["time_to_first_token_avg"]["ci_high"].get<double>() == Approx(found->high));
  CHECK(aggregate_csv(runs, 4, 0.95).find("time_to_first_token_avg,12.00,2.00,10.00,14.00,0.1667,1.1547,")
        != std::string::npos);
}

TEST_CASE("a single run has no interval but itself") {
  const auto all = over_runs({plain_summary(records_of({{0, 10}}), metric_profile::aiperf)}, 0.95);
  REQUIRE_FALSE(all.empty());
  for (const auto& v : all) {
    CHECK(v.low == v.mean);
    CHECK(v.high == v.mean);
  }
}

TEST_CASE("slices hold the requests that were sent in them") {
  const auto records = records_of({{0, 10}, {90, 20}, {100, 30}, {310, 40}});
  const auto slices = slice_load(records, 100 * ms);
  REQUIRE(slices.size() == 4);
  const size_t counts[] = {2, 1, 0, 1};
  for (size_t i = 0; i < 4; ++i) {
    CHECK(slices[i].summary.valid == counts[i]);
    CHECK(slices[i].begin_ns == static_cast<int64_t>(i) * 100 * ms);
  }
  CHECK(slices[0].complete);
  CHECK_FALSE(slices[3].complete); // the last answer ends at 360 ms
  CHECK(slices[0].summary.find("time_to_first_token")->values.mean == Approx(15));
  const auto json = nlohmann::json::parse(slices_json(records.facts, slices));
  CHECK(json["timeslices"][1]["time_to_first_token"]["avg"].get<double>() == Approx(30));
  CHECK(json["timeslices"][1]["start_ns"] == 1'000'100'000'000);
  CHECK(slices_csv(records.facts, slices).find("1,1000100000000,1000200000000,Time to First Token,ms,avg,30.00\n")
        != std::string::npos);
  CHECK(slice_load(records, 0).empty());
  CHECK(slice_load(records_of({}), ms).empty());
}
