// record_file.hpp: All records of a load test in one .npz file, the format of docs/records.md.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "messages/load_summary.hpp"

namespace sextant {

/// Version of the format; readers refuse another one.
inline constexpr int record_file_version = 1;

/// Writes the file piece by piece. Warm-up comes first.
void write_record_file(const load_records& records, const std::function<void(std::string_view)>& sink);

/// Reads a file. `error` says what is wrong with it; then there is no result.
std::optional<load_records> read_record_file(std::string_view bytes, std::string& error);

} // namespace sextant
