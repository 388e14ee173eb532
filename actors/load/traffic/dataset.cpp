// dataset.cpp: JSON formats: single and multi turn, pools, Mooncake-style traces, ShareGPT, whole payloads.
#include "actors/load/traffic/dataset.hpp"

#include <algorithm>
#include <map>

#include <nlohmann/json.hpp>

#include "actors/load/traffic/dataset_reader.hpp"
#include "config/nearest.hpp"
#include "config/option_values.hpp"

namespace sextant::load {

namespace {

using nlohmann::json;

constexpr size_t most_errors = 50;

/// Keys of one format; anything else is a misspelling.
const std::vector<std::string>& keys_of(dataset_format format) {
  static const std::vector<std::string> single{"text",   "texts", "timestamp",  "delay", "role",  "output_length",
                                               "system", "type",  "session_id", "tools", "extra", "max_tokens"};
  static const std::vector<std::string> multi{"session_id", "turns", "type", "system"};
  static const std::vector<std::string> trace{
      "timestamp", "input_length", "text_input", "messages", "output_length",  "hash_ids", "session_id", "delay",   "tools",
      "extra",     "message_mode", "payload",    "chat_id",  "parent_chat_id", "turn",     "type",       "priority"};
  return format == dataset_format::multi_turn                                      ? multi
         : format == dataset_format::mooncake || format == dataset_format::bailian ? trace
                                                                                   : single;
}

dataset_format format_of_row(const json& row) {
  if (row.contains("turns"))
    return dataset_format::multi_turn;
  if (row.contains("conversations") || row.contains("conversation"))
    return dataset_format::sharegpt;
  if (row.contains("chat_id"))
    return dataset_format::bailian;
  if (row.contains("input_length") || row.contains("text_input") || row.contains("hash_ids") || row.contains("payload")
      || (row.contains("messages") && !row.contains("model")))
    return dataset_format::mooncake;
  if (row.contains("text") || row.contains("texts"))
    return dataset_format::single_turn;
  if (row.contains("messages") || row.contains("prompt") || row.contains("input"))
    return dataset_format::raw_payload;
  return dataset_format::automatic;
}

dataset_turn text_turn(std::string text) {
  dataset_turn out;
  out.text = std::move(text);
  return out;
}

/// Reads rows of JSON. One error names one wrong thing.
class json_rows {
public:
  json_rows(dataset_reader& in) : in_{in} {}

  void row(const json& value, size_t line) {
    line_ = line;
    if (!value.is_object())
      return refuse("", value.is_discarded() ? "no JSON" : "no object", "one JSON object a line");
    auto& format = in_.out.format;
    if (format == dataset_format::automatic)
      format = format_of_row(value);
    switch (format) {
      case dataset_format::single_turn:
      case dataset_format::random_pool:
        return single(value);
      case dataset_format::multi_turn:
        return multi(value);
      case dataset_format::mooncake:
      case dataset_format::bailian:
        return trace(value);
      case dataset_format::sharegpt:
        return sharegpt(value);
      case dataset_format::raw_payload:
        return add_payload("", value);
      default:
        refuse("", shown(value.dump()),
               "a row with text, turns, input_length, text_input, messages, conversations, or a payload");
    }
  }

  /// `{"data": [{"session_id":, "payloads": [...]}]}`, as inputs.json is.
  void inputs(const json& document) {
    line_ = 1;
    in_.out.format = dataset_format::inputs_json;
    for (const auto& entry : document["data"]) {
      if (!entry.is_object() || !entry.contains("payloads") || !entry["payloads"].is_array() || entry["payloads"].empty()) {
        refuse("data", shown(entry.dump()), "{\"session_id\":, \"payloads\": [...]}");
        continue;
      }
      dataset_session session;
      session.id = entry.value("session_id", "");
      for (const auto& payload : entry["payloads"]) {
        dataset_turn turn;
        turn.payload = payload.dump();
        session.turns.push_back(std::move(turn));
      }
      in_.add(std::move(session));
    }
  }

private:
  void refuse(std::string path, std::string found, std::string accepted, std::string hint = {}) {
    in_.refuse(line_, std::move(path), std::move(found), std::move(accepted), std::move(hint));
  }

  void check_keys(const json& value, dataset_format format) {
    for (const auto& [key, unused] : value.items()) {
      const auto& known = keys_of(format);
      if (std::find(known.begin(), known.end(), key) == known.end()) {
        const auto nearest = nearest_name(key, known);
        refuse(key, "an unknown key", "a key of this format", nearest.empty() ? "" : "did you mean '" + nearest + "'?");
      }
    }
  }

