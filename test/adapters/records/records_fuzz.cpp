// records_fuzz.cpp: Arbitrary bytes as a record file: refused with a reason, or read, and then written and read again they say
// the same.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "adapters/records/record_file.hpp"

using namespace sextant;

namespace {

std::string file_of(const load_records& records) {
  std::string out;
  write_record_file(records, [&](std::string_view part) { out += part; });
  return out;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string error;
  const auto records = read_record_file({reinterpret_cast<const char*>(data), size}, error);
  if (records.has_value() == !error.empty())
    std::abort();
  if (!records)
    return 0;
  const auto again = read_record_file(file_of(*records), error);
  if (!again || again->requests.size() != records->requests.size() || again->warming.size() != records->warming.size())
    std::abort();
  return 0;
}
