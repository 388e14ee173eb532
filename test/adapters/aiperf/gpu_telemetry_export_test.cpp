// gpu_telemetry_export_test.cpp: A made-up page of a DCGM exporter, read three times.
#include "adapters/aiperf/gpu_telemetry_export.hpp"

#include <limits>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace sextant;
using nlohmann::json;

namespace {

constexpr double gap = std::numeric_limits<double>::quiet_NaN();

scraped_endpoint page() {
  scraped_endpoint out;
  out.url = "http://gpu-host:9400/metrics";
  out.scrapes = {{90, 100}, {190, 200}, {290, 300}};
  const metric_labels labels = {{"UUID", "GPU-1"}, {"gpu", "1"}, {"modelName", "NVIDIA H200, 141GB"}};
  out.series[{"DCGM_FI_DEV_POWER_USAGE", labels}] = {100, 400, 600};
  out.series[{"DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", labels}] = {1e9, 3e9, 4e9};
  out.series[{"DCGM_FI_DEV_FB_USED", labels}] = {1000, gap, 2000};
  out.series[{"DCGM_FI_PROF_SM_ACTIVE", labels}] = {0.25, 0.5, 0.75};
  out.series[{"DCGM_FI_DEV_SM_CLOCK", labels}] = {1, 2, 3};
  out.series[{"DCGM_FI_DEV_GPU_UTIL", {{"host", "no GPU's"}}}] = {1, 2, 3};
  return out;
}

} // namespace

TEST_CASE("statistics of GPUs are of the measured phase, in AIPerf's units") {
  const auto j = json::parse(gpu_telemetry_json({page()}, {150, 300, 1'000}));
  const auto& gpus = j["endpoints"]["http://gpu-host:9400/metrics"]["gpus"];
  REQUIRE(gpus.size() == 1);
  const auto& metrics = gpus["gpu_1"]["metrics"];
  CHECK(metrics.size() == 4);
  CHECK(metrics["nvidia_power_usage"]["avg"] == 500);
  CHECK(metrics["nvidia_power_usage"]["count"] == 2);
  CHECK(metrics["nvidia_energy_consumption"]["avg"].get<double>() == Approx(1)); // growth, MJ
  CHECK(metrics["nvidia_memory_used"]["avg"].get<double>() == Approx(2.097152));
  CHECK(metrics["nvidia_sm_utilization"]["max"] == 75);
  CHECK(j["summary"]["endpoints_successful"].size() == 1);
}

TEST_CASE("each look at each GPU is a line; what was not there is left out") {
  const auto text = gpu_telemetry_lines({page()}, 1'000);
  std::vector<json> lines;
  for (size_t at = 0; at < text.size(); at = text.find('\n', at) + 1)
    lines.push_back(json::parse(text.substr(at, text.find('\n', at) - at)));
  REQUIRE(lines.size() == 3);
  CHECK(lines[0]["timestamp_ns"] == 1'100);
  CHECK(lines[0]["gpu_index"] == 1);
  CHECK(lines[0]["telemetry_data"]["nvidia_power_usage"] == 100);
  CHECK_FALSE(lines[1]["telemetry_data"].contains("nvidia_memory_used"));
  CHECK(lines[1]["telemetry_data"].size() == 3);
}

TEST_CASE("the table has a row for each metric of a GPU, with as many cells as its head") {
  const auto text = gpu_telemetry_table({page()}, {150, 300, 0});
  CHECK(text.find("\n\nEndpoint,GPU_Index,GPU_Name,GPU_UUID,Platform,Metric,avg,min,max,sum,p1,") == 0);
  CHECK(text.find("9400/metrics,1,\"NVIDIA H200, 141GB\",GPU-1,nvidia,NVIDIA GPU Power Usage (W),500.00,400.00,600.00,")
        != std::string::npos);
  CHECK(text.find("NVIDIA Energy Consumption (MJ),1.00,,,,,,,,,,,,,\n") != std::string::npos);
}

TEST_CASE("a page that cannot be read is told, not left out") {
  scraped_endpoint gone;
  gone.url = "http://nowhere:9400/metrics";
  gone.problem = "refused";
  const auto j = json::parse(gpu_telemetry_json({gone}, {0, 1, 0}));
  CHECK(j["summary"]["endpoints_configured"].size() == 1);
  CHECK(j["summary"]["endpoints_successful"].empty());
  CHECK(j["error_summary"][0]["error_details"]["message"] == "http://nowhere:9400/metrics: refused");
}
