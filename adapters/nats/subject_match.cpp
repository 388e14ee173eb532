// subject_match.cpp: Splits subjects into tokens and compares them.
#include "adapters/nats/subject_match.hpp"

namespace sextant {

namespace {

/// Takes the first token off a subject.
std::string_view next_token(std::string_view& rest) {
  const auto dot = rest.find('.');
  const auto token = rest.substr(0, dot);
  rest = dot == std::string_view::npos ? std::string_view{} : rest.substr(dot + 1);
  return token;
}

bool valid_token(std::string_view token) {
  if (token.empty())
    return false;
  for (unsigned char c : token)
    if (c <= ' ' || c == 127 || c == '*' || c == '>')
      return false;
  return true;
}

bool valid(std::string_view subject, bool wildcards) {
  if (subject.empty() || subject.back() == '.')
    return false;
  while (!subject.empty()) {
    const auto token = next_token(subject);
    const bool wild = wildcards && (token == "*" || (token == ">" && subject.empty()));
    if (!wild && !valid_token(token))
      return false;
  }
  return true;
}

} // namespace

bool valid_subject(std::string_view subject) {
  return valid(subject, false);
}

bool valid_pattern(std::string_view pattern) {
  return valid(pattern, true);
}

bool subject_matches(std::string_view pattern, std::string_view subject) {
  while (!pattern.empty() && !subject.empty()) {
    const auto wanted = next_token(pattern);
    if (wanted == ">")
      return true;
    const auto token = next_token(subject);
    if (wanted != "*" && wanted != token)
      return false;
  }
  return pattern.empty() && subject.empty();
}

} // namespace sextant
