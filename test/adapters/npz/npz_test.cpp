// npz_test.cpp: The bytes of an archive, read by hand as a zip reader would.
#include <cstring>

#include <catch2/catch.hpp>
#include <zlib.h>

#include "adapters/npz/npz.hpp"

using sextant::npz_writer;

namespace {

template <class T>
T read_at(const std::string& bytes, size_t at) {
  T value;
  REQUIRE(at + sizeof value <= bytes.size());
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

struct member {
  std::string name, data;
};

// Walks from the end record through the central directory to the local headers.
std::vector<member> unzip(const std::string& bytes) {
  const size_t end = bytes.size() - 22;
  REQUIRE(read_at<uint32_t>(bytes, end) == 0x06054b50);
  std::vector<member> result;
  size_t at = read_at<uint32_t>(bytes, end + 16);
  CHECK(at + read_at<uint32_t>(bytes, end + 12) == end);
  for (int i = 0; i < read_at<uint16_t>(bytes, end + 10); ++i) {
    REQUIRE(read_at<uint32_t>(bytes, at) == 0x02014b50);
    const auto size = read_at<uint32_t>(bytes, at + 24);
    const auto length = read_at<uint16_t>(bytes, at + 28);
    const auto local = read_at<uint32_t>(bytes, at + 42);
    REQUIRE(read_at<uint32_t>(bytes, local) == 0x04034b50);
    CHECK(read_at<uint16_t>(bytes, local + 8) == 0);
    CHECK(bytes.substr(local + 30, length) == bytes.substr(at + 46, length));
    member m{bytes.substr(local + 30, length), bytes.substr(local + 30 + length, size)};
    CHECK(read_at<uint32_t>(bytes, local + 14)
          == crc32(0, reinterpret_cast<const Bytef*>(m.data.data()), static_cast<uInt>(m.data.size())));
    result.push_back(m);
    at += 46 + length;
  }
  return result;
}

} // namespace

TEST_CASE("arrays become .npy members with the right header and data") {
  npz_writer npz;
  npz.add("x", std::vector<double>{1.5, -2});
  npz.add("n", std::vector<int64_t>{502272});
  npz.add_flags("f", {true});
  const auto members = unzip(npz.bytes());
  REQUIRE(members.size() == 3);
  CHECK(members[0].name == "x.npy");
  const auto& x = members[0].data;
  CHECK(x.substr(0, 8) == std::string("\x93NUMPY\x01\x00", 8));
  const auto header = read_at<uint16_t>(x, 8);
  CHECK((10 + header) % 64 == 0);
  CHECK(x.substr(10, header).starts_with("{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }"));
  CHECK(x[9 + header] == '\n');
  CHECK(read_at<double>(x, 10 + header) == 1.5);
  CHECK(read_at<double>(x, 18 + header) == -2);
  CHECK(x.size() == 26U + header);
  CHECK(members[1].data.find("'<i8'") != std::string::npos);
  CHECK(members[1].data.find("(1,)") != std::string::npos);
  CHECK(read_at<int64_t>(members[1].data, members[1].data.size() - 8) == 502272);
  CHECK(members[2].data.find("'|b1'") != std::string::npos);
  CHECK(members[2].data.back() == 1);
}

TEST_CASE("a table is written row by row with both of its sizes") {
  npz_writer npz;
  npz.add_table("t", {1, 2, 3, 4, 5, 6}, 2);
  const auto members = unzip(npz.bytes());
  REQUIRE(members.size() == 1);
  CHECK(members[0].data.find("'shape': (2, 3), }") != std::string::npos);
  CHECK(read_at<double>(members[0].data, members[0].data.size() - 3 * sizeof(double)) == 4);
}

TEST_CASE("equal arrays give equal bytes") {
  const auto make = [] {
    npz_writer npz;
    npz.add("x", std::vector<double>{0.1, 0.2});
    return npz.bytes();
  };
  CHECK(make() == make());
}

TEST_CASE("an empty archive and an empty array are whole") {
  CHECK(unzip(npz_writer{}.bytes()).empty());
  npz_writer npz;
  npz.add("x", std::vector<double>{});
  CHECK(unzip(npz.bytes()).front().data.find("(0,)") != std::string::npos);
}

TEST_CASE("a stream writes what the writer writes, empty arrays too, and the reader reads it") {
  npz_writer npz;
  npz.add("x", std::vector<double>{1.5, -2});
  npz.add("none", std::vector<int64_t>{});
  std::string out;
  sextant::npz_stream stream{[&](std::string_view part) { out += part; }};
  const std::vector<double> x{1.5, -2};
  stream.add("x", std::span{x});
  stream.add("none", std::span<const int64_t>{});
  stream.finish();
  CHECK(out == npz.bytes());
  sextant::npz_reader reader{out};
  CHECK(reader.array<double>("x") == x);
  CHECK(reader.array<int64_t>("none").empty());
  CHECK(reader.has("none"));
  CHECK(reader.error.empty());
  CHECK(reader.array<int64_t>("x").empty());
  CHECK(reader.error == "array x has elements of type \"<f8\", accepted is \"<i8\"");
}
