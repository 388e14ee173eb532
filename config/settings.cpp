// settings.cpp: Walks documents and option lists with the schema; everything not understood becomes an error with its place.
#include "config/settings.hpp"

#include "config/gpu_file.hpp"
#include "config/nearest.hpp"
#include "config/option_values.hpp"
#include "config/options.hpp"
#include "config/planner_config.hpp"
#include "config/schema.hpp"

namespace sextant {

namespace {

std::string joined(const std::vector<std::string>& names) {
  std::string result;
  for (const auto& name : names)
    result += (result.empty() ? "" : ", ") + name;
  return result;
}

/// `canonical_value`, without opening a file that the writer may not name.
std::optional<std::string> canonical_within(const option_row& row, std::string_view text, const reading& out,
                                            std::string& hint) {
  if (row.type != option_type::gpu || out.own_files || !is_gpu_file(text))
    return canonical_value(row, text, hint);
  hint = "a description file is for commands that run where the file is; a serving node opens none for a request";
  return std::nullopt;
}

/// One pass over one document.
class document_walk {
public:
  document_walk(request_api api, const std::string& source, reading& out) : api_{api}, source_{source}, out_{out} {}

  settings take() { return std::move(settings_); }

  void walk(const document_node& node, const schema_node& schema, const std::string& path) {
    switch (schema.kind) {
      case schema_node::kinds::free:
        break;
      case schema_node::kinds::value:
        read_value(node, *schema.row, std::string{schema.row->name}, path, schema.weak);
        break;
      case schema_node::kinds::planner:
        walk_planner(node, path);
        break;
      case schema_node::kinds::section:
        walk_section(node, schema, path);
        break;
    }
  }

private:
  static std::string below(const std::string& path, const std::string& key) {
    return path.empty() ? shown(key) : path + "." + shown(key);
  }

  void complain(int line, int column, std::string path, std::string found, std::string accepted, std::string hint = {}) {
    out_.errors.push_back({source_, line, column, std::move(path), std::move(found), std::move(accepted), std::move(hint)});
  }

  void walk_section(const document_node& node, const schema_node& schema, const std::string& path) {
    if (node.kind == document_node::kinds::nothing)
      return;
    if (node.kind != document_node::kinds::mapping) {
      complain(node.line, node.column, path, found_text(node), "an object with keys of " + joined(section_keys(schema)));
      return;
    }
    for (std::size_t i = 0; i < node.keys.size() && out_.errors.size() < document_limits::errors; ++i) {
      const auto& key = node.keys[i];
      const auto child = schema.children.find(key.text);
      if (child == schema.children.end())
        complain(key.line, key.column, below(path, key.text), "the unknown key '" + shown(key.text) + "'",
                 joined(section_keys(schema)), unknown_key_hint(key.text, schema, path));
      else
        walk(node.items[i], child->second, below(path, key.text));
    }
  }

  std::string unknown_key_hint(const std::string& key, const schema_node& schema, const std::string& path) const {
    if (key == "<<")
      return "merge keys are not supported: write the values out";
    const auto keys = section_keys(schema);
    const auto nearest = nearest_name(key, keys);
    if (!nearest.empty() && separated(nearest, '_') == separated(key, '_'))
      return "did you mean '" + nearest + "'?";
    if (key.size() <= 128) {
      const auto here = places_of_key(api_, key);
      if (!here.empty())
        return "belongs at " + here.front();
      const auto other = api_ == request_api::v1alpha1 ? request_api::v1beta1 : request_api::v1alpha1;
      const auto* same = document_schema(other).at(path);
      if (same && same->children.count(key) != 0)
        return "belongs to nvidia.com/" + std::string{to_text(other)};
    }
    return nearest.empty() ? "" : "did you mean '" + nearest + "'?";
  }

  void walk_planner(const document_node& node, const std::string& path) {
    if (node.kind == document_node::kinds::nothing)
      return;
    if (node.kind != document_node::kinds::mapping) {
      complain(node.line, node.column, path, found_text(node), "an object with keys planner_*");
      return;
    }
    for (std::size_t i = 0; i < node.keys.size() && out_.errors.size() < document_limits::errors; ++i) {
      const auto& key = node.keys[i];
      std::string name;
      for (char c : separated(key.text, '-'))
        name += c == '_' ? '-' : c;
      const auto* row = name.starts_with("planner-") ? find_option(name) : nullptr;
      if (row)
        read_value(node.items[i], *row, name, below(path, key.text), false);
      else
        complain(key.line, key.column, below(path, key.text), "the unknown key '" + shown(key.text) + "'",
                 "the planner's arguments with the prefix planner_", planner_hint(name));
    }
  }

  static std::string planner_hint(const std::string& name) {
    std::vector<std::string> names;
    for (const auto& row : planner_arguments()) {
      std::string key = "planner_";
      for (char c : row.name)
        key += c == '-' ? '_' : c;
      names.push_back(std::move(key));
    }
    const auto nearest = nearest_name(name.starts_with("planner-") ? name : "planner-" + name, names);
    return nearest.empty() ? "" : "did you mean '" + nearest + "'?";
  }

