// records_fuzz.cpp: Arbitrary bytes as a record file, and as the arrays of one: refused with a reason, or read, and then
// written and read again they say the same.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "adapters/npz/npz.hpp"
#include "adapters/records/record_file.hpp"

using namespace sextant;

namespace {

struct column {
  const char* name;
  const char* type;
  size_t bytes;
  int per; ///< 0: element per request, 1: one more than requests, 2: element per event
};

constexpr column columns[] = {
    {"warmup", "|u1", 1, 0},
    {"index", "<u4", 4, 0},
    {"wave", "<u4", 4, 0},
    {"session", "<u4", 4, 0},
    {"turn", "<u4", 4, 0},
    {"url", "<u2", 2, 0},
    {"status", "<u2", 2, 0},
    {"intended_ns", "<i8", 8, 0},
    {"queued_ns", "<i8", 8, 0},
    {"sent_ns", "<i8", 8, 0},
    {"tx_ns", "<i8", 8, 0},
    {"first_byte_ns", "<i8", 8, 0},
    {"first_event_ns", "<i8", 8, 0},
    {"first_answer_ns", "<i8", 8, 0},
    {"last_event_ns", "<i8", 8, 0},
    {"ended_ns", "<i8", 8, 0},
    {"connect_ns", "<i8", 8, 0},
    {"planned_isl", "<u4", 4, 0},
    {"planned_osl", "<u4", 4, 0},
    {"input_tokens", "<u4", 4, 0},
    {"usage_tokens", "<u4", 4, 0},
    {"cached_tokens", "<u4", 4, 0},
    {"reasoning_tokens", "<u4", 4, 0},
    {"bytes_sent", "<i8", 8, 0},
    {"bytes_received", "<i8", 8, 0},
    {"fault", "|u1", 1, 0},
    {"error", "<i4", 4, 0},
    {"token_begin", "<i8", 8, 1},
    {"token_ns", "<i8", 8, 2},
    {"event_tokens", "<u2", 2, 2},
    {"event_quality", "|u1", 1, 2},
};

std::string file_of(const load_records& records) {
  std::string out;
  write_record_file(records, [&](std::string_view part) { out += part; });
  return out;
}

/// Input that never ends: zeros after its last byte.
class source {
public:
  explicit source(std::string_view bytes) : bytes_(bytes) {}
  uint8_t next() { return at_ < bytes_.size() ? static_cast<uint8_t>(bytes_[at_++]) : 0; }

private:
  std::string_view bytes_;
  size_t at_ = 0;
};

/// A whole archive whose arrays are mostly of the right lengths, with values from the input.
std::string archive_of(std::string_view bytes) {
  source in{bytes};
  std::string out;
  npz_stream npz{[&](std::string_view part) { out += part; }};
  const auto text = [&](const char* name, const std::string& json) {
    npz.add_member(name, "|u1", npz::vector_shape(json.size()), json);
  };
  text("header", R"({"format":"sextant-records","version":1,"errors":["one"]})");
  std::string facts = "{";
  for (uint8_t c = in.next(); c != 0 && facts.size() < 64; c = in.next())
    facts += static_cast<char>(c);
  text("facts", facts.size() > 1 ? facts : "{}");
  const size_t requests = in.next() % 4, events = in.next() % 6;
  for (const auto& c : columns) {
    size_t length = c.per == 2 ? events : requests + static_cast<size_t>(c.per);
    if (const uint8_t odd = in.next(); odd > 250)
      length = odd - 250U;
    std::string raw(length * c.bytes, '\0');
    for (size_t i = 0; i < length; ++i) // small numbers mostly, so that places and faults are often good
      raw[i * c.bytes] = static_cast<char>(in.next());
    if (in.next() > 200)
      for (auto& byte : raw)
        byte = static_cast<char>(in.next());
    if (in.next() != 255)
      npz.add_member(c.name, c.type, npz::vector_shape(length), raw);
  }
  npz.finish();
  return out;
}

void check(std::string_view bytes) {
  std::string error;
  const auto records = read_record_file(bytes, error);
  if (records.has_value() == !error.empty())
    std::abort();
  if (!records)
    return;
  const auto again = read_record_file(file_of(*records), error);
  if (!again || again->requests.size() != records->requests.size() || again->warming.size() != records->warming.size())
    std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view all{reinterpret_cast<const char*>(data), size};
  check(all);
  check(archive_of(all));
  return 0;
}
