// frontend_answers.cpp: JSON of the frontend.
#include "adapters/local/frontend_answers.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace sextant::local {

using nlohmann::json;

std::vector<std::string> listed_models(std::string_view answer) {
  std::vector<std::string> names;
  const auto parsed = json::parse(answer, nullptr, false);
  if (parsed.is_object() && parsed.contains("data") && parsed["data"].is_array())
    for (const auto& entry : parsed["data"])
      if (entry.is_object() && entry.contains("id") && entry["id"].is_string())
        names.push_back(entry["id"].get<std::string>());
  return names;
}

bool lists_model(std::string_view answer, std::string_view model) {
  const auto names = listed_models(answer);
  return std::find(names.begin(), names.end(), model) != names.end();
}

int generating_workers(std::string_view answer) {
  const auto parsed = json::parse(answer, nullptr, false);
  if (!parsed.is_object() || !parsed.contains("instances") || !parsed["instances"].is_array())
    return -1;
  int count = 0;
  for (const auto& instance : parsed["instances"])
    if (instance.is_object() && instance.contains("endpoint") && instance["endpoint"] == "generate")
      ++count;
  return count;
}

std::string first_request(std::string_view model) {
  json body{{"model", model}, {"max_tokens", 2}, {"min_tokens", 2}, {"ignore_eos", true}};
  for (int token = 1000; token < 1016; ++token)
    body["prompt"].push_back(token);
  return body.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string error_text(std::string_view answer) {
  const auto parsed = json::parse(answer, nullptr, false);
  std::string text;
  if (parsed.is_object() && parsed.contains("message") && parsed["message"].is_string())
    text = parsed["message"].get<std::string>();
  else
    text = std::string{answer.substr(0, 300)};
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

} // namespace sextant::local
