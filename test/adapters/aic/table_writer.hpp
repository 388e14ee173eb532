// table_writer.hpp: Writes small files of packed tables for tests, apart from tools/import_tables.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include <unistd.h>
#include <zlib.h>

namespace sextant::performance {

struct written_curve {
  std::vector<int64_t> sizes; ///< one per axis
  std::vector<int64_t> x;
  std::vector<double> seconds;
};

struct written_chunk {
  std::vector<std::pair<std::string, std::string>> keys;
  std::vector<std::string> axes;
  std::string curve;
  std::vector<written_curve> curves;
};

struct written_table {
  std::string system, backend, version, name;
  std::vector<written_chunk> chunks = {};
};

/// A file in the temporary folder for the life of this object.
struct temporary_file {
  explicit temporary_file(const std::string& bytes) {
    path = (std::filesystem::temp_directory_path() / ("tables-" + std::to_string(getpid()) + ".sxt")).string();
    std::ofstream{path, std::ios::binary} << bytes;
  }
  temporary_file(const temporary_file&) = delete;
  temporary_file& operator=(const temporary_file&) = delete;
  ~temporary_file() { std::filesystem::remove(path); }
  std::string path;
};

template <class Bytes>
void put_varint(Bytes& out, uint64_t value) {
  for (; value >= 128; value >>= 7)
    out.push_back(static_cast<typename Bytes::value_type>(value | 128));
  out.push_back(static_cast<typename Bytes::value_type>(value));
}

template <class Number>
void put_number(std::string& out, Number value) {
  for (std::size_t i = 0; i < sizeof value; ++i)
    out.push_back(static_cast<char>(value >> (8 * i)));
}

/// Bytes of a chunk as the importer makes them; each curve has sizes of its own and every time is written wide.
inline std::vector<uint8_t> raw_chunk(const written_chunk& c) {
  std::vector<uint8_t> out;
  std::size_t rows = 0;
  for (const auto& curve : c.curves)
    rows += curve.x.size();
  for (uint64_t n : {c.axes.size(), c.curves.size(), c.curves.size(), rows})
    put_varint(out, n);
  const auto ascending = [&](const std::vector<int64_t>& values) {
    put_varint(out, values.size());
    int64_t last = 0;
    for (int64_t x : values)
      put_varint(out, static_cast<uint64_t>(x - std::exchange(last, x)));
  };
  for (std::size_t axis = 0; axis < c.axes.size(); ++axis) {
    std::vector<int64_t> values;
    for (const auto& curve : c.curves)
      values.push_back(curve.sizes[axis]);
    std::sort(values.begin(), values.end());
    values.erase(std::unique(values.begin(), values.end()), values.end());
    ascending(values);
    out.push_back(1);
    for (const auto& curve : c.curves)
      out.push_back(
          static_cast<uint8_t>(std::lower_bound(values.begin(), values.end(), curve.sizes[axis]) - values.begin()));
  }
  for (const auto& curve : c.curves)
    ascending(curve.x);
  out.push_back(2);
  for (std::size_t i = 0; i < c.curves.size(); ++i) {
    out.push_back(static_cast<uint8_t>(i));
    out.push_back(static_cast<uint8_t>(i >> 8));
  }
  out.push_back(0); // each from the one before
  out.insert(out.end(), rows, 255);
  int64_t start = 0;
  for (const auto& curve : c.curves) {
    int64_t last = start;
    for (std::size_t i = 0; i < curve.x.size(); ++i) {
      const auto steps = std::llround(128 * std::log2(curve.seconds[i] * 1e9));
      const auto difference = static_cast<uint32_t>(static_cast<int32_t>(steps - last));
      for (int b = 0; b < 4; ++b)
        out.push_back(static_cast<uint8_t>(difference >> (8 * b)));
      last = steps;
      if (i == 0)
        start = steps;
    }
  }
  return out;
}

inline std::string deflated(const std::string& raw) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, raw.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(raw.data()));
  stream.avail_in = static_cast<uInt>(raw.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

inline uint32_t crc(const std::string& data) {
  return static_cast<uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(data.data()), static_cast<uInt>(data.size())));
}

/// Makes the header's checksum fit its other bytes.
inline void refresh_header(std::string& file) {
  std::string check;
  put_number(check, crc(file.substr(0, 44)));
  file.replace(44, 4, check);
}

inline std::string packed_file(const std::vector<written_table>& tables) {
  std::string file(48, '\0');
  std::vector<std::string> strings;
  const auto text = [&](const std::string& s) -> uint64_t {
    const auto found = std::find(strings.begin(), strings.end(), s);
    if (found != strings.end())
      return static_cast<uint64_t>(found - strings.begin());
    strings.push_back(s);
    return strings.size() - 1;
  };
  std::string body;
  const auto add = [&](uint64_t n) { put_varint(body, n); };
  const auto block = [&](const std::string& raw) {
    const auto packed = deflated(raw);
    add(file.size());
    add(packed.size());
    add(raw.size());
    file += packed;
    return crc(packed);
  };
  std::string chunks_body;
  std::swap(body, chunks_body);
  add(tables.size());
  for (const auto& t : tables) {
    for (const auto& s : {t.system, t.backend, t.version, t.name, "data/" + t.system + "/" + t.name + ".parquet"})
      add(text(s));
    add(1);
    add(t.chunks.size());
    for (const auto& c : t.chunks) {
      add(c.keys.size());
      for (const auto& [key, value] : c.keys) {
        add(text(key));
        add(text(value));
      }
      add(text("kernel"));
      add(text(c.curve));
      add(c.axes.size());
      for (const auto& axis : c.axes)
        add(text(axis));
      std::size_t rows = 0;
      for (const auto& curve : c.curves)
        rows += curve.x.size();
      const auto raw = raw_chunk(c);
      const auto check = block({raw.begin(), raw.end()});
      add(rows);
      add(check);
    }
  }
  std::swap(body, chunks_body);
  add(1);
  add(text("NOTICE"));
  add(block("licence"));
  std::string listing;
  put_varint(listing, strings.size());
  for (const auto& s : strings) {
    put_varint(listing, s.size());
    listing += s;
  }
  listing += body + chunks_body;
  const auto packed = deflated(listing);
  const auto place = file.size();
  file += packed;
  std::string head = "SXTABLES";
  put_number(head, uint32_t{1});
  put_number(head, crc(packed));
  put_number(head, uint64_t{file.size()});
  put_number(head, uint64_t{place});
  put_number(head, uint64_t{packed.size()});
  put_number(head, static_cast<uint32_t>(listing.size()));
  file.replace(0, 44, head);
  refresh_header(file);
  return file;
}

} // namespace sextant::performance
