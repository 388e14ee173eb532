// facts_test.cpp: Catalogues, model directories, and the range of engine sizes (golden values of the reference).
#include <filesystem>
#include <fstream>
#include <unistd.h>

#include "requests.hpp"

#include "config/catalogue.hpp"
#include "config/gpu_range.hpp"

using namespace sextant;
using namespace sextant::test;

namespace {

namespace fs = std::filesystem;

/// A directory that is gone with the test.
struct model_folder {
  fs::path path = fs::temp_directory_path() / ("sextant_model_" + std::to_string(::getpid()));
  model_folder() { fs::create_directories(path); }
  ~model_folder() { fs::remove_all(path); }
  void write(const std::string& name, const std::string& text) const {
    fs::create_directories((path / name).parent_path());
    std::ofstream{path / name} << text;
  }
  std::vector<document_error> errors;
  model_facts read() {
    model_facts facts;
    errors.clear();
    read_model_directory(path.string(), facts, errors);
    return facts;
  }
};

constexpr double mib = 1048576;

gpu_range range(double weights_mib, double memory_mib, bool moe = false, int low = 0, int high = 0, int node = 0,
                bool discover = true) {
  return gpu_range_for({weights_mib * mib, memory_mib * mib, 8, moe, low, high, node, discover});
}

} // namespace

TEST_CASE("the catalogue holds 86 models and 14 GPUs") {
  CHECK(model_names().size() == 86);
  CHECK(gpu_names().size() == 14);
  for (const auto& name : model_names()) {
    INFO(name);
    const auto* model = find_model(name);
    REQUIRE(model);
    CHECK(model->layers > 0);
    CHECK(model->hidden > 0);
    CHECK(model->heads > 0);
    CHECK(model->vocab > 0);
    CHECK(model->max_context > 0);
    CHECK(weight_bytes_of(*model) > 1e9);
    CHECK((model->experts == 0) == model->moe_quant.empty());
    int grouped = 0;
    for (const auto& group : model->layer_groups)
      grouped += group.count;
    CHECK((model->layer_groups.empty() || grouped == model->layers));
  }
  for (const auto& name : gpu_names()) {
    INFO(name);
    const auto* gpu = find_gpu(name);
    REQUIRE(gpu);
    CHECK(gpu->memory_bytes > 2e10);
    CHECK(gpu->memory_bandwidth > 1e11);
    CHECK(gpu->bf16_flops > 1e13);
    CHECK(gpu->intra_node_bandwidth > 1e10);
  }
}

TEST_CASE("facts of a dense model, an expert model and an MLA model") {
  const auto* dense = find_model("qwen/qwen3-32b");
  REQUIRE(dense);
  CHECK(dense->name == "Qwen/Qwen3-32B");
  CHECK(dense->kv_heads == 8);
  CHECK(dense->intermediate == 25600);
  CHECK_FALSE(dense->is_moe);
  CHECK(dense->quantization_block == 0);
  const auto* moe = find_model("Qwen/Qwen3-30B-A3B-FP8");
  REQUIRE(moe);
  CHECK(moe->is_moe);
  CHECK(moe->experts == 128);
  CHECK(moe->experts_per_token == 8);
  CHECK(moe->quantization_block == 128);
  CHECK(moe->moe_quant == "fp8_block");
  const auto* mla = find_model("deepseek-ai/DeepSeek-R1");
  REQUIRE(mla);
  CHECK(mla->is_mla);
  CHECK(mla->is_moe);
  CHECK(mla->kv_lora_rank == 512);
  CHECK(mla->first_dense_layers == 3);
  // Mixtral has experts, but the reference treats its architecture as dense.
  const auto* mixtral = find_model("mistralai/Mixtral-8x7B-v0.1");
  REQUIRE(mixtral);
  CHECK_FALSE(mixtral->is_moe);
  CHECK(mixtral->experts == 8);
  CHECK(find_model("Qwen/Qwen9") == nullptr);
}

