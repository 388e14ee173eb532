// writer_test.cpp: The output directory as a whole: complete, repeatable, honest about what is missing.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include <catch2/catch.hpp>
#include <unistd.h>

#include "actors/artifacts/output_configmap.hpp"
#include "actors/artifacts/places.hpp"
#include "actors/artifacts/status.hpp"
#include "actors/artifacts/stored.hpp"
#include "actors/artifacts/writer.hpp"
#include "sample.hpp"

using namespace sextant;
namespace fs = std::filesystem;

namespace {

/// A directory of its own that goes away with the test.
struct scratch {
  std::string path;
  scratch() {
    static int count = 0;
    path =
        (fs::temp_directory_path() / ("sextant_writer_test_" + std::to_string(::getpid()) + "_" + std::to_string(++count)))
            .string();
  }
  ~scratch() { fs::remove_all(path); }
  std::string read(const std::string& file) const {
    std::ifstream in{path + "/" + file, std::ios::binary};
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
  }
  bool has(const std::string& file) const { return fs::exists(path + "/" + file); }
};

write_outcome write(const scratch& place, const sample::profile& p) {
  return write_output(place.path, p.what, p.points, p.engines);
}

std::set<std::string> files_below(const std::string& directory) {
  std::set<std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(directory))
    if (entry.is_regular_file())
      files.insert(fs::relative(entry.path(), directory).string());
  return files;
}

const std::vector<std::string> always{
    "profiler_status.yaml",
    "disagg_config.yaml",
    "config_with_planner.yaml",
    "mocker_config_with_planner.yaml",
    "dgdr-output-sample.yaml",
    "report.html",
    "sextant_result.json",
    "points.jsonl",
    "prefill_performance.png",
    "decode_performance.png",
    "cost_sla.png",
    "selected_prefill_interpolation/prefill_ttft_interpolation.png",
    "selected_prefill_interpolation/prefill_throughput_interpolation.png",
    "selected_decode_interpolation/decode_itl_interpolation.png",
    "selected_decode_interpolation/decode_throughput_interpolation.png",
};

} // namespace

TEST_CASE("a feasible profile leaves the whole directory, and nothing else") {
  scratch place;
  const auto outcome = write(place, sample::dense());
  REQUIRE(outcome.error == "");
  CHECK(outcome.remarks.empty());
  const auto found = files_below(place.path);
  CHECK(found == std::set<std::string>(outcome.files.begin(), outcome.files.end()));
  CHECK(std::is_sorted(outcome.files.begin(), outcome.files.end()));
  for (const auto& file : always)
    CHECK(found.count(file) == 1);
  for (const auto* file : {"planner-profile-data.yaml", "prefill_4gpus_TP4/config.yaml", "decode_2gpus_TP2/config.yaml",
                           "prefill_4gpus_TP4/aiperf_isl3000/profile_export_aiperf.json",
                           "prefill_4gpus_TP4/aiperf_isl3000/profile_export_aiperf.csv",
                           "decode_2gpus_TP2/aiperf_request71_isl3000_osl500_n71/profile_export_aiperf.json",
                           "selected_prefill_interpolation/config.yaml", "selected_prefill_interpolation/raw_data.npz",
                           "selected_prefill_interpolation/aiperf_isl2621/profile_export_aiperf.json",
                           "selected_decode_interpolation/raw_data.npz",
                           "selected_decode_interpolation/aiperf_isl100_osl500_n1/profile_export_aiperf.json"}) {
    INFO(file);
    CHECK(found.count(file) == 1);
  }
  const auto log = std::find_if(found.begin(), found.end(), [](const std::string& f) {
    return f.starts_with("decode_2gpus_TP2/vllm-agg-") && f.ends_with("/vllmdecodeworker/0.log");
  });
  REQUIRE(log != found.end());
  CHECK(place.read(*log).find("Maximum concurrency") != std::string::npos);
  CHECK_FALSE(place.has("final_config.yaml"));
}

