// load_export_test.cpp: A load test's files as scripts made for AIPerf read them.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "adapters/aiperf/load_export.hpp"
#include "messages/run_metrics.hpp"

using namespace sextant;
using nlohmann::json;

namespace {

/// Three answered requests of five tokens, 10 ms apart after 100, 110 and 120 ms; one refused; one to warm up.
load_records sample() {
  load_records out;
  auto& f = out.facts;
  f.benchmark_id = stable_uuid("sample");
  f.model = "Qwen/Qwen3-0.6B";
  f.endpoint_type = "completions";
  f.urls = {"http://localhost:8000"};
  f.streaming = true;
  f.started_unix_ns = 1'795'478'400'000'000'000;
  f.concurrency = 2;
  f.isl = 3000, f.osl = 5;
  f.warmup_requests = 1;
  f.own_facts = {"health={\"busy\":0.1}"};
  for (uint32_t i = 0; i < 4; ++i) {
    request_record r;
    r.index = r.session = i;
    r.sent_ns = i * 50'000'000 + 1'000'000;
    r.planned_isl = 3000, r.planned_osl = 5;
    if (i == 3) {
      r.status = 503;
      r.fault = request_fault_class::server_error;
      r.error = "503 Service Unavailable";
    } else {
      r.input_tokens = 3000, r.usage_tokens = 5, r.status = 200;
      for (int64_t k = 0; k < 5; ++k)
        r.token_ns.push_back(r.sent_ns + (100 + 10 * i + 10 * k) * 1'000'000);
      r.ended_ns = r.token_ns.back() + 1000;
    }
    out.requests.push_back(r);
  }
  out.warming.push_back(out.requests.front());
  out.warming.back().index = 9;
  return out;
}

std::string record_lines(const load_records& r) {
  std::string out;
  write_record_lines(r, [&](std::string_view text) { out += text; });
  return out;
}

} // namespace

TEST_CASE("the summary of a load test has AIPerf's keys and units") {
  const auto r = sample();
  const auto j = json::parse(load_summary_json(r.facts, plain_summary(r, metric_profile::aiperf)));
  CHECK(j["time_to_first_token"]["avg"].get<double>() == Approx(110));
  CHECK(j["time_to_first_token"]["p50"].get<double>() == Approx(110));
  CHECK(j["time_to_first_token"]["count"] == 3);
  CHECK(j["inter_token_latency"]["avg"].get<double>() == Approx(10));
  CHECK(j["inter_chunk_latency"]["count"] == 12);
  CHECK(j["request_latency"]["max"].get<double>() == Approx(160));
  CHECK(j["benchmark_duration"]["avg"].get<double>() == Approx(0.26));
  CHECK(j["output_token_throughput"]["avg"].get<double>() == Approx(15 / 0.26));
  CHECK_FALSE(j["output_token_throughput"].contains("p50"));
  CHECK(j["error_request_count"]["avg"] == 1);
  CHECK(j["error_summary"][0]["error_details"]["code"] == 503);
  CHECK(j["start_time"] == "2026-11-24T00:00:00.001000");
  CHECK(j["warmup_metrics"]["request_count"]["avg"] == 1);
  CHECK(j["input_config"]["phases"][1]["concurrency"] == 2);
  CHECK(j["sextant"]["health"]["busy"] == 0.1);
  CHECK(j["sextant"]["metric_profile"] == "aiperf");
}

TEST_CASE("records of a load test have wall times, lists of gaps, and errors in the place of metrics") {
  std::istringstream in(record_lines(sample()));
  std::vector<json> lines;
  for (std::string line; std::getline(in, line);)
    lines.push_back(json::parse(line));
  REQUIRE(lines.size() == 5);
  CHECK(lines[0]["metadata"]["benchmark_phase"] == "warmup");
  CHECK(lines[1]["metadata"]["request_start_ns"] == 1'795'478'400'001'000'000);
  CHECK(lines[1]["metrics"]["inter_chunk_latency"]["value"].size() == 4);
  CHECK(lines[4]["metrics"] == json{{"error_isl", {{"value", 3000.0}, {"unit", "tokens"}}}});
  CHECK(lines[4]["error"]["type"] == "ServerError");
  CHECK(lines[1]["metadata"]["x_request_id"] == request_id(sample().facts.benchmark_id, 0));
}

TEST_CASE("inputs hold the payloads as they were sent, one session after another") {
  std::string out;
  write_inputs(
      2,
      [](size_t i) {
        return session_inputs{session_name(static_cast<uint32_t>(i)), {R"({"prompt":[1,2]})", R"({"prompt":"x"})"}};
      },
      [&](std::string_view text) { out += text; });
  const auto j = json::parse(out);
  CHECK(j["data"][1]["session_id"] == "session_000001");
  CHECK(j["data"][0]["payloads"][0]["prompt"][1] == 2);
}

TEST_CASE("the table sorts by tag and leaves out the unit of counts") {
  const auto table = load_summary_csv(plain_summary(sample(), metric_profile::aiperf));
  CHECK(table.find("Time to First Token (ms),110.00,100.00,120.00,330.00,100.20") != std::string::npos);
  CHECK(table.find("\nRequest Count,3.00\n") != std::string::npos);
}

TEST_CASE("goodput and HTTP phases have AIPerf's names, units and places") {
  auto summary = plain_summary(sample(), metric_profile::aiperf);
  const auto without = load_summary_csv(summary);
  CHECK(without.find("Goodput") == std::string::npos);
  goodput_result good;
  good.good = 2;
  good.fraction = 0.5;
  good.requests_per_s = 4;
  summary.goodput.push_back(good);
  const auto table = load_summary_csv(summary);
  CHECK(table.find("\nGood Request Count,2.00\nGoodRequestFraction (ratio),0.50\nGoodput (requests/sec),4.00\n")
        != std::string::npos);
  CHECK(table.find("\nHTTP Connection Reused (ratio),") != std::string::npos);
  CHECK(table.find("\nHTTP Data Received (KB),") != std::string::npos);
}

TEST_CASE("the files of the sample are written for the check with AIPerf's own models", "[.files]") {
  const char* folder = std::getenv("SEXTANT_AIPERF_FOLDER");
  REQUIRE(folder != nullptr);
  const auto r = sample();
  const auto write = [&](const char* name, const std::string& text) {
    std::filesystem::create_directories(folder);
    std::ofstream(std::filesystem::path{folder} / name, std::ios::binary) << text;
  };
  write("profile_export_aiperf.json", load_summary_json(r.facts, plain_summary(r, metric_profile::aiperf)));
  write("profile_export_aiperf.csv", load_summary_csv(plain_summary(r, metric_profile::aiperf)));
  write("profile_export.jsonl", record_lines(r));
  std::string inputs;
  write_inputs(
      1,
      [](size_t) {
        return session_inputs{session_name(0), {R"({"prompt":[1,2]})"}};
      },
      [&](std::string_view text) { inputs += text; });
  write("inputs.json", inputs);
}