TEST_CASE("weights derived from the shape are near the published sizes") {
  const auto gigabytes = [](const char* name) { return weight_bytes_of(*find_model(name)) / 1e9; };
  CHECK(gigabytes("Qwen/Qwen3-32B") == Approx(65.5).epsilon(0.02));
  CHECK(gigabytes("Qwen/Qwen3-30B-A3B") == Approx(61.1).epsilon(0.02));
  CHECK(gigabytes("deepseek-ai/DeepSeek-R1") == Approx(673).epsilon(0.02));
  CHECK(gigabytes("meta-llama/Meta-Llama-3.1-70B") == Approx(141).epsilon(0.02));
  CHECK(gigabytes("openai/gpt-oss-120b") == Approx(63).epsilon(0.08));
  CHECK(gigabytes("moonshotai/Kimi-K2-Instruct") == Approx(1029).epsilon(0.03));
}

TEST_CASE("GPU names are found by their aliases") {
  CHECK(find_gpu("gb200_sxm")->name == "gb200");
  CHECK(find_gpu("H200-SXM")->name == "h200_sxm");
  CHECK(find_gpu("h100")->name == "h100_sxm");
  CHECK(find_gpu("H100-SXM5-80GB") == nullptr);
  CHECK(find_gpu("h200_sxm")->memory_bytes == 151397597184.0);
  CHECK(find_gpu("h200_sxm")->fp8_flops == 1.978e15);
  CHECK(find_gpu("gb200")->gpus_per_node == 4);
  CHECK(find_gpu("a100_sxm")->fp8_flops == 0);
}

