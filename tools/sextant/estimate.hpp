// estimate.hpp: The parts of `sextant estimate`: what is asked, and the answer as text and JSON.
#pragma once

#include <string>
#include <vector>

#include "actors/search/estimated.hpp"
#include "adapters/aic/opened_tables.hpp"
#include "adapters/performance/measured_points.hpp"
#include "config/command_line.hpp"

namespace sextant {

/// Corrections from `--measured POINTS.csv`; without the flag there are none. Appends all that is wrong.
performance::measured_points points_of(const command_line& args, const performance::opened_tables& tables,
                                       std::vector<std::string>& errors);

/// Predictions for the rows of a CSV file: `--rows IN.csv --output OUT.csv`.
int run_estimate_rows(const command_line& args, const performance::opened_tables& tables);

/// Whether the command line asks for one deployment instead of a search.
bool asks_for_point(const command_line& args);

/// What is wrong with the engine of the command line for this model, as errors of its flags. `gpus`: of the pool.
std::vector<document_error> check_engine_flags(const command_line& args, const model_facts& model);

/// What is wrong with flags of the command that the parser cannot know: those of one engine, the file of tables.
std::vector<document_error> check_estimate(const command_line& args);

/// One deployment, estimated and broken down by ops.
int run_estimate_point(const command_line& args, const profile_request& request,
                       const performance::estimate_context& context, const performance::opened_tables& tables);

/// Says that no tables were there, for people; nothing if there were.
std::string note_of_tables(const performance::opened_tables& tables);

/// The answer of a search for people: pick, front as picture and table, runners-up, why not the rest.
std::string estimate_text(const estimated_answer& answer, const std::string& directory);

/// The same as one JSON object.
std::string estimate_json(const estimated_answer& answer, const std::string& directory);

/// A picture in characters: tokens/s/GPU over tokens/s/user, the pick as `X`, the front as `*`, others as `.`.
std::vector<std::string> front_picture(const std::vector<deployment_estimate>& deployments, const deployment_estimate& pick,
                                       int columns, int rows);

} // namespace sextant
