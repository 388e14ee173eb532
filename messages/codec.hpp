// codec.hpp: Messages to JSON text and back, in one envelope for all kinds. Thread-safe: no state.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "messages/messages.hpp"

namespace sextant {

/// The one envelope around every JSON message (design section 4).
struct envelope {
  int version = 1;
  std::string kind;
  std::string id;      ///< id of this message; doubles as deduplication id of durable messages
  std::string request; ///< request the message belongs to
  std::string time;    ///< RFC 3339, UTC; filled by `encode_message` when empty
  std::string body;    ///< JSON text of the body
  std::string unknown; ///< JSON object text of envelope fields that this version does not know; kept, ignored
};

/// Why a text is not a message.
struct codec_error {
  std::string path;    ///< e.g. `body.plan.isl`
  std::string message; ///< what was found and what would be accepted
};

/// JSON text of a message body. Defined for every message of messages.hpp and for the values inside them.
template <class T>
std::string encode_body(const T& x);

/// Reads a message body. Every error is appended to `errors`; nothing is returned if there is one.
template <class T>
std::optional<T> decode_body(std::string_view json, std::vector<codec_error>& errors);

/// JSON Schema (draft 2020-12) of a message body, as text.
template <class T>
std::string body_schema();

/// Envelope and body as one JSON text.
std::string encode_envelope(const envelope& e);

/// Reads an envelope; refuses texts over 64 levels deep, unknown versions, and wrong types.
std::optional<envelope> decode_envelope(std::string_view json, std::vector<codec_error>& errors);

/// The message in its envelope, as JSON text.
template <class T>
std::string encode_message(std::string_view id, std::string_view request, const T& x) {
  envelope e;
  e.kind = message_kind<T>::value;
  e.id = id;
  e.request = request;
  e.body = encode_body(x);
  return encode_envelope(e);
}

/// The body of an envelope if it is of this kind and well-formed.
template <class T>
std::optional<T> message_as(const envelope& e) {
  if (e.kind != message_kind<T>::value)
    return std::nullopt;
  std::vector<codec_error> errors;
  return decode_body<T>(e.body, errors);
}

/// One decided fact about a request, in the order of its result stream.
using result_event = std::variant<engine_ready, engine_failed, engine_lost, engine_released, point_measured, attempt_failed,
                                  artifacts_written, budget_spent, cancel_request, profile_failed, profile_finished>;

/// The result inside an envelope; nothing if it is of another kind or malformed.
std::optional<result_event> result_from(const envelope& e);

/// The result in its envelope, as JSON text.
std::string encode_result(std::string_view id, std::string_view request, const result_event& x);

/// Now as RFC 3339 text in UTC with milliseconds.
std::string rfc3339_now();

} // namespace sextant
