// dataset_fuzz.cpp: Arbitrary bytes as a data set, a trace, a plan: either rows or errors with their lines.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "actors/load/traffic/dataset.hpp"
#include "actors/load/traffic/plan_file.hpp"

using namespace sextant;
using namespace sextant::load;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0)
    return 0;
  const std::string_view text{reinterpret_cast<const char*>(data) + 1, size - 1};
  std::vector<document_error> errors;
  if (data[0] % 16 == 15) {
    const auto plan = read_plan(text, "plan", errors);
    if (errors.empty())
      write_plan(plan, [](std::string_view) {});
    return 0;
  }
  load_options options;
  options.models = {"m"};
  options.lengths.resize(1);
  options.format = static_cast<dataset_format>(data[0] % 12);
  const auto rows = read_dataset(text, "rows", options, errors);
  for (const auto& error : errors)
    if (error.source.empty() || error.found.empty())
      std::abort();
  if (errors.empty())
    for (const auto& session : rows.sessions)
      if (session.turns.empty())
        std::abort();
  return 0;
}
