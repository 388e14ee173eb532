// chunk.hpp: Times of kernels that differ in sizes only: curves over one size, one curve per set of the other sizes.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace sextant::performance {

/// Decoded chunk. Site i has one size per axis and a curve of times.
struct chunk {
  uint32_t axes = 0;
  std::vector<int64_t> sizes;                 ///< site after site, one per axis
  std::vector<uint32_t> pattern;              ///< per site: index into `patterns`
  std::vector<uint32_t> start;                ///< per site: its first time; one more at the end
  std::vector<std::vector<int64_t>> patterns; ///< sizes along the curves, ascending
  std::vector<float> times;                   ///< log2 of seconds
  std::size_t sites() const { return pattern.size(); }
  int64_t size(std::size_t site, uint32_t axis) const { return sizes[site * axes + axis]; }
  std::span<const int64_t> x(std::size_t site) const { return patterns[pattern[site]]; }
  std::span<const float> y(std::size_t site) const { return {times.data() + start[site], times.data() + start[site + 1]}; }
};

/// Decodes the inflated bytes of a chunk with `axes` axes and `rows` times. Nothing if they are not one: any bytes are
/// safe to give.
std::optional<chunk> decode_chunk(std::span<const uint8_t> raw, uint32_t axes, uint32_t rows);

/// Inflates raw deflate data. Nothing unless it gives exactly `raw_size` bytes.
std::optional<std::vector<uint8_t>> inflate_bytes(std::span<const uint8_t> packed, std::size_t raw_size);

/// CRC-32 as zlib computes it.
uint32_t checksum_of(std::span<const uint8_t> data);

/// Reads little pieces of a byte sequence; after the first one that is not there everything reads as 0.
class byte_reader {
public:
  explicit byte_reader(std::span<const uint8_t> data) : data_{data} {}
  uint64_t varint();
  uint8_t byte();
  std::span<const uint8_t> bytes(std::size_t count);
  bool ok() const { return ok_; }
  /// Bytes not read yet.
  std::size_t left() const { return data_.size() - at_; }

private:
  std::span<const uint8_t> data_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

} // namespace sextant::performance
