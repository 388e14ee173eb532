// candidates.cpp: Which engines are worth a try.
#include "actors/search/candidates.hpp"

#include <algorithm>

#include "actors/search/plans.hpp"
#include "adapters/backends/dgd.hpp"
#include "adapters/simulation/step_model.hpp"

namespace sextant::searching {

std::vector<int> gpu_counts(int min_gpus, int max_gpus) {
  std::vector<int> result;
  for (int64_t n = 1; n <= max_gpus; n *= 2)
    if (n >= min_gpus)
      result.push_back(static_cast<int>(n));
  return result;
}

std::vector<mapping> mappings_for(const model_facts& model, int gpus) {
  if (!model.is_moe)
    return {{mapping_method::tp, gpus}};
  std::vector<mapping> result{{mapping_method::tep, gpus}, {mapping_method::dep, gpus}};
  if (model.architecture == "Qwen3MoeForCausalLM")
    result.push_back({mapping_method::tp, gpus});
  return result;
}

namespace {

/// Checks that `count` things split evenly over `ranks`.
void check_split(mapping_verdict& verdict, const char* what, int count, int ranks) {
  if (!verdict.accepted || ranks <= 1)
    return;
  if (count <= 0) {
    verdict.remarks.push_back(std::string{what} + " unknown: taken to divide by " + std::to_string(ranks));
  } else if (count % ranks != 0) {
    verdict.accepted = false;
    verdict.reason = std::to_string(count) + " " + what + " do not divide by " + std::to_string(ranks);
  }
}

} // namespace

mapping_verdict check_mapping(const model_facts& model, const mapping& layout) {
  mapping_verdict verdict;
  const int tp = layout.tensor_parallel();
  check_split(verdict, "KV heads", model.kv_heads, tp);
  check_split(verdict, "experts", model.experts, layout.expert_parallel());
  check_split(verdict, "FFN columns", model.intermediate, tp);
  if (verdict.accepted && model.quantization_block > 0 && tp > 1 && model.intermediate > 0
      && (model.intermediate / tp) % model.quantization_block != 0) {
    verdict.accepted = false;
    verdict.reason = std::to_string(model.intermediate / tp)
                     + " FFN columns of a shard do not divide by the quantisation block "
                     + std::to_string(model.quantization_block);
  }
  return verdict;
}

namespace {

void drop(candidate_report& candidate, std::string reason) {
  candidate.state = candidate_state::dropped;
  candidate.reason = std::move(reason);
}

/// What one request keeps in the KV cache at most: an engine refuses to start if one of the longest context does not fit.
int64_t tokens_of_a_request(const profile_request& request, phase role) {
  const int64_t wanted = request.sla.isl + (role == phase::prefill ? prefill_osl : request.sla.osl);
  return std::max<int64_t>(wanted, longest_context(request));
}

void check_memory(const profile_request& request, candidate_report& candidate) {
  const engine_shape shape{request.model, request.gpu, request.backend, candidate.layout};
  const auto plan = plan_memory(shape, tokens_of_a_request(request, candidate.role));
  candidate.weight_bytes_per_gpu = plan.weight_bytes;
  candidate.predicted_kv_tokens = plan.kv_tokens;
  if (!plan.fits)
    drop(candidate, "memory: " + plan.reason);
}

/// On one GPU every mapping is the same engine; measuring it thrice would let noise choose among its names.
void drop_twins(std::vector<candidate_report>& candidates) {
  for (auto& candidate : candidates) {
    if (candidate.layout.gpus != 1 || candidate.state == candidate_state::dropped)
      continue;
    for (const auto& other : candidates) {
      if (&other == &candidate)
        break;
      if (other.role == candidate.role && other.layout.gpus == 1 && other.state != candidate_state::dropped) {
        drop(candidate, "mapping: the same engine as " + other.engine + " on one GPU");
        break;
      }
    }
  }
}

candidate_report make_candidate(phase role, const mapping& layout) {
  candidate_report candidate;
  candidate.engine = std::string{to_text(role)} + "-" + layout.tag();
  candidate.role = role;
  candidate.layout = layout;
  return candidate;
}

void check_candidate(const profile_request& request, candidate_report& candidate, std::vector<std::string>& remarks) {
  auto verdict = check_mapping(request.model, candidate.layout);
  for (auto& remark : verdict.remarks)
    if (std::find(remarks.begin(), remarks.end(), remark) == remarks.end())
      remarks.push_back(std::move(remark));
  if (!verdict.accepted)
    return drop(candidate, "mapping: " + verdict.reason);
  check_memory(request, candidate);
  if (candidate.state == candidate_state::dropped)
    return;
  if (candidate.layout.gpus > gpus_at_once(request))
    return drop(candidate, "pool: needs " + std::to_string(candidate.layout.gpus) + " GPUs, "
                               + std::to_string(gpus_at_once(request)) + " may be held at once");
  std::string error;
  candidate.dgd = candidate_dgd(request, candidate.role, candidate.layout, error);
  if (!error.empty())
    drop(candidate, "deployment: " + error);
}

} // namespace

candidate_list list_candidates(const profile_request& request) {
  candidate_list list;
  const auto counts = gpu_counts(request.min_gpus_per_engine, request.max_gpus_per_engine);
  if (counts.empty())
    list.remarks.push_back("no power of two lies between " + std::to_string(request.min_gpus_per_engine) + " and "
                           + std::to_string(request.max_gpus_per_engine) + " GPUs per engine");
  for (auto role : {phase::prefill, phase::decode})
    for (int gpus : counts)
      for (const auto& layout : mappings_for(request.model, gpus)) {
        auto candidate = make_candidate(role, layout);
        check_candidate(request, candidate, list.remarks);
        list.candidates.push_back(std::move(candidate));
        if (request.host == "endpoint")
          break; // what runs there has one mapping, whatever it is: its GPUs are all that counts
      }
  drop_twins(list.candidates);
  return list;
}

int gpus_at_once(const profile_request& request) {
  const int pool = std::max(request.pool_gpus, 1);
  return request.max_parallel_gpus > 0 ? std::min(pool, request.max_parallel_gpus) : pool;
}

int longest_context(const profile_request& request) {
  if (request.max_context > 0 && request.model.max_context > 0)
    return std::min(request.max_context, request.model.max_context);
  const int known = std::max(request.max_context, request.model.max_context);
  return known > 0 ? known : request.sla.isl + request.sla.osl + 1024;
}

} // namespace sextant::searching
