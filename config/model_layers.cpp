// model_layers.cpp: The texts of the catalogue's columns `layer_groups` and `more`.
#include "config/model_layers.hpp"

#include <charconv>
#include <type_traits>

namespace sextant {

namespace {

bool read_int(std::string_view text, int& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size();
}

std::string_view take(std::string_view& text, char separator) {
  const auto end = text.find(separator);
  const auto part = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
  return part;
}

/// Visitor that sets the one field with this name.
struct field_setter {
  std::string_view name, value;
  bool done = false;

  template <class T>
  void required(const char* field_name, T& x, const char*) {
    field(field_name, x, "");
  }
  template <class T>
  void field(const char* field_name, T& x, const char*) {
    if (name != field_name)
      return;
    if constexpr (std::is_same_v<T, bool>) {
      done = value == "0" || value == "1";
      x = value == "1";
    } else if constexpr (std::is_same_v<T, int>) {
      done = read_int(value, x);
    } else if constexpr (std::is_same_v<T, std::string>) {
      x = value;
      done = true;
    }
  }
};

template <class T>
bool set_field(T& x, std::string_view assignment) {
  field_setter setter;
  setter.name = take(assignment, '=');
  setter.value = assignment;
  describe(setter, x);
  return setter.done;
}

} // namespace

bool read_layer_groups(std::string_view text, std::vector<layer_group>& groups) {
  while (!text.empty()) {
    auto part = take(text, ',');
    layer_group group;
    auto kind = take(part, ':');
    if (!read_int(take(kind, '*'), group.count) || group.count <= 0)
      return false;
    const auto mixer = from_text<mixer_kind>(take(kind, '/'));
    const auto ffn = from_text<ffn_kind>(kind);
    if (!mixer || !ffn)
      return false;
    group.mixer = *mixer;
    group.ffn = *ffn;
    while (!part.empty())
      if (!set_field(group, take(part, ':')))
        return false;
    groups.push_back(group);
  }
  return true;
}

bool set_model_fields(std::string_view text, model_facts& facts) {
  while (!text.empty())
    if (!set_field(facts, take(text, ';')))
      return false;
  return true;
}

} // namespace sextant
