// npz.hpp: Arrays as numpy's .npz: a zip of .npy members, byte-identical for identical arrays. Throws nothing.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sextant {

namespace npz {

/// Kinds of elements, by numpy's names.
template <class T>
constexpr std::string_view type_name() {
  if constexpr (std::same_as<T, double>)
    return "<f8";
  else if constexpr (std::same_as<T, int64_t>)
    return "<i8";
  else if constexpr (std::same_as<T, int32_t>)
    return "<i4";
  else if constexpr (std::same_as<T, uint32_t>)
    return "<u4";
  else if constexpr (std::same_as<T, uint16_t>)
    return "<u2";
  else {
    static_assert(std::same_as<T, uint8_t>, "no such element");
    return "|u1";
  }
}

/// Bytes of elements in the machine's order.
template <class T>
std::string_view raw_bytes(std::span<const T> values) {
  return {reinterpret_cast<const char*>(values.data()), values.size_bytes()};
}

/// A vector's shape in Python's words.
inline std::string vector_shape(size_t count) {
  return std::to_string(count) + ",";
}

} // namespace npz

/// Writes an archive piece by piece, so that big arrays need not be in memory twice. Members and archives beyond 4 GiB get
/// the larger records of zip64.
class npz_stream {
public:
  using sink = std::function<void(std::string_view)>;

  explicit npz_stream(sink out) : out_{std::move(out)} {}

  /// An array of shape (n,).
  template <class T>
  void add(std::string_view name, std::span<const T> values) {
    add_member(name, npz::type_name<T>(), npz::vector_shape(values.size()), npz::raw_bytes(values));
  }
  /// Elements that are given as bytes; `shape` as in Python, without its parentheses.
  void add_member(std::string_view name, std::string_view type, const std::string& shape, std::string_view raw);

  /// Writes the directory; nothing may be added afterwards.
  void finish();

private:
  void put(std::string_view part);

  sink out_;
  std::string directory_;
  uint64_t written_ = 0;
  uint64_t members_ = 0;
};

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
    std::string name, type, shape, raw;
  };

  std::vector<member> members_;
};

/// Reads one-dimensional arrays of an archive in memory; members are stored or deflated.
class npz_reader {
public:
  /// `bytes` must outlive the reader. `error` is filled if it is no such archive.
  explicit npz_reader(std::string_view bytes);

  std::string error;

  bool has(std::string_view name) const { return members_.find(name) != members_.end(); }

  /// The elements of an array. `error` says what is missing or of another type.
  template <class T>
  std::vector<T> array(std::string_view name) {
    std::vector<T> out;
    const auto content = member(name, npz::type_name<T>(), sizeof(T));
    if (!content)
      return out;
    out.resize(content->size() / sizeof(T));
    copy(*content, out.data());
    return out;
  }

private:
  struct place {
    uint16_t method = 0;
    uint32_t crc = 0;
    uint64_t packed = 0, size = 0, local = 0;
  };

  std::optional<std::string> member(std::string_view name, std::string_view type, size_t element_bytes);
  std::optional<std::string> unpacked(std::string_view name, const place& at);
  void fail(std::string_view name, const std::string& what);
  static void copy(std::string_view from, void* to);

  std::string_view bytes_;
  std::map<std::string, place, std::less<>> members_;
};

} // namespace sextant
