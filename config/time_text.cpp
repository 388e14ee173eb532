#include "config/time_text.hpp"

#include <chrono>
#include <cstdio>
#include <string>

namespace sextant {

std::optional<double> seconds_of(std::string_view rfc3339) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0;
  double second = 0;
  char zone = 0, rest = 0;
  const std::string text{rfc3339};
  if (std::sscanf(text.c_str(), "%4d-%2d-%2dT%2d:%2d:%lf%c%c", &year, &month, &day, &hour, &minute, &second, &zone, &rest)
          != 7
      || zone != 'Z')
    return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{year}, std::chrono::month{static_cast<unsigned>(month)},
                                         std::chrono::day{static_cast<unsigned>(day)}};
  if (!date.ok() || hour > 23 || minute > 59 || !(second < 61))
    return std::nullopt;
  const auto days = std::chrono::sys_days{date}.time_since_epoch().count();
  return static_cast<double>(days) * 86400.0 + hour * 3600.0 + minute * 60.0 + second;
}

} // namespace sextant
