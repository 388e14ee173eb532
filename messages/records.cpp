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
// Columns hold one value per record of the chunk: first those of `value_fields`, then the counts of tokens, of tokens of
// events and of qualities, all as differences to the record before (the first to 0), each a LEB128 varint of the
// zigzag-coded difference; then token_ns, all tokens of all records, the first of a record as difference to its sent_ns,
// each other to the one before; event_tokens and event_quality as varints; error as varint length and bytes.
#include "messages/records.hpp"

#include <array>
#include <map>
#include <type_traits>

#include <nlohmann/json.hpp>

#include "messages/codec.hpp"

namespace sextant {

namespace {

/// How one field of a record is read and written as a number.
struct value_field {
  int64_t (*get)(const request_record&);
  void (*set)(request_record&, int64_t);
};

template <auto Member>
constexpr value_field field() {
  return {[](const request_record& r) { return static_cast<int64_t>(r.*Member); },
          [](request_record& r, int64_t x) { r.*Member = static_cast<std::remove_reference_t<decltype(r.*Member)>>(x); }};
}

using rec = request_record;
constexpr std::array value_fields{
    field<&rec::wave>(),
    field<&rec::index>(),
    field<&rec::session>(),
    field<&rec::turn>(),
    field<&rec::url>(),
    field<&rec::status>(),
    field<&rec::fault>(),
    field<&rec::intended_ns>(),
    field<&rec::queued_ns>(),
    field<&rec::sent_ns>(),
    field<&rec::tx_ns>(),
    field<&rec::first_byte_ns>(),
    field<&rec::first_event_ns>(),
    field<&rec::first_answer_ns>(),
    field<&rec::last_event_ns>(),
    field<&rec::ended_ns>(),
    field<&rec::connect_ns>(),
    field<&rec::bytes_sent>(),
    field<&rec::bytes_received>(),
    field<&rec::planned_isl>(),
    field<&rec::planned_osl>(),
    field<&rec::reasoning_tokens>(),
    field<&rec::input_tokens>(),
    field<&rec::cached_tokens>(),
    field<&rec::usage_tokens>(),
};

constexpr size_t field_count = value_fields.size();
constexpr size_t value_columns = field_count + 4; ///< and warming, and the lengths of the three lists
constexpr size_t token_column = value_columns;
constexpr size_t event_tokens_column = value_columns + 1;
constexpr size_t quality_column = value_columns + 2;
constexpr size_t error_column = value_columns + 3;
constexpr size_t column_count = value_columns + 4;
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
  std::array<int64_t, value_columns> values{};
  for (size_t i = 0; i < field_count; ++i)
    values[i] = value_fields[i].get(r);
  values[field_count] = warming;
  values[field_count + 1] = static_cast<int64_t>(r.token_ns.size());
  values[field_count + 2] = static_cast<int64_t>(r.event_tokens.size());
  values[field_count + 3] = static_cast<int64_t>(r.event_quality.size());
  return values;
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
    for (const auto count : r.event_tokens)
      put_varint(columns[event_tokens_column], count);
    for (const auto quality : r.event_quality)
      put_varint(columns[quality_column], quality);
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
    for (size_t i = 0; i < field_count; ++i)
      value_fields[i].set(r, v[i]);
    // Every listed value takes at least one byte, too.
    const auto listed = [&](size_t list) { return static_cast<size_t>(v[field_count + 1 + list]); };
    for (size_t list = 0; list < 3; ++list)
      if (listed(list) > columns[token_column + list].rest.size())
        return false;
    r.token_ns.reserve(listed(0));
    int64_t last = r.sent_ns;
    for (size_t i = 0; i < listed(0); ++i)
      r.token_ns.push_back(last = columns[token_column].after(last));
    for (size_t i = 0; i < listed(1); ++i)
      r.event_tokens.push_back(static_cast<uint16_t>(columns[event_tokens_column].varint()));
    for (size_t i = 0; i < listed(2); ++i)
      r.event_quality.push_back(static_cast<uint8_t>(columns[quality_column].varint()));
    r.error = columns[error_column].bytes(columns[error_column].varint());
    (v[field_count] != 0 ? out.warming : out.requests).push_back(std::move(r));
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
    const size_t worst = 10 * (value_columns + record.token_ns.size() + 1) + 3 * record.event_tokens.size()
                         + 2 * record.event_quality.size() + record.error.size();
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
