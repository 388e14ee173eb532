// arguments.hpp: Command line arguments of a worker: looked up, set and removed without touching what the user wrote beside.
// Pure values; throws nothing.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sextant {

/// Arguments of one container, either as a list or as the script of a `sh -c` container.
class argument_list {
public:
  /// From `args`; entries with blanks are split like a shell does, unless they are JSON texts (start with `{` or `[`), the
  /// value of the flag before them, or one flag with its value (`--flag=two words`): those are one argument for the engine.
  static argument_list from_exec(const std::vector<std::string>& args);
  /// From the script of a `sh -c` container. What stays untouched keeps its exact spelling.
  static argument_list from_script(std::string_view script);

  std::vector<std::string> exec() const;
  std::string script() const;

  /// Value of `--flag value` or `--flag=value`.
  std::optional<std::string> value(std::string_view flag) const;
  bool has(std::string_view flag) const;
  /// Whether any flag begins like this.
  bool has_prefix(std::string_view prefix) const;
  /// Replaces the value where it stands, or appends flag and value before a pipe, redirection or next command.
  void set(std::string_view flag, std::string_view value);
  /// Appends one argument as it is.
  void append(std::string_view text);
  /// Appends a flag without value unless it is there.
  void add(std::string_view flag);
  /// Removes every occurrence of a flag, with its value if it has one.
  void remove(std::string_view flag);

private:
  struct argument {
    std::string text; ///< unquoted
    std::string raw;  ///< as written in a script; empty for arguments that were added or changed
    bool is_operator = false;
  };

  static std::vector<argument> split(std::string_view script);
  size_t begin() const;
  size_t end() const;
  std::optional<size_t> index_of(std::string_view flag) const;
  bool value_follows(size_t index) const;

  std::vector<argument> items_;
};

} // namespace sextant
