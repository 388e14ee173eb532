// values.hpp: Values that many messages share: phases, mappings, facts about models and GPUs, the SLA.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "messages/describe.hpp"

namespace sextant {

/// Which half of the work an engine is profiled for.
enum class phase : uint8_t { prefill, decode };

template <>
struct enum_names<phase> {
  static constexpr std::array values{
      std::pair{phase::prefill, std::string_view{"prefill"}},
      std::pair{phase::decode, std::string_view{"decode"}},
  };
};

/// Inference engines that Sextant can write configurations for.
enum class backend_kind : uint8_t { vllm, sglang, trtllm };

template <>
struct enum_names<backend_kind> {
  static constexpr std::array values{
      std::pair{backend_kind::vllm, std::string_view{"vllm"}},
      std::pair{backend_kind::sglang, std::string_view{"sglang"}},
      std::pair{backend_kind::trtllm, std::string_view{"trtllm"}},
  };
};

/// How the engines of a deployment share the work.
enum class serving_mode : uint8_t {
  aggregated,    ///< every engine does prefill and decode
  disaggregated, ///< prefill engines hand KV caches over to decode engines
};

template <>
struct enum_names<serving_mode> {
  static constexpr std::array values{
      std::pair{serving_mode::aggregated, std::string_view{"aggregated"}},
      std::pair{serving_mode::disaggregated, std::string_view{"disaggregated"}},
  };
};

/// How one engine is spread over its GPUs (reference profiler, `ParallelizationMapping`).
enum class mapping_method : uint8_t {
  tp,  ///< tensor parallel everywhere
  tep, ///< tensor-parallel attention, expert-parallel MoE layers
  dep, ///< data-parallel attention, expert-parallel MoE layers
};

template <>
struct enum_names<mapping_method> {
  static constexpr std::array values{
      std::pair{mapping_method::tp, std::string_view{"tp"}},
      std::pair{mapping_method::tep, std::string_view{"tep"}},
      std::pair{mapping_method::dep, std::string_view{"dep"}},
  };
};

/// A parallel mapping of one engine over `gpus` GPUs.
struct mapping {
  mapping_method method = mapping_method::tp;
  int gpus = 1;

  bool operator==(const mapping&) const = default;
  /// Ranks among which attention heads and KV heads are split.
  int tensor_parallel() const { return method == mapping_method::dep ? 1 : gpus; }
  /// Ranks among which whole experts are split.
  int expert_parallel() const { return method == mapping_method::tp ? 1 : gpus; }
  /// Independent attention replicas, each with its own batch and KV cache.
  int attention_data_parallel() const { return method == mapping_method::dep ? gpus : 1; }
  /// `TP=4`, as the reference writes it in plots and logs.
  std::string label() const;
  /// `TP4`, as the reference writes it in directory names.
  std::string tag() const;
};

template <class Visitor>
void describe(Visitor& v, mapping& x) {
  v.required("method", x.method, "parallel method");
  v.required("gpus", x.gpus, "GPUs of one engine");
}

/// How a layer lets tokens see each other.
enum class mixer_kind : uint8_t {
  attention,     ///< grouped-query attention, full or windowed
  latent,        ///< multi-head latent attention (MLA)
  sparse_latent, ///< MLA over the tokens that an indexer picks (DSA)
  compressed,    ///< attention over compressed keys (CSA, HCA)
  block_sparse,  ///< grouped-query attention over picked blocks (MSA)
  gdn,           ///< gated delta net: linear attention with a fixed state
  kda,           ///< Kimi delta attention: linear attention with a fixed state
  mamba2,        ///< state-space layer
  none,
};

template <>
struct enum_names<mixer_kind> {
  static constexpr std::array values{
      std::pair{mixer_kind::attention, std::string_view{"attention"}},
      std::pair{mixer_kind::latent, std::string_view{"latent"}},
      std::pair{mixer_kind::sparse_latent, std::string_view{"sparse_latent"}},
      std::pair{mixer_kind::compressed, std::string_view{"compressed"}},
      std::pair{mixer_kind::block_sparse, std::string_view{"block_sparse"}},
      std::pair{mixer_kind::gdn, std::string_view{"gdn"}},
      std::pair{mixer_kind::kda, std::string_view{"kda"}},
      std::pair{mixer_kind::mamba2, std::string_view{"mamba2"}},
      std::pair{mixer_kind::none, std::string_view{"none"}},
  };
};

/// The feed-forward half of a layer.
enum class ffn_kind : uint8_t { dense, experts, none };

template <>
struct enum_names<ffn_kind> {
  static constexpr std::array values{
      std::pair{ffn_kind::dense, std::string_view{"dense"}},
      std::pair{ffn_kind::experts, std::string_view{"experts"}},
      std::pair{ffn_kind::none, std::string_view{"none"}},
  };
};

/// Layers of one kind in a model whose layers differ. Zero: as the whole model has it.
struct layer_group {
  int count = 0; ///< layers
  mixer_kind mixer = mixer_kind::attention;
  ffn_kind ffn = ffn_kind::dense;
  int heads = 0;
  int kv_heads = 0;
  int head_dim = 0;
  int v_head_dim = 0;
  int window = 0;         ///< tokens that attention sees; 0: all
  int intermediate = 0;   ///< dense FFN width
  int compress_ratio = 0; ///< tokens per compressed key
  bool shared_kv = false; ///< keys serve as values

