// model_shape.hpp: The matrix products of one forward pass on one GPU, from which both time and memory are derived.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "messages/values.hpp"

namespace sextant {

/// What a number format costs: storage and the rate at which it is computed.
struct format_cost {
  double bytes = 2;           ///< per weight element, scales included where they matter
  double flops = 0;           ///< peak FLOP/s of the units that compute it
  double math_efficiency = 0; ///< share of the peak that large products reach
};

/// Bytes per element of a weight, KV cache or attention format; unknown names count as two bytes.
double format_bytes(std::string_view quant);

/// Storage and peak of a format on a GPU. Units the GPU lacks fall back to its BF16 units.
format_cost cost_of_format(std::string_view quant, const gpu_facts& gpu);

/// When a matrix takes part in a forward pass.
enum class weight_use : uint8_t {
  every_token,  ///< dense layers
  per_sequence, ///< output head: only positions that produce a token
  expert,       ///< routed experts: only the experts that a token is sent to
  lookup,       ///< input embedding: stored, hardly read
};

/// One kind of weight matrix on one GPU.
struct weight_matrix {
  weight_use use = weight_use::every_token;
  double outputs = 0;     ///< rows held by this GPU
  double inputs = 0;      ///< columns held by this GPU
  double count = 0;       ///< matrices of this kind in the model (layers)
  double copies = 1;      ///< experts of one layer on this GPU; 1 for dense matrices
  std::string_view quant; ///< points into the model facts or at a literal

  double elements() const { return outputs * inputs * count * copies; }
};

/// Every weight matrix that one GPU of the mapping holds. Views point into `model`.
std::vector<weight_matrix> shard_matrices(const model_facts& model, const mapping& layout);

/// Layers with routed experts.
int moe_layers(const model_facts& model);

/// Layers whose attention sees only a window of `sliding_window` tokens.
int windowed_layers(const model_facts& model);

/// Bytes of one token's KV cache in all layers on one GPU.
double kv_bytes_per_token(const model_facts& model, const mapping& layout);

} // namespace sextant
