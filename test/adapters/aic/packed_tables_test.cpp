// packed_tables_test.cpp: The reader of the packed tables on small files, good and damaged ones.
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>

#include <catch2/catch.hpp>
#include <unistd.h>

#include "adapters/aic/packed_tables.hpp"
#include "test/adapters/aic/table_writer.hpp"

namespace sextant::performance {

namespace {

std::vector<written_table> two_tables() {
  written_table gemm{"h200_sxm", "vllm", "0.24.0", "gemm_perf"};
  gemm.chunks.push_back({{{"gemm_dtype", "fp8"}}, {"k", "n"}, "m", {}});
  for (int64_t n : {64, 128})
    gemm.chunks[0].curves.push_back({{256, n}, {1, 16, 300}, {2e-6, 3e-6, 9e-6 * static_cast<double>(n)}});
  written_table all_reduce{"h200_sxm", "vllm", "0.24.0", "custom_allreduce_perf"};
  all_reduce.chunks.push_back({{{"allreduce_dtype", "bfloat16"}}, {"num_gpus"}, "message_size", {}});
  all_reduce.chunks[0].curves.push_back({{8}, {128, 1 << 20}, {5e-6, 1e-3}});
  return {gemm, all_reduce};
}

} // namespace

TEST_CASE("packed tables give back what was written", "[tables]") {
  const temporary_file file{packed_file(two_tables())};
  std::string error;
  const auto uut = packed_tables::open(file.path, error);
  REQUIRE(error == "");
  REQUIRE(uut->find("h200_sxm", "gemm").size() == 1);
  CHECK(uut->find("h200_sxm", "gemm_perf").empty());
  CHECK(uut->find("h100_sxm", "gemm").empty());
  const auto& table = uut->tables()[uut->find("h200_sxm", "gemm")[0]];
  CHECK(table.version == "0.24.0");
  const auto& info = uut->chunks()[table.first_chunk];
  CHECK(info.key("gemm_dtype") == "fp8");
  CHECK(info.key("moe_dtype") == "");
  CHECK(info.curve == "m");
  const auto chunk = uut->load(table.first_chunk);
  REQUIRE(chunk);
  REQUIRE(chunk->sites() == 2);
  CHECK(chunk->size(1, 0) == 256);
  CHECK(chunk->size(1, 1) == 128);
  CHECK(chunk->x(1)[2] == 300);
  CHECK(std::exp2(chunk->y(1)[2]) == Approx(9e-6 * 128).epsilon(0.003));
  CHECK(std::exp2(chunk->y(0)[0]) == Approx(2e-6).epsilon(0.003));
  CHECK(uut->load(99) == nullptr);
  CHECK(uut->damage() == "");
  CHECK(uut->document("NOTICE") == "licence");
  CHECK(uut->document("else") == "");
}

TEST_CASE("a file that is no packed tables is refused with the reason", "[tables]") {
  const auto whole = packed_file(two_tables());
  auto other_format = whole;
  other_format[8] = 9;
  refresh_header(other_format);
  const auto [bytes, reason] = GENERATE_REF(table<std::string, std::string>({
      {"", "only 0 bytes"},
      {"PAR1" + std::string(100, '\0'), "they start with 'SXTABLES'"},
      {whole.substr(0, 60), "cut off"},
      {whole.substr(0, whole.size() - 1), "cut off"},
      {whole + "x", "was added to"},
      {other_format, "format 9"},
      {whole.substr(0, 20) + '\1' + whole.substr(21), "header is damaged"},
      {whole.substr(0, whole.size() - 3) + '\1' + whole.substr(whole.size() - 2), "directory is damaged"},
  }));
  const temporary_file file{bytes};
  std::string error;
  CHECK(packed_tables::open(file.path, error) == nullptr);
  CHECK_THAT(error, Catch::Contains(reason) && Catch::Contains(file.path));
}

TEST_CASE("a missing file and a folder are refused", "[tables]") {
  std::string error;
  CHECK(packed_tables::open("/nowhere/tables.sxt", error) == nullptr);
  CHECK_THAT(error, Catch::Contains("No such file"));
  CHECK(packed_tables::open("/", error) == nullptr);
  CHECK_THAT(error, Catch::Contains("not a regular file"));
}

TEST_CASE("a damaged chunk is not used, and told", "[tables]") {
  auto bytes = packed_file(two_tables());
  bytes[60] ^= 1; // inside the first chunk
  const temporary_file file{bytes};
  std::string error;
  const auto uut = packed_tables::open(file.path, error);
  REQUIRE(uut);
  CHECK(uut->load(0) == nullptr);
  CHECK(uut->load(1) != nullptr);
  CHECK_THAT(uut->damage(), Catch::Contains("damaged at byte 48"));
}

TEST_CASE("no damage to chunk or file crashes the reader", "[tables]") {
  std::mt19937 random{7};
  const auto tables = two_tables();
  const auto raw = raw_chunk(tables[0].chunks[0]);
  REQUIRE(decode_chunk(raw, 2, 6));
  for (int round = 0; round < 20000; ++round) {
    auto bad = raw;
    for (uint32_t i = 0, n = 1 + random() % 4; i < n; ++i)
      bad[random() % bad.size()] = static_cast<uint8_t>(random());
    if (random() % 4 == 0)
      bad.resize(random() % (bad.size() + 1));
    if (const auto c = decode_chunk(bad, 2, 6)) // whatever it is, it must hang together
      for (std::size_t site = 0; site < c->sites(); ++site)
        CHECK(c->x(site).size() == c->y(site).size());
  }
  const auto whole = packed_file(tables);
  for (int round = 0; round < 1000; ++round) {
    auto bad = whole;
    bad[random() % bad.size()] = static_cast<char>(random());
    refresh_header(bad); // so that the damage gets past the first check
    const temporary_file file{bad};
    std::string error;
    if (const auto opened = packed_tables::open(file.path, error))
      for (uint32_t i = 0; i < opened->chunks().size(); ++i)
        opened->load(i);
    else
      CHECK(error != "");
  }
}

TEST_CASE("tables are looked for where a person says, then in the environment", "[tables]") {
  CHECK(tables_path("given.sxt") == "given.sxt");
  setenv("SEXTANT_TABLES", "/from/environment.sxt", 1);
  CHECK(tables_path("") == "/from/environment.sxt");
  CHECK(tables_path("given.sxt") == "given.sxt");
  unsetenv("SEXTANT_TABLES");
}

} // namespace sextant::performance
