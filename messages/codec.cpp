#include "messages/codec.hpp"

#include <cmath>
#include <concepts>
#include <ctime>
#include <limits>
#include <map>
#include <type_traits>

#include <nlohmann/json.hpp>

#include "messages/serving.hpp"

namespace sextant {

namespace {

using json = nlohmann::ordered_json;

template <class T>
struct is_vector : std::false_type {};
template <class T>
struct is_vector<std::vector<T>> : std::true_type {};

constexpr int max_depth = 64;

// -- writing ----------------------------------------------------------------------------------------

template <class T>
json write_value(const T& x);

struct writer {
  json out = json::object();
  template <class T>
  void field(const char* name, T& x, const char*) {
    out[name] = write_value(x);
  }
  template <class T>
  void required(const char* name, T& x, const char* doc) {
    field(name, x, doc);
  }
};

template <class T>
json write_value(const T& x) {
  if constexpr (std::is_enum_v<T>) {
    return std::string{to_text(x)};
  } else if constexpr (std::is_floating_point_v<T>) {
    return std::isfinite(x) ? json(x) : json(nullptr);
  } else if constexpr (std::is_arithmetic_v<T> || std::is_same_v<T, std::string>) {
    return x;
  } else if constexpr (std::is_same_v<T, std::map<std::string, std::string>>) {
    auto out = json::object();
    for (const auto& [key, value] : x)
      out[key] = value;
    return out;
  } else if constexpr (is_vector<T>::value) {
    auto out = json::array();
    for (const auto& item : x)
      out.push_back(write_value(item));
    return out;
  } else {
    writer w;
    describe(w, const_cast<T&>(x)); // the description only reads through this visitor
    return std::move(w.out);
  }
}

std::string dump(const json& x) {
  return x.dump(-1, ' ', false, json::error_handler_t::replace);
}

// -- reading ----------------------------------------------------------------------------------------

struct reading {
  std::vector<codec_error>& errors;

  void fail(const std::string& path, const json& found, const char* accepted) {
    auto text = dump(found);
    if (text.size() > 60)
      text = text.substr(0, 57) + "...";
    errors.push_back({path, "found " + text + ", accepted is " + accepted});
  }
};

template <class T>
void read_value(reading& r, const std::string& path, const json& in, T& x);

struct reader {
  reading& r;
  const std::string& path;
  const json& in;

