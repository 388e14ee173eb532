// catalogue.cpp: Reads the embedded tables of models and GPUs once and finds their rows by name.
#include <algorithm>
#include <array>
#include <charconv>
#include <map>

#include "config/catalogue.hpp"
#include "config/gpu_file.hpp"
#include "config/intake.hpp"
#include "config/model_layers.hpp"

namespace sextant {

namespace embedded {
extern const std::string_view models_tsv;
extern const std::string_view gpus_tsv;
} // namespace embedded

namespace {

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos)
      return parts;
    text.remove_prefix(end + 1);
  }
}

std::string lower(std::string_view text) {
  std::string result{text};
  for (auto& c : result)
    if (c >= 'A' && c <= 'Z')
      c = static_cast<char>(c - 'A' + 'a');
  return result;
}

/// One line of a table whose first line names the columns.
class table_row {
public:
  table_row(const std::vector<std::string_view>& names, std::string_view line) : names_(names), cells_(split(line, '\t')) {}

  std::string_view text(std::string_view column) const {
    for (std::size_t i = 0; i < names_.size() && i < cells_.size(); ++i)
      if (names_[i] == column)
        return cells_[i];
    return {};
  }
  double number(std::string_view column) const {
    double value = 0;
    const auto cell = text(column);
    std::from_chars(cell.data(), cell.data() + cell.size(), value);
    return value;
  }
  int integer(std::string_view column) const { return static_cast<int>(number(column)); }

private:
  const std::vector<std::string_view>& names_;
  std::vector<std::string_view> cells_;
};

template <class Row, class Read>
std::vector<Row> read_table(std::string_view text, Read read) {
  const auto lines = split(text, '\n');
  const auto names = split(lines.front(), '\t');
  std::vector<Row> rows;
  for (std::size_t i = 1; i < lines.size(); ++i)
    if (!lines[i].empty())
      rows.push_back(read(table_row{names, lines[i]}));
  return rows;
}

model_facts model_from(const table_row& row) {
  model_facts x;
  x.name = row.text("model");
  x.source = "catalogue";
  x.architecture = row.text("architecture");
  x.family = row.text("family");
  x.layers = row.integer("layers");
  x.hidden = row.integer("hidden");
  x.heads = row.integer("heads");
  x.kv_heads = row.integer("kv_heads");
  x.head_dim = row.integer("head_dim");
  x.intermediate = row.integer("intermediate");
  x.vocab = row.integer("vocab");
  x.max_context = row.integer("max_position");
  x.experts = row.integer("experts");
  x.experts_per_token = row.integer("topk");
  x.moe_intermediate = row.integer("moe_intermediate");
  x.shared_experts = row.integer("shared_experts");
  x.shared_intermediate = row.integer("shared_inter");
  x.first_dense_layers = row.integer("first_k_dense");
  x.q_lora_rank = row.integer("q_lora_rank");
  x.kv_lora_rank = row.integer("kv_lora_rank");
  x.qk_nope_head_dim = row.integer("qk_nope_head_dim");
  x.qk_rope_head_dim = row.integer("qk_rope_head_dim");
  x.v_head_dim = row.integer("v_head_dim");
  x.sliding_window = row.integer("sliding_window");
  x.tied_embeddings = row.text("tie_embeddings") == "true";
  x.gemm_quant = row.text("aic_gemm");
  x.moe_quant = row.text("aic_moe");
  x.kv_quant = row.text("aic_kvcache");
  x.attention_quant = row.text("aic_fmha");
  // Block-quantised checkpoints of the catalogue all use 128 x 128 blocks.
  x.quantization_block = row.text("quant_algo") == "fp8_block" ? 128 : 0;
  x.weight_bytes = row.number("weight_bytes");
  x.is_moe = spreads_experts(x.architecture);
  x.is_mla = x.kv_lora_rank > 0;
  // One shared expert is as wide as a routed one unless the checkpoint says otherwise.
  if (x.shared_experts > 0 && x.shared_intermediate == 0)
    x.shared_intermediate = x.shared_experts * x.moe_intermediate;
  x.qk_norm = row.text("qk_norm") == "true";
  x.mtp_layers = row.integer("mtp_layers");
  x.index_heads = row.integer("index_n_heads");
  x.index_head_dim = row.integer("index_head_dim");
  x.index_topk = row.integer("index_topk");
  read_layer_groups(row.text("layer_groups"), x.layer_groups);
  set_model_fields(row.text("more"), x);
  return x;
}

