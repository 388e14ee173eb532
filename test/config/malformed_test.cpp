// malformed_test.cpp: More than a hundred requests that must be refused, each with the error it must name.
#include <chrono>

#include "requests.hpp"

#include "config/option_values.hpp"

using namespace sextant;
using namespace sextant::test;

namespace {

/// A document and a piece of the error that it must be refused with.
struct refused {
  std::string document;
  const char* expected;
};

/// A refusal is useful if one of its errors says the expected thing, and all of them are text that JSON can carry.
void check(const std::vector<refused>& cases, const option_map& options = {}) {
  for (const auto& item : cases) {
    const auto lines = errors_of(item.document, options);
    INFO(item.document.substr(0, 400));
    INFO("expected: " << item.expected);
    bool found = false;
    std::size_t bad = 0;
    for (const auto& line : lines) {
      UNSCOPED_INFO(line.substr(0, 300));
      found = found || line.find(item.expected) != std::string::npos;
      CHECK(valid_utf8(line, bad));
      CHECK(line.size() < 2000);
    }
    CHECK(found);
  }
}

std::string repeated(const std::string& piece, int count) {
  std::string text;
  for (int i = 0; i < count; ++i)
    text += piece;
  return text;
}

/// A good document with one line replaced.
std::string with_line(const std::string& old, const std::string& replacement) {
  auto text = with_config("sla: {ttft: 1}");
  const auto at = text.find(old);
  REQUIRE(at != std::string::npos);
  return text.replace(at, old.size(), replacement);
}

} // namespace

TEST_CASE("the document that the others vary is accepted") {
  CHECK(errors_of(with_config("sla: {ttft: 1}")).empty());
  CHECK(errors_of(with_spec("sla: {ttft: 1}")).empty());
}

TEST_CASE("texts that are no document are refused") {
  check({
      {"", "an empty document"},
      {"   \n\n", "an empty document"},
      {"# only a comment\n", "an empty document"},
      {"---\n", "found nothing, accepted: a DynamoGraphDeploymentRequest"},
      {"null", "found nothing, accepted: a DynamoGraphDeploymentRequest"},
      {"42", "found \"42\", accepted: a DynamoGraphDeploymentRequest"},
      {"just words", "found \"just words\", accepted: a DynamoGraphDeploymentRequest"},
      {"[1, 2]", "found a list, accepted: a DynamoGraphDeploymentRequest"},
      {"- a\n- b\n", "found a list"},
      {"{}", "apiVersion: found nothing"},
      {"{", "a bracket that is never closed"},
      {"}", "accepted: well-formed YAML or JSON"},
      {"{\"a\": ", "a bracket that is never closed"},
      {"a: [1, 2", "accepted: well-formed YAML or JSON"},
      {"a: 'open", "accepted: well-formed YAML or JSON"},
      {"a: \"\\q\"", "accepted: well-formed YAML or JSON"},
      {"a: b: c", "r.yaml:1:5: found"},
      {"a: 1\n b: 2", "accepted: well-formed YAML or JSON"},
      {"a: \"\\ud800\"", "accepted: well-formed YAML or JSON"},
      {"a: &x\n  b: *y", "accepted: well-formed YAML or JSON"},
      {"%YAML 9.9\n---\na: 1", "found"},
      {"<xml/>", "found \"<xml/>\""},
      {with_config("sla: {ttft: 1}") + "---\na: 1\n", "r.yaml:12:1: found a second document, accepted: one document"},
      {with_config("sla:\n\tttft: 1"), "tabs for indentation"},
  });
}

TEST_CASE("bytes that are no text are refused with their place") {
  check({
      {std::string("a: 1\nb: \0c", 10), "r.yaml:2:4: found the control character \\x00"},
      {std::string("\0", 1), "r.yaml:1:1: found the control character \\x00"},
      {"a: \x01", "r.yaml:1:4: found the control character \\x01"},
      {"a: \x7f", "the control character \\x7f"},
      {"a: \xff", "r.yaml:1:4: found the byte \\xff, accepted: UTF-8 text"},
      {"\xff\xfe"
       "a\0:\0",
       "r.yaml:1:1: found the byte \\xff"},
      {"a: \xc0\xaf", "the byte \\xc0"},
      {"a: \xed\xa0\x80", "the byte \\xed"},
      {"a: \xf4\x90\x80\x80", "the byte \\xf4"},
      {"a: \xe2\x82", "the byte \\xe2"},
      {"\xc3\xa4: \x80", "r.yaml:1:4: found the byte \\x80"},
      {with_line("Qwen/Qwen3-32B", "\"a\\0b\""), "spec.model"},
      {with_line("Qwen/Qwen3-32B", "\"a\\nb\""), "spec.model"},
  });
}

