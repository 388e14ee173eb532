// subject_match.hpp: The rules for subjects on the bus. Pure functions.
#pragma once

#include <string_view>

namespace sextant {

/// Whether a message may be published to this subject: non-empty tokens, no wildcards, blanks or control characters.
bool valid_subject(std::string_view subject);

/// Whether this can be subscribed to: as above, but `*` may stand for one token and a last `>` for one or more.
bool valid_pattern(std::string_view pattern);

/// Whether a subscription to `pattern` sees a message on `subject`.
bool subject_matches(std::string_view pattern, std::string_view subject);

} // namespace sextant
