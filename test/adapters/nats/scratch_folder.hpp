// scratch_folder.hpp: A temporary folder that goes away with the test.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace sextant::test {

class scratch_folder {
public:
  scratch_folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "sextant-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data()) ? pattern : "";
  }

  scratch_folder(const scratch_folder&) = delete;

  ~scratch_folder() {
    std::error_code ignored;
    if (!path_.empty())
      std::filesystem::remove_all(path_, ignored);
  }

  const std::string& path() const { return path_; }

private:
  std::string path_;
};

} // namespace sextant::test