  bool operator==(const layer_group&) const = default;
};

template <class Visitor>
void describe(Visitor& v, layer_group& x) {
  v.required("count", x.count, "layers");
  v.field("mixer", x.mixer, "how tokens see each other");
  v.field("ffn", x.ffn, "feed-forward half");
  v.field("heads", x.heads, "query heads, 0: the model's");
  v.field("kv_heads", x.kv_heads, "KV heads, 0: the model's");
  v.field("head_dim", x.head_dim, "width of a head, 0: the model's");
  v.field("v_head_dim", x.v_head_dim, "width of a value head, 0: as head_dim");
  v.field("window", x.window, "attention window, tokens, 0: none");
  v.field("intermediate", x.intermediate, "dense FFN width, 0: the model's");
  v.field("compress_ratio", x.compress_ratio, "tokens per compressed key, 0: none");
  v.field("shared_kv", x.shared_kv, "whether keys serve as values");
}

/// What must be known of a model to place, size and time it. Zero or empty means unknown or not applicable.
struct model_facts {
  std::string name;         ///< served name, usually the hub id
  std::string source;       ///< where the facts come from: a config.json path or `catalogue`
  std::string architecture; ///< first of `architectures` in config.json
  std::string family;       ///< op-list family, e.g. `LLAMA`, `MOE`, `DEEPSEEK`
  int layers = 0;
  int hidden = 0;
  int heads = 0;
  int kv_heads = 0;
  int head_dim = 0;
  int intermediate = 0; ///< dense FFN width
  int vocab = 0;
  int max_context = 0; ///< tokens
  int experts = 0;
  int experts_per_token = 0;
  int moe_intermediate = 0;
  int shared_experts = 0;
  int shared_intermediate = 0;
  int first_dense_layers = 0;
  int q_lora_rank = 0;
  int kv_lora_rank = 0; ///< > 0 marks multi-head latent attention
  int qk_nope_head_dim = 0;
  int qk_rope_head_dim = 0;
  int v_head_dim = 0;
  int sliding_window = 0; ///< tokens
  bool tied_embeddings = false;
  std::string gemm_quant = "bfloat16"; ///< quantisation modes as in the performance tables
  std::string moe_quant;
  std::string kv_quant = "bfloat16";
  std::string attention_quant = "bfloat16";
  int quantization_block = 0; ///< elements; largest edge of a weight block
  double weight_bytes = 0;    ///< whole model, all shards; 0 = derive from the shape
  bool is_moe = false;
  bool is_mla = false;
  std::vector<layer_group> layer_groups; ///< empty: all layers alike but for `first_dense_layers`
  std::string attention_weight_quant;    ///< weight format of attention projections; empty: `gemm_quant`
  bool gated_ffn = true;                 ///< whether the FFN has a gate projection
  bool qk_norm = false;
  bool output_gate = false; ///< whether attention's output is gated by a projection of its own
  int mtp_layers = 0;       ///< draft layers for speculative decoding
  int moe_hidden = 0;       ///< width that experts work on; 0: `hidden`
  int index_heads = 0;      ///< of the indexer of sparse attention
  int index_head_dim = 0;
  int index_topk = 0; ///< tokens that the indexer picks
  int o_lora_rank = 0;
  int o_groups = 0;
  int residual_streams = 0; ///< hyper-connections: copies of the residual stream
  int mixing_iterations = 0;
  int linear_key_heads = 0; ///< linear attention
  int linear_key_head_dim = 0;
  int linear_value_heads = 0; ///< linear attention, Mamba
  int linear_value_head_dim = 0;
  int conv_kernel = 0;
  int state_size = 0; ///< Mamba: state elements per channel
  int state_groups = 0;
  int vision_layers = 0; ///< image encoder
  int vision_hidden = 0;
  int vision_intermediate = 0;
};

template <class Visitor>
void describe(Visitor& v, model_facts& x) {
  v.required("name", x.name, "served name");
  v.field("source", x.source, "config.json path, or 'catalogue'");
  v.field("architecture", x.architecture, "first of 'architectures' in config.json");
  v.field("family", x.family, "op-list family");
  v.field("layers", x.layers, "transformer layers");
  v.field("hidden", x.hidden, "model width");
  v.field("heads", x.heads, "query heads");
  v.field("kv_heads", x.kv_heads, "KV heads");
  v.field("head_dim", x.head_dim, "width of a head");
  v.field("intermediate", x.intermediate, "dense FFN width");
  v.field("vocab", x.vocab, "vocabulary size");
  v.field("max_context", x.max_context, "longest context, tokens");
  v.field("experts", x.experts, "routed experts per layer");
  v.field("experts_per_token", x.experts_per_token, "routed experts per token");
  v.field("moe_intermediate", x.moe_intermediate, "expert FFN width");
  v.field("shared_experts", x.shared_experts, "shared experts per layer");
  v.field("shared_intermediate", x.shared_intermediate, "shared expert FFN width");
  v.field("first_dense_layers", x.first_dense_layers, "leading layers without experts");
  v.field("q_lora_rank", x.q_lora_rank, "MLA: rank of the query projection");
  v.field("kv_lora_rank", x.kv_lora_rank, "MLA: rank of the KV projection");
  v.field("qk_nope_head_dim", x.qk_nope_head_dim, "MLA: head width without rotary part");
  v.field("qk_rope_head_dim", x.qk_rope_head_dim, "MLA: rotary head width");
  v.field("v_head_dim", x.v_head_dim, "MLA: value head width");
  v.field("sliding_window", x.sliding_window, "attention window, tokens");
  v.field("tied_embeddings", x.tied_embeddings, "whether input and output embeddings are one");
  v.field("gemm_quant", x.gemm_quant, "weight format of dense layers");
  v.field("moe_quant", x.moe_quant, "weight format of experts");
  v.field("kv_quant", x.kv_quant, "KV cache format");
  v.field("attention_quant", x.attention_quant, "attention compute format");
  v.field("quantization_block", x.quantization_block, "edge of a weight block, elements");
  v.field("weight_bytes", x.weight_bytes, "bytes of all weights, 0 if derived from the shape");
  v.field("is_moe", x.is_moe, "whether the model has experts that the search may spread");
  v.field("is_mla", x.is_mla, "whether attention is multi-head latent attention");
  v.field("layer_groups", x.layer_groups, "kinds of layers, empty if all are alike");
  v.field("attention_weight_quant", x.attention_weight_quant, "weight format of attention, empty: gemm_quant");
  v.field("gated_ffn", x.gated_ffn, "whether the FFN has a gate projection");
  v.field("qk_norm", x.qk_norm, "whether queries and keys are normalised");
  v.field("output_gate", x.output_gate, "whether attention's output is gated");
  v.field("mtp_layers", x.mtp_layers, "draft layers");
  v.field("moe_hidden", x.moe_hidden, "width that experts work on, 0: hidden");
  v.field("index_heads", x.index_heads, "sparse attention: heads of the indexer");
  v.field("index_head_dim", x.index_head_dim, "sparse attention: head width of the indexer");
  v.field("index_topk", x.index_topk, "sparse attention: tokens picked");
  v.field("o_lora_rank", x.o_lora_rank, "rank of the output projection");
  v.field("o_groups", x.o_groups, "groups of the output projection");
  v.field("residual_streams", x.residual_streams, "hyper-connections: copies of the residual stream");
  v.field("mixing_iterations", x.mixing_iterations, "hyper-connections: iterations of the mixing matrix");
  v.field("linear_key_heads", x.linear_key_heads, "linear attention: key heads");
  v.field("linear_key_head_dim", x.linear_key_head_dim, "linear attention: key head width");
  v.field("linear_value_heads", x.linear_value_heads, "linear attention, Mamba: value heads");
  v.field("linear_value_head_dim", x.linear_value_head_dim, "linear attention, Mamba: value head width");
  v.field("conv_kernel", x.conv_kernel, "linear attention, Mamba: taps of the convolution");
  v.field("state_size", x.state_size, "Mamba: state elements per channel");
  v.field("state_groups", x.state_groups, "Mamba: groups that share a state projection");
  v.field("vision_layers", x.vision_layers, "image encoder: layers");
  v.field("vision_hidden", x.vision_hidden, "image encoder: width");
  v.field("vision_intermediate", x.vision_intermediate, "image encoder: FFN width");
}

/// What must be known of a GPU and its node. Rates are per second, dense, one direction.
struct gpu_facts {
  std::string name; ///< system name, e.g. `h200_sxm`
  double memory_bytes = 0;
  double memory_bandwidth = 0; ///< bytes/s
  double bf16_flops = 0;
  double fp8_flops = 0; ///< 0: no FP8 units
  double fp4_flops = 0; ///< 0: no FP4 units
  double int8_ops = 0;
  int gpus_per_node = 8;
  double intra_node_bandwidth = 0; ///< bytes/s
  double inter_node_bandwidth = 0; ///< bytes/s
  double power_watts = 0;
  int sm_version = 0;
  int gpus_per_rack = 0;           ///< GPUs of one domain of fast links across nodes; 0: the node is the domain
  double inter_rack_bandwidth = 0; ///< bytes/s
  double link_latency_s = 1e-5;    ///< of one message between GPUs
};

template <class Visitor>
void describe(Visitor& v, gpu_facts& x) {
  v.required("name", x.name, "system name");
  v.field("memory_bytes", x.memory_bytes, "memory of one GPU, bytes");
  v.field("memory_bandwidth", x.memory_bandwidth, "bytes/s");
  v.field("bf16_flops", x.bf16_flops, "dense FLOP/s");
  v.field("fp8_flops", x.fp8_flops, "dense FLOP/s, 0 without FP8 units");
  v.field("fp4_flops", x.fp4_flops, "dense FLOP/s, 0 without FP4 units");
  v.field("int8_ops", x.int8_ops, "dense operations/s");
  v.field("gpus_per_node", x.gpus_per_node, "GPUs of one node");
  v.field("intra_node_bandwidth", x.intra_node_bandwidth, "bytes/s between GPUs of a node");
  v.field("inter_node_bandwidth", x.inter_node_bandwidth, "bytes/s between nodes, per GPU");
  v.field("power_watts", x.power_watts, "board power");
  v.field("sm_version", x.sm_version, "compute capability times ten");
  v.field("gpus_per_rack", x.gpus_per_rack, "GPUs of one domain of fast links across nodes, 0: none");
  v.field("inter_rack_bandwidth", x.inter_rack_bandwidth, "bytes/s between such domains, per GPU");
  v.field("link_latency_s", x.link_latency_s, "latency of one message between GPUs, seconds");
}

/// The service-level target: two latencies for one request shape.
struct service_level {
  int isl = 3000;      ///< input tokens
  int osl = 500;       ///< output tokens
  double ttft_ms = 50; ///< time to first token, milliseconds
  double itl_ms = 10;  ///< inter-token latency, milliseconds
};

template <class Visitor>
void describe(Visitor& v, service_level& x) {
  v.required("isl", x.isl, "input tokens of a request");
  v.required("osl", x.osl, "output tokens of a request");
  v.required("ttft_ms", x.ttft_ms, "target time to first token, ms");
  v.required("itl_ms", x.itl_ms, "target inter-token latency, ms");
}

} // namespace sextant
