// layers.cpp: Fills the gaps of a model's layer groups with the values of the whole model.
#include "adapters/performance/layers.hpp"

#include <algorithm>

namespace sextant::performance {

namespace {

mixer_kind common_mixer(const model_facts& model) {
  if (model.index_topk > 0 && model.kv_lora_rank > 0)
    return mixer_kind::sparse_latent;
  if (model.kv_lora_rank > 0)
    return mixer_kind::latent;
  return model.index_topk > 0 ? mixer_kind::block_sparse : mixer_kind::attention;
}

void fill(layer_group& group, const model_facts& model) {
  const auto or_else = [](int& field, int value) {
    if (field <= 0)
      field = value;
  };
  or_else(group.heads, std::max(1, model.heads));
  or_else(group.kv_heads, model.kv_heads > 0 ? model.kv_heads : group.heads);
  or_else(group.head_dim, model.head_dim > 0 ? model.head_dim : std::max(1, model.hidden / group.heads));
  const bool latent = group.mixer == mixer_kind::latent || group.mixer == mixer_kind::sparse_latent;
  or_else(group.v_head_dim, latent && model.v_head_dim > 0 ? model.v_head_dim : group.head_dim);
  or_else(group.intermediate, model.intermediate);
}

} // namespace

std::vector<layer_group> layers_of(const model_facts& model) {
  auto groups = model.layer_groups;
  if (groups.empty()) {
    layer_group all;
    all.mixer = common_mixer(model);
    const bool sparse = model.experts > 0 && model.moe_intermediate > 0;
    const int dense = sparse ? std::clamp(model.first_dense_layers, 0, model.layers) : model.layers;
    if (dense > 0) {
      all.count = dense;
      groups.push_back(all);
    }
    if (model.layers > dense) {
      all.count = model.layers - dense;
      all.ffn = ffn_kind::experts;
      groups.push_back(all);
    }
  }
  for (auto& group : groups)
    fill(group, model);
  return groups;
}

} // namespace sextant::performance
