// npz_reader.cpp: From the end record through the central directory to the members. Trusts no number of the file.
#include <algorithm>
#include <cstring>

#include <zlib.h>

#include "adapters/npz/npz.hpp"

namespace sextant {

namespace {

constexpr size_t end_bytes = 22, entry_bytes = 46, local_bytes = 30, end64_bytes = 56, locator_bytes = 20;
constexpr uint64_t too_large = 0xffffffff;
/// A member is never unpacked into more than this many times its size: zeros deflate to a thousandth.
constexpr uint64_t largest_ratio = 2000;

/// A little-endian number at `at`; the caller has checked that it lies inside.
template <class T>
T number_at(std::string_view bytes, size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

/// Whether `size` bytes from `at` on lie inside of `bytes`, whatever the numbers are.
bool inside(std::string_view bytes, uint64_t at, uint64_t size) {
  return at <= bytes.size() && size <= bytes.size() - at;
}

/// Where the end record is: the last one, as a comment may follow it.
size_t end_record(std::string_view bytes) {
  return bytes.rfind(std::string_view{"PK\x05\x06", 4});
}

struct directory {
  uint64_t at = 0, members = 0;
};

std::optional<directory> find_directory(std::string_view bytes) {
  const size_t end = end_record(bytes);
  if (end == std::string_view::npos || !inside(bytes, end, end_bytes))
    return std::nullopt;
  directory d{number_at<uint32_t>(bytes, end + 16), number_at<uint16_t>(bytes, end + 10)};
  if (d.at != too_large || end < locator_bytes || number_at<uint32_t>(bytes, end - locator_bytes) != 0x07064b50)
    return d;
  const auto end64 = number_at<uint64_t>(bytes, end - locator_bytes + 8);
  if (!inside(bytes, end64, end64_bytes) || number_at<uint32_t>(bytes, end64) != 0x06064b50)
    return std::nullopt;
  return directory{number_at<uint64_t>(bytes, end64 + 48), number_at<uint64_t>(bytes, end64 + 32)};
}

/// Puts the 64-bit numbers of an extra field in the place of those that are full, in their fixed order.
void take_large(std::string_view extra, std::initializer_list<uint64_t*> numbers) {
  while (extra.size() >= 4) {
    const auto id = number_at<uint16_t>(extra, 0), size = number_at<uint16_t>(extra, 2);
    auto field = extra.substr(4, size);
    extra.remove_prefix(std::min<size_t>(extra.size(), size_t{4} + size));
    if (id != 1)
      continue;
    for (auto* x : numbers)
      if (*x == too_large && field.size() >= 8) {
        *x = number_at<uint64_t>(field, 0);
        field.remove_prefix(8);
      }
  }
}

bool inflate_all(std::string_view packed, std::string& out) {
  z_stream z{};
  if (inflateInit2(&z, -MAX_WBITS) != Z_OK)
    return false;
  // zlib counts in 32 bits: both sides are handed over in pieces.
  constexpr size_t piece = size_t{1} << 30;
  size_t read = 0, written = 0;
  int state = Z_OK;
  while (state == Z_OK) {
    const size_t in = std::min(piece, packed.size() - read), room = std::min(piece, out.size() - written);
    z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data() + read));
    z.avail_in = static_cast<uInt>(in);
    z.next_out = reinterpret_cast<Bytef*>(out.data() + written);
    z.avail_out = static_cast<uInt>(room);
    state = inflate(&z, Z_NO_FLUSH);
    read += in - z.avail_in;
    written += room - z.avail_out;
    if (state == Z_OK && z.avail_in == in && z.avail_out == room)
      break; // no progress
  }
  inflateEnd(&z);
  return state == Z_STREAM_END && written == out.size();
}

/// The text between `key` and `end` in the header of a member.
std::string_view between(std::string_view header, std::string_view key, char end) {
  const size_t at = header.find(key);
  if (at == std::string_view::npos)
    return {};
  const auto rest = header.substr(at + key.size());
  const size_t stop = rest.find(end);
  return stop == std::string_view::npos ? std::string_view{} : rest.substr(0, stop);
}

} // namespace

