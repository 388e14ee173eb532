// model_layers.hpp: Facts of models as short texts: layer groups of one line, and fields set by their name on the wire.
#pragma once

#include <string>
#include <string_view>

#include "messages/values.hpp"

namespace sextant {

/// Reads `36*attention/experts:window=8192,12*attention/experts`: count, mixer, feed-forward half, then numbers of
/// `layer_group` by name. False if a part has another form; `groups` then holds what came before it.
bool read_layer_groups(std::string_view text, std::vector<layer_group>& groups);

/// Sets fields of the facts by name: `gated_ffn=0;moe_hidden=3584`. False if a name is unknown or a value has another type.
bool set_model_fields(std::string_view text, model_facts& facts);

} // namespace sextant
