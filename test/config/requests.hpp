// requests.hpp: Documents for tests, whole or around a piece.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include <catch2/catch.hpp>

#include "config/intake.hpp"

namespace sextant::test {

/// A v1alpha1 document with a block-style config; the config's first line is line 10, indented by 6.
inline std::string with_config(const std::string& config, const std::string& model = "Qwen/Qwen3-32B") {
  std::string indented;
  for (std::size_t start = 0; start < config.size();) {
    const auto end = std::min(config.find('\n', start), config.size());
    indented += "      " + config.substr(start, end - start) + "\n";
    start = end + 1;
  }
  return "apiVersion: nvidia.com/v1alpha1\nkind: DynamoGraphDeploymentRequest\nmetadata:\n  name: case\nspec:\n  model: "
         + model + "\n  backend: vllm\n  profilingConfig:\n    config:\n" + indented;
}

/// A v1beta1 document around further lines of `spec`; the first of them is line 7.
inline std::string with_spec(const std::string& spec, const std::string& model = "Qwen/Qwen3-32B") {
  std::string indented;
  for (std::size_t start = 0; start < spec.size();) {
    const auto end = std::min(spec.find('\n', start), spec.size());
    indented += "  " + spec.substr(start, end - start) + "\n";
    start = end + 1;
  }
  return "apiVersion: nvidia.com/v1beta1\nkind: DynamoGraphDeploymentRequest\nmetadata:\n  name: case\nspec:\n  model: "
         + model + "\n" + indented;
}

using option_map = std::map<std::string, std::string>;

inline std::variant<profile_request, std::vector<document_error>> read(const std::string& document,
                                                                       const option_map& options = {}) {
  return read_request("id", {document, options, "r.yaml"});
}

/// Errors as lines of text; empty for an accepted request.
inline std::vector<std::string> errors_of(const std::string& document, const option_map& options = {}) {
  std::vector<std::string> lines;
  const auto result = read(document, options);
  if (const auto* errors = std::get_if<std::vector<document_error>>(&result))
    for (const auto& error : *errors)
      lines.push_back(format_error(error));
  return lines;
}

/// The request of a document that must be accepted.
inline profile_request accepted(const std::string& document, const option_map& options = {}) {
  for (const auto& line : errors_of(document, options))
    FAIL(line);
  return std::get<profile_request>(read(document, options));
}

} // namespace sextant::test
