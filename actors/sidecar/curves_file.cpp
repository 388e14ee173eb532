// curves_file.cpp: Curves from the files of a results directory or of a mounted ConfigMap.
#include <array>
#include <cmath>
#include <fstream>
#include <map>
#include <sstream>

#include <nlohmann/json.hpp>

#include "actors/sidecar/curves.hpp"
#include "adapters/npz/npz.hpp"

namespace sextant::sidecar {

namespace {

/// Arrays by name, from either form.
using arrays = std::map<std::string, std::vector<double>>;

constexpr std::array prefill_names{"prefill_isl", "prefill_ttft", "prefill_thpt_per_gpu"};
constexpr std::array decode_names{"x_kv_usage", "y_context_length", "z_itl", "z_thpt_per_gpu", "max_kv_tokens"};

std::optional<std::string> content_of(const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  std::ostringstream text;
  text << in.rdbuf();
  return in ? std::optional{text.str()} : std::nullopt;
}

/// Some writers keep lengths as floats, some as integers.
template <class Names>
arrays from_npz(const std::string& bytes, const Names& names, std::string& error) {
  arrays out;
  for (const char* name : names) {
    npz_reader doubles{bytes};
    auto values = doubles.array<double>(name);
    if (!doubles.error.empty()) {
      npz_reader integers{bytes};
      const auto whole = integers.array<int64_t>(name);
      if (!integers.error.empty()) {
        error = doubles.error;
        return {};
      }
      values.assign(whole.begin(), whole.end());
    }
    out[name] = std::move(values);
  }
  return out;
}

template <class Names>
arrays from_json(const std::string& text, const Names& names, std::string& error) {
  const auto object = nlohmann::json::parse(text, nullptr, false);
  arrays out;
  for (const char* name : names) {
    const auto at = object.is_object() ? object.find(name) : object.end();
    const bool scalar = object.is_object() && at != object.end() && at->is_number();
    if (!object.is_object() || at == object.end() || (!scalar && !at->is_array())) {
      error = object.is_object() ? std::string{name} + " is missing or no array" : "is no JSON object";
      return {};
    }
    auto& values = out[name];
    if (scalar)
      values.push_back(at->template get<double>());
    else
      for (const auto& value : *at)
        values.push_back(value.is_number() ? value.template get<double>() : std::nan(""));
  }
  return out;
}

template <class Names>
std::optional<arrays> read_arrays(const std::string& npz, const std::string& json, const Names& names, std::string& error) {
  std::string why;
  auto path = npz;
  auto content = content_of(npz);
  arrays out;
  if (content) {
    out = from_npz(*content, names, why);
  } else {
    path = json;
    content = content_of(json);
    if (!content) {
      error = "neither " + npz + " nor " + json + " can be read";
      return std::nullopt;
    }
    out = from_json(*content, names, why);
  }
  for (const auto& [name, values] : out)
    for (const double value : values)
      if (why.empty() && (!std::isfinite(value) || value < 0))
        why = name + " has a value that is negative or no number";
  const auto length = out.empty() ? 0 : out[names[0]].size();
  for (const auto& [name, values] : out)
    if (why.empty() && (values.empty() || (name != "max_kv_tokens" && values.size() != length)))
      why = name + " has " + std::to_string(values.size()) + " elements, " + names[0] + " has " + std::to_string(length);
  if (why.empty())
    return out;
  error = path + ": " + why;
  return std::nullopt;
}

} // namespace

std::optional<planner_curves> read_curves(const std::string& directory, std::string& error) {
  auto prefill = read_arrays(directory + "/selected_prefill_interpolation/raw_data.npz",
                             directory + "/prefill_raw_data.json", prefill_names, error);
  if (!prefill)
    return std::nullopt;
  auto decode = read_arrays(directory + "/selected_decode_interpolation/raw_data.npz", directory + "/decode_raw_data.json",
                            decode_names, error);
  if (!decode)
    return std::nullopt;
  planner_curves out;
  auto& p = *prefill;
  for (size_t i = 0; i < p["prefill_isl"].size(); ++i)
    out.prefill.push_back({static_cast<int>(p["prefill_isl"][i]), p["prefill_ttft"][i], p["prefill_thpt_per_gpu"][i]});
  auto& d = *decode;
  for (size_t i = 0; i < d["x_kv_usage"].size(); ++i)
    out.decode.push_back({d["x_kv_usage"][i], d["y_context_length"][i], d["z_itl"][i], d["z_thpt_per_gpu"][i]});
  out.max_kv_tokens = static_cast<int64_t>(d["max_kv_tokens"].front());
  return out;
}

} // namespace sextant::sidecar
