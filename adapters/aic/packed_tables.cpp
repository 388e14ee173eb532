// packed_tables.cpp: Maps the file and reads its directory; docs/performance_tables.md has the format.
#include "adapters/aic/packed_tables.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sextant::performance {

namespace {

constexpr std::string_view magic = "SXTABLES";
constexpr std::size_t header_size = 48;
constexpr uint32_t format = 1;
/// No directory is this large; keeps damaged sizes from asking for all memory.
constexpr uint64_t largest_directory = 64 << 20;

template <class T>
T little_endian(std::span<const uint8_t> data, std::size_t at) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i)
    value |= static_cast<T>(data[at + i]) << (8 * i);
  return value;
}

/// Whether `size` bytes at `offset` lie between header and directory.
bool inside(uint64_t offset, uint64_t size, uint64_t end) {
  return offset >= header_size && offset <= end && size <= end - offset;
}

std::string_view without_perf(std::string_view name) {
  return name.ends_with("_perf") ? name.substr(0, name.size() - 5) : name;
}

} // namespace

std::string_view chunk_info::key(std::string_view name) const {
  for (const auto& [key, value] : keys)
    if (key == name)
      return value;
  return {};
}

packed_tables::~packed_tables() {
  if (!file_.empty())
    munmap(const_cast<uint8_t*>(file_.data()), file_.size());
}

std::shared_ptr<const packed_tables> packed_tables::open(const std::string& path, std::string& error) {
  const std::shared_ptr<packed_tables> tables{new packed_tables};
  tables->path_ = path;
  error = tables->read();
  if (!error.empty()) {
    error = "tables file '" + path + "': " + error;
    return nullptr;
  }
  return tables;
}

std::string packed_tables::read() {
  const int file = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0)
    return std::strerror(errno);
  struct stat status {};
  const bool regular = fstat(file, &status) == 0 && S_ISREG(status.st_mode);
  const auto size = regular ? static_cast<std::size_t>(status.st_size) : 0;
  void* memory = size < header_size ? MAP_FAILED : mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
  const int problem = errno;
  ::close(file);
  if (!regular)
    return "not a regular file";
  if (size < header_size)
    return "no packed tables: only " + std::to_string(size) + " bytes";
  if (memory == MAP_FAILED)
    return std::strerror(problem);
  file_ = {static_cast<const uint8_t*>(memory), size};
  if (std::string_view{reinterpret_cast<const char*>(file_.data()), magic.size()} != magic)
    return "no packed tables (they start with '" + std::string{magic} + "'); tools/import_tables makes them";
  if (little_endian<uint32_t>(file_, 44) != checksum_of(file_.first(44)))
    return "its header is damaged";
  if (const auto found = little_endian<uint32_t>(file_, 8); found != format)
    return "format " + std::to_string(found) + "; this program reads format " + std::to_string(format)
           + ": run tools/import_tables again";
  const auto whole = little_endian<uint64_t>(file_, 16), place = little_endian<uint64_t>(file_, 24),
             packed = little_endian<uint64_t>(file_, 32), raw = uint64_t{little_endian<uint32_t>(file_, 40)};
  if (whole != size)
    return "has " + std::to_string(size) + " bytes of " + std::to_string(whole) + ": it is cut off or was added to";
  if (!inside(place, packed, size) || raw > largest_directory)
    return "its directory lies outside of it";
  const auto bytes = file_.subspan(place, packed);
  auto directory = little_endian<uint32_t>(file_, 12) == checksum_of(bytes) ? inflate_bytes(bytes, raw) : std::nullopt;
  if (!directory)
    return "its directory is damaged";
  directory_ = std::move(*directory);
  if (!read_directory(directory_))
    return "its directory is not one";
  const auto beyond = [&](const auto& x) { return !inside(x.offset, x.size, place) || x.raw_size > largest_directory; };
  if (std::any_of(chunks_.begin(), chunks_.end(), beyond) || std::any_of(documents_.begin(), documents_.end(), beyond))
    return "its directory points outside of it";
  loaded_.resize(chunks_.size());
  for (uint32_t i = 0; i < tables_.size(); ++i)
    index_[{tables_[i].system, tables_[i].name}].push_back(i);
  return {};
}

