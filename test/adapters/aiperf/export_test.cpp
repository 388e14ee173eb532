// export_test.cpp: AIPerf's files as scripts read them.
#include <algorithm>
#include <sstream>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "adapters/aiperf/export.hpp"
#include "messages/point_value.hpp"

using namespace sextant;
using nlohmann::json;

namespace {

profile_request request() {
  profile_request r;
  r.id = "r-1";
  r.model.name = "Qwen/Qwen3-32B";
  return r;
}

/// Four requests of 3000 + 5 tokens, the last one broken.
point_measured point() {
  point_measured p;
  p.engine = "prefill-TP4";
  p.plan.point = "prefill-TP4/sweep/isl3000";
  p.plan.isl = 3000;
  p.plan.osl = 5;
  p.plan.concurrency = 2;
  p.output_tokens_per_s = 50;
  p.clock = "virtual";
  auto& s = p.samples;
  s.start_ms = {0, 1, 150, 151};
  s.ttft_ms = {100, 110, 120, 0};
  s.itl_ms = {10, 10, 12, 0};
  s.latency_ms = {140, 150, 168, 0};
  s.input_tokens = {3000, 3000, 3000, 0};
  s.output_tokens = {5, 5, 5, 0};
  s.cached_tokens = {0, 1500, 0, 0};
  s.error = {"", "", "", "no complete answer in time"};
  return p;
}

std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);)
    out.push_back(line);
  return out;
}

} // namespace

TEST_CASE("the summary has what the reference profiler reads from AIPerf") {
  const auto files = aiperf_export(request(), point());
  const auto j = json::parse(files.at("profile_export_aiperf.json"));
  CHECK(j["time_to_first_token"]["avg"].get<double>() == Approx(110));
  CHECK(j["time_to_first_token"]["max"].get<double>() == Approx(120));
  CHECK(j["time_to_first_token"]["unit"] == "ms");
  CHECK(j["time_to_first_token"]["count"] == 3);
  CHECK(j["time_to_first_token"]["p50"].get<double>() == Approx(110));
  CHECK(j["inter_token_latency"]["avg"].get<double>() == Approx(32.0 / 3));
  CHECK(j["output_token_throughput"]["avg"].get<double>() == Approx(50));
  CHECK_FALSE(j["output_token_throughput"].contains("p50"));
  CHECK(j["request_count"]["avg"] == 3);
  CHECK(j["error_request_count"]["avg"] == 1);
  CHECK(j["benchmark_duration"]["avg"].get<double>() == Approx(0.3));
  CHECK(j["overall_usage_prompt_cache_read_pct"]["avg"].get<double>() == Approx(100.0 / 6));
  CHECK(j["schema_version"] == "1.5");
  CHECK(j["error_summary"][0]["count"] == 1);
  CHECK(j["error_summary"][0]["error_details"]["type"] == "TimeoutError");
  CHECK(j["input_config"]["loadgen"]["concurrency"] == 2);
  CHECK(j["sextant"]["clock"] == "virtual");
}

TEST_CASE("the table has two sections and two decimals") {
  const auto table = lines(aiperf_export(request(), point()).at("profile_export_aiperf.csv"));
  CHECK(table[0] == "Metric,avg,min,max,sum,p1,p5,p10,p25,p50,p75,p90,p95,p99,std");
  CHECK(table[1]
        == "Time to First Token "
           "(ms),110.00,100.00,120.00,330.00,100.20,101.00,102.00,105.00,110.00,115.00,118.00,119.00,119.80,8.16");
  const auto gap = std::find(table.begin(), table.end(), "");
  REQUIRE(gap != table.end());
  CHECK(*(gap + 1) == "Metric,Value");
  CHECK(std::find(gap, table.end(), "Output Token Throughput (tokens/sec),50.00") != table.end());
}

