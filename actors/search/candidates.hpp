// candidates.hpp: Which engines are worth a try: GPU counts, mappings, the reference's filters, the memory check. Pure.
#pragma once

#include <string>
#include <vector>

#include "messages/profile.hpp"

namespace sextant::searching {

/// Powers of two from `min_gpus` to `max_gpus`.
std::vector<int> gpu_counts(int min_gpus, int max_gpus);

/// Mappings that the reference tries on this many GPUs, in its order.
std::vector<mapping> mappings_for(const model_facts& model, int gpus);

/// Whether a model can be split so.
struct mapping_verdict {
  bool accepted = true;
  std::string reason;               ///< of a refusal
  std::vector<std::string> remarks; ///< facts that are unknown and were taken to be fine
};

/// The reference's divisibility filters, in its order; unknown facts pass with a remark.
mapping_verdict check_mapping(const model_facts& model, const mapping& layout);

/// Every candidate of both phases with its deployment document, dropped ones with their reason.
struct candidate_list {
  std::vector<candidate_report> candidates; ///< prefill first; by GPUs, then by mapping
  std::vector<std::string> remarks;
};

/// Lists the candidates of a request. A candidate that fits neither memory nor pool is dropped.
candidate_list list_candidates(const profile_request& request);

/// GPUs that one search may hold at once.
int gpus_at_once(const profile_request& request);

/// Longest context that engines must accept, tokens.
int longest_context(const profile_request& request);

} // namespace sextant::searching
