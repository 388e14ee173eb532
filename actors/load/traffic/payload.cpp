// payload.cpp: Bodies for chat, completions, embeddings, and those that stand in files.
#include "actors/load/traffic/payload.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include <nlohmann/json.hpp>

#include "actors/load/traffic/planner.hpp"
#include "adapters/aiperf/load_export.hpp"

namespace sextant::load {

namespace {

void set_field(std::vector<std::pair<std::string, std::string>>& fields, const std::string& key, std::string value) {
  for (auto& [name, old] : fields)
    if (name == key) {
      old = std::move(value);
      return;
    }
  fields.emplace_back(key, std::move(value));
}

void merge_object(std::vector<std::pair<std::string, std::string>>& fields, const std::string& object) {
  const auto parsed = nlohmann::ordered_json::parse(object, nullptr, false);
  if (parsed.is_object())
    for (const auto& [key, value] : parsed.items())
      set_field(fields, key, value.dump());
}

std::string joined(const std::vector<std::pair<std::string, std::string>>& fields) {
  std::string out = "{";
  size_t size = 2;
  for (const auto& [key, value] : fields)
    size += key.size() + value.size() + 4;
  out.reserve(size);
  for (const auto& [key, value] : fields) {
    if (out.size() > 1)
      out += ',';
    out += json_quoted(key);
    out += ':';
    out += value;
  }
  return out + '}';
}

void add_message(std::string& out, const char* role, const std::string& content) {
  if (!out.empty())
    out += ',';
  out += std::string{"{\"role\":\""} + role + "\",\"content\":" + json_quoted(content) + "}";
}

} // namespace

std::string json_quoted(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

payload_maker::payload_maker(const load_options& options, const traffic_schedule& schedule, const dataset& data,
                             prompt_shape shape, payload_context context)
    : options_{options}, schedule_{schedule}, data_{data}, shape_{std::move(shape)}, context_{std::move(context)} {
  std::vector<uint32_t> last;
  for (uint32_t at = 0; at < schedule.requests.size(); ++at) {
    const auto& request = schedule.requests[at];
    if (request.session >= last.size())
      last.resize(request.session + size_t{1}, 0);
    if (request.index >= previous_.size()) // a part of a plan has gaps
      previous_.resize(request.index + size_t{1}, 0);
    if (request.turn > 0)
      previous_[request.index] = last[request.session];
    last[request.session] = at + 1;
  }
  for (const auto& extra : options.extra_inputs)
    merge_object(extras_, extra);
  fixed_headers_ = options.headers;
  if (!context_.api_key.empty())
    fixed_headers_.emplace_back("Authorization", "Bearer " + context_.api_key);
}

const dataset_turn* payload_maker::row_of(const planned_request& request) const {
  if (data_.sessions.empty())
    return nullptr;
  return &data_.sessions[request.prompt >> turn_bits].turns[request.prompt & ((1U << turn_bits) - 1)];
}

std::vector<const planned_request*> payload_maker::turns_before(const planned_request& request) const {
  std::vector<const planned_request*> out;
  const auto before = [this](const planned_request& r) { return r.index < previous_.size() ? previous_[r.index] : 0; };
  for (auto at = before(request); at > 0; at = before(schedule_.requests[at - 1]))
    out.push_back(&schedule_.requests[at - 1]);
  std::reverse(out.begin(), out.end());
  return out;
}

// -- prompts ------------------------------------------------------------------------------------------

void payload_maker::add_words(std::string& out, random_stream stream, uint64_t key, double tokens) const {
  const int count = std::max(0, static_cast<int>(std::lround(tokens / shape_.tokens_per_word)));
  append_words(out, shape_.words, schedule_.seed, stream, key, count);
}

std::string payload_maker::bust_marker(const planned_request& request) const {
  random_source random{context_.run_key, random_stream::cache_bust, request.session};
  char out[24];
  std::snprintf(out, sizeof out, "[%016llx]", static_cast<unsigned long long>(random.word64()));
  return out;
}

std::string payload_maker::system_of(const planned_request& request) const {
  std::string out = context_.system_text;
  if (const auto* row = row_of(request); row && !row->system.empty())
    out = row->system;
  if (options_.shared_system_length > 0) {
    out += out.empty() ? "" : " ";
    out += prompt_opener;
    add_words(out, random_stream::system, 0, options_.shared_system_length - 1);
  }
  if (options_.bust == cache_bust::system_prefix)
    out = bust_marker(request) + (out.empty() ? "" : " ") + out;
  if (options_.bust == cache_bust::system_suffix)
    out += (out.empty() ? "" : " ") + bust_marker(request);
  return out;
}

std::string payload_maker::made_text(const planned_request& request) const {
  std::string out{prompt_opener};
  if (request.prefix > 0)
    add_words(out, random_stream::prefix, request.prefix, request.prefix_tokens);
  if (options_.user_context_length > 0 && request.turn == 0)
    add_words(out, random_stream::user_context, request.session, options_.user_context_length);
  double left = request.isl - (request.turn == 0 ? shape_.overhead : 1);
  for (size_t i = 0; i < request.block_hashes.size() && left > 0; ++i) {
    const double here = std::min<double>(left, schedule_.block_tokens);
    add_words(out, random_stream::block, request.block_hashes[i], here);
    left -= here;
  }
  add_words(out, random_stream::prompt, request.prompt, std::max(0.0, left));
  return out;
}

std::string payload_maker::turn_text(const planned_request& request) const {
  const auto* row = row_of(request);
  std::string out = row && !row->text.empty() ? row->text : made_text(request);
  if (request.turn == 0 && options_.bust == cache_bust::first_turn_prefix)
    out = bust_marker(request) + " " + out;
  if (request.turn == 0 && options_.bust == cache_bust::first_turn_suffix)
    out += " " + bust_marker(request);
  return out;
}

std::string payload_maker::prompt_ids(const planned_request& request) const {
  std::string out;
  const auto add = [&](random_stream stream, uint64_t key, int count) {
    if (count <= 0)
      return;
    if (!out.empty())
      out += ',';
    append_token_ids(out, schedule_.seed, stream, key, count);
  };
  if (request.turn == 0) {
    const auto bust = [&](bool here) {
      if (here)
        append_token_ids(out += out.empty() ? "" : ",", context_.run_key, random_stream::cache_bust, request.session, 8);
    };
    bust(options_.bust == cache_bust::system_prefix);
    add(random_stream::system, 0, options_.shared_system_length);
    bust(options_.bust == cache_bust::system_suffix || options_.bust == cache_bust::first_turn_prefix);
    add(random_stream::prefix, request.prefix, request.prefix > 0 ? request.prefix_tokens : 0);
    add(random_stream::user_context, request.session, options_.user_context_length);
  }
  int left = request.isl;
  for (const auto hash : request.block_hashes) {
    const int here = std::min(left, schedule_.block_tokens);
    add(random_stream::block, hash, here);
    left -= here;
  }
  add(random_stream::prompt, request.prompt, left);
  if (request.turn == 0 && options_.bust == cache_bust::first_turn_suffix)
    append_token_ids(out += ",", context_.run_key, random_stream::cache_bust, request.session, 8);
  return out;
}

// -- bodies -------------------------------------------------------------------------------------------

void payload_maker::add_limits(fields& out, const planned_request& request) const {
  if (options_.streaming) {
    out.emplace_back("stream", "true");
    out.emplace_back("stream_options", "{\"include_usage\":true}");
  }
  if (request.osl <= 0)
    return;
  const auto tokens = std::to_string(request.osl);
  const bool modern = options_.endpoint == load_endpoint::chat && !options_.legacy_max_tokens;
  out.emplace_back(modern ? "max_completion_tokens" : "max_tokens", tokens);
  if (options_.exact_osl && options_.dialect != server_dialect::openai) {
    out.emplace_back("ignore_eos", "true");
    out.emplace_back("min_tokens", tokens);
  }
}

payload_maker::fields payload_maker::chat(const planned_request& request, const std::vector<std::string>& answers) const {
  const auto* row = row_of(request);
  fields out;
  if (row && !row->messages.empty()) {
    out.emplace_back("messages", row->messages);
  } else {
    std::string messages;
    const auto before = turns_before(request);
    if (const auto system = system_of(before.empty() ? request : *before.front()); !system.empty())
      add_message(messages, "system", system);
    for (size_t i = 0; i < before.size(); ++i) {
      const auto* earlier = row_of(*before[i]);
      if (earlier && !earlier->messages.empty())
        continue;
      add_message(messages, "user", turn_text(*before[i]));
      if (i < answers.size())
        add_message(messages, "assistant", answers[i]);
    }
    add_message(messages, "user", turn_text(request));
    out.emplace_back("messages", "[" + messages + "]");
  }
  if (row && !row->tools.empty())
    out.emplace_back("tools", row->tools);
  else if (!context_.tools.empty())
    out.emplace_back("tools", context_.tools);
  return out;
}

payload_maker::fields payload_maker::completion(const planned_request& request,
                                                const std::vector<std::string>& answers) const {
  const auto* row = row_of(request);
  const auto before = turns_before(request);
  if (shape_.ids && !(row && !row->text.empty())) {
    // What the model answered has no ids here: the history is the prompts before.
    std::string ids;
    for (const auto* earlier : before)
      ids += prompt_ids(*earlier) + ",";
    return {{"prompt", "[" + ids + prompt_ids(request) + "]"}};
  }
  std::string text = system_of(before.empty() ? request : *before.front());
  const auto add = [&](const std::string& more) {
    text += text.empty() ? "" : "\n";
    text += more;
  };
  for (size_t i = 0; i < before.size(); ++i) {
    add(turn_text(*before[i]));
    if (i < answers.size())
      add(answers[i]);
  }
  add(turn_text(request));
  return {{"prompt", json_quoted(text)}};
}

payload_maker::fields payload_maker::embedding(const planned_request& request) const {
  std::string input;
  for (int i = 0; i < options_.batch; ++i) {
    auto one = request;
    one.prompt += static_cast<uint64_t>(i) << 44; // texts of one batch differ
    const auto* row = row_of(request);
    input += (i > 0 ? "," : "")
             + (shape_.ids ? "[" + prompt_ids(one) + "]" : json_quoted(row ? turn_text(request) : turn_text(one)));
  }
  return {{"input", options_.batch > 1 || shape_.ids ? "[" + input + "]" : input}};
}

std::string payload_maker::default_path() const {
  if (!options_.custom_path.empty())
    return options_.custom_path;
  switch (options_.endpoint) {
    case load_endpoint::completions:
      return "/v1/completions";
    case load_endpoint::embeddings:
      return "/v1/embeddings";
    default:
      return "/v1/chat/completions";
  }
}

payload payload_maker::make(const planned_request& request, const std::vector<std::string>& answers) const {
  payload out;
  out.path = default_path();
  const auto* row = row_of(request);
  if (row && !row->payload.empty()) {
    out.body = row->payload;
  } else {
    size_t model = request.session % options_.models.size();
    if (options_.random_models)
      model = random_source{schedule_.seed, random_stream::model, request.index}.below(options_.models.size());
    fields body{{"model", json_quoted(options_.models[model])}};
    auto content = options_.endpoint == load_endpoint::completions  ? completion(request, answers)
                   : options_.endpoint == load_endpoint::embeddings ? embedding(request)
                                                                    : chat(request, answers);
    std::move(content.begin(), content.end(), std::back_inserter(body));
    if (options_.endpoint != load_endpoint::embeddings)
      add_limits(body, request);
    for (const auto& [key, value] : extras_)
      set_field(body, key, value);
    if (row && !row->extra.empty())
      merge_object(body, row->extra);
    out.body = joined(body);
  }
  out.headers = fixed_headers_;
  out.headers.emplace_back("X-Request-ID", request_id(context_.benchmark_id, request.index));
  if (!options_.session_header.empty())
    out.headers.emplace_back(options_.session_header, correlation_id(context_.benchmark_id, request.session));
  return out;
}

} // namespace sextant::load