  double number(const json& value, const char* key, double otherwise) {
    if (!value.contains(key) || value[key].is_null())
      return otherwise;
    if (!value[key].is_number() || value[key].get<double>() < 0) {
      refuse(key, shown(value[key].dump()), "a number >= 0");
      return otherwise;
    }
    return value[key].get<double>();
  }

  int tokens(const json& value, const char* key) {
    const double n = number(value, key, 0);
    if (n > 1e9) {
      refuse(key, number_text(n), "at most 1e9 tokens");
      return 0;
    }
    return static_cast<int>(n);
  }

  std::string text(const json& value, const char* key) {
    if (!value.contains(key) || value[key].is_null())
      return {};
    if (!value[key].is_string()) {
      refuse(key, shown(value[key].dump()), "a text");
      return {};
    }
    return value[key].get<std::string>();
  }

  std::string dumped(const json& value, const char* key, bool array) {
    if (!value.contains(key) || value[key].is_null())
      return {};
    if (array ? !value[key].is_array() : !value[key].is_object()) {
      refuse(key, shown(value[key].dump()), array ? "a list" : "an object");
      return {};
    }
    return value[key].dump(-1, ' ', false, json::error_handler_t::replace);
  }

  dataset_turn single_turn(const json& value) {
    dataset_turn turn;
    turn.text = text(value, "text");
    if (value.contains("texts") && value["texts"].is_array())
      for (const auto& part : value["texts"])
        turn.text += (turn.text.empty() ? "" : "\n") + (part.is_string() ? part.get<std::string>() : part.dump());
    turn.system = text(value, "system");
    turn.osl = tokens(value, value.contains("max_tokens") ? "max_tokens" : "output_length");
    turn.timestamp_ms = number(value, "timestamp", -1);
    turn.delay_ms = number(value, "delay", -1);
    turn.tools = dumped(value, "tools", true);
    turn.extra = dumped(value, "extra", false);
    if (turn.timestamp_ms >= 0 && turn.delay_ms >= 0)
      refuse("timestamp", "both timestamp and delay", "one of the two");
    if (turn.text.empty())
      refuse("text", "no text", "text or texts");
    return turn;
  }

  void single(const json& value) {
    check_keys(value, dataset_format::single_turn);
    dataset_session session;
    session.turns.push_back(single_turn(value));
    in_.add(std::move(session));
  }

  void multi(const json& value) {
    check_keys(value, dataset_format::multi_turn);
    if (!value.contains("turns") || !value["turns"].is_array() || value["turns"].empty())
      return refuse("turns", "no turns", "a list of turns");
    dataset_session session;
    session.id = text(value, "session_id");
    for (const auto& turn : value["turns"]) {
      if (turn.is_string())
        session.turns.push_back(text_turn(turn.get<std::string>()));
      else if (turn.is_object())
        session.turns.push_back(single_turn(turn));
      else
        refuse("turns", shown(turn.dump()), "an object with text");
    }
    if (session.turns.empty())
      return;
    session.turns[0].system = value.contains("system") ? text(value, "system") : session.turns[0].system;
    in_.add(std::move(session));
  }

  void trace(const json& value) {
    check_keys(value, dataset_format::mooncake);
    dataset_turn turn;
    turn.timestamp_ms = number(value, "timestamp", -1);
    if (in_.out.format == dataset_format::bailian && turn.timestamp_ms >= 0)
      turn.timestamp_ms *= 1e3; // that trace counts in seconds
    turn.delay_ms = number(value, "delay", -1);
    turn.isl = tokens(value, "input_length");
    turn.osl = tokens(value, "output_length");
    turn.text = text(value, "text_input");
    turn.messages = dumped(value, "messages", true);
    turn.tools = dumped(value, "tools", true);
    turn.extra = dumped(value, "extra", false);
    turn.payload = dumped(value, "payload", false);
    const int kinds = (turn.isl > 0) + !turn.text.empty() + !turn.messages.empty() + !turn.payload.empty();
    if (kinds != 1)
      refuse("input_length", std::to_string(kinds) + " of them", "one of input_length, text_input, messages, payload");
    if (value.contains("hash_ids"))
      hash_ids(value["hash_ids"], turn);
    if (value.contains("message_mode") && value["message_mode"] == "delta")
      refuse("message_mode", "delta", "history: messages are sent as they stand");
    std::string session = text(value, "session_id");
    if (in_.out.format == dataset_format::bailian && value.contains("chat_id"))
      session = bailian_session(value);
    in_.add_turn(session, std::move(turn));
  }

