// worlds.hpp: Models and GPUs for the tests of the simulation, with their public shapes.
#pragma once

#include "adapters/simulation/step_model.hpp"

namespace sextant::worlds {

inline model_facts qwen3_32b() {
  model_facts m;
  m.name = "Qwen/Qwen3-32B";
  m.architecture = "Qwen3ForCausalLM";
  m.family = "LLAMA";
  m.layers = 64;
  m.hidden = 5120;
  m.heads = 64;
  m.kv_heads = 8;
  m.head_dim = 128;
  m.intermediate = 25600;
  m.vocab = 151936;
  m.max_context = 40960;
  return m;
}

inline model_facts qwen3_30b_a3b() {
  model_facts m = qwen3_32b();
  m.name = "Qwen/Qwen3-30B-A3B";
  m.family = "MOE";
  m.layers = 48;
  m.hidden = 2048;
  m.heads = 32;
  m.kv_heads = 4;
  m.intermediate = 6144;
  m.experts = 128;
  m.experts_per_token = 8;
  m.moe_intermediate = 768;
  m.moe_quant = "bfloat16";
  m.is_moe = true;
  return m;
}

inline model_facts deepseek_r1() {
  model_facts m;
  m.name = "deepseek-ai/DeepSeek-R1";
  m.architecture = "DeepseekV3ForCausalLM";
  m.family = "DEEPSEEK";
  m.layers = 61;
  m.hidden = 7168;
  m.heads = 128;
  m.kv_heads = 128;
  m.head_dim = 56;
  m.intermediate = 18432;
  m.vocab = 129280;
  m.max_context = 163840;
  m.experts = 256;
  m.experts_per_token = 8;
  m.moe_intermediate = 2048;
  m.shared_experts = 1;
  m.shared_intermediate = 2048;
  m.first_dense_layers = 3;
  m.q_lora_rank = 1536;
  m.kv_lora_rank = 512;
  m.qk_nope_head_dim = 128;
  m.qk_rope_head_dim = 64;
  m.v_head_dim = 128;
  m.gemm_quant = m.moe_quant = "fp8_block";
  m.kv_quant = m.attention_quant = "fp8";
  m.is_moe = m.is_mla = true;
  return m;
}

inline gpu_facts h200() {
  gpu_facts g;
  g.name = "h200_sxm";
  g.memory_bytes = 151397597184;
  g.memory_bandwidth = 4.8e12;
  g.bf16_flops = 989e12;
  g.fp8_flops = 1978e12;
  g.int8_ops = 1978e12;
  g.gpus_per_node = 8;
  g.intra_node_bandwidth = 450e9;
  g.inter_node_bandwidth = 50e9;
  g.power_watts = 700;
  g.sm_version = 90;
  return g;
}

inline engine_shape shape(const model_facts& model, mapping_method method, int gpus,
                          backend_kind backend = backend_kind::vllm) {
  return {model, h200(), backend, {method, gpus}};
}

} // namespace sextant::worlds
