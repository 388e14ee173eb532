#include "config/gpu_file.hpp"

#include <array>
#include <cmath>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <sstream>
#include <vector>

#include <yaml-cpp/yaml.h>

#include "config/nearest.hpp"

namespace sextant {

namespace {

struct number_field {
  const char* name;
  double gpu_facts::*value;
  bool required;
};
constexpr std::array number_fields{
    number_field{"memory_bytes", &gpu_facts::memory_bytes, true},
    number_field{"memory_bandwidth", &gpu_facts::memory_bandwidth, true},
    number_field{"bf16_flops", &gpu_facts::bf16_flops, true},
    number_field{"fp8_flops", &gpu_facts::fp8_flops, false},
    number_field{"fp4_flops", &gpu_facts::fp4_flops, false},
    number_field{"int8_ops", &gpu_facts::int8_ops, false},
    number_field{"intra_node_bandwidth", &gpu_facts::intra_node_bandwidth, false},
    number_field{"inter_node_bandwidth", &gpu_facts::inter_node_bandwidth, false},
    number_field{"power_watts", &gpu_facts::power_watts, false},
    number_field{"inter_rack_bandwidth", &gpu_facts::inter_rack_bandwidth, false},
    number_field{"link_latency_s", &gpu_facts::link_latency_s, false},
};

struct count_field {
  const char* name;
  int gpu_facts::*value;
};
constexpr std::array count_fields{
    count_field{"gpus_per_node", &gpu_facts::gpus_per_node},
    count_field{"sm_version", &gpu_facts::sm_version},
    count_field{"gpus_per_rack", &gpu_facts::gpus_per_rack},
};

std::vector<std::string> field_names() {
  std::vector<std::string> names{"name"};
  for (const auto& field : number_fields)
    names.emplace_back(field.name);
  for (const auto& field : count_fields)
    names.emplace_back(field.name);
  return names;
}

struct reader {
  gpu_facts facts;
  std::string errors;

  void refuse(const std::string& what) { errors += (errors.empty() ? "" : "; ") + what; }

  void take(const std::string& key, const YAML::Node& node) {
    const auto text = node.IsScalar() ? node.as<std::string>() : std::string{"a list or a map"};
    const auto place = "line " + std::to_string(node.Mark().line + 1) + ": " + key + ": found \"" + text + "\", accepted: ";
    if (key == "name") {
      facts.name = node.IsScalar() ? text : "";
      if (facts.name.empty())
        refuse(place + "a name");
      return;
    }
    double value = 0;
    const bool number = node.IsScalar() && YAML::convert<double>::decode(node, value) && std::isfinite(value);
    for (const auto& field : number_fields)
      if (key == field.name) {
        if (!number || value < 0 || (field.required && value <= 0))
          return refuse(place + (field.required ? "a number above 0" : "a number of at least 0"));
        facts.*field.value = value;
        return;
      }
    for (const auto& field : count_fields)
      if (key == field.name) {
        if (!number || value < 0 || value > 1e6 || value != std::floor(value))
          return refuse(place + "a whole number from 0 to 1000000");
        facts.*field.value = static_cast<int>(value);
        return;
      }
    const auto near = nearest_name(key, field_names());
    refuse("line " + std::to_string(node.Mark().line + 1) + ": no such field '" + key + "'"
           + (near.empty() ? "" : ", did you mean '" + near + "'?"));
  }

  void check_missing() {
    if (facts.name.empty() && errors.find("name:") == std::string::npos)
      refuse("name is missing");
    for (const auto& field : number_fields)
      if (field.required && !(facts.*field.value > 0) && errors.find(std::string{field.name} + ":") == std::string::npos)
        refuse(std::string{field.name} + " is missing");
    if (facts.gpus_per_node < 1)
      refuse("gpus_per_node: found 0, accepted: at least 1");
  }
};

reader read(const std::string& path) {
  reader r;
  std::ifstream file{path, std::ios::binary};
  if (!file) {
    r.refuse("no file '" + path + "' to read");
    return r;
  }
  std::ostringstream text;
  text << file.rdbuf();
  try {
    const auto root = YAML::Load(text.str());
    if (!root.IsMap()) {
      r.refuse("'" + path + "' is not a map of a GPU's facts");
      return r;
    }
    for (const auto& entry : root)
      r.take(entry.first.as<std::string>(), entry.second);
    r.check_missing();
  } catch (const YAML::Exception& e) {
    r.refuse("'" + path + "' is not YAML: " + e.what());
  }
  return r;
}

} // namespace

bool is_gpu_file(std::string_view name) {
  return name.ends_with(".yaml") || name.ends_with(".yml");
}

const gpu_facts* gpu_from_file(const std::string& path, std::string& errors) {
  static std::mutex mutex;
  static std::map<std::string, reader> known;
  const std::lock_guard lock{mutex};
  auto found = known.find(path);
  if (found == known.end())
    found = known.emplace(path, read(path)).first;
  errors = found->second.errors;
  return errors.empty() ? &found->second.facts : nullptr;
}

} // namespace sextant