TEST_CASE("the pass that filled the KV cache has a folder beside its point, others have none") {
  scratch place;
  auto sample = sample::single();
  auto& p = sample.points.front();
  p.plan.kind = point_kind::itl;
  p.plan.warm_osl = 1;
  REQUIRE(write_point(place.path, sample.what.request, p) == "");
  CHECK_FALSE(place.has(warming_folder(p)));
  p.warmup.error = {""};
  p.warmup.start_ms = p.warmup.second_ms = p.warmup.itl_ms = {0};
  p.warmup.ttft_ms = p.warmup.latency_ms = {700};
  p.warmup.input_tokens = {3000};
  p.warmup.output_tokens = {1};
  p.warmup.cached_tokens = {0};
  REQUIRE(write_point(place.path, sample.what.request, p) == "");
  CHECK(place.has(warming_folder(p) + "/profile_export_aiperf.csv"));
  CHECK(place.read(warming_folder(p) + "/profile_export_aiperf.json").find("\"avg\": 700.0") != std::string::npos);
  CHECK(place.has(point_folder(p) + "/profile_export.jsonl"));
}

TEST_CASE("writing again gives the same files") {
  scratch place;
  const auto sample = sample::single();
  const auto first = write(place, sample);
  const auto config = place.read("config_with_planner.yaml");
  const auto second = write(place, sample);
  CHECK(first.files == second.files);
  CHECK(place.read("config_with_planner.yaml") == config);
  CHECK(files_below(place.path).size() == second.files.size());
}

TEST_CASE("curves of an earlier result do not stay behind") {
  scratch place;
  auto sample = sample::dense();
  write(place, sample);
  REQUIRE(place.has("selected_decode_interpolation/raw_data.npz"));
  sample.what.result.decode_grid.clear();
  write(place, sample);
  CHECK_FALSE(place.has("selected_decode_interpolation/raw_data.npz"));
  CHECK_FALSE(place.has("planner-profile-data.yaml"));
  CHECK(place.has("selected_prefill_interpolation/raw_data.npz"));
}

TEST_CASE("a missed target is a success that says so") {
  scratch place;
  const auto outcome = write(place, sample::dense(30, 4));
  REQUIRE(outcome.error == "");
  const auto status = place.read("profiler_status.yaml");
  CHECK(status.starts_with("status: success\n"));
  CHECK(status.find("the target is not met (ttft)") != std::string::npos);
  CHECK(status.find(
            "No engine configuration satisfies the TTFT requirement, please try a smaller model or more powerful hardware")
        != std::string::npos);
  const auto report = place.read("report.html");
  CHECK(report.find("The target is not met") != std::string::npos);
  CHECK(report.find("The target is met") == std::string::npos);
  CHECK(place.has("selected_decode_interpolation/raw_data.npz"));
}

TEST_CASE("a profile without any point still leaves everything that can exist") {
  scratch place;
  const auto outcome = write(place, sample::nothing());
  REQUIRE(outcome.error == "");
  for (const auto& file : always)
    CHECK(place.has(file));
  CHECK_FALSE(place.has("selected_prefill_interpolation/raw_data.npz"));
  CHECK_FALSE(place.has("planner-profile-data.yaml"));
  CHECK(place.read("report.html").find("There is no answer") != std::string::npos);
}

TEST_CASE("a v1beta1 request gets its own file, and the operator's keys") {
  scratch place;
  auto sample = sample::single();
  sample.what.request.api = request_api::v1beta1;
  REQUIRE(write(place, sample).error == "");
  CHECK(place.read("final_config.yaml") == place.read("config_with_planner.yaml"));
  CHECK(place.read("profiler_status.yaml").find("phase: Done\n") != std::string::npos);
  CHECK(place.read("profiler_status.yaml").find("final_config: final_config.yaml\n") != std::string::npos);
  const auto map = place.read("dgdr-output-sample.yaml");
  for (const auto* key :
       {"  phase: Done", "  profiler_status: success", "  final_config.yaml: |", "  profiler_status.yaml: |"})
    CHECK(map.find(key) != std::string::npos);
}

