// kubeconfig.hpp: Where an API server is and who asks it: kubeconfig files and the account of a pod. Pure.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "messages/request.hpp"

namespace sextant::kubernetes {

/// A program that hands out credentials (client.authentication.k8s.io).
struct exec_plugin {
  std::string command; ///< a path, or a name that is looked up in PATH
  std::vector<std::string> arguments;
  std::vector<std::pair<std::string, std::string>> environment; ///< beside what this process has
  std::string api_version;
  std::string install_hint; ///< what to do when the program is missing
};

/// One way to an API server. Holds secrets: it is never logged.
struct cluster_access {
  std::string server; ///< URL
  std::string ca_pem; ///< authorities for its certificate; empty = the system's
  bool verify = true;
  std::string tls_server_name; ///< name in its certificate, where it is not the URL's host
  std::string certificate_pem; ///< client certificate and key; both or none
  std::string key_pem;
  std::string token;      ///< bearer token
  std::string token_file; ///< holds a token that changes; goes before `token`
  std::optional<exec_plugin> exec;
  std::string name_space; ///< of the context; empty if it names none
};

/// Text of a file, or an error.
using file_reader = std::function<std::optional<std::string>(const std::string& path, std::string& error)>;

/// One kubeconfig file.
struct kubeconfig_file {
  std::string path; ///< relative paths inside start at its folder
  std::string text;
};

/// Access by a context (`context`, or the current one if empty) of files of which the first that has an entry counts, as
/// with several paths in KUBECONFIG. Nothing, and every error with its place, if something is wrong. What this client
/// cannot do (passwords, proxies, impersonation, auth-provider) is an error too.
std::optional<cluster_access> read_kubeconfig(const std::vector<kubeconfig_file>& files, const std::string& context,
                                              const file_reader& read, std::vector<document_error>& errors);

/// Folder with the account of a pod.
inline constexpr const char* account_folder = "/var/run/secrets/kubernetes.io/serviceaccount";

/// Access by the account of the pod this process runs in: the address from KUBERNETES_SERVICE_HOST and _PORT, the rest
/// from the mounted files. The token is read again whenever it is needed, for it rotates.
std::optional<cluster_access> in_cluster_access(const std::string& host, const std::string& port, const file_reader& read,
                                                std::vector<document_error>& errors);

/// Bytes of a base64 text, white space ignored; nothing if it is malformed.
std::optional<std::string> from_base64(std::string_view text);

} // namespace sextant::kubernetes
