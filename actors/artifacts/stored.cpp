// stored.cpp: Message bodies as files.
#include "actors/artifacts/stored.hpp"

#include <sstream>

#include "actors/artifacts/files.hpp"
#include "messages/codec.hpp"

namespace sextant {

namespace {

std::string first_of(const std::vector<codec_error>& errors) {
  return errors.empty() ? "not readable" : errors.front().path + ": " + errors.front().message;
}

} // namespace

std::string stored_result_text(const write_artifacts& what) {
  return encode_body(what) + "\n";
}

std::string stored_points_text(const std::vector<point_measured>& points) {
  std::string out;
  for (const auto& p : points)
    out += encode_body(p) + "\n";
  return out;
}

stored_profile read_stored(const std::string& directory, std::string& error) {
  error.clear();
  stored_profile result;
  const auto answer_path = directory + "/sextant_result.json";
  const auto answer = read_file(answer_path, error);
  if (!error.empty())
    return {};
  std::vector<codec_error> errors;
  auto what = decode_body<write_artifacts>(answer, errors);
  if (!what) {
    error = answer_path + ": " + first_of(errors);
    return {};
  }
  result.what = std::move(*what);
  const auto points_path = directory + "/points.jsonl";
  std::istringstream lines{read_file(points_path, error)};
  if (!error.empty())
    return {};
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    if (line.empty())
      continue;
    auto point = decode_body<point_measured>(line, errors);
    if (!point) {
      error = points_path + ":" + std::to_string(number) + ": " + first_of(errors);
      return {};
    }
    result.points.push_back(std::move(*point));
  }
  return result;
}

} // namespace sextant
