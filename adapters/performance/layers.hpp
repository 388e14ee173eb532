// layers.hpp: The kinds of layers a model is made of, every number filled in.
#pragma once

#include <vector>

#include "messages/values.hpp"

namespace sextant::performance {

/// Groups of equal layers in order of the model. No field that the group's kind needs is 0.
std::vector<layer_group> layers_of(const model_facts& model);

/// Whether the layer keeps a state of fixed size per sequence instead of keys and values per token.
constexpr bool is_recurrent(mixer_kind mixer) {
  return mixer == mixer_kind::gdn || mixer == mixer_kind::kda || mixer == mixer_kind::mamba2;
}

} // namespace sextant::performance
