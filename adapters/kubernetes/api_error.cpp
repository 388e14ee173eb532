#include "adapters/kubernetes/api_error.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include <nlohmann/json.hpp>

namespace sextant::kubernetes {

namespace {

using nlohmann::json;

constexpr double first_pause_s = 0.1;
constexpr double longest_pause_s = 5;
constexpr double longest_asked_pause_s = 30; ///< a server that asks for more is asked again after this

std::string text_of(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

std::string first_line(const std::string& text) {
  const auto cut = std::min(text.find('\n'), size_t{300});
  return text.substr(0, cut);
}

bool no_trust(const http_outcome& outcome) {
  return outcome.detail.find("certificate") != std::string::npos || outcome.detail.find("SSL routines") != std::string::npos;
}

} // namespace

bool succeeded(const http_outcome& outcome) {
  return outcome.end == http_end::complete && outcome.status >= 200 && outcome.status < 300;
}

std::optional<api_error> error_in(const std::string& status_object) {
  const auto object = json::parse(status_object, nullptr, false);
  if (!object.is_object() || text_of(object, "kind") != "Status")
    return std::nullopt;
  api_error error;
  error.reason = text_of(object, "reason");
  error.message = text_of(object, "message");
  if (const auto code = object.find("code"); code != object.end() && code->is_number_integer())
    error.status = code->get<int>();
  if (const auto details = object.find("details"); details != object.end() && details->is_object())
    if (const auto pause = details->find("retryAfterSeconds"); pause != details->end() && pause->is_number())
      error.retry_after_s = pause->get<double>();
  return error;
}

api_error error_of(const http_outcome& outcome) {
  api_error error;
  if (outcome.end != http_end::complete) {
    error.message = outcome.detail.empty() ? "no answer" : outcome.detail;
    error.untrusted = outcome.end == http_end::refused && no_trust(outcome);
    return error;
  }
  if (auto told = error_in(outcome.body))
    error = *told;
  else
    error.message = first_line(outcome.body);
  error.status = outcome.status;
  if (!outcome.retry_after.empty())
    error.retry_after_s = std::max(error.retry_after_s, std::strtod(outcome.retry_after.c_str(), nullptr));
  return error;
}

std::optional<double> pause_before_retry(const api_error& error, int attempt, double random) {
  const bool passes = error.status == 0 || error.status == 429 || (error.status >= 500 && error.status != 501);
  if (!passes || error.untrusted)
    return std::nullopt;
  const double own = std::min(longest_pause_s, first_pause_s * std::pow(2.0, std::min(attempt, 16) - 1));
  const double asked = std::isfinite(error.retry_after_s) ? std::clamp(error.retry_after_s, 0.0, longest_asked_pause_s) : 0;
  return std::max(own, asked) * (1 + 0.2 * random);
}

std::string error_text(const api_error& error, const std::string& asked) {
  if (error.status == 403)
    return "not permitted: " + asked + ": " + error.message + " (deploy/kubernetes/rbac.yaml grants it)";
  if (error.status == 401)
    return asked + ": the API server does not accept the credentials (token expired?): " + error.message;
  std::string text = asked + ": ";
  if (error.status == 0)
    return text + "no answer from the API server: " + error.message;
  text += error.message.empty() ? "HTTP " + std::to_string(error.status) : error.message;
  if (!error.reason.empty() && error.message.find(error.reason) == std::string::npos)
    text += " (" + error.reason + ")";
  return text;
}

failure failure_of(const api_error& error, const std::string& asked) {
  const bool may_pass = pause_before_retry(error, 1, 0) || error.status == 401;
  return {may_pass ? failure_class::transient : failure_class::permanent,
          may_pass ? failure_cause::unknown : failure_cause::rejected,
          error_text(error, asked),
          {}};
}

} // namespace sextant::kubernetes
