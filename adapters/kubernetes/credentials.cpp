#include "adapters/kubernetes/credentials.hpp"

#include <chrono>
#include <fstream>
#include <sstream>

#include <nlohmann/json.hpp>

#include "config/time_text.hpp"

namespace sextant::kubernetes {

namespace {

using nlohmann::json;

constexpr double plugin_timeout_s = 60; ///< some ask another machine, or a cloud
constexpr double renew_ahead_s = 30;    ///< before the end of what a plug-in handed out

double now_s() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string text_of(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

std::optional<std::string> first_word(const std::string& path) {
  std::ifstream in{path};
  std::string word;
  if (in >> word)
    return word;
  return std::nullopt;
}

} // namespace

std::optional<exec_credential> read_exec_credential(const std::string& text, std::string& error) {
  const auto object = json::parse(text, nullptr, false);
  if (!object.is_object() || text_of(object, "kind") != "ExecCredential") {
    error = "it printed no ExecCredential";
    return std::nullopt;
  }
  const auto status = object.find("status");
  if (status == object.end() || !status->is_object()) {
    error = "its ExecCredential has no status";
    return std::nullopt;
  }
  exec_credential out;
  out.token = text_of(*status, "token");
  out.certificate_pem = text_of(*status, "clientCertificateData");
  out.key_pem = text_of(*status, "clientKeyData");
  if (out.certificate_pem.empty() != out.key_pem.empty())
    error = "its ExecCredential has only one of clientCertificateData and clientKeyData";
  else if (out.token.empty() && out.certificate_pem.empty())
    error = "its ExecCredential has neither a token nor a client certificate";
  if (const auto expires = text_of(*status, "expirationTimestamp"); !expires.empty()) {
    out.expires_s = seconds_of(expires);
    if (!out.expires_s && error.empty())
      error = "its expirationTimestamp is no time in UTC: " + expires;
  }
  return error.empty() ? std::optional{out} : std::nullopt;
}

std::string exec_info(const exec_plugin& plugin) {
  return json{{"apiVersion", plugin.api_version}, {"kind", "ExecCredential"}, {"spec", {{"interactive", false}}}}.dump();
}

bool credentials::run_plugin(std::string& error) {
  const auto printed = run_exec_plugin(*access_.exec, plugin_timeout_s, error);
  auto read = printed ? read_exec_credential(*printed, error) : std::nullopt;
  if (!read) {
    error = "credential plug-in " + access_.exec->command + ": " + error;
    if (!access_.exec->install_hint.empty())
      error += " (" + access_.exec->install_hint + ")";
    return false;
  }
  handed_out_ = std::move(read);
  return true;
}

std::optional<identity> credentials::current(std::string& error) {
  const std::lock_guard guard{mutex_};
  identity next;
  next.certificate_pem = access_.certificate_pem;
  next.key_pem = access_.key_pem;
  next.token = access_.token;
  if (!access_.token_file.empty()) {
    const auto token = first_word(access_.token_file);
    if (!token) {
      error = access_.token_file + ": holds no token";
      return std::nullopt;
    }
    next.token = *token;
  }
  if (access_.exec) {
    const bool ends = handed_out_ && handed_out_->expires_s && *handed_out_->expires_s - now_s() < renew_ahead_s;
    if ((!handed_out_ || ends) && !run_plugin(error))
      return std::nullopt;
    if (!handed_out_->token.empty())
      next.token = handed_out_->token;
    if (!handed_out_->certificate_pem.empty()) {
      next.certificate_pem = handed_out_->certificate_pem;
      next.key_pem = handed_out_->key_pem;
    }
  }
  const bool same = now_.generation > 0 && next.token == now_.token && next.certificate_pem == now_.certificate_pem
                    && next.key_pem == now_.key_pem;
  next.generation = now_.generation + (same ? 0 : 1);
  now_ = next;
  return next;
}

void credentials::refused(uint64_t generation) {
  const std::lock_guard guard{mutex_};
  if (generation == now_.generation)
    handed_out_.reset();
}

} // namespace sextant::kubernetes