  void read_value(const document_node& node, const option_row& row, const std::string& name, const std::string& path,
                  bool weak) {
    std::string hint;
    const auto value = value_of(node, row, hint);
    if (!value) {
      complain(node.line, node.column, path, found_text(node), accepted_text(row), hint);
      return;
    }
    if (row.name == "planner-config")
      check_planner_config(node, source_, path, out_.errors);
    store(name, {*value, {source_, node.line, node.column, path, "", "", ""}, weak});
  }

  std::optional<std::string> value_of(const document_node& node, const option_row& row, std::string& hint) const {
    if (row.type == option_type::object)
      return node.kind == document_node::kinds::mapping ? std::optional{json_text(node)} : std::nullopt;
    if (row.type == option_type::list)
      return node.kind == document_node::kinds::sequence ? std::optional{json_text(node)} : std::nullopt;
    if (node.kind != document_node::kinds::scalar) {
      if (node.kind == document_node::kinds::nothing)
        hint = "leave the key out for the default";
      return std::nullopt;
    }
    if (api_ == request_api::v1beta1 && row.beta_value == "auto" && node.text == "auto")
      return node.text;
    return canonical_within(row, node.text, out_, hint);
  }

  void store(const std::string& name, setting value) {
    const auto [known, fresh] = settings_.emplace(name, value);
    if (fresh || known->second.value == value.value)
      return;
    auto& old = known->second;
    if (old.weak == value.weak) {
      complain(value.place.line, value.place.column, value.place.path, "\"" + shown(value.value) + "\"",
               "the same value as " + old.place.path + " (\"" + shown(old.value) + "\")", "both set " + name + ": keep one");
      return;
    }
    const auto& loser = value.weak ? value : old;
    out_.warnings.push_back(loser.place.path + " is overridden");
    if (old.weak)
      old = std::move(value);
  }

  request_api api_;
  const std::string& source_;
  reading& out_;
  settings settings_;
};

void read_one_option(const std::string& given, const std::string& value, uint32_t commands, option_place style,
                     settings& result, reading& out) {
  const auto match = match_option(given, commands);
  const auto refuse = [&](const std::string& name, std::string found, std::string accepted, std::string hint) {
    out.errors.push_back(option_error(style, name, std::move(found), std::move(accepted), std::move(hint)));
  };
  if (!match.row) {
    const auto nearest = nearest_name(given, option_names(commands));
    refuse(shown(given), match.several.empty() ? "an unknown option" : "an ambiguous option",
           match.several.empty() ? "an option of the table" : joined(match.several),
           nearest.empty() ? "" : "did you mean '" + nearest + "'?");
    return;
  }
  if (style == option_place::submission && !match.row->request) {
    refuse(match.name, "an option of the process", "options of a request", "give it to the command that runs");
    return;
  }
  std::string accepted, hint;
  const auto canonical = read_option_value(*match.row, commands, value, out, accepted, hint);
  if (!canonical) {
    refuse(match.name, "\"" + shown(value) + "\"", accepted, hint);
    return;
  }
  const auto place = option_error(style, match.name, "", "", "");
  const auto [known, fresh] = result.emplace(match.name, setting{*canonical, place, false});
  if (!fresh && known->second.value != *canonical)
    refuse(match.name, "two values, \"" + shown(known->second.value) + "\" and \"" + shown(*canonical) + "\"", "one value",
           "");
}

} // namespace

std::optional<std::string> read_option_value(const option_row& row, uint32_t commands, const std::string& value,
                                             const reading& out, std::string& accepted, std::string& hint) {
  std::size_t bad = 0;
  const bool clean =
      valid_utf8(value, bad)
      && value.find_first_of(std::string_view{"\0\x01\x02\x03\x04\x05\x06\x07\x08\x0B\x0C\x7F", 12}) == std::string::npos;
  auto ranged = row;
  if (commands == (commands & row.or_none))
    ranged.range.low = 0;
  accepted = clean ? accepted_text(ranged) : "printable UTF-8 text";
  return clean ? canonical_within(ranged, value, out, hint) : std::nullopt;
}

document_error option_error(option_place style, const std::string& name, std::string found, std::string accepted,
                            std::string hint) {
  document_error error;
  error.source = style == option_place::flag ? "--" + name : "options";
  error.path = style == option_place::flag ? "" : "options." + name;
  error.found = std::move(found);
  error.accepted = std::move(accepted);
  error.hint = std::move(hint);
  return error;
}

settings read_document_settings(const document_node& root, request_api api, const std::string& source, reading& out) {
  document_walk walk{api, source, out};
  walk.walk(root, document_schema(api), "");
  return walk.take();
}

settings read_config_settings(const document_node& config, const std::string& source, const std::string& path,
                              reading& out) {
  document_walk walk{request_api::v1alpha1, source, out};
  walk.walk(config, *document_schema(request_api::v1alpha1).at(config_path), path);
  return walk.take();
}

settings read_option_settings(const std::map<std::string, std::string>& given, uint32_t commands, option_place style,
                              reading& out) {
  settings result;
  for (const auto& [name, value] : given)
    read_one_option(name, value, commands, style, result, out);
  return result;
}

void overlay(settings& under, settings over) {
  for (auto& [name, value] : over)
    under[name] = std::move(value);
}

} // namespace sextant
