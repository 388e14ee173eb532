// npz.cpp: The .npy header and the few zip records that a stored archive needs.
#include "adapters/npz/npz.hpp"

#include <algorithm>
#include <bit>

#include <zlib.h>

namespace sextant {

namespace {

static_assert(std::endian::native == std::endian::little, "arrays are written in the machine's byte order");

/// From here on sizes and offsets stand in the zip64 records.
constexpr uint64_t too_large = 0xffffffff;

void put16(std::string& out, uint64_t value) {
  out += static_cast<char>(value & 0xff);
  out += static_cast<char>(value >> 8 & 0xff);
}

void put32(std::string& out, uint64_t value) {
  put16(out, value & 0xffff);
  put16(out, value >> 16 & 0xffff);
}

void put64(std::string& out, uint64_t value) {
  put32(out, value & 0xffffffff);
  put32(out, value >> 32);
}

uint64_t crc_of(uint64_t before, std::string_view data) {
  if (data.empty()) // zlib takes a null pointer for a new start
    return before;
  return crc32_z(before, reinterpret_cast<const Bytef*>(data.data()), data.size());
}

/// Fields that local header and central directory share, stored, 1980-01-01 so that equal arrays give equal files.
void put_common(std::string& out, std::string_view name, uint64_t crc, uint64_t size, std::string_view extra) {
  const bool large = size >= too_large;
  put16(out, large || !extra.empty() ? 45 : 20);
  put16(out, 0);
  put16(out, 0);
  put16(out, 0);
  put16(out, 0x21);
  put32(out, crc);
  put32(out, std::min(size, too_large));
  put32(out, std::min(size, too_large));
  put16(out, name.size());
  put16(out, extra.size());
}

std::string npy_header(std::string_view type, const std::string& shape) {
  std::string dict = "{'descr': '" + std::string{type} + "', 'fortran_order': False, 'shape': (" + shape + "), }";
  constexpr size_t preamble = 10;
  while ((preamble + dict.size() + 1) % 64 != 0)
    dict += ' ';
  dict += '\n';
  std::string header = "\x93NUMPY";
  header += '\x01';
  header += '\x00';
  put16(header, dict.size());
  return header + dict;
}

} // namespace

void npz_stream::put(std::string_view part) {
  out_(part);
  written_ += part.size();
}

void npz_stream::add_member(std::string_view array, std::string_view type, const std::string& shape, std::string_view raw) {
  const auto name = std::string{array} + ".npy";
  const auto header = npy_header(type, shape);
  const uint64_t size = header.size() + raw.size(), offset = written_, crc = crc_of(crc_of(0, header), raw);
  std::string extra;
  if (size >= too_large) {
    put16(extra, 1);
    put16(extra, 16);
    put64(extra, size);
    put64(extra, size);
  }
  std::string local;
  put32(local, 0x04034b50);
  put_common(local, name, crc, size, extra);
  put(local + name + extra);
  put(header);
  put(raw);

  if (offset >= too_large) {
    std::string place;
    put16(place, 1);
    put16(place, (size >= too_large ? 16 : 0) + 8);
    if (size >= too_large)
      place += extra.substr(4);
    put64(place, offset);
    extra = place;
  }
  put32(directory_, 0x02014b50);
  put16(directory_, extra.empty() ? 20 : 45);
  put_common(directory_, name, crc, size, extra);
  put16(directory_, 0); // comment length
  put16(directory_, 0); // disk
  put16(directory_, 0); // internal attributes
  put32(directory_, 0); // external attributes
  put32(directory_, std::min(offset, too_large));
  directory_ += name + extra;
  ++members_;
}

void npz_stream::finish() {
  const uint64_t start = written_;
  put(directory_);
  std::string end;
  if (start >= too_large) {
    const uint64_t at = written_;
    put32(end, 0x06064b50);
    put64(end, 44);
    put16(end, 45);
    put16(end, 45);
    put32(end, 0);
    put32(end, 0);
    put64(end, members_);
    put64(end, members_);
    put64(end, directory_.size());
    put64(end, start);
    put32(end, 0x07064b50);
    put32(end, 0);
    put64(end, at);
    put32(end, 1);
  }
  put32(end, 0x06054b50);
  put16(end, 0);
  put16(end, 0);
  put16(end, members_);
  put16(end, members_);
  put32(end, directory_.size());
  put32(end, std::min(start, too_large));
  put16(end, 0);
  put(end);
}

void npz_writer::add(std::string_view name, const std::vector<double>& values) {
  members_.push_back(
      {std::string{name}, "<f8", npz::vector_shape(values.size()), std::string{npz::raw_bytes(std::span{values})}});
}

void npz_writer::add_table(std::string_view name, const std::vector<double>& values, size_t rows) {
  const auto shape = std::to_string(rows) + ", " + std::to_string(rows == 0 ? 0 : values.size() / rows);
  members_.push_back({std::string{name}, "<f8", shape, std::string{npz::raw_bytes(std::span{values})}});
}

void npz_writer::add(std::string_view name, const std::vector<int64_t>& values) {
  members_.push_back(
      {std::string{name}, "<i8", npz::vector_shape(values.size()), std::string{npz::raw_bytes(std::span{values})}});
}

void npz_writer::add_flags(std::string_view name, const std::vector<bool>& values) {
  std::string raw;
  for (const bool value : values)
    raw += static_cast<char>(value ? 1 : 0);
  members_.push_back({std::string{name}, "|b1", npz::vector_shape(values.size()), std::move(raw)});
}

std::string npz_writer::bytes() const {
  std::string out;
  npz_stream stream{[&out](std::string_view part) { out += part; }};
  for (const auto& m : members_)
    stream.add_member(m.name, m.type, m.shape, m.raw);
  stream.finish();
  return out;
}

} // namespace sextant
