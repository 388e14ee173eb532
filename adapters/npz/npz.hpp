// npz.hpp: Arrays as numpy's .npz: a zip of stored .npy members, byte-identical for identical arrays.
// Pure; throws nothing.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sextant {

/// Collects arrays and turns them into the bytes of an .npz file.
class npz_writer {
public:
  /// float64, shape (n,).
  void add(std::string_view name, const std::vector<double>& values);
  /// float64, shape (rows, n / rows), row by row.
  void add_table(std::string_view name, const std::vector<double>& values, size_t rows);
  /// int64, shape (n,).
  void add(std::string_view name, const std::vector<int64_t>& values);
  /// bool, shape (n,).
  void add_flags(std::string_view name, const std::vector<bool>& values);
  /// The whole file.
  std::string bytes() const;

private:
  struct member {
    std::string name;
    std::string data;
  };

  void add_member(std::string_view name, std::string_view type, const std::string& shape, std::string_view raw);

  std::vector<member> members_;
};

} // namespace sextant