TEST_CASE("documents that are too large, too deep or too wide are refused quickly") {
  const auto start = std::chrono::steady_clock::now();
  std::string lines;
  for (int i = 0; i < 3000; ++i)
    lines += "k" + std::to_string(i) + ": 1\n";
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const auto before = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + repeated(before + ", ", 9) + before + "]\n";
  }
  check({
      {std::string(10U << 20U, 'a'), "found 10485760 bytes, accepted: at most 1048576 bytes"},
      {"a: \"" + std::string(10U << 20U, ' ') + "\"", "accepted: at most 1048576 bytes"},
      {repeated("[", 100) + repeated("]", 100), "at most 64 levels"},
      {repeated("[", 20'000), "found"},
      {repeated("{a: ", 200) + repeated("}", 200), "at most 64 levels"},
      {repeated("- ", 5'000), "found"},
      {repeated("? ", 2'000), "found"},
      {repeated("[", 500'000), "found"},
      {repeated("{\"a\":", 100'000), "found"},
      {bomb, "counting what aliases repeat"},
      {"a: &x [*x]", "an alias of a value that is not complete"},
      {"a: [" + repeated("1,", 150'000) + "1]", "at most 100000 values"},
      {with_config(lines), "more errors"},
      {with_line("Qwen/Qwen3-32B", std::string(100'000, 'x')), "spec.model"},
      {with_config(std::string(900, 'k') + ": 1"), "the unknown key 'kkkk"},
  });
  // Generous: a quadratic reader would take minutes.
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds{60});
}

TEST_CASE("keys that cannot be are refused") {
  check({
      {with_config("sla: {ttft: 1, ttft: 2}"), "the key 'ttft' again, accepted: every key once (first at line 10)"},
      {with_config("sla: {ttft: 1}\nsla: {itl: 1}"),
       "r.yaml:11:7: spec.profilingConfig.config.sla: found the key 'sla' again"},
      {with_config("sla: {ttft: 1}") + "kind: X\n", "the key 'kind' again"},
      {with_config("sla: {[a]: 1}"), "text as keys"},
      {with_config("sla: {{a: b}: 1}"), "text as keys"},
      {with_config("sla:\n  ? [a, b]\n  : 1"), "a list as a key"},
      {with_config("sla: {: 1}"), "an empty key"},
      {with_config("sla: {~: 1}"), "an empty key"},
      {with_config("a: &a [1]\nsla: {*a : 1}"), "text as keys"},
      {with_config("sla: !!python/object {ttft: 1}"), "accepted: no tags"},
      {with_config("sla: {ttft: !!binary aGk=}"), "accepted: no tags"},
      {with_config("sla: {ttft: !ms 5}"), "accepted: no tags"},
      {with_config("base: &b {ttft: 1}\nsla: {<<: *b}"), "merge keys are not supported"},
      {with_config("sla: {tttf: 1}"), "did you mean 'ttft'?"},
      {with_config("sla: {TTFT: 1}"), "did you mean 'ttft'?"},
      {with_config("ttft: 1"), "belongs at spec.profilingConfig.config.sla.ttft"},
      {with_config("sla: {ttft: 1}\nhardware: {min_gpus_per_engine: 1}"), "unknown key 'min_gpus_per_engine'"},
      {with_config("sla: {ttft: 1}\nhardware: {minNumGpuPerEngine: 1}"), "did you mean 'minNumGpusPerEngine'?"},
      {with_config("sla: {ttft: 1}\nsweep: {decodeInterpolationGranularty: 4}"),
       "did you mean 'decodeInterpolationGranularity'?"},
      {with_config("sla: {ttft: 1}\naic: {system: h200_sxm}"), "the unknown key 'aic'"},
      {with_config("sla: {ttft: 1}\nplanner: {planner_min_endpont: 1}"), "did you mean 'planner_min_endpoint'?"},
      {with_config("sla: {ttft: 1}\nplanner: {min_endpoint: 1}"), "did you mean 'planner_min_endpoint'?"},
      {with_config("sla: {ttft: 1}\nplanner: {planner_load_predictor: linear}"), "one of constant, arima, kalman, prophet"},
      {with_config("sla: {ttft: 1}\nplanner: {planner_adjustment_interval: 0}"), "a whole number >= 1 (s)"},
      {with_config("sla: {ttft: 1}\nplanner: []"), "config.planner: found a list"},
      {with_line("  backend: vllm", "  backend: vllm\n  profiling_config: {}"), "did you mean 'profilingConfig'?"},
      {with_line("  backend: vllm", "  backend: vllm\n  workload: {isl: 5}"), "belongs to nvidia.com/v1beta1"},
      {with_line("  backend: vllm", "  backend: vllm\n  autoaply: true"), "did you mean 'autoApply'?"},
      {with_config("sla: {ttft: 1}") + "specs: {}\n", "did you mean 'spec'?"},
      {with_spec("workload: {islen: 5}"), "spec.workload.islen: found the unknown key"},
      {with_spec("profilingConfig: {}"), "belongs to nvidia.com/v1alpha1"},
      {with_spec("sla: {e2e_latency: 5}"), "did you mean 'e2eLatency'?"},
      {with_spec("hardware: {gpu: h100_sxm}"), "the unknown key 'gpu'"},
  });
}

TEST_CASE("objects that are not a request are refused") {
  check({
      {with_line("nvidia.com/v1alpha1", "nvidia.com/v1alpha2"), "did you mean 'nvidia.com/v1alpha1'?"},
      {with_line("nvidia.com/v1alpha1", "v1"),
       "apiVersion: found \"v1\", accepted: nvidia.com/v1alpha1 or nvidia.com/v1beta1"},
      {with_line("nvidia.com/v1alpha1", "[a]"), "apiVersion: found a list"},
      {with_line("apiVersion: nvidia.com/v1alpha1\n", ""), "apiVersion: found nothing"},
      {with_line("kind: DynamoGraphDeploymentRequest", "kind: DynamoGraphDeployment"),
       "accepted: DynamoGraphDeploymentRequest"},
      {with_line("kind: DynamoGraphDeploymentRequest\n", ""), "kind: found nothing"},
      {with_line("metadata:\n  name: case\n", ""), "metadata: found nothing"},
      {with_line("metadata:\n  name: case\n", "metadata: []\n"), "metadata: found a list"},
      {with_line("name: case", "namespace: x"), "metadata.name: found nothing"},
      {with_line("name: case", "name: Upper_Case"), "metadata.name: found \"Upper_Case\""},
      {with_line("name: case", "name: ../etc"), "metadata.name: found \"../etc\""},
      {with_line("name: case", "name: {a: b}"), "metadata.name: found an object"},
      {with_line("name: case", "name: a\n  namespace: a.b"), "metadata.namespace: found \"a.b\""},
      {with_line("name: case", "name: a\n  labels: 3"), "metadata.labels: found \"3\""},
      {with_line("name: case", "name: " + std::string(300, 'a')), "at most 253 characters"},
      {"apiVersion: nvidia.com/v1alpha1\nkind: DynamoGraphDeploymentRequest\nmetadata: {name: a}\n", "spec: found nothing"},
      {"apiVersion: nvidia.com/v1alpha1\nkind: DynamoGraphDeploymentRequest\nmetadata: {name: a}\nspec: text\n",
       "spec: found \"text\""},
      {"apiVersion: nvidia.com/v1beta1\nkind: DynamoGraphDeploymentRequest\nmetadata: {name: a}\nspec: {}\n",
       "spec.model: found nothing"},
      {with_line("  model: Qwen/Qwen3-32B\n", ""), "spec.model: found nothing"},
      {with_line("Qwen/Qwen3-32B", "\"\""), "spec.model: found \"\""},
      {with_line("Qwen/Qwen3-32B", ""), "spec.model: found nothing"},
      {with_line("Qwen/Qwen3-32B", "[a]"), "spec.model: found a list"},
      {with_line("Qwen/Qwen3-32B", "Qwen/Qwen3-32b-FP9"), "did you mean 'Qwen/Qwen3-32B-FP8'?"},
      {with_line("Qwen/Qwen3-32B", "Qwen3-30B-A3B"), "did you mean 'Qwen/Qwen3-30B-A3B'?"},
      {with_line("Qwen/Qwen3-32B", "acme/unheard-of"), "fetch the model's config.json"},
      {with_line("Qwen/Qwen3-32B", "/no/such/place"), "/no/such/place/config.json: no such file"},
      {with_line("Qwen/Qwen3-32B", "/" + std::string(5000, 'x')), "no such file"},
      {with_line("  backend: vllm\n", ""), "spec.backend: found nothing, accepted: one of vllm, sglang, trtllm"},
      {with_line("backend: vllm", "backend: vlm"), "did you mean 'vllm'?"},
      {with_line("backend: vllm", "backend: auto"), "spec.backend: found \"auto\""},
      {with_line("backend: vllm", "backend: vllm\n  autoApply: 1"), "spec.autoApply: found \"1\", accepted: true or false"},
      {with_line("    config:\n      sla: {ttft: 1}\n", "    config: {}\n"), "spec.profilingConfig.config: found nothing"},
      {with_line("    config:\n      sla: {ttft: 1}\n", "    config: 7\n"), "spec.profilingConfig.config: found \"7\""},
      {with_line("    config:\n      sla: {ttft: 1}\n", "    profilerImage: a\n"),
       "spec.profilingConfig.config: found nothing"},
      {with_line("  profilingConfig:\n    config:\n      sla: {ttft: 1}\n", ""),
       "spec.profilingConfig.config: found nothing"},
      {with_line("    config:\n", "    tolerations: {}\n    config:\n"), "tolerations: found an object, accepted: a list"},
      {with_line("    config:\n", "    resources: [1]\n    config:\n"), "resources: found a list, accepted: an object"},
      {with_line("    config:\n", "    configMapRef: disagg.yaml\n    config:\n"), "an object with keys of key, name"},
  });
}

TEST_CASE("values of the wrong type or size are refused") {
  for (const auto* value :
       {"fast", "''",  "true",  "[1]",   "{a: 1}", "",   ".nan", "nan", ".inf",  "-.inf", "inf",        "1e999", "-1",  "0",
        "0x10", "010", "1_000", "12abc", "300ms",  "1e", "--1",  "+-1", "1.2.3", "12:30", "2026-11-24", "'1,5'", "1e12"}) {
    INFO(value);
    check({{with_config(std::string{"sla: {ttft: "} + value + "}"), "spec.profilingConfig.config.sla.ttft: found"}});
  }
  for (const auto* value : {"3.5", "0", "-3000", "1e30", "99999999999999999999", "three", "[]", "0.0"}) {
    INFO(value);
    check({{with_config(std::string{"sla: {isl: "} + value + "}"), "spec.profilingConfig.config.sla.isl: found"}});
  }
  check({
      {with_config("sla: {ttft: 300ms}"), "write the number alone, in ms"},
      {with_config("sla: {ttft: 010}"), "may mean octal"},
      {with_config("sla: {isl: 3.5}"), "no fraction"},
      {with_config("sla: {ttft: }"), "leave the key out for the default"},
      {with_config("sla: 5"), "config.sla: found \"5\", accepted: an object with keys of isl, itl, osl, ttft"},
      {with_config("sla: {ttft: 1}\nhardware: {gpuType: H100-SXM5-80GB}"),
       "gpuType: found \"H100-SXM5-80GB\", accepted: one of a100_pcie"},
      {with_config("sla: {ttft: 1}\nhardware: {gpuType: h20_sxm}"), "did you mean 'h200_sxm'?"},
      {with_config("sla: {ttft: 1}\nhardware: {numGpusPerNode: many}"), "numGpusPerNode: found \"many\""},
      {with_config("sla: {ttft: 1}\nsweep: {prefillInterpolationGranularity: 3}"), "from 4 to 512"},
      {with_config("sla: {ttft: 1}\nsweep: {decodeInterpolationGranularity: 1000000}"), "from 2 to 64"},
      {with_config("sla: {ttft: 1}\nsweep: {webuiPort: 70000}"), "from 1 to 65535"},
      {with_config("sla: {ttft: 1}\nsweep: {aicBackend: tensorrt}"), "aicBackend: found \"tensorrt\""},
      {with_config("sla: {ttft: 1}\ndeployment: {deploymentTimeout: 0}"), "from 1 to 604800"},
      {with_config("sla: {ttft: 1}\ndeployment: {namespace: Team A}"), "namespace: found \"Team A\""},
      {with_config("sla: {ttft: 1}\ndeployment: {serviceName: -x}"), "serviceName: found \"-x\""},
      {with_config("sla: {ttft: 1}\nengine: {config: /no/such/file.yaml}"), "a readable file with a DynamoGraphDeployment"},
      {with_spec("hardware: {gpuSku: mi300}"), "this version has no performance facts"},
      {with_spec("hardware: {vramMb: 8}"), "a number from 1024"},
      {with_spec("backend: best"), "spec.backend: found \"best\""},
      {with_spec("searchStrategy: quick"), "one of rapid, thorough"},
      {with_spec("features: {mocker: true}"),
       "spec.features.mocker: found \"true\", accepted: an object with keys of enabled"},
      {with_spec("features: {planner: yes}"), "spec.features.planner: found \"yes\", accepted: an object"},
      {with_spec("overrides: {dgd: []}"), "spec.overrides.dgd: found a list"},
      {with_spec("sla: {itl: 0}"), "a number > 0 (ms)"},
      {with_spec("workload: {concurrency: -1}"), "spec.workload.concurrency: found \"-1\""},
  });
}

TEST_CASE("values that contradict each other or the model are refused") {
  check({
      {with_config("sla: {ttft: 1}\nhardware: {minNumGpusPerEngine: 8, maxNumGpusPerEngine: 2}"),
       "minNumGpusPerEngine: found from 8 to 2 GPUs per engine, accepted: a minimum not above the maximum"},
      {with_config("sla: {ttft: 1}\nhardware: {minNumGpusPerEngine: 5, maxNumGpusPerEngine: 7}"),
       "a range with a power of two in it"},
      {with_config("sla: {ttft: 1}\nhardware: {minNumGpusPerEngine: 16}"), "from 16 to 8 GPUs per engine"},
      {with_config("sla: {ttft: 1}\nhardware: {gpuType: l4}", "meta-llama/Meta-Llama-3.1-405B"),
       "from 35 to 8 GPUs per engine"},
      {with_config("sla: {ttft: 1}\nhardware: {gpuType: l4}", "meta-llama/Meta-Llama-3.1-405B"), "MiB of weights"},
      {with_config("sla: {ttft: 1}\nhardware: {minNumGpusPerEngine: 8, maxNumGpusPerEngine: 1}", "acme/unheard-of"),
       "from 8 to 1 GPUs"},
      {with_config("sla: {ttft: 1, isl: 40000, osl: 1000}"),
       "found 40000 + 1000 tokens (isl + osl), accepted: at most 40960 tokens"},
      {with_config("sla: {ttft: 1, isl: 3000, osl: 500}\nengine: {maxContextLength: 3000}"), "raise max-context-length"},
      {with_config("sla: {ttft: 1}\nengine: {maxContextLength: 3000}"), "sla.isl: found 3000 + 500 tokens"},
      {with_config("sla: {ttft: 1}\nhardware: {maxNumGpusPerEngine: 4, max_num_gpus_per_engine: 8}"),
       "both set max-num-gpus-per-engine: keep one"},
      {with_config("sla: {ttft: 1}\nhardware: {minNumGpusPerEngine: 4}\nengine: {minNumGpusPerEngine: 2}"),
       "both set min-num-gpus-per-engine"},
      {with_config("sla: {ttft: 1}\nsweep: {useAiConfigurator: true}"), "sweep.aicSystem: found nothing"},
      {with_config("sla: {ttft: 1}\ndeployment: {modelCache: {pvcPath: a}}"), "a path without a claim"},
      {with_config("sla: {ttft: 1}\ndeployment: {modelCache: {pvcName: a, mountPath: relative}}"), "an absolute path"},
      {with_config("sla: {ttft: 1}\ndeployment: {modelCache: {pvcName: A_B}}"), "the name of a claim"},
      {with_spec("backend: auto\nsearchStrategy: thorough"), "auto together with searchStrategy thorough"},
      {with_spec("workload: {concurrency: 4, requestRate: 2}"), "concurrency and requestRate, accepted: one of them"},
      {with_spec("sla: {e2eLatency: 5000}"), "sextant estimate takes e2eLatency"},
      {with_spec("sla: {e2eLatency: 5000, ttft: 5}"), "e2eLatency together with ttft or itl"},
      {with_spec("sla: {optimizationType: throughput}"), "sextant estimate takes optimizationType"},
      {with_spec("v1beta2: {}"), "does not read the v1beta2 envelope"},
      {with_spec("hardware: {totalGpus: 4}", "deepseek-ai/DeepSeek-R1"), "at least 8, the smallest engine"},
      {with_spec("features: {mocker: {enabled: true}, planner: {pre_deployment_sweeping_mode: none}}"),
       "pre_deployment_sweeping_mode none"},
  });
}

TEST_CASE("one fault is one error") {
  for (const auto& document : {
           with_line("Qwen/Qwen3-32B", "[a]"),
           with_line("Qwen/Qwen3-32B", ""),
           with_line("  model: Qwen/Qwen3-32B\n", ""),
           with_line("backend: vllm", "backend: vlm"),
           with_line("  backend: vllm\n", ""),
           with_line("nvidia.com/v1alpha1", "nvidia.com/v1alpha2"),
           with_line("name: case", "name: A"),
           with_line("    config:\n      sla: {ttft: 1}\n", "    config: 7\n"),
           with_config("sla: {ttft: }"),
           with_config("sla: {ttft: 1, ttft: 2}"),
           with_config("sla: {ttft: 1}\nhardware: {minNumGpusPerEngine: 8, maxNumGpusPerEngine: 2}"),
           with_spec("backend: best"),
           with_spec("hardware: {gpuSku: h10}"),
           std::string{"a: ["},
       }) {
    INFO(document);
    for (const auto& line : errors_of(document))
      UNSCOPED_INFO(line);
    CHECK(errors_of(document).size() == 1);
  }
}

TEST_CASE("options that are wrong are refused like the document") {
  const auto good = with_config("sla: {ttft: 1}");
  const std::vector<std::pair<option_map, const char*>> cases{
      {{{"ttft", "-1"}}, "options.ttft: found \"-1\""},
      {{{"ttft", ""}}, "options.ttft: found \"\""},
      {{{"ttft", std::string("1\0", 2)}}, "options.ttft: found \"1\\x00\""},
      {{{"model", "\xff"}}, "accepted: printable UTF-8 text"},
      {{{"tftt", "1"}}, "did you mean 'ttft'?"},
      {{{"", "1"}}, "an unknown option"},
      {{{"model-cache", "1"}}, "an ambiguous option"},
      {{{"planner-bogus", "1"}}, "an unknown option"},
      {{{"planner-load-predictor", "linear"}}, "one of constant, arima, kalman, prophet"},
      {{{"gpus", "0"}}, "options.gpus: found \"0\""},
      {{{"host", "moon"}}, "one of simulated, local, kubernetes, endpoint"},
      {{{"deadline", "1 day"}}, "seconds, or a number with s, m or h"},
      {{{"seed", "-1"}}, "options.seed: found \"-1\""},
      {{{"nats", "nats://x"}}, "an option of the process"},
      {{{"isl", "5"}, {"ISL", "6"}},
       "options.ISL: found an unknown option, accepted: an option of the table (did you mean 'isl'?)"},
      {{{"min-num-gpus", "1"}, {"min_num_gpus_per_engine", "2"}}, "two values"},
      {{{"profile-config", "sla: ["}}, "options.profile-config:"},
      {{{"profile-config", "5"}}, "an object with keys like sla"},
      {{{"profile-config", "{slo: {}}"}}, "did you mean 'sla'?"},
      {{{"max-num-gpus-per-engine", "2"}, {"min-num-gpus-per-engine", "4"}},
       "options.min-num-gpus-per-engine: found from 4 to 2"},
  };
  for (const auto& [options, expected] : cases)
    check({{good, expected}}, options);
}
