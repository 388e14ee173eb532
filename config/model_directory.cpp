// model_directory.cpp: Model facts from a directory in the hub's layout: config.json, quantisation, sizes of the weight
// files.
#include <cmath>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <sstream>

#include <nlohmann/json.hpp>

#include "config/catalogue.hpp"
#include "config/intake.hpp"
#include "config/option_values.hpp"

namespace sextant {

namespace {

namespace fs = std::filesystem;
using json = nlohmann::json;

constexpr std::uintmax_t largest_file = 16U << 20U; // config.json is a few KiB; the index of a huge model a few MiB

std::optional<json> read_json(const fs::path& path) {
  std::error_code error;
  if (!fs::is_regular_file(path, error) || fs::file_size(path, error) > largest_file)
    return std::nullopt;
  std::ifstream file{path, std::ios::binary};
  auto parsed = json::parse(file, nullptr, false);
  return parsed.is_discarded() ? std::nullopt : std::optional{std::move(parsed)};
}

/// Looks keys up in the text model's part of a multimodal config first.
class config_reader {
public:
  explicit config_reader(const json& root) : root_{root} {
    const auto text = root.find("text_config");
    text_ = text != root.end() && text->is_object() ? &*text : nullptr;
  }

  const json* find(std::initializer_list<const char*> keys) const {
    for (const auto* part : {text_, &root_})
      for (const auto* key : keys)
        if (part && part->contains(key) && !part->at(key).is_null())
          return &part->at(key);
    return nullptr;
  }
  /// First of the keys that holds a number from 1 to 2^31 - 1, else 0.
  int number(std::initializer_list<const char*> keys) const {
    for (const auto* key : keys)
      if (const auto* value = find({key}); value && value->is_number()) {
        const auto x = value->get<double>();
        if (x >= 1 && x < 2147483648.0)
          return static_cast<int>(x);
      }
    return 0;
  }

private:
  const json& root_;
  const json* text_ = nullptr;
};

std::string text_of(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

int largest_edge(const json& value) {
  if (value.is_number() && value.get<double>() >= 1 && value.get<double>() < 1e9)
    return value.get<int>();
  int largest = 0;
  if (value.is_array())
    for (const auto& edge : value)
      if (edge.is_number())
        largest = std::max(largest, largest_edge(edge));
  return largest;
}

/// Weight format that a `quantization_config` describes.
std::string format_of(const json& quantization, int block) {
  auto method = text_of(quantization, "quant_method");
  const auto algorithm = text_of(quantization, "quant_algo");
  if (algorithm == "NVFP4")
    return "nvfp4";
  if (algorithm.starts_with("FP8"))
    return block > 0 ? "fp8_block" : "fp8_static";
  if (method == "fp8")
    return block > 0 ? "fp8_block" : text_of(quantization, "activation_scheme") == "static" ? "fp8_static" : "fp8";
  if (method == "compressed-tensors") {
    const auto format = text_of(quantization, "format");
    return format == "float-quantized"        ? "fp8"
           : format == "nvfp4-pack-quantized" ? "nvfp4"
           : format == "pack-quantized"       ? "int4_wo"
                                              : "sq";
  }
  if (method == "awq" || method == "gptq") {
    const auto bits = quantization.find("bits");
    return bits != quantization.end() && *bits == 8 ? "int8_wo" : "int4_wo";
  }
  return method == "mxfp4" ? "w4a16_mxfp4" : "bfloat16";
}

void read_quantization(const config_reader& config, const fs::path& directory, model_facts& facts) {
  json quantization = json::object();
  if (const auto* written = config.find({"quantization_config"}); written && written->is_object())
    quantization = *written;
  // ModelOpt checkpoints describe themselves in a file of their own.
  if (const auto file = read_json(directory / "hf_quant_config.json");
      file && file->is_object() && file->contains("quantization"))
    if (const auto& inner = file->at("quantization"); inner.is_object())
      for (const auto* key : {"quant_algo", "kv_cache_quant_algo"})
        if (inner.contains(key) && !quantization.contains(key))
          quantization[key] = inner.at(key);
  for (const auto* key : {"weight_block_size", "block_size", "group_size", "q_group_size"})
    if (quantization.contains(key) && largest_edge(quantization.at(key)) > 0) {
      facts.quantization_block = largest_edge(quantization.at(key));
      break;
    }
  const auto format = format_of(quantization, facts.quantization_block);
  // MXFP4 checkpoints leave everything but the experts in 16 bit.
  facts.gemm_quant = format == "w4a16_mxfp4" ? "bfloat16" : format;
  facts.moe_quant = facts.experts > 0 ? format : "";
  const bool eight_bit =
      format.starts_with("fp8") || format == "nvfp4" || text_of(quantization, "kv_cache_quant_algo") == "FP8";
  facts.kv_quant = facts.attention_quant = eight_bit ? "fp8" : "bfloat16";
}

/// Bytes of the weight files; copies in an older format beside safetensors are not counted twice.
double weight_file_bytes(const fs::path& directory) {
  double safe = 0, older = 0;
  std::error_code error;
  int budget = 100'000;
  for (fs::recursive_directory_iterator at{directory, fs::directory_options::skip_permission_denied, error}, end;
       !error && at != end && budget > 0; at.increment(error), --budget) {
    std::error_code ignored;
    const auto extension = at->path().extension();
    const bool is_safe = extension == ".safetensors";
    if ((!is_safe && extension != ".bin" && extension != ".pt" && extension != ".pth") || !at->is_regular_file(ignored))
      continue;
    const auto size = at->file_size(ignored);
    if (!ignored)
      (is_safe ? safe : older) += static_cast<double>(size);
  }
  if (safe > 0 || older > 0)
    return safe > 0 ? safe : older;
  const auto index = read_json(directory / "model.safetensors.index.json");
  if (index && index->is_object() && index->contains("metadata") && index->at("metadata").is_object())
    if (const auto total = index->at("metadata").find("total_size");
        total != index->at("metadata").end() && total->is_number())
      return std::max(0.0, total->get<double>());
  return 0;
}

void read_shape(const config_reader& config, model_facts& facts) {
  facts.layers = config.number({"num_hidden_layers", "n_layer", "num_layers"});
  facts.hidden = config.number({"hidden_size", "n_embd", "d_model"});
  facts.heads = config.number({"num_attention_heads", "n_head"});
  facts.kv_heads = config.number({"num_key_value_heads", "num_kv_heads", "num_attention_heads", "n_head"});
  facts.head_dim = config.number({"head_dim"});
  if (facts.head_dim == 0 && facts.heads > 0)
    facts.head_dim = facts.hidden / facts.heads;
  facts.intermediate = config.number({"intermediate_size", "ffn_dim", "n_inner"});
  facts.vocab = config.number({"vocab_size"});
  facts.max_context =
      config.number({"max_position_embeddings", "n_positions", "max_seq_len", "max_sequence_length", "max_seq_length",
                     "seq_length", "seq_len", "max_target_positions", "model_max_length", "sliding_window"});
  facts.experts = config.number({"n_routed_experts", "num_local_experts", "num_experts"});
  facts.experts_per_token = config.number({"num_experts_per_tok", "experts_per_token", "top_k_experts"});
  facts.moe_intermediate = config.number({"moe_intermediate_size", "intermediate_size"});
  facts.shared_experts = config.number({"n_shared_experts"});
  facts.shared_intermediate = config.number({"shared_expert_intermediate_size", "moe_shared_expert_intermediate_size"});
  facts.first_dense_layers = config.number({"first_k_dense_replace"});
  facts.q_lora_rank = config.number({"q_lora_rank"});
  facts.kv_lora_rank = config.number({"kv_lora_rank"});
  facts.qk_nope_head_dim = config.number({"qk_nope_head_dim"});
  facts.qk_rope_head_dim = config.number({"qk_rope_head_dim"});
  facts.v_head_dim = config.number({"v_head_dim"});
  facts.sliding_window = config.number({"sliding_window"});
  const auto* tied = config.find({"tie_word_embeddings"});
  facts.tied_embeddings = tied && tied->is_boolean() && tied->get<bool>();
  if (facts.experts == 0)
    facts.moe_intermediate = facts.shared_experts = facts.shared_intermediate = 0;
  if (facts.shared_experts > 0 && facts.shared_intermediate == 0)
    facts.shared_intermediate = facts.shared_experts * facts.moe_intermediate;
  facts.is_mla = facts.kv_lora_rank > 0;
}

std::string guessed_family(const model_facts& facts) {
  const auto known = family_of_architecture(facts.architecture);
  if (!known.empty())
    return known;
  return facts.is_mla ? "DEEPSEEK" : facts.experts > 0 ? "MOE" : "LLAMA";
}

} // namespace

bool read_model_directory(const std::string& directory, model_facts& facts, std::vector<document_error>& errors) {
  const fs::path root{directory};
  const auto path = (root / "config.json").string();
  const auto refuse = [&](const std::string& key, const std::string& found, const std::string& accepted) {
    errors.push_back({path, 0, 0, key, found, accepted, ""});
    return false;
  };
  std::error_code error;
  if (!fs::is_regular_file(path, error))
    return refuse("", "no such file", "the model's config.json");
  const auto parsed = read_json(path);
  if (!parsed || !parsed->is_object())
    return refuse("", "no JSON object", "the model's config.json");
  const config_reader config{*parsed};
  model_facts read;
  read.name = facts.name.empty() ? directory : facts.name;
  read.source = path;
  if (const auto* architectures = parsed->contains("architectures") ? &parsed->at("architectures") : nullptr;
      architectures && architectures->is_array() && !architectures->empty() && architectures->front().is_string())
    read.architecture = architectures->front().get<std::string>();
  if (std::size_t bad = 0; !valid_utf8(read.architecture, bad))
    read.architecture.clear();
  read_shape(config, read);
  read.is_moe = spreads_experts(read.architecture);
  read.family = guessed_family(read);
  read_quantization(config, root, read);
  read.weight_bytes = weight_file_bytes(root);
  bool complete = !read.architecture.empty() || refuse("architectures", "nothing", "a list with the architecture's name");
  for (const auto& [key, value] : {std::pair{"num_hidden_layers", read.layers}, std::pair{"hidden_size", read.hidden},
                                   std::pair{"num_attention_heads", read.heads}, std::pair{"vocab_size", read.vocab}})
    if (value == 0)
      complete = refuse(key, "no such number", "a whole number > 0");
  if (complete)
    facts = read;
  return complete;
}

} // namespace sextant