gpu_facts gpu_from(const table_row& row) {
  gpu_facts x;
  x.name = row.text("name");
  x.memory_bytes = row.number("memory_bytes");
  x.memory_bandwidth = row.number("memory_bandwidth");
  x.bf16_flops = row.number("bf16_flops");
  x.fp8_flops = row.number("fp8_flops");
  x.fp4_flops = row.number("fp4_flops");
  x.int8_ops = row.number("int8_ops");
  x.gpus_per_node = row.integer("gpus_per_node");
  x.intra_node_bandwidth = row.number("intra_node_bandwidth");
  x.inter_node_bandwidth = row.number("inter_node_bandwidth");
  x.power_watts = row.number("power_watts");
  x.sm_version = row.integer("sm_version");
  return x;
}

const std::vector<model_facts>& models() {
  static const auto rows = read_table<model_facts>(embedded::models_tsv, model_from);
  return rows;
}

const std::vector<gpu_facts>& gpus() {
  static const auto rows = read_table<gpu_facts>(embedded::gpus_tsv, gpu_from);
  return rows;
}

// Other spellings of the catalogue's GPU names: v1beta1 SKUs and what people write for short.
constexpr std::array gpu_aliases{
    std::pair{std::string_view{"gb200_sxm"}, std::string_view{"gb200"}},
    std::pair{std::string_view{"gb300_sxm"}, std::string_view{"gb300"}},
    std::pair{std::string_view{"h100"}, std::string_view{"h100_sxm"}},
    std::pair{std::string_view{"h200"}, std::string_view{"h200_sxm"}},
    std::pair{std::string_view{"b200"}, std::string_view{"b200_sxm"}},
    std::pair{std::string_view{"b300"}, std::string_view{"b300_sxm"}},
    std::pair{std::string_view{"a100"}, std::string_view{"a100_sxm"}},
};

constexpr std::array gpus_without_facts{
    std::string_view{"vr_nvl72"}, std::string_view{"gb10"},      std::string_view{"l40"},   std::string_view{"v100_sxm"},
    std::string_view{"t4"},       std::string_view{"v100_pcie"}, std::string_view{"mi200"}, std::string_view{"mi300"},
};

} // namespace

const gpu_facts* find_gpu(std::string_view name) {
  if (std::string errors; is_gpu_file(name))
    return gpu_from_file(std::string{name}, errors);
  auto wanted = lower(name);
  std::replace(wanted.begin(), wanted.end(), '-', '_');
  for (const auto& [alias, real] : gpu_aliases)
    if (alias == wanted)
      wanted = real;
  for (const auto& gpu : gpus())
    if (gpu.name == wanted)
      return &gpu;
  return nullptr;
}

std::vector<std::string> gpu_names() {
  std::vector<std::string> names;
  for (const auto& gpu : gpus())
    names.push_back(gpu.name);
  return names;
}

bool known_gpu_without_facts(std::string_view name) {
  return std::find(gpus_without_facts.begin(), gpus_without_facts.end(), lower(name)) != gpus_without_facts.end();
}

const model_facts* find_model(std::string_view name) {
  static const auto by_name = [] {
    std::map<std::string, const model_facts*> index;
    for (const auto& model : models())
      index.emplace(lower(model.name), &model);
    return index;
  }();
  const auto found = by_name.find(lower(name));
  return found == by_name.end() ? nullptr : found->second;
}

std::vector<std::string> model_names() {
  std::vector<std::string> names;
  for (const auto& model : models())
    names.push_back(model.name);
  return names;
}

std::string family_of_architecture(std::string_view architecture) {
  for (const auto& model : models())
    if (model.architecture == architecture)
      return model.family;
  return {};
}

bool spreads_experts(std::string_view architecture) {
  return architecture == "DeepseekV3ForCausalLM" || architecture == "DeepseekV32ForCausalLM"
         || architecture == "Qwen3MoeForCausalLM";
}

} // namespace sextant
