// simulated_model.hpp: A dense model on eight GPUs, for tests that need a simulated engine.
#pragma once

#include "messages/engine.hpp"

namespace sextant::testing {

/// What to deploy: a dense model of 32 billion parameters.
inline deploy_engine dense_engine(phase role, mapping layout = {mapping_method::tp, 4}) {
  deploy_engine d;
  d.engine = "e";
  d.role = role;
  d.layout = layout;
  d.host = "simulated";
  d.seed = 1;
  d.max_context = 8192;
  auto& m = d.model;
  m.name = "dense";
  m.family = "LLAMA";
  m.layers = 64;
  m.hidden = 5120;
  m.heads = 64;
  m.kv_heads = 8;
  m.head_dim = 128;
  m.intermediate = 25600;
  m.vocab = 151936;
  m.max_context = 40960;
  auto& g = d.gpu;
  g.name = "h200_sxm";
  g.memory_bytes = 141e9;
  g.memory_bandwidth = 4.8e12;
  g.bf16_flops = 989e12;
  g.fp8_flops = 1979e12;
  g.gpus_per_node = 8;
  g.intra_node_bandwidth = 450e9;
  g.inter_node_bandwidth = 50e9;
  return d;
}

} // namespace sextant::testing
