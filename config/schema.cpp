// schema.cpp: Builds the trees of document keys from the option table.
#include "config/schema.hpp"

#include <algorithm>

namespace sextant {

namespace {

std::string first_key(std::string_view& path) {
  const auto end = std::min(path.find('.'), path.size());
  std::string key{path.substr(0, end)};
  path.remove_prefix(std::min(end + 1, path.size()));
  return key;
}

/// Puts a node at a path; below `config` every key is known in both spellings.
void insert(schema_node& parent, std::string_view path, const schema_node& leaf, bool inside_config, bool first_spelling) {
  const auto key = first_key(path);
  const auto add = [&](const std::string& spelling, bool shown) {
    auto& child = parent.children[spelling];
    if (path.empty())
      child = leaf;
    else
      insert(child, path, leaf, inside_config || key == "config", shown);
    child.shown = shown;
  };
  add(key, first_spelling);
  if (inside_config && separated(key, '_') != key)
    add(separated(key, '_'), false);
}

void insert_all(schema_node& root, std::string_view paths, const option_row& row) {
  for (const auto& word : words(paths)) {
    std::string_view path = word;
    schema_node leaf;
    leaf.kind = schema_node::kinds::value;
    leaf.row = &row;
    leaf.weak = path.starts_with('~');
    path.remove_prefix(leaf.weak ? 1 : 0);
    std::string full{path};
    if (path.starts_with('$'))
      full = std::string{config_path} + "." + std::string{path.substr(1)};
    insert(root, full, leaf, false, true);
  }
}

schema_node build(request_api api) {
  schema_node root;
  schema_node free;
  free.kind = schema_node::kinds::free;
  for (const auto* key : {"apiVersion", "kind", "metadata", "status"})
    insert(root, key, free, false, true);
  const bool alpha = api == request_api::v1alpha1;
  for (const auto& row : options())
    insert_all(root, alpha ? row.alpha : row.beta, row);
  if (alpha) {
    schema_node planner;
    planner.kind = schema_node::kinds::planner;
    insert(root, std::string{config_path} + ".planner", planner, false, true);
  } else {
    insert(root, "spec.v1beta2", free, false, false); // refused with its own message
  }
  return root;
}

void find_places(const schema_node& node, const std::string& path, const std::string& wanted,
                 std::vector<std::string>& out) {
  for (const auto& [key, child] : node.children) {
    if (!child.shown)
      continue;
    const auto here = path.empty() ? key : path + "." + key;
    if (separated(key, '_') == wanted)
      out.push_back(here);
    find_places(child, here, wanted, out);
  }
}

} // namespace

const schema_node* schema_node::at(std::string_view path) const {
  const auto* node = this;
  while (!path.empty()) {
    const auto child = node->children.find(first_key(path));
    if (child == node->children.end())
      return nullptr;
    node = &child->second;
  }
  return node;
}

const schema_node& document_schema(request_api api) {
  static const auto alpha = build(request_api::v1alpha1);
  static const auto beta = build(request_api::v1beta1);
  return api == request_api::v1alpha1 ? alpha : beta;
}

std::vector<std::string> section_keys(const schema_node& section) {
  std::vector<std::string> keys;
  for (const auto& [key, child] : section.children)
    if (child.shown)
      keys.push_back(key);
  return keys;
}

std::vector<std::string> places_of_key(request_api api, std::string_view key) {
  std::vector<std::string> places;
  find_places(document_schema(api), "", separated(key, '_'), places);
  return places;
}

std::string separated(std::string_view camel_case, char separator) {
  std::string result;
  for (std::size_t i = 0; i < camel_case.size(); ++i) {
    const char c = camel_case[i];
    const bool capital = c >= 'A' && c <= 'Z';
    const bool after_capital = i > 0 && camel_case[i - 1] >= 'A' && camel_case[i - 1] <= 'Z';
    if (capital && i > 0 && !after_capital)
      result += separator;
    result += capital ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return result;
}

} // namespace sextant
