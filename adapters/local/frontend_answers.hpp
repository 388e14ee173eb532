// frontend_answers.hpp: What Dynamo's frontend says about the engine behind it. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sextant::local {

/// Names of the models that `/v1/models` lists.
std::vector<std::string> listed_models(std::string_view answer);

/// Whether `/v1/models` lists a model.
bool lists_model(std::string_view answer, std::string_view model);

/// Workers that `/health` knows to generate, all attention ranks of one counted as one or more; -1 if this release does
/// not tell.
int generating_workers(std::string_view answer);

/// Body of a first request of two tokens: the engine is ready once it is answered.
std::string first_request(std::string_view model);

/// The text of an error answer, one line.
std::string error_text(std::string_view answer);

} // namespace sextant::local
