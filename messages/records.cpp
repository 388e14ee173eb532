// records.cpp: The packed form of token records.
//
// A chunk is, all integers little-endian:
//   bytes 0..3    `SXR1`
//   bytes 4..7    number of the chunk, from 0
//   bytes 8..11   number of chunks of the attempt
//   bytes 12..19  FNV-1a (64 bit) of everything behind it
//   then          u32 length and text of the attempt header, JSON, equal in all chunks of an attempt
//   then          u32 number of records, u32 number of columns, and each column as u32 length and bytes
//
// Columns hold one value per record of the chunk: warming (0 or 1), wave, index, intended_ns, sent_ns, input_tokens,
// cached_tokens, usage_tokens, token count as differences to the record before (the first to 0), each a LEB128 varint of the
// zigzag-coded difference; token_ns, all tokens of all records, the first of a record as difference to its sent_ns, each
// other to the one before; error as varint length and bytes.
#include "messages/records.hpp"

#include <array>
#include <map>

#include <nlohmann/json.hpp>

#include "messages/codec.hpp"

namespace sextant {

namespace {

constexpr size_t value_columns = 9; ///< columns with one difference per record
constexpr size_t token_column = 9;
constexpr size_t error_column = 10;
constexpr size_t column_count = 11;
constexpr size_t checked_from = 20;

uint64_t fnv1a(std::string_view bytes) {
  uint64_t hash = 0xcbf29ce484222325ull;
  for (const unsigned char c : bytes)
    hash = (hash ^ c) * 0x100000001b3ull;
  return hash;
}

// -- writing ----------------------------------------------------------------------------------------

void put_fixed(std::string& out, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i)
    out.push_back(static_cast<char>(value >> (8 * i) & 0xff));
}

void put_varint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7)
    out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

void put_difference(std::string& out, int64_t value, int64_t before) {
  const auto difference = static_cast<int64_t>(static_cast<uint64_t>(value) - static_cast<uint64_t>(before));
  put_varint(out, static_cast<uint64_t>(difference) << 1 ^ static_cast<uint64_t>(difference >> 63));
}

std::array<int64_t, value_columns> values_of(const request_record& r, bool warming) {
  return {warming,         r.wave,         r.index,
          r.intended_ns,   r.sent_ns,      r.input_tokens,
          r.cached_tokens, r.usage_tokens, static_cast<int64_t>(r.token_ns.size())};
}

struct chunk_writer {
  std::array<std::string, column_count> columns;
  std::array<int64_t, value_columns> before{};
  uint32_t records = 0;

  size_t bytes() const {
    size_t sum = 0;
    for (const auto& column : columns)
      sum += column.size();
    return sum;
  }

  void add(const request_record& r, bool warming) {
    const auto values = values_of(r, warming);
    for (size_t i = 0; i < value_columns; ++i)
      put_difference(columns[i], values[i], before[i]);
    before = values;
    int64_t last = r.sent_ns;
    for (const auto t : r.token_ns) {
      put_difference(columns[token_column], t, last);
      last = t;
    }
    put_varint(columns[error_column], r.error.size());
    columns[error_column] += r.error;
    ++records;
  }

  std::string finish(const std::string& header) const {
    std::string out;
    out.reserve(bytes() + header.size() + 64);
    put_fixed(out, header.size(), 4);
    out += header;
    put_fixed(out, records, 4);
    put_fixed(out, column_count, 4);
    for (const auto& column : columns) {
      put_fixed(out, column.size(), 4);
      out += column;
    }
    return out;
  }
};

std::string header_text(const attempt_records& r) {
  nlohmann::ordered_json h;
  h["request"] = r.request;
  h["work"] = nlohmann::ordered_json::parse(encode_body(r.work));
  h["stopped"] = std::string{to_text(r.stopped)};
  h["engine_ns"] = r.engine_ns;
  h["wall_ns"] = r.wall_ns;
  h["overhead_ns"] = r.overhead_ns;
  h["speed"] = r.speed;
  h["clock"] = r.clock;
  h["remarks"] = r.remarks;
  h["started"] = r.started;
  h["warming_started"] = r.warming_started;
  return h.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// -- reading ----------------------------------------------------------------------------------------

/// Reads from the front of a text; `ok` turns false for good at the first thing that is not there.
struct cursor {
  std::string_view rest;
  bool ok = true;

  uint64_t fixed(int bytes) {
    if (rest.size() < static_cast<size_t>(bytes))
      return ok = false, 0;
    uint64_t value = 0;
    for (int i = 0; i < bytes; ++i)
      value |= static_cast<uint64_t>(static_cast<unsigned char>(rest[static_cast<size_t>(i)])) << (8 * i);
    rest.remove_prefix(static_cast<size_t>(bytes));
    return value;
  }

  std::string_view bytes(uint64_t count) {
    if (rest.size() < count)
      return ok = false, std::string_view{};
    const auto out = rest.substr(0, count);
    rest.remove_prefix(count);
    return out;
  }

  uint64_t varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (rest.empty())
        return ok = false, 0;
      const auto byte = static_cast<unsigned char>(rest.front());
      rest.remove_prefix(1);
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80)
        return value;
    }
    return ok = false, 0;
  }

  int64_t after(int64_t before) {
    const uint64_t coded = varint();
    const uint64_t difference = (coded >> 1) ^ (~(coded & 1) + 1);
    return static_cast<int64_t>(static_cast<uint64_t>(before) + difference);
  }
};

