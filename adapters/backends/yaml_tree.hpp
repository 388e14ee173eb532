// yaml_tree.hpp: YAML documents as plain values: read, changed, and written so that every text stays a text.
// Throws nothing; no state. yaml-cpp stays behind the .cpp file.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sextant {

/// One YAML value. Maps keep the order in which they were written.
class yaml_tree {
public:
  enum class kind {
    null,
    plain, ///< number or boolean, kept as written
    text,  ///< string; quoted on writing when it would be read back as something else
    list,
    map,
  };

  yaml_tree() = default;
  yaml_tree(std::string_view value) : kind_(kind::text), scalar_(value) {}
  yaml_tree(const char* value) : yaml_tree(std::string_view{value}) {}
  yaml_tree(const std::string& value) : yaml_tree(std::string_view{value}) {}
  yaml_tree(int value) : kind_(kind::plain), scalar_(std::to_string(value)) {}
  yaml_tree(bool value) : kind_(kind::plain), scalar_(value ? "true" : "false") {}

  static yaml_tree list(std::vector<yaml_tree> items = {});
  static yaml_tree texts(const std::vector<std::string>& items);
  static yaml_tree map(std::vector<std::pair<std::string, yaml_tree>> entries = {});
  static yaml_tree plain(std::string_view written);

  kind type() const { return kind_; }
  bool is_map() const { return kind_ == kind::map; }
  bool is_list() const { return kind_ == kind::list; }
  bool is_text() const { return kind_ == kind::text; }
  /// Text of a scalar as written, empty for everything else.
  const std::string& scalar() const { return scalar_; }
  std::vector<yaml_tree>& items() { return items_; }
  const std::vector<yaml_tree>& items() const { return items_; }
  std::vector<std::pair<std::string, yaml_tree>>& entries() { return entries_; }
  const std::vector<std::pair<std::string, yaml_tree>>& entries() const { return entries_; }

  /// The value under a key, or nothing.
  yaml_tree* find(std::string_view key);
  const yaml_tree* find(std::string_view key) const;
  /// Text of the scalar under a key, else empty.
  std::string text_at(std::string_view key) const;
  /// The value under a key; the key is added, and this value becomes a map if it is none.
  yaml_tree& operator[](std::string_view key);
  void erase(std::string_view key);
  /// Adds to the end; this value becomes a list if it is none.
  void append(yaml_tree item);
  /// The scalars of a list as texts.
  std::vector<std::string> scalars() const;

private:
  kind kind_ = kind::null;
  std::string scalar_;
  std::vector<yaml_tree> items_;
  std::vector<std::pair<std::string, yaml_tree>> entries_;
};

/// Reads all documents of a text. On failure `error` says why, with line and column, and the result is empty.
std::vector<yaml_tree> parse_yaml(const std::string& text, std::string& error);

/// Writes one document in block style, without a `---` line.
std::string write_yaml(const yaml_tree& document);

/// Whether a plain scalar with this text would be read as something other than a string (YAML 1.1 or 1.2).
bool reads_as_other_type(std::string_view text);

} // namespace sextant
