// intake_test.cpp: Requests that are accepted, and what becomes of every value in them.
#include <filesystem>
#include <fstream>
#include <iterator>

#include "requests.hpp"

#include "config/worker_image.hpp"

using namespace sextant;
using namespace sextant::test;

namespace {

std::string file_text(const std::string& path) {
  std::ifstream file{path};
  return {std::istreambuf_iterator<char>{file}, {}};
}

} // namespace

TEST_CASE("an SLA alone gets the reference's defaults") {
  const auto request = accepted(with_config("sla: {ttft: 200.0}"));
  CHECK(request.id == "id");
  CHECK(request.name == "case");
  CHECK(request.api == request_api::v1alpha1);
  CHECK(request.kubernetes_namespace == "dynamo-sla-profiler");
  CHECK(request.backend == backend_kind::vllm);
  CHECK(request.sla.isl == 3000);
  CHECK(request.sla.osl == 500);
  CHECK(request.sla.ttft_ms == 200);
  CHECK(request.sla.itl_ms == 10);
  CHECK(request.prefill_granularity == 16);
  CHECK(request.decode_granularity == 6);
  CHECK(request.gpu.name == "h200_sxm");
  CHECK(request.min_gpus_per_engine == 1);
  CHECK(request.max_gpus_per_engine == 8);
  CHECK(request.max_context == 40960);
  CHECK(request.deployment_timeout_s == 1800);
  CHECK(request.policy == search_policy::adaptive);
  CHECK(request.pool_gpus == 8);
  CHECK_FALSE(request.auto_apply);
  CHECK(request.extra.empty());
}

