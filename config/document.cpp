// document.cpp: yaml-cpp's events into a bounded tree. Exceptions of yaml-cpp end here.
#include "config/document.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <sstream>
#include <stdexcept>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include "config/option_values.hpp"

namespace sextant {

namespace {

/// Ends parsing with one error; never leaves this file.
struct stop_parsing : std::runtime_error {
  stop_parsing(document_error e) : std::runtime_error{e.found}, error{std::move(e)} {}
  document_error error;
};

std::size_t count_values(const document_node& node) {
  std::size_t sum = 1;
  for (const auto& item : node.items)
    sum += count_values(item);
  return sum;
}

/// Depth of a tree, 1 for a scalar.
int depth_of(const document_node& node) {
  int deepest = 0;
  for (const auto& item : node.items)
    deepest = std::max(deepest, depth_of(item));
  return deepest + 1;
}

/// Builds the tree from the events of one document.
class tree_builder : public YAML::EventHandler {
public:
  tree_builder(const std::string& source, std::vector<document_error>& errors) : source_{source}, errors_{errors} {}

  document_node& root() { return root_; }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add(node_at(mark, document_node::kinds::nothing), mark, anchor);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, const std::string& value) override {
    auto node = node_at(mark, document_node::kinds::scalar);
    node.text = value;
    node.quoted = tag == "!" || tag == "tag:yaml.org,2002:str";
    check_tag(mark, tag);
    // Plain `null` and `~` mean nothing, but as a key they are a spelling of some text.
    if (!node.quoted && (value == "~" || value == "null" || value == "Null" || value == "NULL"))
      node.kind = document_node::kinds::nothing;
    add(std::move(node), mark, anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    check_tag(mark, tag);
    open(node_at(mark, document_node::kinds::sequence), mark, anchor);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    check_tag(mark, tag);
    open(node_at(mark, document_node::kinds::mapping), mark, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapEnd() override { close(); }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto known = anchors_.find(anchor);
    if (known == anchors_.end())
      fail(mark, "an alias of a value that is not complete", "aliases of earlier values only");
    charge(mark, count_values(known->second));
    if (static_cast<int>(open_.size()) + depth_of(known->second) > document_limits::depth)
      fail_depth(mark);
    auto copy = known->second;
    place(std::move(copy), mark);
  }

private:
  /// A container that is still being filled, with the key that waits for its value.
  struct level {
    document_node node;
    YAML::anchor_t anchor;
    std::optional<document_key> key;
    bool duplicate = false;
    std::map<std::string, int> first_lines; ///< of every key so far
  };

  document_error error_at(const YAML::Mark& mark, std::string found, std::string accepted) const {
    return {source_, mark.line + 1, mark.column + 1, "", std::move(found), std::move(accepted), ""};
  }
  [[noreturn]] void fail(const YAML::Mark& mark, std::string found, std::string accepted) const {
    throw stop_parsing{error_at(mark, std::move(found), std::move(accepted))};
  }
  [[noreturn]] void fail_depth(const YAML::Mark& mark) const {
    fail(mark, "values nested more deeply", "at most " + std::to_string(document_limits::depth) + " levels");
  }

  static document_node node_at(const YAML::Mark& mark, document_node::kinds kind) {
    document_node node;
    node.kind = kind;
    node.line = mark.line + 1;
    node.column = mark.column + 1;
    return node;
  }

  void check_tag(const YAML::Mark& mark, const std::string& tag) const {
    static const std::set<std::string> known{"",
                                             "?",
                                             "!",
                                             "tag:yaml.org,2002:str",
                                             "tag:yaml.org,2002:int",
                                             "tag:yaml.org,2002:float",
                                             "tag:yaml.org,2002:bool",
                                             "tag:yaml.org,2002:map",
                                             "tag:yaml.org,2002:seq",
                                             "tag:yaml.org,2002:null"};
    if (known.count(tag) == 0)
      fail(mark, "the tag '" + shown(tag) + "'", "no tags");
  }

  void charge(const YAML::Mark& mark, std::size_t values) {
    values_ += values;
    if (values_ > document_limits::values)
      fail(mark, "more values, counting what aliases repeat",
           "at most " + std::to_string(document_limits::values) + " values");
  }

  void open(document_node node, const YAML::Mark& mark, YAML::anchor_t anchor) {
    charge(mark, 1);
    if (static_cast<int>(open_.size()) >= document_limits::depth)
      fail_depth(mark);
    if (!open_.empty() && open_.back().node.kind == document_node::kinds::mapping && !open_.back().key) {
      // yaml-cpp takes a bracket that is never closed for the beginning of such a key.
      const std::string what = node.kind == document_node::kinds::mapping ? "a mapping as a key" : "a list as a key";
      fail(mark, what + ", or a bracket that is never closed", "well-formed YAML or JSON with text as keys");
    }
    open_.push_back({std::move(node), anchor, std::nullopt, false, {}});
  }

  void close() {
    auto done = std::move(open_.back());
    open_.pop_back();
    YAML::Mark mark;
    mark.line = done.node.line - 1;
    mark.column = done.node.column - 1;
    if (done.anchor != 0) {
      charge(mark, count_values(done.node)); // the copy kept for aliases costs as much as the value
      anchors_[done.anchor] = done.node;
    }
    place(std::move(done.node), mark);
  }

  void add(document_node node, const YAML::Mark& mark, YAML::anchor_t anchor) {
    charge(mark, 1);
    if (anchor != 0)
      anchors_[anchor] = node;
    place(std::move(node), mark);
  }

  /// Puts a complete value where it belongs: as a key, as the value of the waiting key, as an item, or as the root.
  void place(document_node node, const YAML::Mark& mark) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    auto& top = open_.back();
    if (top.node.kind == document_node::kinds::sequence) {
      top.node.items.push_back(std::move(node));
    } else if (!top.key) {
      take_key(top, std::move(node), mark);
    } else {
      if (!top.duplicate) {
        top.node.keys.push_back(std::move(*top.key));
        top.node.items.push_back(std::move(node));
      }
      top.key.reset();
    }
  }

  void take_key(level& top, document_node node, const YAML::Mark& mark) {
    if (node.kind == document_node::kinds::mapping || node.kind == document_node::kinds::sequence)
      fail(mark, "a list or mapping as a key", "text as keys"); // by way of an alias
    if (node.kind == document_node::kinds::nothing && node.text.empty())
      fail(mark, "an empty key", "text as keys");
    top.key = document_key{node.text, mark.line + 1, mark.column + 1};
    const auto [first, fresh] = top.first_lines.emplace(node.text, mark.line + 1);
    top.duplicate = !fresh;
    if (top.duplicate && errors_.size() < document_limits::errors)
      errors_.push_back({source_, mark.line + 1, mark.column + 1, path_to(node.text),
                         "the key '" + shown(node.text) + "' again", "every key once",
                         "first at line " + std::to_string(first->second)});
  }

  std::string path_to(const std::string& last) const {
    std::string path;
    for (const auto& l : open_)
      if (&l != &open_.back())
        path += (l.key ? shown(l.key->text) : std::to_string(l.node.items.size())) + ".";
    return path + shown(last);
  }

  const std::string& source_;
  std::vector<document_error>& errors_;
  document_node root_;
  std::vector<level> open_;
  std::map<YAML::anchor_t, document_node> anchors_;
  std::size_t values_ = 0;
};

/// Line and column of a byte offset, both 1-based.
document_error error_at_offset(std::string_view text, std::size_t offset, const std::string& source) {
  document_error error;
  error.source = source;
  error.line = 1;
  error.column = 1;
  for (std::size_t i = 0; i < offset; ++i) {
    const bool newline = text[i] == '\n';
    error.line += newline ? 1 : 0;
    error.column = newline ? 1 : error.column + ((static_cast<unsigned char>(text[i]) & 0xC0U) != 0x80U ? 1 : 0);
  }
  return error;
}

/// What is wrong with the bytes before any YAML is looked at; one error at most.
std::optional<document_error> check_bytes(std::string_view text, const std::string& source) {
  if (text.size() > document_limits::bytes) {
    document_error error;
    error.source = source;
    error.found = std::to_string(text.size()) + " bytes";
    error.accepted = "at most " + std::to_string(document_limits::bytes) + " bytes";
    return error;
  }
  std::size_t bad = 0;
  if (!valid_utf8(text, bad)) {
    auto error = error_at_offset(text, bad, source);
    error.found = "the byte " + shown(text.substr(bad, 1));
    error.accepted = "UTF-8 text";
    return error;
  }
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte < 0x20 && byte != '\n' && byte != '\r' && byte != '\t') || byte == 0x7F) {
      auto error = error_at_offset(text, i, source);
      error.found = "the control character " + shown(text.substr(i, 1));
      error.accepted = "printable text";
      return error;
    }
  }
  return std::nullopt;
}

