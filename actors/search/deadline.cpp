// deadline.cpp: When a request has used up its wall time.
#include "actors/search/deadline.hpp"

#include "config/time_text.hpp"

namespace sextant {

bool deadline_over(const profile_request& request, std::string_view now) {
  if (request.deadline_s <= 0)
    return false;
  const auto from = seconds_of(request.accepted_time), to = seconds_of(now);
  return from && to && *to - *from >= request.deadline_s;
}

} // namespace sextant
