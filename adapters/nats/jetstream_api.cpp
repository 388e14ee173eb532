// jetstream_api.cpp: Writes and reads the JSON of the JetStream API.
#include "adapters/nats/jetstream_api.hpp"

#include <charconv>
#include <vector>

#include <nlohmann/json.hpp>

namespace sextant::jetstream {

namespace {

using json = nlohmann::json;

int64_t in_ns(std::chrono::nanoseconds time) {
  return time.count();
}

uint64_t number(std::string_view text) {
  uint64_t out = 0;
  std::from_chars(text.data(), text.data() + text.size(), out);
  return out;
}

std::vector<std::string_view> tokens(std::string_view subject) {
  std::vector<std::string_view> out;
  for (size_t start = 0; start <= subject.size();) {
    const auto dot = std::min(subject.find('.', start), subject.size());
    out.push_back(subject.substr(start, dot - start));
    start = dot + 1;
  }
  return out;
}

uint64_t unsigned_at(const json& in, const char* name) {
  const auto i = in.find(name);
  return i != in.end() && i->is_number_unsigned() ? i->get<uint64_t>() : 0;
}

std::string text_at(const json& in, const char* name) {
  const auto i = in.find(name);
  return i != in.end() && i->is_string() ? i->get<std::string>() : std::string{};
}

} // namespace

answer parse_answer(std::string_view text) {
  answer out;
  const auto in = json::parse(text, nullptr, false);
  if (!in.is_object()) {
    out.error = other_error;
    out.text = "the server's answer is not JSON";
    return out;
  }
  if (const auto error = in.find("error"); error != in.end() && error->is_object()) {
    out.status = static_cast<int>(unsigned_at(*error, "code"));
    out.error = static_cast<int>(unsigned_at(*error, "err_code"));
    if (out.error == no_error)
      out.error = other_error;
    out.text = text_at(*error, "description");
    return out;
  }
  out.sequence = unsigned_at(in, "seq");
  out.duplicate = in.value("duplicate", json(false)) == true;
  out.pending = unsigned_at(in, "num_pending");
  out.consumer = text_at(in, "name");
  out.created = text_at(in, "created");
  out.total = unsigned_at(in, "total");
  if (const auto config = in.find("config"); config != in.end() && config->is_object())
    out.allows_direct = config->value("allow_direct", json(false)) == true;
  if (const auto state = in.find("state"); state != in.end() && state->is_object())
    out.last_sequence = unsigned_at(*state, "last_seq");
  return out;
}

bool worth_retrying(const answer& a) {
  return a.status == 503 || a.status == 504 || a.status == 408;
}

bool says_full(const answer& a) {
  return a.error == store_failed || a.error == insufficient_resources || a.error == storage_exceeded;
}

std::string forbidden_publish(std::string_view trouble) {
  constexpr std::string_view begin = "ermissions Violation for Publish to \"";
  const auto at = trouble.find(begin);
  if (at == std::string_view::npos)
    return {};
  trouble.remove_prefix(at + begin.size());
  return std::string{trouble.substr(0, trouble.find('"'))};
}

std::optional<position> parse_ack_subject(std::string_view subject) {
  const auto parts = tokens(subject);
  if (parts.size() < 9 || parts[0] != "$JS" || parts[1] != "ACK")
    return std::nullopt;
  const size_t at = parts.size() > 9 ? 4 : 2; // after domain and account hash
  if (parts.size() < at + 7)
    return std::nullopt;
  position out;
  out.stream = parts[at];
  out.consumer = parts[at + 1];
  out.deliveries = number(parts[at + 2]);
  out.stream_sequence = number(parts[at + 3]);
  out.consumer_sequence = number(parts[at + 4]);
  out.stored_ns = static_cast<int64_t>(number(parts[at + 5]));
  out.pending = number(parts[at + 6]);
  return out;
}

std::string stream_config(const stream_settings& settings) {
  const auto age = std::chrono::nanoseconds{settings.max_age};
  auto window = std::chrono::nanoseconds{settings.duplicate_window};
  if (age.count() > 0)
    window = std::min(window, age); // the server refuses a longer one
  return json{
      {"name", settings.name},
      {"subjects", settings.subjects},
      {"retention", settings.work_queue ? "workqueue" : "limits"},
      {"storage", settings.in_memory ? "memory" : "file"},
      {"discard", settings.refuse_when_full ? "new" : "old"},
      {"max_consumers", -1},
      {"max_msgs", settings.max_messages},
      {"max_bytes", settings.max_bytes},
      {"max_msg_size", -1},
      {"max_msgs_per_subject", -1},
      {"max_age", in_ns(age)},
      {"duplicate_window", in_ns(window)},
      {"num_replicas", settings.replicas},
  }
      .dump();
}

std::string bucket_stream(const std::string& bucket) {
  return "KV_" + bucket;
}

std::string lease_subject(const std::string& bucket, const std::string& key) {
  return "$KV." + bucket + "." + key;
}

// A key-value bucket as other clients know it, but single messages can be deleted: that is how a lease is released by
// exactly its revision.
std::string bucket_config(const std::string& bucket, std::chrono::milliseconds ttl, int replicas) {
  return json{
      {"name", bucket_stream(bucket)},
      {"subjects", {lease_subject(bucket, ">")}},
      {"retention", "limits"},
      {"storage", "file"},
      {"discard", "new"},
      {"max_consumers", -1},
      {"max_msgs", -1},
      {"max_bytes", -1},
      {"max_msg_size", -1},
      {"max_msgs_per_subject", 1},
      {"max_age", in_ns(ttl)},
      {"duplicate_window", in_ns(std::min<std::chrono::nanoseconds>(ttl, std::chrono::minutes{2}))},
      {"allow_rollup_hdrs", true},
      {"allow_direct", true},
      {"num_replicas", replicas},
  }
      .dump();
}

std::string work_consumer_config(const consumer_settings& settings) {
  json config{
      {"durable_name", settings.name}, {"deliver_policy", "all"},
      {"ack_policy", "explicit"},      {"ack_wait", in_ns(settings.ack_wait)},
      {"replay_policy", "instant"},    {"max_deliver", -1},
      {"max_ack_pending", 20000},      {"max_waiting", 512},
  };
  if (!settings.filter.empty())
    config["filter_subject"] = settings.filter;
  return json{{"stream_name", settings.stream}, {"config", config}}.dump();
}

std::string follow_consumer_config(const std::string& stream, const std::string& filter, uint64_t from_sequence,
                                   const std::string& inbox, std::chrono::milliseconds heartbeat) {
  json config{
      {"deliver_subject", inbox},
      {"deliver_policy", from_sequence > 1 ? "by_start_sequence" : "all"},
      {"ack_policy", "none"},
      {"replay_policy", "instant"},
      {"max_deliver", 1},
      {"flow_control", true},
      {"idle_heartbeat", in_ns(heartbeat)},
      {"mem_storage", true},
      {"num_replicas", 1},
  };
  if (from_sequence > 1)
    config["opt_start_seq"] = from_sequence;
  if (!filter.empty())
    config["filter_subject"] = filter;
  return json{{"stream_name", stream}, {"config", config}}.dump();
}

std::string pull_request(int batch, std::chrono::milliseconds expires) {
  return json{{"batch", batch}, {"expires", in_ns(expires)}}.dump();
}

std::string retry_ack(std::chrono::milliseconds after) {
  return after.count() > 0 ? "-NAK " + json{{"delay", in_ns(after)}}.dump() : "-NAK";
}

} // namespace sextant::jetstream