/// Whether a line (0-based) has a tab among its leading blanks: the usual reason when a document makes no sense.
bool tab_indented(std::string_view text, int line) {
  for (; line > 0; --line) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos)
      return false;
    text.remove_prefix(end + 1);
  }
  const auto first = text.find_first_not_of(' ');
  return first != std::string_view::npos && text[first] == '\t';
}

/// Value of `\uXXXX` at an offset, or -1.
int escaped_unit(std::string_view text, std::size_t at) {
  int value = -1;
  if (at + 6 <= text.size() && text[at] == '\\' && text[at + 1] == 'u') {
    const auto* end = text.data() + at + 6;
    if (std::from_chars(text.data() + at + 2, end, value, 16).ptr != end)
      value = -1;
  }
  return value;
}

/// The character of a surrogate pair at an offset, in UTF-8; empty if there is none.
std::string surrogate_pair(std::string_view text, std::size_t at) {
  const auto high = escaped_unit(text, at), low = escaped_unit(text, at + 6);
  if (high < 0xD800 || high > 0xDBFF || low < 0xDC00 || low > 0xDFFF)
    return {};
  const auto code = 0x10000U + (static_cast<unsigned>(high - 0xD800) << 10U) + static_cast<unsigned>(low - 0xDC00);
  return {static_cast<char>(0xF0U | (code >> 18U)), static_cast<char>(0x80U | ((code >> 12U) & 0x3FU)),
          static_cast<char>(0x80U | ((code >> 6U) & 0x3FU)), static_cast<char>(0x80U | (code & 0x3FU))};
}

