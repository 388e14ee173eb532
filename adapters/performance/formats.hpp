// formats.hpp: Number formats: what an element costs to store and at which rate it is computed.
#pragma once

#include <string_view>

#include "messages/values.hpp"

namespace sextant::performance {

/// The same name with static storage, so that ops may point at it. Empty stays empty.
std::string_view format_name(std::string_view quant);

/// Bytes of a weight or cache element, scales included. Unknown names count as two bytes.
double format_bytes(std::string_view quant);

/// Whether weights are widened to BF16 before the product.
bool is_weight_only(std::string_view quant);

/// Peak FLOP/s of a product with weights of this format. Units that the GPU lacks fall back to its BF16 units.
double format_flops(std::string_view quant, const gpu_facts& gpu);

} // namespace sextant::performance
