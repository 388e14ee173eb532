// nats_access.cpp: Options to settings of a connection.
#include "tools/sextant/nats_access.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

namespace sextant {

namespace {

document_error wrong(std::string source, std::string found, std::string accepted, std::string hint = {}) {
  return {std::move(source), 0, 0, {}, std::move(found), std::move(accepted), std::move(hint)};
}

/// Why a file cannot be read; empty if it can.
std::string why_unreadable(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0)
    return std::strerror(errno);
  char first = 0;
  const auto got = ::read(file, &first, 1);
  const int error = errno;
  ::close(file);
  return got > 0 ? std::string{} : got == 0 ? "it is empty" : std::strerror(error);
}

/// How errors name the place of an option.
std::string place_of(const command_line& args, const std::string& name) {
  const auto found = args.origins.find(name);
  return found == args.origins.end() ? "--" + name : found->second;
}

/// The file that an option names.
std::string file_of(const command_line& args, const std::string& option, std::vector<document_error>& errors) {
  auto path = args.value(option);
  if (!args.has(option))
    return path;
  if (const auto why = why_unreadable(path); !why.empty())
    errors.push_back(wrong(place_of(args, option), path, "a readable file", why));
  return path;
}

void check_urls(const std::string& urls, std::vector<document_error>& errors) {
  for (size_t begin = 0; begin <= urls.size();) {
    const auto end = std::min(urls.find(',', begin), urls.size());
    const auto url = urls.substr(begin, end - begin);
    const auto scheme = url.find("://");
    if (url.empty() || (scheme != std::string::npos && url.rfind("nats://", 0) != 0 && url.rfind("tls://", 0) != 0))
      errors.push_back(wrong("--nats", shown_url(url), "nats://HOST:PORT or tls://HOST:PORT"));
    begin = end + 1;
  }
}

} // namespace

nats_settings nats_access(const command_line& args, std::vector<document_error>& errors) {
  nats_settings settings;
  if (args.has("nats")) {
    settings.url = args.value("nats");
    check_urls(settings.url, errors);
    if (args.origins.count("nats") == 0 && shown_url(settings.url) != settings.url)
      errors.push_back(
          wrong("--nats", shown_url(settings.url), "a URL without a secret",
                "command lines are read by everybody on the machine: NATS_USER and NATS_PASSWORD, or NATS_TOKEN"));
  }
  settings.token = args.value("nats-token");
  settings.user = args.value("nats-user");
  settings.password = args.value("nats-password");
  settings.ca_file = file_of(args, "nats-ca", errors);
  settings.credentials_file = file_of(args, "nats-creds", errors);
  settings.certificate_file = file_of(args, "nats-cert", errors);
  settings.key_file = file_of(args, "nats-key", errors);
  if (!settings.password.empty() && settings.user.empty())
    errors.push_back(
        wrong(place_of(args, "nats-password"), "a password without a user", "NATS_USER and NATS_PASSWORD together"));
  const int ways =
      (settings.token.empty() ? 0 : 1) + (settings.user.empty() ? 0 : 1) + (settings.credentials_file.empty() ? 0 : 1);
  if (ways > 1)
    errors.push_back(wrong("NATS_TOKEN, NATS_USER, NATS_CREDS", std::to_string(ways) + " ways to be let in",
                           "one: a token, a user with a password, or a credentials file"));
  if (settings.certificate_file.empty() != settings.key_file.empty())
    errors.push_back(wrong(settings.key_file.empty() ? "--nats-cert" : "--nats-key", "given alone",
                           "--nats-cert and --nats-key together"));
  return settings;
}

} // namespace sextant
