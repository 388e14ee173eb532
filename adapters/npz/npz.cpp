// npz.cpp: The .npy header and the few zip records that a stored archive needs.
#include "adapters/npz/npz.hpp"

#include <bit>
#include <cstring>

#include <zlib.h>

namespace sextant {

namespace {

static_assert(std::endian::native == std::endian::little, "arrays are written in the machine's byte order");

void put16(std::string& out, uint32_t value) {
  out += static_cast<char>(value & 0xff);
  out += static_cast<char>(value >> 8 & 0xff);
}

void put32(std::string& out, uint32_t value) {
  put16(out, value & 0xffff);
  put16(out, value >> 16);
}

uint32_t crc_of(std::string_view data) {
  return static_cast<uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(data.data()), static_cast<uInt>(data.size())));
}

// Fields that local header and central directory share: version 2.0, no flags, stored, 1980-01-01 so that equal arrays give
// equal files.
void put_common(std::string& out, std::string_view name, std::string_view data) {
  put16(out, 20);
  put16(out, 0);
  put16(out, 0);
  put16(out, 0);
  put16(out, 0x21);
  put32(out, crc_of(data));
  put32(out, static_cast<uint32_t>(data.size()));
  put32(out, static_cast<uint32_t>(data.size()));
  put16(out, static_cast<uint32_t>(name.size()));
  put16(out, 0);
}

std::string vector_shape(size_t count) {
  return std::to_string(count) + ",";
}

template <class Number>
std::string_view bytes_of(const std::vector<Number>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(Number)};
}

} // namespace

void npz_writer::add_member(std::string_view name, std::string_view type, const std::string& shape, std::string_view raw) {
  std::string dict = "{'descr': '" + std::string{type} + "', 'fortran_order': False, 'shape': (" + shape + "), }";
  constexpr size_t preamble = 10;
  while ((preamble + dict.size() + 1) % 64 != 0)
    dict += ' ';
  dict += '\n';
  std::string data = "\x93NUMPY";
  data += '\x01';
  data += '\x00';
  put16(data, static_cast<uint32_t>(dict.size()));
  data += dict;
  data += raw;
  members_.push_back({std::string{name} + ".npy", std::move(data)});
}

void npz_writer::add(std::string_view name, const std::vector<double>& values) {
  add_member(name, "<f8", vector_shape(values.size()), bytes_of(values));
}

void npz_writer::add_table(std::string_view name, const std::vector<double>& values, size_t rows) {
  add_member(name, "<f8", std::to_string(rows) + ", " + std::to_string(rows == 0 ? 0 : values.size() / rows),
             bytes_of(values));
}

void npz_writer::add(std::string_view name, const std::vector<int64_t>& values) {
  add_member(name, "<i8", vector_shape(values.size()), bytes_of(values));
}

void npz_writer::add_flags(std::string_view name, const std::vector<bool>& values) {
  std::string raw;
  for (const bool value : values)
    raw += static_cast<char>(value ? 1 : 0);
  add_member(name, "|b1", vector_shape(values.size()), raw);
}

std::string npz_writer::bytes() const {
  std::string out;
  std::string directory;
  for (const auto& m : members_) {
    const auto offset = static_cast<uint32_t>(out.size());
    put32(out, 0x04034b50);
    put_common(out, m.name, m.data);
    out += m.name;
    out += m.data;
    put32(directory, 0x02014b50);
    put16(directory, 20);
    put_common(directory, m.name, m.data);
    put16(directory, 0); // comment length
    put16(directory, 0); // disk
    put16(directory, 0); // internal attributes
    put32(directory, 0); // external attributes
    put32(directory, offset);
    directory += m.name;
  }
  const auto start = static_cast<uint32_t>(out.size());
  out += directory;
  put32(out, 0x06054b50);
  put16(out, 0);
  put16(out, 0);
  put16(out, static_cast<uint32_t>(members_.size()));
  put16(out, static_cast<uint32_t>(members_.size()));
  put32(out, static_cast<uint32_t>(directory.size()));
  put32(out, start);
  put16(out, 0);
  return out;
}

} // namespace sextant
