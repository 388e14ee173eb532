// codec_fuzz.cpp: Any bytes are either refused or read, and what was read is written and read again the same.
#include <cstdint>
#include <cstdlib>

#include "messages/codec.hpp"

using namespace sextant;

namespace {

void require(bool holds) {
  if (!holds)
    std::abort();
}

template <class T>
void check_body(const envelope& e) {
  std::vector<codec_error> errors;
  const auto x = decode_body<T>(e.body, errors);
  require(x.has_value() == errors.empty());
  if (!x)
    return;
  const auto text = encode_body(*x);
  const auto again = decode_body<T>(text, errors);
  require(again && encode_body(*again) == text);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  std::vector<codec_error> errors;
  const auto e = decode_envelope(text, errors);
  require(e.has_value() == errors.empty());
  if (!e)
    return 0;
  const auto again = decode_envelope(encode_envelope(*e), errors);
  require(again && again->kind == e->kind && again->id == e->id && again->request == e->request
          && again->unknown == e->unknown);
  (void)result_from(*e);
#define SEXTANT_CHECK(type)                                                                                                 \
  if (e->kind == message_kind<type>::value)                                                                                 \
    check_body<type>(*e);
  SEXTANT_FOR_EACH_MESSAGE(SEXTANT_CHECK)
#undef SEXTANT_CHECK
  return 0;
}
