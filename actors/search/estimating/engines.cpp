// engines.cpp: Mappings, divisibility, memory, pool.
#include "actors/search/estimating/engines.hpp"

#include <algorithm>

namespace sextant::estimating {

namespace {

std::string divides(const char* what, int count, int ranks) {
  if (count <= 0 || ranks <= 1 || count % ranks == 0)
    return {};
  return std::to_string(count) + " " + what + " do not divide by " + std::to_string(ranks);
}

std::vector<mapping> mappings_on(const model_facts& model, int gpus) {
  std::vector<mapping> result{{mapping_method::tp, gpus}};
  if (gpus > 1 && model.experts > 0) {
    result.push_back({mapping_method::tep, gpus});
    result.push_back({mapping_method::dep, gpus});
  }
  return result;
}

} // namespace

std::string split_objection(const model_facts& model, const mapping& layout) {
  const int tp = layout.tensor_parallel();
  if (auto why = divides("attention heads", model.heads, tp); !why.empty())
    return why;
  // Fewer KV heads than ranks are copied: every rank still holds one.
  const bool latent = model.is_mla || model.kv_lora_rank > 0;
  if (!latent && model.kv_heads > 0 && tp > 1 && model.kv_heads % tp != 0 && tp % model.kv_heads != 0)
    return std::to_string(model.kv_heads) + " KV heads can neither be split nor copied over " + std::to_string(tp);
  if (auto why = divides("experts", model.experts, layout.expert_parallel()); !why.empty())
    return why;
  const bool expert_shards = model.experts > 0 && layout.method == mapping_method::tp;
  const int columns = model.experts > 0 ? (expert_shards ? model.moe_intermediate : 0) : model.intermediate;
  if (auto why = divides("FFN columns", columns, tp); !why.empty())
    return why;
  if (model.quantization_block > 0 && tp > 1 && columns > 0 && columns / tp % model.quantization_block != 0)
    return std::to_string(columns / tp) + " FFN columns of a shard do not divide by the quantisation block "
           + std::to_string(model.quantization_block);
  return {};
}

std::vector<engine_option> list_engines(const profile_request& request, const oracle& asked) {
  std::vector<engine_option> result;
  for (int64_t n = 1; n <= request.max_gpus_per_engine; n *= 2) {
    const int gpus = static_cast<int>(n);
    for (const auto& layout : mappings_on(request.model, gpus)) {
      engine_option option{layout, {}, {}};
      if (gpus < request.min_gpus_per_engine)
        option.reason = "the smallest engine has " + std::to_string(request.min_gpus_per_engine) + " GPUs";
      else if (gpus > request.pool_gpus)
        option.reason = "needs " + std::to_string(gpus) + " GPUs, there are " + std::to_string(request.pool_gpus);
      else
        option.reason = split_objection(request.model, layout);
      if (option.reason.empty()) {
        option.size = asked.size(layout, request.sla.isl + request.sla.osl);
        if (!option.size.fits)
          option.reason = "memory: " + option.size.reason;
      }
      result.push_back(std::move(option));
    }
  }
  return result;
}

} // namespace sextant::estimating
