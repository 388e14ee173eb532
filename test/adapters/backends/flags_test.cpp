// flags_test.cpp: What every back end's flags become, written out from the reference sheet (sections 10.2 to 10.4): by
// phase, mapping and nodes, over what a user wrote before.
#include <catch2/catch.hpp>

#include "adapters/backends/dgd.hpp"
#include "adapters/backends/modifiers.hpp"

using namespace sextant;

namespace {

using words = std::vector<std::string>;

struct flags_case {
  backend_kind backend;
  phase role;
  mapping layout;
  std::string gpus; ///< of one pod
  std::string nodes;
  words wanted;
};

// Flags of a prefill and a decode worker as users have them: roles, sizes of another mapping in every spelling, things of
// their own.
const char* base_of(backend_kind backend) {
  switch (backend) {
    case backend_kind::vllm:
      return R"(
kind: DynamoGraphDeployment
metadata: {name: mine}
spec:
  services:
    Frontend: {componentType: frontend}
    VllmPrefillWorker: {extraPodSpec: {mainContainer: {args: [--model, m, --served-model-name, M, --is-prefill-worker, --enable-prefix-caching, -tp, "2", "--dp=2", --seed, "7", --note, "two words"]}}}
    VllmDecodeWorker: {extraPodSpec: {mainContainer: {args: [--model, m, --served-model-name, M, --no-enable-prefix-caching, --tensor-parallel-size, "2", --note, "two words"]}}}
)";
    case backend_kind::sglang:
      return R"(
kind: DynamoGraphDeployment
metadata: {name: mine}
spec:
  services:
    Frontend: {componentType: frontend}
    prefill: {extraPodSpec: {mainContainer: {args: [--model-path, m, --served-model-name, M, --disaggregation-mode, prefill, --disaggregation-transfer-backend, nixl, --disaggregation-bootstrap-port, "1", --tp-size, "2", --ep-size=2, --note, "two words"]}}}
    decode: {extraPodSpec: {mainContainer: {args: [--model-path, m, --served-model-name, M, --disaggregation-mode, decode, --disable-radix-cache, --data-parallel-size, "2", --enable-dp-attention, --note, "two words"]}}}
)";
    case backend_kind::trtllm:
      break;
  }
  return R"(
kind: DynamoGraphDeployment
metadata: {name: mine}
spec:
  services:
    Frontend: {componentType: frontend}
    TRTLLMPrefillWorker: {extraPodSpec: {mainContainer: {args: [--model-path, m, --served-model-name, M, --extra-engine-args, p.yaml, --disaggregation-mode, prefill, --disaggregation-strategy, x, --note, "two words"]}}}
    TRTLLMDecodeWorker: {extraPodSpec: {mainContainer: {args: [--model-path, m, --served-model-name, M, --extra-engine-args, d.yaml, --override-engine-args, '{"kv_cache_config":{"free_gpu_memory_fraction":0.8},"tensor_parallel_size":2}', --note, "two words"]}}}
)";
}

const words vllm_own{"--model", "m", "--served-model-name", "M"};
const words sglang_own{"--model-path", "m", "--served-model-name", "M"};

