// request_fuzz.cpp: Arbitrary bytes as a client's requests.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "adapters/http/request_reader.hpp"

using namespace sextant;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  http_server_settings limits;
  limits.max_body_bytes = 4096;
  limits.max_header_bytes = 4096;
  request_reader reader{limits};
  std::string_view bytes{reinterpret_cast<const char*>(data), size};
  while (!bytes.empty()) {
    size_t taken = 0;
    const auto state = reader.read(bytes, taken);
    if (taken > bytes.size())
      std::abort();
    bytes.remove_prefix(taken);
    if (state == read_state::complete) {
      if (reader.request().body.size() > limits.max_body_bytes)
        std::abort();
      (void)reader.keep_alive();
    } else if (state != read_state::more && state != read_state::wants_go) {
      break;
    } else if (taken == 0) {
      std::abort(); // it neither takes nor refuses
    }
  }
  return 0;
}
