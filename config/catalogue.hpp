// catalogue.hpp: Names of the built-in catalogues of models and GPUs; the facts themselves are found by intake.hpp.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sextant {

/// Hub ids of all models of the catalogue, sorted without regard to case.
std::vector<std::string> model_names();

/// GPU names of the v1beta1 interface for which the catalogue has no facts.
bool known_gpu_without_facts(std::string_view name);

/// Op-list family of the catalogue's models with this architecture; empty if there is none.
std::string family_of_architecture(std::string_view architecture);

/// Whether the reference profiler spreads the experts of this architecture (TEP and DEP mappings).
bool spreads_experts(std::string_view architecture);

} // namespace sextant