TEST_CASE("every key of the reference's configuration is read in both spellings") {
  const auto camel = accepted(with_config(R"(outputDir: out
sla: {isl: 1000, osl: 150, ttft: 200.0, itl: 20.0}
hardware: {minNumGpusPerEngine: 2, maxNumGpusPerEngine: 8, numGpusPerNode: 8, gpuType: h200_sxm, enableGpuDiscovery: false}
sweep: {useAiConfigurator: false, prefillInterpolationGranularity: 10, decodeInterpolationGranularity: 5, aicSystem: h200_sxm, aicHfId: Qwen/Qwen3-32B, aicBackend: trtllm, aicBackendVersion: "0.20.0", dryRun: true, pickWithWebui: false, webuiPort: 8001}
deployment: {model: Qwen/Qwen3-32B, dgdImage: img:1, deploymentTimeout: 60, namespace: ns, serviceName: svc, modelCache: {pvcName: x, pvcPath: sub/dir, mountPath: /cache}}
engine: {backend: vllm, maxContextLength: 8192, isMoeModel: false}
planner: {planner_min_endpoint: 2, planner_adjustment_interval: 60, planner_load_predictor: arima})"));
  const auto snake = accepted(with_config(R"(output_dir: out
sla: {isl: 1000, osl: 150, ttft: 200.0, itl: 20.0}
hardware: {min_num_gpus_per_engine: 2, max_num_gpus_per_engine: 8, num_gpus_per_node: 8, gpu_type: h200_sxm, enable_gpu_discovery: false}
sweep: {use_ai_configurator: false, prefill_interpolation_granularity: 10, decode_interpolation_granularity: 5, aic_system: h200_sxm, aic_hf_id: Qwen/Qwen3-32B, aic_backend: trtllm, aic_backend_version: 0.20.0, dry_run: true, pick_with_webui: false, webui_port: 8001}
deployment: {model: Qwen/Qwen3-32B, dgd_image: img:1, deployment_timeout: 60, namespace: ns, service_name: svc, model_cache: {pvc_name: x, pvc_path: sub/dir, mount_path: /cache}}
engine: {backend: vllm, max_context_length: 8192, is_moe_model: false}
planner: {plannerMinEndpoint: 2, plannerAdjustmentInterval: 60, plannerLoadPredictor: arima})"));
  for (const auto& request : {camel, snake}) {
    CHECK(request.output_dir == "out");
    CHECK(request.sla.isl == 1000);
    CHECK(request.sla.itl_ms == 20);
    CHECK(request.min_gpus_per_engine == 2);
    CHECK(request.max_gpus_per_engine == 8);
    CHECK(request.prefill_granularity == 10);
    CHECK(request.decode_granularity == 5);
    CHECK(request.dry_run);
    CHECK(request.image == "img:1");
    CHECK(request.deployment_timeout_s == 60);
    CHECK(request.kubernetes_namespace == "ns");
    CHECK(request.service_name == "svc");
    CHECK(request.pvc_name == "x");
    CHECK(request.pvc_path == "sub/dir");
    CHECK(request.pvc_mount_path == "/cache");
    CHECK(request.max_context == 8192);
    CHECK(request.planner
          == std::map<std::string, std::string>{
              {"min-endpoint", "2"}, {"adjustment-interval", "60"}, {"load-predictor", "arima"}});
    CHECK(request.extra.at("aic-backend-version") == "0.20.0");
    CHECK(request.extra.at("aic-backend") == "trtllm");
    CHECK(request.extra.at("is-moe-model") == "false");
  }
}

TEST_CASE("options override the document, and a whole configuration stands between them") {
  const auto document = with_config("sla: {ttft: 200, itl: 20, isl: 100}");
  const auto request = accepted(
      document, {{"profile-config", "{'sla': {'itl': 30, 'isl': 200}, 'sweep': {'dryRun': True}}"}, {"isl", "300"}});
  CHECK(request.sla.ttft_ms == 200);
  CHECK(request.sla.itl_ms == 30);
  CHECK(request.sla.isl == 300);
  CHECK(request.dry_run);
}

TEST_CASE("options of a submission are checked like the document") {
  const auto lines = errors_of(with_config("sla: {ttft: 1}"), {{"ttft", "soon"}, {"isll", "3"}, {"nats", "x"}});
  REQUIRE(lines.size() == 3);
  CHECK(lines[0].find("options.isll") != std::string::npos);
  CHECK(lines[1]
        == "options: options.nats: found an option of the process, accepted: options of a request (give it to the command "
           "that runs)");
  CHECK(lines[2] == "options: options.ttft: found \"soon\", accepted: a number > 0 (ms)");
}

TEST_CASE("every error comes at once, in order, with line and column") {
  const auto lines = errors_of(with_config("sla: {ttft: fast, itl: -1}\nhardwear: {}\nsweep:\n  dryRun: maybe"));
  REQUIRE(lines.size() == 4);
  CHECK(lines[0] == "r.yaml:10:19: spec.profilingConfig.config.sla.ttft: found \"fast\", accepted: a number > 0 (ms)");
  CHECK(lines[1] == "r.yaml:10:30: spec.profilingConfig.config.sla.itl: found \"-1\", accepted: a number > 0 (ms)");
  CHECK(lines[2].find("r.yaml:11:7: spec.profilingConfig.config.hardwear: found the unknown key 'hardwear'") == 0);
  CHECK(lines[2].find("did you mean 'hardware'?") != std::string::npos);
  CHECK(lines[3] == "r.yaml:13:17: spec.profilingConfig.config.sweep.dryRun: found \"maybe\", accepted: true or false");
}

TEST_CASE("JSON is accepted as a document, tabs and all") {
  const auto request = accepted(
      "{\n\t\"apiVersion\":\t\"nvidia.com/v1alpha1\",\n\t\"kind\":\t\"DynamoGraphDeploymentRequest\",\n"
      "\t\"metadata\": {\"name\": \"ab\"},\n\t\"spec\": {\"model\": \"Qwen\\/Qwen3-8B\",\t\"backend\": \"trtllm\",\n"
      "\t\t\"profilingConfig\": {\"config\": {\"sla\": {\"ttft\": 1e2}}}}\n}\n");
  CHECK(request.backend == backend_kind::trtllm);
  CHECK(request.sla.ttft_ms == 100);
  CHECK(request.model.name == "Qwen/Qwen3-8B");
}

TEST_CASE("quoted and whole decimal numbers are numbers, aliases are followed") {
  const auto request = accepted(with_config("sla: {isl: 3000.0, osl: \"500\", ttft: &t '300', itl: *t}"));
  CHECK(request.sla.isl == 3000);
  CHECK(request.sla.osl == 500);
  CHECK(request.sla.ttft_ms == 300);
  CHECK(request.sla.itl_ms == 300);
}

TEST_CASE("Kubernetes' own parts of the object pass through") {
  const auto request = accepted(R"(apiVersion: nvidia.com/v1alpha1
kind: DynamoGraphDeploymentRequest
metadata: {name: a, namespace: team, labels: {x: y}, uid: 1-2, creationTimestamp: null, managedFields: [{a: 1}]}
spec:
  model: Qwen/Qwen3-8B
  backend: sglang
  enableGpuDiscovery: true
  useMocker: true
  autoApply: true
  profilingConfig:
    profilerImage: img
    configMapRef: {name: cm, key: disagg.yaml}
    outputPVC: pvc
    resources: {limits: {cpu: "4"}}
    tolerations: [{key: gpu, operator: Exists}]
    nodeSelector: {zone: a}
    config: {sla: {ttft: 100}}
  deploymentOverrides: {name: out, labels: {a: b}, annotations: {c: "1"}, workersImage: w:1}
status: {state: Pending, anything: [1, {}]}
)");
  CHECK(request.kubernetes_namespace == "team");
  CHECK(request.use_mocker);
  CHECK(request.auto_apply);
  CHECK(request.image == "w:1");
  CHECK(request.extra.at("dgd-name") == "out");
  CHECK(request.extra.at("config-map-name") == "cm");
  CHECK(request.extra.at("output-pvc") == "pvc");
  CHECK(request.extra.at("job-resources") == R"({"limits":{"cpu":"4"}})");
  CHECK(request.extra.at("job-tolerations") == R"([{"key":"gpu","operator":"Exists"}])");
  CHECK(request.extra.at("dgd-annotations") == R"({"c":"1"})");
}

TEST_CASE("what the operator would overwrite is overridden with a warning") {
  const auto request = accepted(with_config("sla: {ttft: 1}\ndeployment: {model: other}\nengine: {backend: sglang}"));
  CHECK(request.model.name == "Qwen/Qwen3-32B");
  CHECK(request.backend == backend_kind::vllm);
  CHECK(request.extra.at("warnings").find("deployment.model is overridden") != std::string::npos);
}

TEST_CASE("what is accepted but not used as written leaves a warning") {
  const auto warnings = [](const std::string& config) {
    const auto request = accepted(with_config("sla: {ttft: 1}\n" + config));
    return request.extra.count("warnings") ? request.extra.at("warnings") : std::string{};
  };
  CHECK(warnings("sweep: {pickWithWebui: false}").empty());
  CHECK(warnings("sweep: {pickWithWebui: true}").find("report.html") != std::string::npos);
  CHECK(warnings("hardware: {enableGpuDiscovery: false}").find("without GPU discovery") != std::string::npos);
  CHECK(warnings("engine: {maxContextLength: 50000}") == "max-context-length is 40960, the model's");
  CHECK(warnings("hardware: {gpuType: h100_sxm}\nsweep: {aicSystem: gb200}").find("aic-system gb200 is not used")
        != std::string::npos);
}

TEST_CASE("the AI Configurator's dry estimate is asked of the performance model") {
  CHECK(accepted(with_config("sla: {ttft: 1}\nsweep: {useAiConfigurator: true, aicSystem: h200_sxm}")).mode
        == search_mode::estimated);
  CHECK(accepted(with_config("sla: {ttft: 1}")).mode == search_mode::measured);
}

TEST_CASE("v1beta1 has its own defaults") {
  const auto request = accepted(with_spec(""));
  CHECK(request.api == request_api::v1beta1);
  CHECK(request.sla.isl == 4000);
  CHECK(request.sla.osl == 1000);
  CHECK(request.sla.ttft_ms == 2000);
  CHECK(request.sla.itl_ms == 30);
  CHECK(request.backend == backend_kind::vllm);
  CHECK(request.auto_apply);
  CHECK(request.deployment_timeout_s == 3600);
  CHECK(request.extra.at("search-strategy") == "rapid");
}

TEST_CASE("v1beta1 sections are read, unused ones are kept") {
  const auto request = accepted(with_spec(R"(backend: sglang
image: reg/x/dynamo-planner:1.2.1
searchStrategy: thorough
modelCache: {pvcName: c, pvcModelPath: /opt/m/q, pvcMountPath: /opt/m}
hardware: {gpuSku: gb200_sxm, vramMb: 190000, totalGpus: 16, numGpusPerNode: 4, interconnect: nvlink, rdma: true}
workload: {isl: 3000, osl: 150, requestRate: 2.5}
sla: {ttft: 200, itl: 20}
overrides: {profilingJob: {template: {spec: {}}}, dgd: {spec: {services: {}}}, trustRemoteCode: true}
features: {planner: {enable_throughput_scaling: true, ttft: 5}, kvRouter: {enabled: true}, mocker: {enabled: true}}
autoApply: false)"));
  CHECK(request.backend == backend_kind::sglang);
  CHECK(request.image == "reg/x/sglang-runtime:1.2.1");
  CHECK(request.gpu.name == "gb200");
  CHECK(request.gpu.memory_bytes == 190000.0 * 1048576);
  CHECK(request.gpu.gpus_per_node == 4);
  CHECK(request.max_gpus_per_engine == 4);
  CHECK(request.pool_gpus == 16);
  CHECK(request.pvc_path == "/opt/m/q");
  CHECK(request.use_mocker);
  CHECK_FALSE(request.auto_apply);
  CHECK(request.extra.at("request-rate") == "2.5");
  CHECK(request.extra.at("planner-config") == R"({"enable_throughput_scaling":true,"ttft":5})");
  CHECK(request.extra.at("kv-router") == "true");
  CHECK(request.extra.at("trust-remote-code") == "true");
  CHECK(request.extra.at("interconnect") == "nvlink");
  CHECK(request.planner.empty());
}

TEST_CASE("the image of the workers is derived as the reference does") {
  CHECK(worker_image("reg/x/dynamo-planner:1.2.1", backend_kind::sglang, "") == "reg/x/sglang-runtime:1.2.1");
  CHECK(worker_image("reg:5000/dynamo-planner@sha256:ab", backend_kind::trtllm, "")
        == "reg:5000/tensorrtllm-runtime@sha256:ab");
  CHECK(worker_image("dynamo-frontend", backend_kind::vllm, "1.0.1") == "vllm-runtime:1.0.1");
  CHECK(worker_image("", backend_kind::vllm, "") == "");
}

TEST_CASE("the GPU may be named in every place that knows it") {
  const auto gpu = [](const std::string& config, const option_map& options = {}) {
    return accepted(with_config(config), options).gpu.name;
  };
  CHECK(gpu("hardware: {gpuType: h100_sxm}") == "h100_sxm");
  CHECK(gpu("hardware: {gpu_type: B200-SXM}") == "b200_sxm");
  CHECK(gpu("sweep: {aicSystem: gb200}") == "gb200");
  CHECK(gpu("hardware: {gpuType: h100_sxm}\nsweep: {aicSystem: gb200}") == "h100_sxm");
  CHECK(gpu("hardware: {gpuType: h100_sxm}", {{"gpu", "a100"}}) == "a100_sxm");
}

TEST_CASE("the shipped samples are accepted") {
  const std::string folder = SEXTANT_TEST_DATA "/../../deploy/samples";
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator{folder})
    if (entry.path().extension() == ".yaml") {
      INFO(entry.path());
      accepted(file_text(entry.path()));
      ++count;
    }
  CHECK(count >= 4);
  const auto r1 = accepted(file_text(folder + "/deepseek-r1.yaml"));
  CHECK(r1.model.is_moe);
  CHECK(r1.model.is_mla);
  CHECK(r1.min_gpus_per_engine == 8);
  CHECK(r1.max_gpus_per_engine == 16);
}

TEST_CASE("a base deployment is read from its file") {
  const auto path = (std::filesystem::temp_directory_path() / "sextant_intake_base.yaml").string();
  std::ofstream{path} << "apiVersion: nvidia.com/v1alpha1\nkind: DynamoGraphDeployment\n";
  CHECK(accepted(with_config("engine: {config: " + path + "}")).base_config.find("kind: DynamoGraphDeployment\n")
        != std::string::npos);
  std::ofstream{path} << "kind: Pod\n";
  CHECK(errors_of(with_config("engine: {config: " + path + "}")).size() == 1);
  std::filesystem::remove(path);
  CHECK(errors_of(with_config("engine: {config: " + path + "}")).size() == 1);
}
