// estimate_rows.cpp: `sextant estimate --rows`.
#include <cstdio>

#include "tools/sextant/commands.hpp"
#include "tools/sextant/estimate.hpp"

namespace sextant {

int run_estimate_rows(const command_line&) {
  fprintf(stderr, "--rows: this build has no prediction of rows\n");
  return exit_failed;
}

} // namespace sextant