  template <class T>
  void field(const char* name, T& x, const char*) {
    if (auto i = in.find(name); i != in.end() && !i->is_null())
      read_value(r, path + "." + name, *i, x);
  }
  template <class T>
  void required(const char* name, T& x, const char* doc) {
    if (!in.contains(name))
      r.errors.push_back({path + "." + name, "is missing"});
    else
      field(name, x, doc);
  }
};

template <class T>
void read_integer(reading& r, const std::string& path, const json& in, T& x) {
  if (in.is_number_unsigned()) {
    const auto n = in.template get<uint64_t>();
    if (n <= static_cast<uint64_t>(std::numeric_limits<T>::max()))
      x = static_cast<T>(n);
    else
      r.fail(path, in, "a smaller integer");
  } else if (in.is_number_integer()) {
    const auto n = in.template get<int64_t>();
    if (std::is_signed_v<T> && n >= static_cast<int64_t>(std::numeric_limits<T>::min()))
      x = static_cast<T>(n);
    else
      r.fail(path, in, "a larger integer");
  } else {
    r.fail(path, in, "an integer");
  }
}

template <class T>
void read_value(reading& r, const std::string& path, const json& in, T& x) {
  if constexpr (std::is_enum_v<T>) {
    std::optional<T> value;
    if (in.is_string())
      value = from_text<T>(in.template get_ref<const std::string&>());
    if (value) {
      x = *value;
      return;
    }
    std::string accepted = "one of";
    for (const auto& entry : enum_names<T>::values)
      accepted += " " + std::string{entry.second};
    r.fail(path, in, accepted.c_str());
  } else if constexpr (std::is_same_v<T, bool>) {
    in.is_boolean() ? void(x = in.template get<bool>()) : r.fail(path, in, "true or false");
  } else if constexpr (std::is_integral_v<T>) {
    read_integer(r, path, in, x);
  } else if constexpr (std::is_floating_point_v<T>) {
    in.is_number() ? void(x = in.template get<double>()) : r.fail(path, in, "a number");
  } else if constexpr (std::is_same_v<T, std::string>) {
    in.is_string() ? void(x = in.template get<std::string>()) : r.fail(path, in, "a string");
  } else if constexpr (std::is_same_v<T, std::map<std::string, std::string>>) {
    if (!in.is_object())
      return r.fail(path, in, "an object of strings");
    for (const auto& [key, value] : in.items())
      read_value(r, path + "." + key, value, x[key]);
  } else if constexpr (is_vector<T>::value) {
    if (!in.is_array())
      return r.fail(path, in, "an array");
    x.clear();
    x.reserve(in.size());
    for (size_t i = 0; i < in.size(); ++i)
      read_value(r, path + "[" + std::to_string(i) + "]", in[i], x.emplace_back());
  } else {
    if (!in.is_object())
      return r.fail(path, in, "an object");
    reader v{r, path, in};
    describe(v, x);
  }
}

/// Parses text with bounded depth; adds an error and returns a discarded value on failure.
json parse_bounded(std::string_view text, const std::string& path, std::vector<codec_error>& errors) {
  int depth = 0;
  bool in_string = false, escaped = false;
  for (char c : text) {
    if (in_string) {
      if (escaped)
        escaped = false;
      else if (c == '\\')
        escaped = true;
      else if (c == '"')
        in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > max_depth) {
        errors.push_back({path, "nested deeper than 64 levels"});
        return json(json::value_t::discarded);
      }
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  auto out = json::parse(text.begin(), text.end(), nullptr, false);
  if (out.is_discarded())
    errors.push_back({path, "is not JSON"});
  return out;
}

// -- schema -----------------------------------------------------------------------------------------

template <class T>
json schema_value();

struct schema_maker {
  json properties = json::object();
  json required_names = json::array();
  template <class T>
  void field(const char* name, T&, const char* doc) {
    auto s = schema_value<T>();
    s["description"] = doc;
    properties[name] = std::move(s);
  }
  template <class T>
  void required(const char* name, T& x, const char* doc) {
    field(name, x, doc);
    required_names.push_back(name);
  }
};

template <class T>
json schema_value() {
  if constexpr (std::is_enum_v<T>) {
    auto names = json::array();
    for (const auto& entry : enum_names<T>::values)
      names.push_back(std::string{entry.second});
    return {{"type", "string"}, {"enum", names}};
  } else if constexpr (std::is_same_v<T, bool>) {
    return {{"type", "boolean"}};
  } else if constexpr (std::is_integral_v<T>) {
    return {{"type", "integer"}};
  } else if constexpr (std::is_floating_point_v<T>) {
    return {{"type", json::array({"number", "null"})}};
  } else if constexpr (std::is_same_v<T, std::string>) {
    return {{"type", "string"}};
  } else if constexpr (std::is_same_v<T, std::map<std::string, std::string>>) {
    return {{"type", "object"}, {"additionalProperties", {{"type", "string"}}}};
  } else if constexpr (is_vector<T>::value) {
    return {{"type", "array"}, {"items", schema_value<typename T::value_type>()}};
  } else {
    schema_maker m;
    T x;
    describe(m, x);
    json out{{"type", "object"}, {"properties", std::move(m.properties)}};
    if (!m.required_names.empty())
      out["required"] = std::move(m.required_names);
    return out;
  }
}

} // namespace

template <class T>
std::string encode_body(const T& x) {
  return dump(write_value(x));
}

template <class T>
std::optional<T> decode_body(std::string_view text, std::vector<codec_error>& errors) {
  const auto before = errors.size();
  const auto in = parse_bounded(text, "body", errors);
  if (errors.size() != before)
    return std::nullopt;
  T x;
  reading r{errors};
  read_value(r, "body", in, x);
  if (errors.size() != before)
    return std::nullopt;
  return x;
}

template <class T>
std::string body_schema() {
  return dump(schema_value<T>());
}

#define SEXTANT_INSTANTIATE(type)                                                                                           \
  template std::string encode_body<type>(const type&);                                                                      \
  template std::optional<type> decode_body<type>(std::string_view, std::vector<codec_error>&);                              \
  template std::string body_schema<type>();
SEXTANT_FOR_EACH_MESSAGE(SEXTANT_INSTANTIATE)
SEXTANT_FOR_EACH_SERVING_MESSAGE(SEXTANT_INSTANTIATE)
SEXTANT_INSTANTIATE(profile_result)
SEXTANT_INSTANTIATE(model_facts)
SEXTANT_INSTANTIATE(gpu_facts)
#undef SEXTANT_INSTANTIATE

std::string encode_envelope(const envelope& e) {
  json out = json::object();
  out["v"] = e.version;
  out["kind"] = e.kind;
  out["id"] = e.id;
  out["request"] = e.request;
  out["time"] = e.time.empty() ? rfc3339_now() : e.time;
  auto text = dump(out);
  text.pop_back();
  if (e.unknown.size() > 2) // more than `{}`
    text += "," + e.unknown.substr(1, e.unknown.size() - 2);
  return text + ",\"body\":" + (e.body.empty() ? "{}" : e.body) + "}";
}

std::optional<envelope> decode_envelope(std::string_view text, std::vector<codec_error>& errors) {
  const auto before = errors.size();
  const auto in = parse_bounded(text, "message", errors);
  if (errors.size() != before)
    return std::nullopt;
  reading r{errors};
  if (!in.is_object()) {
    r.fail("message", in, "an object");
    return std::nullopt;
  }
  envelope e;
  auto unknown = json::object();
  for (const auto& [key, value] : in.items()) {
    if (key == "v")
      read_value(r, "v", value, e.version);
    else if (key == "kind")
      read_value(r, "kind", value, e.kind);
    else if (key == "id")
      read_value(r, "id", value, e.id);
    else if (key == "request")
      read_value(r, "request", value, e.request);
    else if (key == "time")
      read_value(r, "time", value, e.time);
    else if (key == "body")
      e.body = dump(value);
    else
      unknown[key] = value;
  }
  e.unknown = dump(unknown);
  for (const char* name : {"v", "kind"})
    if (!in.contains(name))
      errors.push_back({name, "is missing"});
  if (errors.size() == before && e.version != 1)
    errors.push_back({"v", "found " + std::to_string(e.version) + ", accepted is 1"});
  if (errors.size() != before)
    return std::nullopt;
  return e;
}

namespace {

template <class T>
bool try_result(const envelope& e, std::optional<result_event>& out) {
  if (e.kind != message_kind<T>::value)
    return false;
  if (auto x = message_as<T>(e))
    out = std::move(*x);
  return true;
}

template <class... Ts>
std::optional<result_event> result_among(const envelope& e, const std::variant<Ts...>*) {
  std::optional<result_event> out;
  (void)(try_result<Ts>(e, out) || ...);
  return out;
}

} // namespace

std::optional<result_event> result_from(const envelope& e) {
  return result_among(e, static_cast<const result_event*>(nullptr));
}

std::string encode_result(std::string_view id, std::string_view request, const result_event& x) {
  return std::visit([&](const auto& y) { return encode_message(id, request, y); }, x);
}

std::string rfc3339_now() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  tm parts{};
  gmtime_r(&now.tv_sec, &parts);
  char text[40];
  const auto n = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  snprintf(text + n, sizeof text - n, ".%03ldZ", now.tv_nsec / 1'000'000);
  return text;
}

} // namespace sextant