npz_reader::npz_reader(std::string_view bytes) : bytes_{bytes} {
  const auto found = find_directory(bytes);
  if (!found) {
    error = "this is no .npz file, or its end is missing";
    return;
  }
  uint64_t at = found->at;
  for (uint64_t i = 0; i < found->members; ++i) {
    if (!inside(bytes, at, entry_bytes) || number_at<uint32_t>(bytes, at) != 0x02014b50) {
      error = "the directory of the .npz file is damaged";
      return;
    }
    const auto name = number_at<uint16_t>(bytes, at + 28), extra = number_at<uint16_t>(bytes, at + 30);
    const auto comment = number_at<uint16_t>(bytes, at + 32);
    if (!inside(bytes, at + entry_bytes, uint64_t{name} + extra + comment)) {
      error = "the directory of the .npz file is damaged";
      return;
    }
    place p;
    p.method = number_at<uint16_t>(bytes, at + 10);
    p.crc = number_at<uint32_t>(bytes, at + 16);
    p.packed = number_at<uint32_t>(bytes, at + 20);
    p.size = number_at<uint32_t>(bytes, at + 24);
    p.local = number_at<uint32_t>(bytes, at + 42);
    take_large(bytes.substr(at + entry_bytes + name, extra), {&p.size, &p.packed, &p.local});
    auto text = bytes.substr(at + entry_bytes, name);
    if (text.ends_with(".npy"))
      text.remove_suffix(4);
    members_[std::string{text}] = p;
    at += entry_bytes + name + extra + comment;
  }
}

void npz_reader::fail(std::string_view name, const std::string& what) {
  if (error.empty())
    error = "array " + std::string{name} + ' ' + what;
}

std::optional<std::string> npz_reader::unpacked(std::string_view name, const place& p) {
  if (!inside(bytes_, p.local, local_bytes)) {
    fail(name, "is damaged");
    return std::nullopt;
  }
  const uint64_t begin =
      p.local + local_bytes + number_at<uint16_t>(bytes_, p.local + 26) + number_at<uint16_t>(bytes_, p.local + 28);
  if (!inside(bytes_, begin, p.packed) || (p.method != 0 && p.method != 8) || (p.method == 0 && p.packed != p.size)
      || p.size / largest_ratio > p.packed) {
    fail(name, "is damaged, or packed in an unknown way");
    return std::nullopt;
  }
  std::string out;
  if (p.method == 0) {
    out = bytes_.substr(begin, p.packed);
  } else {
    out.resize(p.size);
    if (!inflate_all(bytes_.substr(begin, p.packed), out)) {
      fail(name, "cannot be unpacked");
      return std::nullopt;
    }
  }
  if (crc32_z(0, reinterpret_cast<const Bytef*>(out.data()), out.size()) != p.crc) {
    fail(name, "is damaged: its check sum is wrong");
    return std::nullopt;
  }
  return out;
}

std::optional<std::string> npz_reader::member(std::string_view name, std::string_view type, size_t element_bytes) {
  const auto at = members_.find(name);
  if (at == members_.end()) {
    fail(name, "is missing");
    return std::nullopt;
  }
  auto data = unpacked(name, at->second);
  if (!data)
    return std::nullopt;
  constexpr size_t preamble = 10;
  if (data->size() < preamble || data->compare(0, 6, "\x93NUMPY") != 0 || (*data)[6] != 1) {
    fail(name, "is no array of format 1");
    return std::nullopt;
  }
  const size_t header = number_at<uint16_t>(*data, 8);
  if (data->size() < preamble + header) {
    fail(name, "is cut off");
    return std::nullopt;
  }
  const auto dict = std::string_view{*data}.substr(preamble, header);
  if (const auto found = between(dict, "'descr': '", '\''); found != type) {
    fail(name,
         "has elements of type \"" + std::string{found.substr(0, 16)} + "\", accepted is \"" + std::string{type} + '"');
    return std::nullopt;
  }
  const auto shape = between(dict, "'shape': (", ')');
  uint64_t count = 0;
  for (const char c : shape.substr(0, shape.find(',')))
    count =
        c >= '0' && c <= '9' && count < (uint64_t{1} << 56) ? count * 10 + static_cast<uint64_t>(c - '0') : too_large << 8;
  const bool one_dimension = shape.find(',') != std::string_view::npos && shape.find(',') + 1 == shape.size();
  if (!one_dimension || (data->size() - preamble - header) / element_bytes != count
      || (data->size() - preamble - header) % element_bytes != 0) {
    fail(name, "has not the one dimension and size that it states");
    return std::nullopt;
  }
  data->erase(0, preamble + header);
  return data;
}

void npz_reader::copy(std::string_view from, void* to) {
  if (!from.empty())
    std::memcpy(to, from.data(), from.size());
}

} // namespace sextant