words operator+(words a, const words& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

std::vector<flags_case> cases() {
  constexpr auto p = phase::prefill, d = phase::decode;
  constexpr auto tp = mapping_method::tp, tep = mapping_method::tep, dep = mapping_method::dep;
  const words note{"--note", "two words"};
  const auto v_prefill =
      vllm_own + words{"--seed", "7"} + note + words{"--no-enable-prefix-caching", "--tensor-parallel-size"};
  const auto v_decode = vllm_own + words{"--tensor-parallel-size"};
  const auto s_prefill = sglang_own + note + words{"--disable-radix-cache", "--tp"};
  const auto s_decode = sglang_own + note + words{"--load-balance-method", "round_robin", "--tp"};
  const auto t_prefill = sglang_own + words{"--extra-engine-args", "p.yaml"} + note + words{"--override-engine-args"};
  const auto t_decode = sglang_own + words{"--extra-engine-args", "d.yaml", "--override-engine-args"};
  const std::string t_cold =
      R"({"kv_cache_config":{"enable_block_reuse":false},"disable_overlap_scheduler":false,"cache_transceiver_config":null,)";
  const std::string t_warm = R"({"kv_cache_config":{"free_gpu_memory_fraction":0.8,"enable_block_reuse":true},)";
  return {
      {backend_kind::vllm,
       p,
       {tp, 4},
       "4",
       "",
       v_prefill + words{"4", "--max-num-seqs", "1", "--max-num-batched-tokens", "32768"}},
      {backend_kind::vllm,
       p,
       {tep, 8},
       "8",
       "",
       v_prefill
           + words{"8", "--data-parallel-size", "1", "--enable-expert-parallel", "--max-num-seqs", "1",
                   "--max-num-batched-tokens", "32768"}},
      {backend_kind::vllm,
       p,
       {dep, 16},
       "8",
       "2",
       v_prefill
           + words{"1", "--data-parallel-size", "16", "--enable-expert-parallel", "--max-num-seqs", "16",
                   "--max-num-batched-tokens", "32768"}},
      {backend_kind::vllm, d, {tp, 4}, "4", "", v_decode + words{"4"} + note + words{"--enable-prefix-caching"}},
      {backend_kind::vllm,
       d,
       {tep, 16},
       "8",
       "2",
       v_decode + words{"16"} + note
           + words{"--enable-prefix-caching", "--data-parallel-size", "1", "--enable-expert-parallel"}},
      {backend_kind::vllm,
       d,
       {dep, 8},
       "8",
       "",
       v_decode + words{"1"} + note
           + words{"--enable-prefix-caching", "--data-parallel-size", "8", "--enable-expert-parallel"}},
      {backend_kind::sglang,
       p,
       {tp, 4},
       "4",
       "",
       s_prefill + words{"4", "--max-running-requests", "1", "--chunked-prefill-size", "32768", "--enable-dp-lm-head"}},
      {backend_kind::sglang,
       p,
       {tep, 8},
       "8",
       "",
       s_prefill
           + words{"8", "--ep", "8", "--max-running-requests", "1", "--chunked-prefill-size", "32768",
                   "--enable-dp-lm-head"}},
      {backend_kind::sglang,
       p,
       {dep, 16},
       "8",
       "2",
       s_prefill
           + words{"16", "--dp", "16", "--ep", "16", "--enable-dp-attention", "--max-running-requests", "16",
                   "--chunked-prefill-size", "524288", "--enable-dp-lm-head"}},
      {backend_kind::sglang, d, {tep, 16}, "8", "2", s_decode + words{"16", "--ep", "16"}},
      {backend_kind::sglang,
       d,
       {dep, 8},
       "8",
       "",
       sglang_own + words{"--enable-dp-attention"} + note
           + words{"--load-balance-method", "round_robin", "--tp", "8", "--dp", "8", "--ep", "8"}},
      {backend_kind::trtllm,
       p,
       {tp, 4},
       "4",
       "",
       t_prefill + words{t_cold + R"("tensor_parallel_size":4,"max_batch_size":1,"max_num_tokens":32768})"}},
      {backend_kind::trtllm,
       p,
       {dep, 16},
       "8",
       "2",
       t_prefill
           + words{t_cold
                   + R"("tensor_parallel_size":16,"moe_expert_parallel_size":16,"moe_tensor_parallel_size":1,"enable_attention_dp":true,"max_batch_size":16,"max_num_tokens":524288})"}},
      {backend_kind::trtllm,
       d,
       {tep, 8},
       "8",
       "",
       t_decode
           + words{t_warm
                   + R"("tensor_parallel_size":8,"cache_transceiver_config":null,"moe_expert_parallel_size":8,"moe_tensor_parallel_size":1,"enable_attention_dp":false})"}
           + note},
  };
}

} // namespace

TEST_CASE("flags of every back end, phase and mapping are the sheet's, around what the user wrote") {
  for (const auto& c : cases()) {
    profile_request request;
    request.id = "flags";
    request.backend = c.backend;
    request.model.name = "M";
    request.model.is_moe = c.layout.method != mapping_method::tp;
    request.gpus_per_node = 8;
    request.base_config = base_of(c.backend);
    std::string error;
    auto documents = parse_yaml(candidate_dgd(request, c.role, c.layout, error), error);
    INFO(to_text(c.backend) << ' ' << to_text(c.role) << ' ' << c.layout.tag() << ' ' << error);
    REQUIRE(documents.size() == 1);
    auto& dgd = documents.front();
    CHECK(dgd["spec"]["services"].entries().size() == 2); // the frontend and one worker
    auto* worker = service_of(dgd, c.backend, phase::decode);
    REQUIRE(worker);
    CHECK(arguments_of(*worker).exec() == c.wanted);
    CHECK(worker->text_at("replicas") == "1");
    CHECK((*worker)["resources"]["requests"].text_at("gpu") == c.gpus);
    const auto* multinode = worker->find("multinode");
    CHECK((multinode ? multinode->text_at("nodeCount") : "") == c.nodes);
  }
}

TEST_CASE("a TensorRT-LLM worker that is written with single flags gets single flags") {
  auto service = yaml_tree::map();
  set_arguments(service, argument_list::from_exec({"--model-path", "m", "--trtllm.tensor_parallel_size", "2"}));
  set_mapping(service, backend_kind::trtllm, {mapping_method::dep, 8}, 8);
  set_prefill_limits(service, backend_kind::trtllm, {mapping_method::dep, 8});
  CHECK(arguments_of(service).exec()
        == words{"--model-path", "m", "--trtllm.tensor_parallel_size", "8", "--trtllm.moe_expert_parallel_size", "8",
                 "--trtllm.moe_tensor_parallel_size", "1", "--trtllm.enable_attention_dp", "true", "--trtllm.max_batch_size",
                 "8", "--trtllm.max_num_tokens", "262144"});
}

TEST_CASE("what is one argument stays one") {
  const words whole{"--chat-template", "You are {{ name }}", "--note=two words", "--json", R"({"a": "b c"})", "--flag"};
  CHECK(argument_list::from_exec(whole).exec() == whole);
  CHECK(argument_list::from_exec({"--a=1 --b 2", "--c", "-x y"}).exec() == words{"--a=1", "--b", "2", "--c", "-x", "y"});
  CHECK(argument_list::from_exec({"python3 -m dynamo.vllm --model 'a b'"}).exec()
        == words{"python3", "-m", "dynamo.vllm", "--model", "a b"});
}