TEST_CASE("a base document that cannot be used is an error with its reason") {
  scratch place;
  auto sample = sample::single();
  sample.what.request.base_config = "kind: Deployment\n";
  const auto outcome = write(place, sample);
  CHECK(outcome.error.find("disagg_config.yaml") != std::string::npos);
  CHECK_FALSE(place.has("profiler_status.yaml"));
}

TEST_CASE("a place that cannot be written is an error") {
  scratch place;
  std::ofstream{place.path} << "a file, not a folder";
  CHECK_FALSE(write(place, sample::single()).error.empty());
  CHECK_FALSE(write_status(place.path, "running", "m", "", "", false).empty());
  CHECK_FALSE(write_point(place.path, sample::single().what.request, sample::single().points.front()).empty());
}

TEST_CASE("a point is exported as soon as it is measured") {
  scratch place;
  const auto sample = sample::single();
  CHECK(write_point(place.path, sample.what.request, sample.points.front()) == "");
  CHECK(place.has("prefill_1gpus_TP1/aiperf_isl3000/profile_export_aiperf.json"));
}

TEST_CASE("results are read back as they were") {
  scratch place;
  const auto sample = sample::moe();
  write(place, sample);
  std::string error;
  const auto stored = read_stored(place.path, error);
  REQUIRE(error == "");
  CHECK(stored_result_text(stored.what) == stored_result_text(sample.what));
  CHECK(stored_points_text(stored.points) == stored_points_text(sample.points));
}

TEST_CASE("damaged stored results are refused with file and line") {
  scratch place;
  std::string error;
  read_stored(place.path, error);
  CHECK(error.find("sextant_result.json") != std::string::npos);
  write(place, sample::single());
  std::ofstream{place.path + "/points.jsonl", std::ios::app} << "{\"engine\": 5}\n";
  const auto stored = read_stored(place.path, error);
  CHECK(error.find("points.jsonl:3") != std::string::npos);
  CHECK(stored.points.empty());
  std::ofstream{place.path + "/sextant_result.json"} << "{";
  read_stored(place.path, error);
  CHECK(error.find("sextant_result.json") != std::string::npos);
}

TEST_CASE("status values are one line without quotes that grep and YAML read alike") {
  CHECK(plain_line("Profiler failed: it said \"no\" at C:\\x\nand 'left' #3: ")
        == "Profiler failed - it said no at C:x and left no. 3");
  CHECK(plain_line("- a") == "a");
  const auto text = status_text({"failed", "2026-11-24T00:00:00Z", "m", "e: x", "", false, false});
  CHECK(text == "status: failed\ntimestamp: 2026-11-24T00:00:00Z\nmessage: m\nerror: e - x\n");
  const auto now = status_time_now();
  CHECK(now.size() == 20);
  CHECK(now.back() == 'Z');
}

TEST_CASE("results go into the reference's folders") {
  point_measured p;
  p.engine = "decode-DEP16";
  p.plan.kind = point_kind::itl;
  p.plan.purpose = "sweep";
  p.plan.isl = 3000;
  p.plan.osl = 500;
  p.plan.concurrency = 32;
  CHECK(point_folder(p) == "decode_16gpus_DEP16/aiperf_request32_isl3000_osl500_n32");
  p.plan.purpose = "curve";
  CHECK(point_folder(p) == "selected_decode_interpolation/aiperf_isl3000_osl500_n32");
  CHECK(warming_folder(p) == "selected_decode_interpolation/aiperf_isl3000_osl500_n32_warmup");
  p.plan.kind = point_kind::ttft;
  CHECK(point_folder(p) == "selected_prefill_interpolation/aiperf_isl3000");
  p.plan.purpose = "sweep";
  p.engine = "prefill-../../etc4";
  CHECK(point_folder(p).find("..") == std::string("prefill_4gpus_").size());
  CHECK(point_folder(p).find('/') == point_folder(p).rfind('/'));
  CHECK(safe_name("..") == "_..");
}