/// A JSON text as yaml-cpp reads it: it refuses some separating tabs, and escapes of characters beyond 16 bits.
std::string as_yaml(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos || text[first] != '{')
    return std::string{text};
  std::string result;
  result.reserve(text.size());
  bool inside = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (inside && text[i] == '\\') {
      const auto character = surrogate_pair(text, i);
      result += character.empty() ? std::string{text.substr(i, 2)} : character;
      i += character.empty() ? 1 : 11;
      continue;
    }
    inside = inside != (text[i] == '"');
    result += !inside && text[i] == '\t' ? ' ' : text[i];
  }
  return result;
}

} // namespace

const document_node* document_node::find(std::string_view key) const {
  for (std::size_t i = 0; i < keys.size(); ++i)
    if (keys[i].text == key)
      return &items[i];
  return nullptr;
}

std::optional<document_node> read_document(std::string_view text, const std::string& source,
                                           std::vector<document_error>& errors) {
  if (auto error = check_bytes(text, source)) {
    errors.push_back(std::move(*error));
    return std::nullopt;
  }
  std::istringstream stream{as_yaml(text)};
  try {
    YAML::Parser parser{stream};
    tree_builder builder{source, errors};
    if (!parser.HandleNextDocument(builder)) {
      errors.push_back({source, 1, 1, "", "an empty document", "a DynamoGraphDeploymentRequest", ""});
      return std::nullopt;
    }
    std::vector<document_error> ignored;
    tree_builder second{source, ignored};
    if (parser.HandleNextDocument(second) && second.root().kind != document_node::kinds::nothing) {
      errors.push_back({source, second.root().line, second.root().column, "", "a second document", "one document", ""});
      return std::nullopt;
    }
    return std::move(builder.root());
  } catch (const stop_parsing& stop) {
    errors.push_back(stop.error);
  } catch (const YAML::Exception& e) {
    const bool placed = !e.mark.is_null();
    const auto hint = placed && tab_indented(text, e.mark.line) ? "YAML does not allow tabs for indentation" : "";
    errors.push_back({source, placed ? e.mark.line + 1 : 0, placed ? e.mark.column + 1 : 0, "",
                      "text that does not parse (" + shown(e.msg) + ")", "well-formed YAML or JSON", hint});
  } catch (const std::exception& e) {
    errors.push_back({source, 0, 0, "", shown(e.what()), "well-formed YAML or JSON", ""});
  }
  return std::nullopt;
}

} // namespace sextant
