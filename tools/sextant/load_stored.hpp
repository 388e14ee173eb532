// load_stored.hpp: Stored load tests: found, read, summarised again, compared.
#pragma once

#include <string>
#include <vector>

#include "config/load_analysis.hpp"
#include "messages/load_summary.hpp"

namespace sextant {

/// The record files that a path means: itself, the one in a folder, or those of the runs below `profile_runs`. `error` is
/// filled if there is none, or more than one in a folder.
std::vector<std::string> record_files_of(const std::string& path, std::string& error);

/// Reads a record file; `error` is filled if that fails.
load_records read_stored_records(const std::string& file, std::string& error);

/// `sextant load --summarise FILE...`: prints the summary of the parts together; returns the exit code.
int summarise_stored(const load_arguments& arguments, const load_analysis& analysis);

/// `sextant load --compare A B`: prints the comparison; returns the exit code, 1 if B is worse.
int compare_stored(const load_arguments& arguments, const load_analysis& analysis);

} // namespace sextant
