// facts_json.hpp: What a load test was asked to do, as JSON inside of a record file.
#pragma once

#include <string>
#include <string_view>

#include "messages/load_summary.hpp"

namespace sextant {

/// One object with the fields of `load_facts` under their names.
std::string facts_text(const load_facts& facts);

/// Reads it; fields that are missing keep their defaults, unknown ones are ignored. `error` is filled if it is no object
/// or a field has another type.
load_facts read_facts(std::string_view text, std::string& error);

} // namespace sextant