TEST_CASE("the smallest engine holds the weights in 90 % of its memory") {
  CHECK(range(65'536, 81'559).min_gpus == 1);
  CHECK(range(1'300'000, 141'120, true).min_gpus == 11);
  CHECK(range(0, 0).min_gpus == 1);
}

TEST_CASE("the largest engine is one node, or eight times the smallest with experts") {
  CHECK(range(65'536, 81'559).max_gpus == 8);
  CHECK(range(65'536, 81'559, true).max_gpus == 8);
  CHECK(range(300'000, 81'559, true).max_gpus == 40);
  CHECK_FALSE(range(1'300'000, 81'559).fits);
}

TEST_CASE("values that were given are kept, whatever else is missing") {
  const auto low = range(300'000, 81'559, true, 8);
  CHECK(low.min_gpus == 8);
  CHECK(low.max_gpus == 40);
  const auto high = range(65'536, 81'559, false, 0, 2);
  CHECK(high.min_gpus == 1);
  CHECK(high.max_gpus == 2);
  CHECK(range(65'536, 81'559, false, 0, 0, 4).max_gpus == 4);
  CHECK_FALSE(range(65'536, 81'559, false, 4, 2).fits);
}

TEST_CASE("without discovery zeros become the reference's fixed values") {
  const auto fixed = range(1'300'000, 81'559, false, 0, 0, 0, false);
  CHECK(fixed.min_gpus == 1);
  CHECK(fixed.max_gpus == 4);
  CHECK(fixed.gpus_per_node == 8);
  CHECK(range(1, 1, false, 2, 16, 4, false).max_gpus == 16);
}

TEST_CASE("estimates need four heads per GPU") {
  CHECK(largest_estimated_tp(16) == 4);
  CHECK(largest_estimated_tp(12) == 3);
  const auto request =
      accepted(with_config("sla: {ttft: 1}\nsweep: {useAiConfigurator: true, aicSystem: h200_sxm}", "Qwen/Qwen3-0.6B"));
  CHECK(request.max_gpus_per_engine == 4);
  CHECK(request.extra.at("use-ai-configurator") == "true");
}

TEST_CASE("a model directory gives shape, quantisation and size") {
  model_folder folder;
  folder.write("config.json", R"({"architectures": ["DeepseekV3ForCausalLM"], "num_hidden_layers": 61, "hidden_size": 7168,
    "num_attention_heads": 128, "num_key_value_heads": 128, "intermediate_size": 18432, "vocab_size": 129280, "n_routed_experts": 256,
    "num_experts_per_tok": 8, "moe_intermediate_size": 2048, "n_shared_experts": 1, "first_k_dense_replace": 3, "kv_lora_rank": 512,
    "q_lora_rank": 1536, "max_position_embeddings": 163840, "quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 64]}})");
  folder.write("a/model-1.safetensors", std::string(1000, 'x'));
  folder.write("model-2.safetensors", std::string(500, 'x'));
  folder.write("pytorch_model.bin", std::string(9999, 'x'));
  const auto facts = folder.read();
  REQUIRE(folder.errors.empty());
  CHECK(facts.name == folder.path.string());
  CHECK(facts.source == (folder.path / "config.json").string());
  CHECK(facts.family == "DEEPSEEK");
  CHECK(facts.is_moe);
  CHECK(facts.is_mla);
  CHECK(facts.experts == 256);
  CHECK(facts.shared_intermediate == 2048);
  CHECK(facts.quantization_block == 128);
  CHECK(facts.gemm_quant == "fp8_block");
  CHECK(facts.kv_quant == "fp8");
  CHECK(facts.weight_bytes == 1500);
  CHECK(accepted(with_config("sla: {ttft: 1}", folder.path.string())).model.layers == 61);
}

TEST_CASE("other spellings in config.json are understood") {
  model_folder folder;
  folder.write("config.json",
               R"({"architectures": ["GPT2LMHeadModel"], "n_layer": 12, "n_embd": 768, "n_head": 12, "vocab_size": 50257,
    "n_positions": 1024, "ffn_dim": 3072})");
  folder.write("model.safetensors.index.json", R"({"metadata": {"total_size": 548000000}})");
  const auto facts = folder.read();
  REQUIRE(folder.errors.empty());
  CHECK(facts.kv_heads == 12);
  CHECK(facts.head_dim == 64);
  CHECK(facts.max_context == 1024);
  CHECK(facts.intermediate == 3072);
  CHECK(facts.family == "LLAMA");
  CHECK(facts.weight_bytes == 548000000);
  folder.write("config.json",
               R"({"architectures": ["X"], "vocab_size": 10, "text_config": {"num_hidden_layers": 2, "hidden_size": 8,
    "num_attention_heads": 2, "num_local_experts": 4, "num_experts_per_tok": 2, "intermediate_size": 16, "max_seq_len": 99},
    "quantization_config": {"quant_method": "mxfp4"}})");
  const auto nested = folder.read();
  REQUIRE(folder.errors.empty());
  CHECK(nested.layers == 2);
  CHECK(nested.experts == 4);
  CHECK(nested.max_context == 99);
  CHECK(nested.moe_quant == "w4a16_mxfp4");
  CHECK(nested.gemm_quant == "bfloat16");
  CHECK(nested.family == "MOE");
}

TEST_CASE("the model cache is looked into before the catalogue") {
  model_folder folder;
  folder.write("sub/config.json", R"({"architectures": ["Qwen3ForCausalLM"], "num_hidden_layers": 3, "hidden_size": 64,
    "num_attention_heads": 4, "vocab_size": 100, "max_position_embeddings": 8192})");
  const auto request = accepted(with_config(
      "sla: {ttft: 1}\ndeployment: {modelCache: {pvcName: c, pvcPath: sub, mountPath: " + folder.path.string() + "}}"));
  CHECK(request.model.name == "Qwen/Qwen3-32B");
  CHECK(request.model.layers == 3);
}

TEST_CASE("a broken model directory says what is missing in which file") {
  model_folder folder;
  CHECK(folder.read().layers == 0);
  REQUIRE(folder.errors.size() == 1);
  CHECK(format_error(folder.errors[0])
        == (folder.path / "config.json").string() + ": found no such file, accepted: the model's config.json");
  for (const auto* text : {"", "[]", "{", "\"x\"", "nul", "{\"a\": 1e999}"}) {
    folder.write("config.json", text);
    folder.read();
    CHECK_FALSE(folder.errors.empty());
  }
  folder.write("config.json",
               R"({"architectures": "x", "num_hidden_layers": -3, "hidden_size": "64", "num_attention_heads": 1e99,
    "vocab_size": [], "quantization_config": 7, "text_config": []})");
  folder.read();
  CHECK(folder.errors.size() == 5);
  const auto lines = errors_of(with_config("sla: {ttft: 1}", folder.path.string()));
  REQUIRE(lines.size() == 5);
  CHECK(lines[0].find("r.yaml:6:10: spec.model: found ") == 0);
}