bool read_columns(cursor& in, attempt_records& out) {
  const auto count = in.fixed(4);
  if (!in.ok || in.fixed(4) != column_count)
    return false;
  std::array<cursor, column_count> columns;
  for (auto& column : columns)
    column.rest = in.bytes(in.fixed(4));
  // Every record takes at least one byte of each value column: a damaged count cannot make us reserve the moon.
  if (!in.ok || !in.rest.empty() || count > columns[0].rest.size())
    return false;
  std::array<int64_t, value_columns> v{};
  for (uint64_t n = 0; n < count; ++n) {
    for (size_t i = 0; i < value_columns; ++i)
      v[i] = columns[i].after(v[i]);
    request_record r;
    r.wave = static_cast<uint32_t>(v[1]);
    r.index = static_cast<uint32_t>(v[2]);
    r.intended_ns = v[3];
    r.sent_ns = v[4];
    r.input_tokens = static_cast<uint32_t>(v[5]);
    r.cached_tokens = static_cast<uint32_t>(v[6]);
    r.usage_tokens = static_cast<uint32_t>(v[7]);
    if (v[8] < 0 || static_cast<uint64_t>(v[8]) > columns[token_column].rest.size())
      return false;
    r.token_ns.reserve(static_cast<size_t>(v[8]));
    int64_t last = r.sent_ns;
    for (int64_t i = 0; i < v[8]; ++i)
      r.token_ns.push_back(last = columns[token_column].after(last));
    r.error = columns[error_column].bytes(columns[error_column].varint());
    (v[0] != 0 ? out.warming : out.requests).push_back(std::move(r));
  }
  for (const auto& column : columns)
    if (!column.ok || !column.rest.empty())
      return false;
  return true;
}

bool read_header(std::string_view text, attempt_records& out) {
  const auto h = nlohmann::json::parse(text, nullptr, false);
  if (!h.is_object())
    return false;
  try {
    std::vector<codec_error> errors;
    auto work = decode_body<measure_point>(h.at("work").dump(), errors);
    const auto stopped = from_text<stop_reason>(h.at("stopped").get<std::string>());
    if (!work || !stopped)
      return false;
    out.work = std::move(*work);
    out.stopped = *stopped;
    out.request = h.at("request").get<std::string>();
    out.engine_ns = h.at("engine_ns").get<int64_t>();
    out.wall_ns = h.at("wall_ns").get<int64_t>();
    out.overhead_ns = h.at("overhead_ns").get<int64_t>();
    out.speed = h.at("speed").get<double>();
    out.clock = h.at("clock").get<std::string>();
    out.remarks = h.at("remarks").get<std::vector<std::string>>();
    out.started = h.at("started").get<std::string>();
    out.warming_started = h.at("warming_started").get<std::string>();
    return true;
  } catch (const nlohmann::json::exception&) {
    return false;
  }
}

struct opened_chunk {
  uint32_t number = 0;
  uint32_t count = 0;
  std::string_view header;
  cursor body;
};

std::string open_chunk(std::string_view text, opened_chunk& out) {
  if (text.substr(0, 4) != "SXR1")
    return "not a chunk of records";
  cursor in{text.substr(4)};
  out.number = static_cast<uint32_t>(in.fixed(4));
  out.count = static_cast<uint32_t>(in.fixed(4));
  const auto sum = in.fixed(8);
  if (!in.ok || sum != fnv1a(text.substr(checked_from)))
    return "a chunk is damaged";
  out.header = in.bytes(in.fixed(4));
  out.body = in;
  if (!in.ok || out.count == 0 || out.number >= out.count)
    return "a chunk is malformed";
  return {};
}

} // namespace

std::vector<std::string> pack_records(const attempt_records& records, size_t max_bytes) {
  const auto header = header_text(records);
  std::vector<std::string> bodies;
  chunk_writer open;
  const auto add = [&](const request_record& record, bool warming) {
    // A record adds at most ten bytes per value; sized before it is added, so that chunks stay below the limit.
    const size_t worst = 10 * (value_columns + record.token_ns.size() + 1) + record.error.size();
    if (open.records > 0 && header.size() + open.bytes() + worst + 64 > max_bytes) {
      bodies.push_back(open.finish(header));
      open = {};
    }
    open.add(record, warming);
  };
  for (const auto& record : records.warming)
    add(record, true);
  for (const auto& record : records.requests)
    add(record, false);
  if (open.records > 0 || bodies.empty())
    bodies.push_back(open.finish(header));
  std::vector<std::string> chunks;
  for (size_t i = 0; i < bodies.size(); ++i) {
    std::string chunk = "SXR1";
    put_fixed(chunk, i, 4);
    put_fixed(chunk, bodies.size(), 4);
    put_fixed(chunk, fnv1a(bodies[i]), 8);
    chunks.push_back(chunk + bodies[i]);
  }
  return chunks;
}

std::optional<attempt_records> unpack_records(const std::vector<std::string>& chunks, std::string* why) {
  const auto refuse = [why](std::string reason) -> std::optional<attempt_records> {
    if (why)
      *why = std::move(reason);
    return std::nullopt;
  };
  std::map<uint32_t, opened_chunk> ordered;
  for (const auto& text : chunks) {
    opened_chunk chunk;
    if (auto error = open_chunk(text, chunk); !error.empty())
      return refuse(error);
    ordered.emplace(chunk.number, chunk);
  }
  if (ordered.empty())
    return refuse("no chunk");
  const auto& first = ordered.begin()->second;
  if (ordered.size() != first.count)
    return refuse(std::to_string(ordered.size()) + " of " + std::to_string(first.count) + " chunks are there");
  attempt_records out;
  if (!read_header(first.header, out))
    return refuse("the attempt header is malformed");
  for (auto& [number, chunk] : ordered) {
    if (chunk.count != first.count || chunk.header != first.header)
      return refuse("chunks of different attempts");
    if (!read_columns(chunk.body, out))
      return refuse("columns of a chunk are malformed");
  }
  return out;
}

} // namespace sextant
