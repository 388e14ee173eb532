// gpu_file_test.cpp: A GPU of one's own.
#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>
#include <unistd.h>

#include "config/catalogue.hpp"
#include "config/gpu_file.hpp"
#include "config/intake.hpp"

namespace sextant {

namespace {

/// Writes a file that no other test has; files are read once.
std::string file_with(const std::string& text) {
  static int count = 0;
  const auto path =
      std::filesystem::temp_directory_path() / ("gpu-" + std::to_string(getpid()) + "-" + std::to_string(++count) + ".yaml");
  std::ofstream{path} << text;
  return path.string();
}

} // namespace

TEST_CASE("a GPU file is found by its path and keeps defaults", "[gpu]") {
  const auto path =
      file_with("name: mine\nmemory_bytes: 48e9\nmemory_bandwidth: 8.64e11\nbf16_flops: 1.8e14\nsm_version: 89\n");
  std::string errors;
  const auto* gpu = gpu_from_file(path, errors);
  CHECK(errors == "");
  REQUIRE(gpu);
  CHECK(gpu->name == "mine");
  CHECK(gpu->memory_bytes == 48e9);
  CHECK(gpu->sm_version == 89);
  CHECK(gpu->gpus_per_node == 8);
  CHECK(find_gpu(path) == gpu);
  std::filesystem::remove(path);
  CHECK(find_gpu(path) == gpu); // read once
}

TEST_CASE("everything that is wrong with a GPU file is told at once", "[gpu]") {
  const auto path = file_with("memory_bandwith: 8e11\nbf16_flops: fast\ngpus_per_node: 0.5\nsm_version: [9]\n");
  std::string errors;
  CHECK(!gpu_from_file(path, errors));
  for (const char* part :
       {"line 1: no such field 'memory_bandwith', did you mean 'memory_bandwidth'?", "line 2: bf16_flops: found \"fast\"",
        "line 3: gpus_per_node: found \"0.5\"", "line 4: sm_version", "name is missing", "memory_bytes is missing",
        "memory_bandwidth is missing"})
    CHECK_THAT(errors, Catch::Contains(part));
  CHECK_THAT(errors, !Catch::Contains("bf16_flops is missing"));
  CHECK(find_gpu(path) == nullptr);
  for (const char* text : {"- a list\n", "name: [unclosed\n", ""}) {
    CAPTURE(text);
    CHECK(!gpu_from_file(file_with(text), errors));
    CHECK(errors != "");
  }
  CHECK(!gpu_from_file("/nowhere/gpu.yaml", errors));
  CHECK_THAT(errors, Catch::Contains("no file '/nowhere/gpu.yaml'"));
}

TEST_CASE("what came over the network opens no file of the node that serves it", "[gpu]") {
  submit_request submission;
  submission.document = R"(apiVersion: nvidia.com/v1alpha1
kind: DynamoGraphDeploymentRequest
metadata: {name: far}
spec: {model: Qwen/Qwen3-32B, backend: vllm, profilingConfig: {config: {sla: {isl: 3000, osl: 500, ttft: 600, itl: 20}}}}
)";
  const auto gpu = file_with("name: mine\nmemory_bytes: 141e9\nmemory_bandwidth: 4.8e12\nbf16_flops: 9.9e14\n");
  const auto secret = file_with("password: [hidden\n");
  submission.options = {{"gpu", gpu}};
  CHECK(std::holds_alternative<profile_request>(read_request("own", submission)));
  submission.options = {{"gpu", secret}, {"config", secret}};
  const auto refused = read_request("far", submission, named_files::of_others);
  const auto* errors = std::get_if<std::vector<document_error>>(&refused);
  REQUIRE(errors);
  REQUIRE(errors->size() == 2);
  for (const auto& error : *errors) {
    CAPTURE(format_error(error));
    CHECK((error.path == "options.gpu" || error.path == "options.config"));
    CHECK_THAT(format_error(error), !Catch::Contains("password") && !Catch::Contains("hidden"));
  }
  submission.options = {{"gpu", gpu}};
  CHECK(std::holds_alternative<std::vector<document_error>>(read_request("far", submission, named_files::of_others)));
}

} // namespace sextant
