// documents.hpp: Steps that base, candidate and final deployments share.
#pragma once

#include <optional>
#include <string>

#include "adapters/backends/yaml_tree.hpp"
#include "messages/profile.hpp"

namespace sextant {

/// The base DGD as a document: the request's own or the built-in one, with image, model cache and model applied.
/// Nothing, and `error` filled, if the request's own document cannot be used.
std::optional<yaml_tree> base_document(const profile_request& request, std::string& error);

/// `{backend}-agg-{4 hex}`: differs between the candidates of a request, so that they can live side by side in a namespace.
std::string candidate_name(const profile_request& request, phase role, const mapping& layout);

/// Whether a planner can be given curves: at least three prefill samples, a decode grid and the KV capacity.
bool curves_exist(const profile_result& result);

/// Four hexadecimal digits that depend on the texts only.
std::string short_hash(std::string_view text, unsigned offset = 0);

} // namespace sextant