  /// Chats name their parent; the first of a chain names the session.
  std::string bailian_session(const json& value) {
    const auto id = value["chat_id"].dump();
    const auto parent = value.contains("parent_chat_id") ? value["parent_chat_id"].dump() : "-1";
    const auto found = chats_.find(parent);
    return chats_[id] = found == chats_.end() ? id : found->second;
  }

  void hash_ids(const json& value, dataset_turn& turn) {
    if (!value.is_array())
      return refuse("hash_ids", shown(value.dump()), "a list of numbers");
    for (const auto& id : value) {
      if (!id.is_number_integer())
        return refuse("hash_ids", shown(id.dump()), "integers");
      turn.hash_ids.push_back(static_cast<uint64_t>(id.get<int64_t>()));
    }
    const auto block = static_cast<size_t>(in_.block_tokens());
    const size_t wanted = (static_cast<size_t>(turn.isl) + block - 1) / block;
    if (!turn.hash_ids.empty() && turn.isl > 0 && wanted < turn.hash_ids.size())
      refuse("hash_ids",
             std::to_string(turn.hash_ids.size()) + " blocks of " + std::to_string(block) + " tokens for "
                 + std::to_string(turn.isl),
             "at most " + std::to_string(wanted) + "; see --isl-block-size");
  }

  /// `from: human` and `from: gpt` in turn; the model's own answers take the place of those in the file.
  void sharegpt(const json& value) {
    const auto& list = value.contains("conversations") ? value["conversations"] : value["conversation"];
    if (!list.is_array())
      return refuse("conversations", shown(list.dump()), "a list of messages");
    dataset_session session;
    session.id = value.contains("id") && value["id"].is_string() ? value["id"].get<std::string>() : "";
    std::string system;
    for (const auto& message : list) {
      if (!message.is_object())
        continue;
      const auto from = message.value("from", message.value("role", ""));
      const auto said = message.value("value", message.value("content", ""));
      if (from == "system")
        system = said;
      else if ((from == "human" || from == "user") && !said.empty())
        session.turns.push_back(text_turn(said));
      else if (!session.turns.empty() && session.turns.back().osl == 0)
        session.turns.back().osl = std::max<int>(1, static_cast<int>(said.size() / 4)); // about 4 bytes a token
    }
    if (session.turns.empty()) {
      ++in_.out.left_out;
      return;
    }
    session.turns[0].system = system;
    in_.add(std::move(session));
  }

  void add_payload(const std::string& id, const json& value) {
    dataset_session session;
    session.id = id;
    session.turns.emplace_back();
    session.turns[0].payload = value.dump(-1, ' ', false, json::error_handler_t::replace);
    in_.add(std::move(session));
  }

  dataset_reader& in_;
  size_t line_ = 0;
  std::map<std::string, std::string> chats_;
};

void read_json_lines(std::string_view text, json_rows& rows) {
  size_t line = 1;
  for (size_t at = 0; at < text.size(); ++line) {
    const auto end = std::min(text.find('\n', at), text.size());
    const auto one = text.substr(at, end - at);
    at = end + 1;
    if (one.find_first_not_of(" \t\r") != std::string_view::npos)
      rows.row(json::parse(one, nullptr, false), line);
  }
}

} // namespace

void dataset_reader::refuse(size_t line, std::string path, std::string found, std::string accepted, std::string hint) {
  if (errors_.size() < most_errors)
    errors_.push_back(
        {source_, static_cast<int>(line), 0, std::move(path), std::move(found), std::move(accepted), std::move(hint)});
}

void read_json_dataset(std::string_view text, dataset_reader& in) {
  json_rows rows{in};
  const auto first = text.find_first_not_of(" \t\r\n");
  // A list, or one object over many lines, is one document; else every line is one.
  const auto line_end = std::min(text.find('\n'), text.size());
  const bool one_document =
      text[first] == '[' || !json::accept(text.substr(0, line_end)) || in.out.format == dataset_format::inputs_json;
  if (!one_document)
    return read_json_lines(text, rows);
  const auto document = json::parse(text, nullptr, false);
  if (document.is_discarded())
    return read_json_lines(text, rows); // names the bad line
  if (document.is_object() && document.contains("data") && document["data"].is_array())
    return rows.inputs(document);
  if (!document.is_array())
    return rows.row(document, 1);
  for (size_t i = 0; i < document.size(); ++i)
    rows.row(document[i], i + 1);
}

} // namespace sextant::load
