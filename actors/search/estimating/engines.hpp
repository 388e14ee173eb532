// engines.hpp: Which engines the search of deployments considers (performance sheet, 5.6), and why not the others. Pure.
#pragma once

#include <string>
#include <vector>

#include "actors/search/estimating/oracle.hpp"

namespace sextant::estimating {

/// An engine that may be part of a deployment, or one that may not.
struct engine_option {
  mapping layout;
  engine_size size;
  std::string reason; ///< of a refusal; empty if it may be used
};

/// Why a model cannot be split so; empty if it can.
std::string split_objection(const model_facts& model, const mapping& layout);

/// Every mapping on powers of two from the request's smallest to its largest engine.
std::vector<engine_option> list_engines(const profile_request& request, const oracle& asked);

} // namespace sextant::estimating
