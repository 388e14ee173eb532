// packed_tables.hpp: The file of measured kernel times that `tools/import_tables` makes, mapped into memory.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "adapters/aic/chunk.hpp"
#include "adapters/aic/product_grid.hpp"

namespace sextant::performance {

/// Rows of a table that differ in sizes only. Views point into the directory of the file's object.
struct chunk_info {
  std::span<const std::pair<std::string_view, std::string_view>> keys; ///< e.g. `gemm_dtype` = `fp8_block`
  std::span<const std::string_view> axes;                              ///< sizes that name a curve, e.g. `n`, `k`
  std::string_view curve;                                              ///< size along a curve, e.g. `m`
  std::string_view kernels;                                            ///< measured kernels, joined by `+`
  uint64_t offset = 0, size = 0, raw_size = 0;                         ///< bytes
  uint32_t rows = 0, checksum = 0;

  /// Value of a key; empty if the chunk has no such key.
  std::string_view key(std::string_view name) const;
};

/// One measured table: an op on one system by one version of a back end.
struct table_info {
  std::string_view system, backend, version, name; ///< name without `_perf`, e.g. `gemm`
  std::string_view source;                         ///< file inside of the package
  uint64_t rows = 0;                               ///< in that file
  uint32_t first_chunk = 0, chunks = 0;
};

/// A packed file. Immutable but for its cache of decoded chunks; thread-safe.
class packed_tables {
public:
  ~packed_tables();
  packed_tables(const packed_tables&) = delete;
  packed_tables& operator=(const packed_tables&) = delete;

  /// Maps a file. Checks header, sizes and the directory's checksum; chunks are checked when they are loaded.
  /// Returns null with what is wrong in `error`.
  static std::shared_ptr<const packed_tables> open(const std::string& path, std::string& error);

  const std::string& path() const { return path_; }
  std::span<const table_info> tables() const { return tables_; }
  std::span<const chunk_info> chunks() const { return chunks_; }
  /// Tables of one op on one system.
  std::span<const uint32_t> find(std::string_view system, std::string_view name) const;

  /// A decoded chunk, kept for the next call. Null if the file is damaged there; `damage` then says where.
  std::shared_ptr<const chunk> load(uint32_t index) const;
  /// The same of measured matrix products.
  std::shared_ptr<const product_grid> load_products(uint32_t index) const;
  /// First damage that `load` met; empty: none.
  std::string damage() const;

  /// A text that travels with the tables: `NOTICE` (licence), `<system>.yaml`. Empty if there is none.
  std::string document(std::string_view name) const;

private:
  struct document_info {
    std::string_view name;
    uint64_t offset = 0, size = 0, raw_size = 0;
    uint32_t checksum = 0;
  };

  packed_tables() = default;
  std::string read(); ///< the error
  bool read_directory(std::span<const uint8_t> raw);

  std::string path_;
  std::span<const uint8_t> file_;
  std::vector<uint8_t> directory_;
  std::vector<std::pair<std::string_view, std::string_view>> keys_;
  std::vector<std::string_view> axes_;
  std::vector<chunk_info> chunks_;
  std::vector<table_info> tables_;
  std::vector<document_info> documents_;
  std::map<std::pair<std::string_view, std::string_view>, std::vector<uint32_t>> index_;
  mutable std::mutex mutex_;
  mutable std::vector<std::shared_ptr<const chunk>> loaded_;
  mutable std::map<uint32_t, std::shared_ptr<const product_grid>> products_;
  mutable std::string damage_;
};

/// Where tables are looked for: `given`, else $SEXTANT_TABLES, else `share/sextant/performance_tables.sxt` beside the
/// binary or one folder up. Empty if there is no such file; a path that a person gave is returned as it is.
std::string tables_path(const std::string& given);

} // namespace sextant::performance
