// describe.hpp: One list of fields per message, from which codec, schema and documentation are made.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace sextant {

/// Names of the values of an enumeration on the wire. Specialise with `static constexpr std::array`
/// of pairs (value, text); texts are snake_case and never change once released.
template <class Enum>
struct enum_names;

/// Text of an enumeration value, empty for a value that has no name.
template <class Enum>
constexpr std::string_view to_text(Enum value) {
  for (const auto& [candidate, text] : enum_names<Enum>::values)
    if (candidate == value)
      return text;
  return {};
}

/// Enumeration value with this text, or nothing.
template <class Enum>
constexpr std::optional<Enum> from_text(std::string_view text) {
  for (const auto& [value, name] : enum_names<Enum>::values)
    if (name == text)
      return value;
  return std::nullopt;
}

// A message type T is described by a free function found by argument-dependent look-up:
//
//   template <class Visitor> void describe(Visitor& v, T& x) {
//     v.field("isl", x.isl, "input length of every request, tokens");
//   }
//
// Fields are optional on reading (the member's initial value stays) unless declared with
// `v.required(...)`. The order of the calls is the order in the JSON text and in the schema.

} // namespace sextant
