// files.cpp: Writing beside and renaming.
#include "actors/artifacts/files.hpp"

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

#include <unistd.h>

namespace sextant {

namespace fs = std::filesystem;

std::string temporary_beside(const std::string& path, std::string& error) {
  static std::atomic<unsigned> counter{0};
  const fs::path place{path};
  std::error_code code;
  if (place.has_parent_path())
    fs::create_directories(place.parent_path(), code);
  if (code) {
    error = place.parent_path().string() + ": " + code.message();
    return {};
  }
  const auto name = "." + place.filename().string() + "." + std::to_string(::getpid()) + "-" + std::to_string(++counter);
  return (place.parent_path() / name).string();
}

std::string put_in_place(const std::string& temporary, const std::string& path) {
  if (std::rename(temporary.c_str(), path.c_str()) == 0)
    return {};
  const std::string error = path + ": " + std::strerror(errno);
  remove_file(temporary);
  return error;
}

std::string write_file(const std::string& path, std::string_view content) {
  std::string error;
  const auto temporary = temporary_beside(path, error);
  if (!error.empty())
    return error;
  std::ofstream out{temporary, std::ios::binary | std::ios::trunc};
  out.write(content.data(), static_cast<std::streamsize>(content.size()));
  out.close();
  if (!out) {
    error = path + ": " + std::strerror(errno);
    remove_file(temporary);
    return error;
  }
  return put_in_place(temporary, path);
}

void remove_file(const std::string& path) {
  std::error_code ignored;
  fs::remove(path, ignored);
}

std::string read_file(const std::string& path, std::string& error) {
  std::ifstream in{path, std::ios::binary};
  std::ostringstream content;
  if (std::error_code code; std::filesystem::is_directory(path, code)) {
    error = path + ": " + std::strerror(EISDIR);
    return {};
  }
  if (in && in.peek() != std::ifstream::traits_type::eof())
    content << in.rdbuf();
  if (in.bad() || !in.is_open()) {
    error = path + ": " + std::strerror(errno);
    return {};
  }
  return std::move(content).str();
}

} // namespace sextant