TEST_CASE("there is one record a request, broken ones with their error and no metrics") {
  const auto records = lines(aiperf_export(request(), point()).at("profile_export.jsonl"));
  REQUIRE(records.size() == 4);
  const auto first = json::parse(records[0]);
  CHECK(first["metadata"]["benchmark_phase"] == "profiling");
  CHECK(first["metadata"]["request_end_ns"] == 140'000'000);
  CHECK(first["metrics"]["time_to_first_token"] == json{{"value", 100.0}, {"unit", "ms"}});
  CHECK(first["error"].is_null());
  const auto last = json::parse(records[3]);
  CHECK(last["metrics"].empty());
  CHECK(last["error"]["message"] == "no complete answer in time");
  CHECK(first["metadata"]["x_request_id"] != last["metadata"]["x_request_id"]);
}

TEST_CASE("times are wall times where the wall clock is known") {
  auto p = point();
  auto j = json::parse(aiperf_export(request(), p).at("profile_export_aiperf.json"));
  CHECK(j["start_time"].is_null());
  p.samples.started = "2026-11-24T00:00:00.25Z";
  p.samples.second_ms = {9, 10, 11, 0};
  const auto files = aiperf_export(request(), p);
  j = json::parse(files.at("profile_export_aiperf.json"));
  CHECK(j["start_time"] == "2026-11-24T00:00:00.250000");
  CHECK(j["end_time"] == "2026-11-24T00:00:00.568000");
  CHECK(j["time_to_second_token"]["avg"].get<double>() == Approx(10));
  const auto second = json::parse(lines(files.at("profile_export.jsonl"))[1]);
  CHECK(second["metadata"]["request_start_ns"] == 1'795'478'400'251'000'000);
  CHECK(second["metadata"]["request_end_ns"] == 1'795'478'400'401'000'000);
  CHECK(second["metrics"]["time_to_second_token"]["value"] == 10.0);
}

TEST_CASE("the pass that fills the cache is a run of its own") {
  auto p = point();
  p.plan.warm_osl = 1;
  p.value_ms = 12;
  p.warmup.error = {"", ""};
  p.warmup.start_ms = {0, 0};
  p.warmup.ttft_ms = p.warmup.latency_ms = {700, 900};
  p.warmup.second_ms = p.warmup.itl_ms = {0, 0};
  p.warmup.input_tokens = {3000, 3000};
  p.warmup.output_tokens = {1, 1};
  p.warmup.cached_tokens = {0, 0};
  const auto files = aiperf_export(request(), warming_run(p));
  const auto j = json::parse(files.at("profile_export_aiperf.json"));
  CHECK(j["time_to_first_token"]["avg"].get<double>() == Approx(800));
  CHECK(j["output_token_throughput"]["avg"].get<double>() == Approx(2 / 0.9));
  CHECK_FALSE(j.contains("inter_token_latency"));
  CHECK(j["sextant"]["value_ms"] == 0.0);
  CHECK(j["input_config"]["input"]["extra"]["max_tokens"] == 1);
  CHECK(j["benchmark_id"] != json::parse(aiperf_export(request(), p).at("profile_export_aiperf.json"))["benchmark_id"]);
  const auto records = lines(files.at("profile_export.jsonl"));
  REQUIRE(records.size() == 2);
  CHECK(json::parse(records[0])["metadata"]["benchmark_phase"] == "profiling");
}

TEST_CASE("inputs name one session a request") {
  const auto j = json::parse(aiperf_export(request(), point()).at("inputs.json"));
  REQUIRE(j["data"].size() == 4);
  CHECK(j["data"][2]["session_id"] == "session_000002");
  CHECK(j["data"][2]["payloads"][0]["max_tokens"] == 5);
}

TEST_CASE("equal points give equal files, an empty point gives readable ones") {
  CHECK(aiperf_export(request(), point()) == aiperf_export(request(), point()));
  const auto files = aiperf_export(request(), point_measured{});
  CHECK(json::parse(files.at("profile_export_aiperf.json"))["request_count"]["avg"] == 0);
  CHECK(files.at("profile_export.jsonl").empty());
}
