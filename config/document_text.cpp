// document_text.cpp: Values of a document as JSON text and as errors show them.
#include <charconv>

#include <nlohmann/json.hpp>

#include "config/document.hpp"
#include "config/option_values.hpp"

namespace sextant {

namespace {

nlohmann::ordered_json scalar_json(const document_node& node) {
  if (node.quoted)
    return node.text;
  if (node.text == "true" || node.text == "True" || node.text == "TRUE")
    return true;
  if (node.text == "false" || node.text == "False" || node.text == "FALSE")
    return false;
  int64_t integer = 0;
  const auto* end = node.text.data() + node.text.size();
  const auto number = parse_number(node.text);
  if (const auto read = std::from_chars(node.text.data(), end, integer); number && read.ptr == end && read.ec == std::errc{})
    return integer;
  if (number)
    return *number;
  return node.text;
}

nlohmann::ordered_json json_of(const document_node& node) {
  switch (node.kind) {
    case document_node::kinds::nothing:
      return nullptr;
    case document_node::kinds::scalar:
      return scalar_json(node);
    case document_node::kinds::sequence: {
      auto list = nlohmann::ordered_json::array();
      for (const auto& item : node.items)
        list.push_back(json_of(item));
      return list;
    }
    case document_node::kinds::mapping:
      break;
  }
  auto object = nlohmann::ordered_json::object();
  auto& members = object.get_ref<nlohmann::ordered_json::object_t&>();
  for (std::size_t i = 0; i < node.keys.size(); ++i)
    members.push_back({node.keys[i].text, json_of(node.items[i])}); // operator[] would search all before it
  return object;
}

} // namespace

std::string json_text(const document_node& node) {
  return json_of(node).dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::string found_text(const document_node& node) {
  switch (node.kind) {
    case document_node::kinds::nothing:
      return "nothing";
    case document_node::kinds::scalar:
      return "\"" + shown(node.text) + "\"";
    case document_node::kinds::sequence:
      return "a list";
    case document_node::kinds::mapping:
      break;
  }
  return "an object";
}

} // namespace sextant
