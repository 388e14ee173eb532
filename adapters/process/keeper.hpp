// keeper.hpp: What runs between fork and the end of a keeper. Private to this folder.
#pragma once

#include <cstdint>

namespace sextant::keeping {

/// Everything a keeper needs, made before the fork: nothing may be allocated after it.
struct keeper_plan {
  const char* program = nullptr;
  char* const* arguments = nullptr;
  char* const* environment = nullptr;
  const char* directory = nullptr;
  int log_fd = -1;
  int life_fd = -1;   ///< a byte asks to end; its end says that the owner is gone
  int report_fd = -1; ///< the keeper writes the process id, and at the end a `keeper_report`
  int grace_ms = 10'000;
};

/// What a keeper says at the end.
struct keeper_report {
  int32_t wait_status = 0;
};

/// Grace when the owner is gone without having asked.
constexpr int orphan_grace_ms = 1500;

/// The life of a keeper. Only async-signal-safe calls: the process it was forked from had threads.
[[noreturn]] void keep(const keeper_plan& plan);

} // namespace sextant::keeping
