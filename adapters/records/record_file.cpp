// record_file.cpp: One array per field of a request, one per field of an event, and where each request's events begin.
#include "adapters/records/record_file.hpp"

#include <algorithm>
#include <map>
#include <vector>

#include <nlohmann/json.hpp>

#include "adapters/npz/npz.hpp"
#include "adapters/records/facts_json.hpp"

namespace sextant {

namespace {

using json = nlohmann::ordered_json;

/// Calls `take(name, field)` for every field of a request that is one number, `field` being a pointer to the member.
template <class Take>
void each_column(const Take& take) {
  take("index", &request_record::index);
  take("wave", &request_record::wave);
  take("session", &request_record::session);
  take("turn", &request_record::turn);
  take("url", &request_record::url);
  take("status", &request_record::status);
  take("intended_ns", &request_record::intended_ns);
  take("queued_ns", &request_record::queued_ns);
  take("sent_ns", &request_record::sent_ns);
  take("tx_ns", &request_record::tx_ns);
  take("first_byte_ns", &request_record::first_byte_ns);
  take("first_event_ns", &request_record::first_event_ns);
  take("first_answer_ns", &request_record::first_answer_ns);
  take("last_event_ns", &request_record::last_event_ns);
  take("ended_ns", &request_record::ended_ns);
  take("connect_ns", &request_record::connect_ns);
  take("planned_isl", &request_record::planned_isl);
  take("planned_osl", &request_record::planned_osl);
  take("reasoning_tokens", &request_record::reasoning_tokens);
  take("input_tokens", &request_record::input_tokens);
  take("cached_tokens", &request_record::cached_tokens);
  take("usage_tokens", &request_record::usage_tokens);
}

std::vector<const request_record*> all_of(const load_records& records) {
  std::vector<const request_record*> out;
  out.reserve(records.warming.size() + records.requests.size());
  for (const auto* part : {&records.warming, &records.requests})
    for (const auto& r : *part)
      out.push_back(&r);
  return out;
}

template <class T>
void add(npz_stream& npz, const char* name, const std::vector<T>& values) {
  npz.add(name, std::span<const T>{values});
}

template <class T, class Of>
void add_column(npz_stream& npz, const char* name, const std::vector<const request_record*>& all, const Of& of) {
  std::vector<T> column;
  column.reserve(all.size());
  for (const auto* r : all)
    column.push_back(static_cast<T>(of(*r)));
  add(npz, name, column);
}

/// Small things of the events: nothing where all are as most are.
template <class T>
void add_events(npz_stream& npz, const char* name, const std::vector<const request_record*>& all, size_t events,
                std::vector<T> request_record::*field, T usual) {
  std::vector<T> out;
  if (std::any_of(all.begin(), all.end(), [&](const auto* r) {
        return std::any_of((r->*field).begin(), (r->*field).end(), [&](T x) { return x != usual; });
      })) {
    out.reserve(events);
    for (const auto* r : all) {
      out.insert(out.end(), (r->*field).begin(), (r->*field).end());
      out.resize(out.size() + r->token_ns.size() - (r->*field).size(), usual);
    }
  }
  add(npz, name, out);
}

/// Texts of errors, each once.
class error_texts {
public:
  int32_t number_of(const std::string& text) {
    if (text.empty())
      return -1;
    const auto [at, fresh] = numbers_.try_emplace(text, static_cast<int32_t>(texts_.size()));
    if (fresh)
      texts_.push_back(text);
    return at->second;
  }
  const std::vector<std::string>& texts() const { return texts_; }

private:
  std::map<std::string, int32_t> numbers_;
  std::vector<std::string> texts_;
};

void add_text(npz_stream& npz, const char* name, const std::string& text) {
  add(npz, name, std::vector<uint8_t>(text.begin(), text.end()));
}

std::string text_of(npz_reader& npz, const char* name) {
  const auto bytes = npz.array<uint8_t>(name);
  return {bytes.begin(), bytes.end()};
}

/// Everything of a file that stands in arrays, before it is put together.
struct columns {
  std::vector<request_record> requests;
  std::vector<uint8_t> warmup, fault;
  std::vector<int64_t> bytes_sent, bytes_received, token_begin, token_ns;
  std::vector<int32_t> error;
  std::vector<uint16_t> event_tokens;
  std::vector<uint8_t> event_quality;
};

columns read_columns(npz_reader& npz) {
  columns c;
  c.warmup = npz.array<uint8_t>("warmup");
  c.requests.resize(c.warmup.size());
  each_column([&](const char* name, auto field) {
    using type = std::remove_reference_t<decltype(c.requests[0].*field)>;
    const auto values = npz.array<type>(name);
    if (values.size() != c.requests.size() && npz.error.empty())
      npz.error = std::string{"array "} + name + " has another length than the others";
    for (size_t i = 0; i < values.size() && npz.error.empty(); ++i)
      c.requests[i].*field = values[i];
  });
  c.fault = npz.array<uint8_t>("fault");
  c.error = npz.array<int32_t>("error");
  c.bytes_sent = npz.array<int64_t>("bytes_sent");
  c.bytes_received = npz.array<int64_t>("bytes_received");
  c.token_begin = npz.array<int64_t>("token_begin");
  c.token_ns = npz.array<int64_t>("token_ns");
  c.event_tokens = npz.array<uint16_t>("event_tokens");
  c.event_quality = npz.array<uint8_t>("event_quality");
  return c;
}

/// What is wrong with the lengths and places of the arrays; empty: nothing.
std::string misfit(const columns& c, size_t texts) {
  const size_t n = c.requests.size(), events = c.token_ns.size();
  if (c.fault.size() != n || c.error.size() != n || c.bytes_sent.size() != n || c.bytes_received.size() != n)
    return "the arrays of requests differ in length";
  if (c.token_begin.size() != n + 1 || c.token_begin.front() != 0 || c.token_begin.back() != static_cast<int64_t>(events)
      || !std::is_sorted(c.token_begin.begin(), c.token_begin.end()))
    return "token_begin does not cut token_ns into the events of the requests";
  if ((!c.event_tokens.empty() && c.event_tokens.size() != events)
      || (!c.event_quality.empty() && c.event_quality.size() != events))
    return "the arrays of events differ in length";
  for (size_t i = 0; i < n; ++i)
    if (c.fault[i] > static_cast<uint8_t>(request_fault_class::client_limit) || c.error[i] < -1
        || c.error[i] >= static_cast<int32_t>(texts))
      return "request " + std::to_string(i) + " has an unknown fault or error";
  return {};
}

template <class T>
std::vector<T> part(const std::vector<T>& all, size_t begin, size_t end) {
  if (all.empty())
    return {};
  return {all.begin() + static_cast<std::ptrdiff_t>(begin), all.begin() + static_cast<std::ptrdiff_t>(end)};
}

} // namespace

void write_record_file(const load_records& records, const std::function<void(std::string_view)>& sink) {
  const auto all = all_of(records);
  npz_stream npz{sink};
  error_texts errors;
  std::vector<int32_t> error;
  error.reserve(all.size());
  for (const auto* r : all)
    error.push_back(errors.number_of(r->error));
  json header;
  header["format"] = "sextant-records";
  header["version"] = record_file_version;
  header["errors"] = errors.texts();
  add_text(npz, "header", header.dump(-1, ' ', false, json::error_handler_t::replace));
  add_text(npz, "facts", facts_text(records.facts));

  std::vector<uint8_t> warmup(records.warming.size(), 1);
  warmup.resize(all.size(), 0);
  add(npz, "warmup", warmup);
  each_column([&](const char* name, auto field) {
    using type = std::remove_cvref_t<decltype(std::declval<request_record>().*field)>;
    add_column<type>(npz, name, all, [field](const request_record& r) { return r.*field; });
  });
  add_column<uint8_t>(npz, "fault", all, [](const request_record& r) { return r.fault; });
  add(npz, "error", error);
  add_column<int64_t>(npz, "bytes_sent", all, [](const request_record& r) { return r.bytes_sent; });
  add_column<int64_t>(npz, "bytes_received", all, [](const request_record& r) { return r.bytes_received; });

  std::vector<int64_t> begin{0};
  for (const auto* r : all)
    begin.push_back(begin.back() + static_cast<int64_t>(r->token_ns.size()));
  add(npz, "token_begin", begin);
  const auto events = static_cast<size_t>(begin.back());
  std::vector<int64_t> token_ns;
  token_ns.reserve(events);
  for (const auto* r : all)
    token_ns.insert(token_ns.end(), r->token_ns.begin(), r->token_ns.end());
  add(npz, "token_ns", token_ns);
  add_events<uint16_t>(npz, "event_tokens", all, events, &request_record::event_tokens, 1);
  add_events<uint8_t>(npz, "event_quality", all, events, &request_record::event_quality, arrival_kernel);
  npz.finish();
}

std::optional<load_records> read_record_file(std::string_view bytes, std::string& error) {
  npz_reader npz{bytes};
  const auto header = json::parse(npz.error.empty() ? text_of(npz, "header") : "", nullptr, false);
  error = npz.error;
  if (error.empty() && (!header.is_object() || header.value("format", json{}) != "sextant-records"))
    error = "this .npz file holds no records of a load test";
  if (error.empty() && header.value("version", json{}) != record_file_version)
    error = "version " + header.value("version", json{}).dump() + " of the format is unknown, accepted is "
            + std::to_string(record_file_version);
  if (!error.empty())
    return std::nullopt;
  const auto texts = header.value("errors", json::array());
  if (!texts.is_array() || !std::all_of(texts.begin(), texts.end(), [](const json& t) { return t.is_string(); })) {
    error = "the texts of the errors are no texts";
    return std::nullopt;
  }
  load_records out;
  out.facts = read_facts(text_of(npz, "facts"), error);
  auto c = read_columns(npz);
  if (error.empty())
    error = !npz.error.empty() ? npz.error : misfit(c, texts.size());
  if (!error.empty())
    return std::nullopt;
  for (size_t i = 0; i < c.requests.size(); ++i) {
    auto& r = c.requests[i];
    r.fault = static_cast<request_fault_class>(c.fault[i]);
    r.bytes_sent = static_cast<uint64_t>(c.bytes_sent[i]);
    r.bytes_received = static_cast<uint64_t>(c.bytes_received[i]);
    if (c.error[i] >= 0)
      r.error = texts[static_cast<size_t>(c.error[i])].get<std::string>();
    const auto begin = static_cast<size_t>(c.token_begin[i]), end = static_cast<size_t>(c.token_begin[i + 1]);
    r.token_ns = part(c.token_ns, begin, end);
    r.event_tokens = part(c.event_tokens, begin, end);
    r.event_quality = part(c.event_quality, begin, end);
    (c.warmup[i] != 0 ? out.warming : out.requests).push_back(std::move(r));
  }
  return out;
}

} // namespace sextant