bool packed_tables::read_directory(std::span<const uint8_t> raw) {
  byte_reader in{raw};
  std::vector<std::string_view> strings;
  const uint64_t string_count = in.varint();
  if (string_count > raw.size())
    return false;
  strings.reserve(string_count);
  for (uint64_t i = 0; i < string_count && in.ok(); ++i) {
    const auto text = in.bytes(in.varint());
    strings.emplace_back(reinterpret_cast<const char*>(text.data()), text.size());
  }
  bool ok = in.ok();
  const auto string = [&]() -> std::string_view {
    const uint64_t i = in.varint();
    ok = ok && i < strings.size();
    return ok ? strings[i] : std::string_view{};
  };
  // Every entry takes a byte at least, so that no count can ask for more memory than the file is large.
  const auto count = [&]() -> uint64_t {
    const uint64_t n = in.varint();
    ok = ok && in.ok() && n <= in.left();
    return ok ? n : 0;
  };
  documents_.resize(count());
  for (auto& d : documents_) {
    d.name = string();
    d.offset = in.varint();
    d.size = in.varint();
    d.raw_size = in.varint();
    d.checksum = static_cast<uint32_t>(in.varint());
  }
  tables_.resize(count());
  struct place {
    std::size_t keys, key_count, axes, axis_count;
  };
  std::vector<place> places; // spans are made when their vectors do not move any more
  for (auto& t : tables_) {
    t.system = string();
    t.backend = string();
    t.version = string();
    t.name = without_perf(string());
    t.source = string();
    t.rows = in.varint();
    t.first_chunk = static_cast<uint32_t>(chunks_.size());
    t.chunks = static_cast<uint32_t>(count());
    for (uint32_t i = 0; i < t.chunks && ok; ++i) {
      auto& c = chunks_.emplace_back();
      auto& p = places.emplace_back();
      p.keys = keys_.size();
      p.key_count = count();
      for (std::size_t k = 0; k < p.key_count && ok; ++k) {
        const auto name = string();
        keys_.emplace_back(name, string());
      }
      c.kernels = string();
      c.curve = string();
      p.axes = axes_.size();
      p.axis_count = count();
      for (std::size_t a = 0; a < p.axis_count && ok; ++a)
        axes_.push_back(string());
      c.offset = in.varint();
      c.size = in.varint();
      c.raw_size = in.varint();
      c.rows = static_cast<uint32_t>(in.varint());
      c.checksum = static_cast<uint32_t>(in.varint());
    }
  }
  if (!ok || !in.ok() || in.left() > 0)
    return false;
  for (std::size_t i = 0; i < chunks_.size(); ++i) {
    chunks_[i].keys = {keys_.data() + places[i].keys, places[i].key_count};
    chunks_[i].axes = {axes_.data() + places[i].axes, places[i].axis_count};
  }
  return true;
}

std::span<const uint32_t> packed_tables::find(std::string_view system, std::string_view name) const {
  const auto found = index_.find({system, name});
  return found == index_.end() ? std::span<const uint32_t>{} : std::span<const uint32_t>{found->second};
}

std::shared_ptr<const chunk> packed_tables::load(uint32_t index) const {
  if (index >= chunks_.size())
    return nullptr;
  {
    const std::lock_guard lock{mutex_};
    if (loaded_[index])
      return loaded_[index];
  }
  const auto& info = chunks_[index];
  const auto bytes = file_.subspan(info.offset, info.size);
  std::optional<chunk> decoded;
  if (checksum_of(bytes) == info.checksum)
    if (const auto raw = inflate_bytes(bytes, info.raw_size))
      decoded = decode_chunk(*raw, static_cast<uint32_t>(info.axes.size()), info.rows);
  const std::lock_guard lock{mutex_};
  if (!decoded) {
    if (damage_.empty())
      damage_ =
          "tables file '" + path_ + "': damaged at byte " + std::to_string(info.offset) + "; run tools/import_tables again";
    return nullptr;
  }
  if (!loaded_[index])
    loaded_[index] = std::make_shared<const chunk>(std::move(*decoded));
  return loaded_[index];
}

std::shared_ptr<const product_grid> packed_tables::load_products(uint32_t index) const {
  {
    const std::lock_guard lock{mutex_};
    if (const auto found = products_.find(index); found != products_.end())
      return found->second;
  }
  const auto measured = load(index);
  if (!measured || measured->axes != 2)
    return nullptr;
  auto made = std::make_shared<const product_grid>(*measured);
  const std::lock_guard lock{mutex_};
  return products_.try_emplace(index, std::move(made)).first->second;
}

std::string packed_tables::damage() const {
  const std::lock_guard lock{mutex_};
  return damage_;
}

std::string packed_tables::document(std::string_view name) const {
  for (const auto& d : documents_) {
    if (d.name != name)
      continue;
    const auto bytes = file_.subspan(d.offset, d.size);
    const auto raw = checksum_of(bytes) == d.checksum ? inflate_bytes(bytes, d.raw_size) : std::nullopt;
    return raw ? std::string{raw->begin(), raw->end()} : std::string{};
  }
  return {};
}

std::string tables_path(const std::string& given) {
  if (!given.empty())
    return given;
  if (const char* variable = std::getenv("SEXTANT_TABLES"); variable && *variable)
    return variable;
  std::error_code ignored;
  const auto binary = std::filesystem::read_symlink("/proc/self/exe", ignored);
  if (ignored)
    return {};
  for (const auto& folder : {binary.parent_path(), binary.parent_path().parent_path()}) {
    const auto file = folder / "share" / "sextant" / "performance_tables.sxt";
    if (std::filesystem::is_regular_file(file, ignored))
      return file.string();
  }
  return {};
}

} // namespace sextant::performance
