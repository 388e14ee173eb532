// files.hpp: Files that appear whole or not at all: written beside, then renamed. Errors come back as text.
#pragma once

#include <string>
#include <string_view>

namespace sextant {

/// Writes a file and the folders above it. Returns an error text, or nothing.
std::string write_file(const std::string& path, std::string_view content);

/// A name beside `path` that nobody else uses, for files that another program writes. The folder exists afterwards
/// unless `error` is filled.
std::string temporary_beside(const std::string& path, std::string& error);

/// Puts a finished temporary file in its place. Returns an error text, or nothing.
std::string put_in_place(const std::string& temporary, const std::string& path);

/// Removes a file if it is there.
void remove_file(const std::string& path);

/// Whole content of a file. `error` is filled if it cannot be read.
std::string read_file(const std::string& path, std::string& error);

} // namespace sextant
