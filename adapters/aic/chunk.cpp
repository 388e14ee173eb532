// chunk.cpp: Decodes chunks; docs/performance_tables.md has the format.
#include "adapters/aic/chunk.hpp"

#include <cmath>

#include <zlib.h>

namespace sextant::performance {

namespace {

/// Times are kept as whole 1/128 of log2 of nanoseconds.
constexpr float steps_per_octave = 128;
const float log2_nanosecond = -std::log2(1e9f);

/// An index column: 1 or 2 bytes each.
bool read_narrow(byte_reader& in, std::size_t count, uint64_t limit, std::vector<uint32_t>& out) {
  const uint8_t width = in.byte();
  if (width != 1 && width != 2)
    return false;
  const auto data = in.bytes(count * width);
  if (!in.ok())
    return false;
  out.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    out[i] = width == 1 ? data[i] : static_cast<uint32_t>(data[2 * i] | data[2 * i + 1] << 8);
    if (out[i] >= limit)
      return false;
  }
  return true;
}

/// Ascending sizes as differences.
bool read_ascending(byte_reader& in, std::size_t limit, std::vector<int64_t>& out) {
  const uint64_t count = in.varint();
  if (count == 0 || count > limit || count > in.left())
    return false;
  out.resize(count);
  int64_t value = 0;
  for (auto& x : out) {
    const uint64_t step = in.varint();
    if (step > (uint64_t{1} << 50))
      return false;
    x = value += static_cast<int64_t>(step);
  }
  return in.ok() && value < (int64_t{1} << 60);
}

bool read_sites(byte_reader& in, chunk& c, std::size_t sites) {
  c.sizes.resize(sites * c.axes);
  std::vector<int64_t> values;
  std::vector<uint32_t> index;
  for (uint32_t axis = 0; axis < c.axes; ++axis) {
    if (!read_ascending(in, sites, values) || !read_narrow(in, sites, values.size(), index))
      return false;
    for (std::size_t i = 0; i < sites; ++i)
      c.sizes[i * c.axes + axis] = values[index[i]];
  }
  return true;
}

bool read_patterns(byte_reader& in, chunk& c, std::size_t sites, std::size_t patterns, uint32_t rows) {
  c.patterns.resize(patterns);
  for (auto& pattern : c.patterns)
    if (!read_ascending(in, rows, pattern))
      return false;
  if (!read_narrow(in, sites, patterns, c.pattern))
    return false;
  c.start.resize(sites + 1);
  uint64_t at = 0;
  for (std::size_t i = 0; i < sites; ++i) {
    c.start[i] = static_cast<uint32_t>(at);
    at += c.patterns[c.pattern[i]].size();
    if (at > rows)
      return false;
  }
  c.start[sites] = static_cast<uint32_t>(at);
  return at == rows;
}

/// The encoder's guess for a point from its neighbours: `left` in the curve, `above` in the last curve with equal sizes.
int64_t guess(uint8_t predictor, bool inside, bool has_above, int64_t left, int64_t above, int64_t above_left) {
  switch (has_above ? predictor : 0) {
    case 1:
      return above;
    case 2:
      return inside ? left + above - above_left : left;
    case 3:
      return inside ? (2 * left + above - above_left + 1) >> 1 : left;
    default:
      return left;
  }
}

bool read_times(byte_reader& in, chunk& c, uint32_t rows) {
  const uint8_t predictor = in.byte();
  const auto small = in.bytes(rows);
  if (!in.ok() || predictor > 3)
    return false;
  std::vector<int64_t> steps(rows);
  std::vector<int64_t> last(c.patterns.size(), -1);
  for (std::size_t site = 0; site < c.sites(); ++site) {
    const int64_t above = last[c.pattern[site]];
    for (uint32_t i = c.start[site]; i < c.start[site + 1]; ++i) {
      const uint32_t offset = i - c.start[site];
      const bool inside = offset > 0, has_above = above >= 0;
      const int64_t up = has_above ? steps[above + offset] : 0;
      const int64_t up_left = has_above && inside ? steps[above + offset - 1] : 0;
      // A curve starts from the start of the one above it, else from that of the curve before.
      const int64_t left = inside ? steps[i - 1] : has_above ? up : site > 0 ? steps[c.start[site - 1]] : 0;
      int64_t difference = static_cast<int64_t>(small[i]) - 127;
      if (small[i] == 255) {
        const auto wide = in.bytes(4);
        if (!in.ok())
          return false;
        difference = static_cast<int32_t>(static_cast<uint32_t>(wide[0]) | static_cast<uint32_t>(wide[1]) << 8
                                          | static_cast<uint32_t>(wide[2]) << 16 | static_cast<uint32_t>(wide[3]) << 24);
      }
      steps[i] = guess(predictor, inside, has_above, left, up, up_left) + difference;
      if (steps[i] > 128 * 100 || steps[i] < -128 * 100) // 2^100 ns: no time
        return false;
    }
    last[c.pattern[site]] = c.start[site];
  }
  c.times.resize(rows);
  for (uint32_t i = 0; i < rows; ++i)
    c.times[i] = static_cast<float>(steps[i]) / steps_per_octave + log2_nanosecond;
  return true;
}

} // namespace

uint64_t byte_reader::varint() {
  uint64_t value = 0;
  for (int shift = 0; shift < 63; shift += 7) {
    const uint8_t b = byte();
    value |= static_cast<uint64_t>(b & 127) << shift;
    if (b < 128)
      return value;
  }
  ok_ = false;
  return 0;
}

uint8_t byte_reader::byte() {
  if (!ok_ || at_ >= data_.size()) {
    ok_ = false;
    return 0;
  }
  return data_[at_++];
}

std::span<const uint8_t> byte_reader::bytes(std::size_t count) {
  if (!ok_ || count > left()) {
    ok_ = false;
    return {};
  }
  at_ += count;
  return data_.subspan(at_ - count, count);
}

std::optional<chunk> decode_chunk(std::span<const uint8_t> raw, uint32_t axes, uint32_t rows) {
  byte_reader in{raw};
  chunk c;
  c.axes = static_cast<uint32_t>(in.varint());
  const uint64_t sites = in.varint(), patterns = in.varint();
  if (c.axes != axes || axes > 64 || sites == 0 || sites > rows || patterns == 0 || patterns > sites || in.varint() != rows
      || rows > raw.size())
    return std::nullopt;
  if (!read_sites(in, c, sites) || !read_patterns(in, c, sites, patterns, rows) || !read_times(in, c, rows) || in.left() > 0)
    return std::nullopt;
  return c;
}

std::optional<std::vector<uint8_t>> inflate_bytes(std::span<const uint8_t> packed, std::size_t raw_size) {
  if (raw_size > packed.size() * 1040 + 64) // deflate cannot pack denser
    return std::nullopt;
  std::vector<uint8_t> out(raw_size + 1); // one more: a longer stream shows itself
  z_stream stream{};
  if (inflateInit2(&stream, -15) != Z_OK)
    return std::nullopt;
  stream.next_in = const_cast<Bytef*>(packed.data());
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = out.data();
  stream.avail_out = static_cast<uInt>(out.size());
  const int state = inflate(&stream, Z_FINISH);
  const bool whole = state == Z_STREAM_END && stream.total_out == raw_size;
  inflateEnd(&stream);
  if (!whole)
    return std::nullopt;
  out.resize(raw_size);
  return out;
}

uint32_t checksum_of(std::span<const uint8_t> data) {
  return static_cast<uint32_t>(crc32(0, data.data(), static_cast<uInt>(data.size())));
}

} // namespace sextant::performance
