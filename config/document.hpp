// document.hpp: A YAML or JSON text as a tree that knows where everything was written. No yaml-cpp behind this header.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/request.hpp"

namespace sextant {

/// Limits that keep a hostile document from costing more than a moment.
struct document_limits {
  static constexpr std::size_t bytes = 1U << 20U; ///< as large as Kubernetes and a NATS message allow
  static constexpr int depth = 64;
  static constexpr std::size_t values = 100'000; ///< with aliases expanded
  static constexpr std::size_t errors = 1000;    ///< after that many, nothing more is looked at
};

/// A key of a mapping with its place.
struct document_key {
  std::string text;
  int line = 0;   ///< 1-based
  int column = 0; ///< 1-based, in characters as yaml-cpp counts them
};

/// One value of the tree. Aliases are expanded, so the tree owns all its parts.
struct document_node {
  enum class kinds : uint8_t { nothing, scalar, sequence, mapping };
  kinds kind = kinds::nothing;
  std::string text;    ///< scalar only
  bool quoted = false; ///< scalar in quotes, in block style or tagged as a string: stays a string in JSON
  int line = 1;
  int column = 1;
  std::vector<document_key> keys; ///< mapping only, beside `items`
  std::vector<document_node> items;

  /// Value of a key, null if there is none.
  const document_node* find(std::string_view key) const;
};

/// Reads one document. Duplicate keys, foreign tags, several documents, bytes that are no text and exceeded limits are
/// errors; a tree is returned when nothing but duplicates is wrong, so that the rest can still be checked.
std::optional<document_node> read_document(std::string_view text, const std::string& source,
                                           std::vector<document_error>& errors);

/// JSON text of a value; plain scalars become numbers, booleans and null as in YAML's JSON schema.
std::string json_text(const document_node& node);

/// `a mapping`, `a list`, `nothing`, or the scalar as an error shows it, quoted.
std::string found_text(const document_node& node);

} // namespace sextant
