#include "adapters/kubernetes/kubeconfig.hpp"

#include <algorithm>
#include <array>
#include <filesystem>

#include "adapters/http/client.hpp"
#include "config/document.hpp"
#include "config/nearest.hpp"

namespace sextant::kubernetes {

namespace {

namespace fs = std::filesystem;

constexpr std::array exec_versions{"client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"};

/// One file, read.
struct opened_file {
  std::string path;
  document_node tree;
};

/// A named entry of a list, and the file it stands in.
struct named_entry {
  const opened_file* file = nullptr;
  const document_node* body = nullptr; ///< e.g. the value of `cluster`; null if there is none
  std::string path;                    ///< e.g. `clusters[name=kind].cluster`
};

class reader {
public:
  reader(const file_reader& read, std::vector<document_error>& errors) : read_(read), errors_(errors) {}

  void open(const std::vector<kubeconfig_file>& files);
  std::optional<cluster_access> access(std::string context);

private:
  void refuse(const named_entry& entry, const std::string& key, const std::string& accepted, const std::string& hint = {});
  void refuse(const named_entry& entry, const std::string& key, const std::string& found, const std::string& accepted,
              const std::string& hint);
  std::string text(const named_entry& entry, const std::string& key);
  bool flag(const named_entry& entry, const std::string& key);
  std::string pem(const named_entry& entry, const std::string& key);
  std::string current_context();
  std::optional<named_entry> find(const std::string& list, const std::string& body, const std::string& name,
                                  const document_node* asked_at, const opened_file* asked_in, const std::string& asked_path);
  void read_cluster(const named_entry& entry, cluster_access& access);
  void read_user(const named_entry& entry, cluster_access& access);
  void read_exec(const named_entry& user, cluster_access& access);

  const file_reader& read_;
  std::vector<document_error>& errors_;
  std::vector<opened_file> files_;
};

void reader::open(const std::vector<kubeconfig_file>& files) {
  for (const auto& file : files) {
    auto tree = read_document(file.text, file.path, errors_);
    if (tree && tree->kind != document_node::kinds::mapping)
      errors_.push_back({file.path, tree->line, tree->column, "", found_text(*tree), "a kubeconfig", ""});
    else if (tree)
      files_.push_back({file.path, std::move(*tree)});
  }
}

void reader::refuse(const named_entry& entry, const std::string& key, const std::string& found, const std::string& accepted,
                    const std::string& hint) {
  const auto* place = entry.body ? entry.body->find(key) : nullptr;
  if (!place)
    place = entry.body;
  errors_.push_back({entry.file ? entry.file->path : "", place ? place->line : 0, place ? place->column : 0,
                     entry.path + "." + key, found, accepted, hint});
}

void reader::refuse(const named_entry& entry, const std::string& key, const std::string& accepted, const std::string& hint) {
  const auto* value = entry.body ? entry.body->find(key) : nullptr;
  refuse(entry, key, value ? found_text(*value) : "nothing", accepted, hint);
}

std::string reader::text(const named_entry& entry, const std::string& key) {
  const auto* value = entry.body ? entry.body->find(key) : nullptr;
  if (!value || value->kind == document_node::kinds::nothing)
    return {};
  if (value->kind == document_node::kinds::scalar)
    return value->text;
  refuse(entry, key, "a text");
  return {};
}

bool reader::flag(const named_entry& entry, const std::string& key) {
  const auto value = text(entry, key);
  if (!value.empty() && value != "true" && value != "false")
    refuse(entry, key, "true or false");
  return value == "true";
}

/// What stands under `key` as a path or under `key`-data in base64; inline data goes first, as everywhere.
std::string reader::pem(const named_entry& entry, const std::string& key) {
  if (const auto data = text(entry, key + "-data"); !data.empty()) {
    const auto bytes = from_base64(data);
    if (!bytes) // the value may be a secret: it is not shown
      refuse(entry, key + "-data", "a text that is not base64", "base64 of a PEM text", "");
    return bytes.value_or("");
  }
  auto path = text(entry, key);
  if (path.empty())
    return {};
  if (!fs::path(path).is_absolute())
    path = (fs::path(entry.file->path).parent_path() / path).string();
  std::string error;
  const auto content = read_(path, error);
  if (!content)
    refuse(entry, key, "a file that cannot be read: " + error, "a readable PEM file", "");
  return content.value_or("");
}

std::string reader::current_context() {
  for (const auto& file : files_)
    if (const auto* current = file.tree.find("current-context"); current && !current->text.empty())
      return current->text;
  return {};
}

/// The entry of a name in the first file that has it; an error at the place that asks for it if there is none.
std::optional<named_entry> reader::find(const std::string& list, const std::string& body, const std::string& name,
                                        const document_node* asked_at, const opened_file* asked_in,
                                        const std::string& asked_path) {
  std::vector<std::string> names;
  for (const auto& file : files_) {
    const auto* entries = file.tree.find(list);
    if (!entries)
      continue;
    for (const auto& entry : entries->items) {
      const auto* entry_name = entry.find("name");
      if (!entry_name)
        continue;
      if (entry_name->text == name)
        return named_entry{&file, entry.find(body), list + "[name=" + name + "]." + body};
      names.push_back(entry_name->text);
    }
  }
  std::string accepted = names.empty() ? "a name in " + list + " (there is none)" : "one of";
  for (const auto& known : names)
    accepted += " " + known;
  errors_.push_back({asked_in ? asked_in->path : "--kube-context", asked_at ? asked_at->line : 0,
                     asked_at ? asked_at->column : 0, asked_path, name.empty() ? "nothing" : "\"" + name + "\"", accepted,
                     nearest_name(name, names)});
  return std::nullopt;
}

void reader::read_cluster(const named_entry& entry, cluster_access& access) {
  access.server = text(entry, "server");
  std::string error;
  if (!parse_http_url(access.server, error))
    refuse(entry, "server", "the URL of the API server");
  access.verify = !flag(entry, "insecure-skip-tls-verify");
  access.tls_server_name = text(entry, "tls-server-name");
  access.ca_pem = pem(entry, "certificate-authority");
  if (!access.verify && !access.ca_pem.empty())
    refuse(entry, "insecure-skip-tls-verify", "false beside a certificate-authority");
  if (!text(entry, "proxy-url").empty())
    refuse(entry, "proxy-url", "no proxy", "this client connects directly");
}

void reader::read_user(const named_entry& entry, cluster_access& access) {
  access.certificate_pem = pem(entry, "client-certificate");
  access.key_pem = pem(entry, "client-key");
  if (access.certificate_pem.empty() != access.key_pem.empty() && errors_.empty())
    refuse(entry, access.key_pem.empty() ? "client-key" : "client-certificate",
           "client-certificate and client-key together");
  access.token = text(entry, "token");
  access.token_file = text(entry, "tokenFile");
  if (!access.token_file.empty()) {
    if (!fs::path(access.token_file).is_absolute())
      access.token_file = (fs::path(entry.file->path).parent_path() / access.token_file).string();
    std::string error;
    if (!read_(access.token_file, error))
      refuse(entry, "tokenFile", "a file that cannot be read: " + error, "a readable file with a token", "");
  }
  if (!text(entry, "username").empty())
    refuse(entry, "username", "a password", "a token, a client certificate or exec",
           "API servers take no passwords since Kubernetes 1.19");
  if (entry.body && entry.body->find("auth-provider"))
    refuse(entry, "auth-provider", "an auth-provider", "a token, a client certificate or exec",
           "clients dropped it in Kubernetes 1.26; its successor is an exec plug-in");
  for (const auto* key : {"as", "as-uid", "as-groups"})
    if (entry.body && entry.body->find(key))
      refuse(entry, key, "no impersonation");
  if (entry.body && entry.body->find("exec"))
    read_exec(entry, access);
}

void reader::read_exec(const named_entry& user, cluster_access& access) {
  const named_entry entry{user.file, user.body->find("exec"), user.path + ".exec"};
  exec_plugin plugin;
  plugin.command = text(entry, "command");
  if (plugin.command.empty())
    refuse(entry, "command", "a program");
  else if (plugin.command.find('/') != std::string::npos && !fs::path(plugin.command).is_absolute())
    plugin.command = (fs::path(entry.file->path).parent_path() / plugin.command).string();
  if (const auto* arguments = entry.body->find("args"))
    for (const auto& argument : arguments->items)
      plugin.arguments.push_back(argument.text);
  if (const auto* variables = entry.body->find("env"))
    for (const auto& variable : variables->items) {
      const auto* name = variable.find("name");
      const auto* value = variable.find("value");
      if (name && value)
        plugin.environment.emplace_back(name->text, value->text);
      else
        refuse(entry, "env", "entries with name and value");
    }
  plugin.api_version = text(entry, "apiVersion");
  if (std::find(exec_versions.begin(), exec_versions.end(), plugin.api_version) == exec_versions.end())
    refuse(entry, "apiVersion", std::string{exec_versions[0]} + " or " + exec_versions[1]);
  if (text(entry, "interactiveMode") == "Always")
    refuse(entry, "interactiveMode", "Never or IfAvailable", "nobody answers questions here");
  plugin.install_hint = text(entry, "installHint");
  access.exec = std::move(plugin);
}

std::optional<cluster_access> reader::access(std::string context) {
  if (!errors_.empty())
    return std::nullopt;
  const bool asked = !context.empty();
  if (!asked)
    context = current_context();
  const opened_file* first = files_.empty() ? nullptr : &files_.front();
  const auto at = find("contexts", "context", context, nullptr, asked ? nullptr : first, asked ? "" : "current-context");
  if (!at)
    return std::nullopt;
  cluster_access access;
  access.name_space = text(*at, "namespace");
  const auto part = [&](const std::string& list, const std::string& body) {
    return find(list, body, text(*at, body), at->body, at->file, at->path + "." + body);
  };
  if (const auto cluster = part("clusters", "cluster"))
    read_cluster(*cluster, access);
  if (const auto user = part("users", "user"))
    read_user(*user, access);
  if (!errors_.empty())
    return std::nullopt;
  return access;
}

} // namespace

std::optional<cluster_access> read_kubeconfig(const std::vector<kubeconfig_file>& files, const std::string& context,
                                              const file_reader& read, std::vector<document_error>& errors) {
  reader r{read, errors};
  r.open(files);
  return r.access(context);
}

std::optional<cluster_access> in_cluster_access(const std::string& host, const std::string& port, const file_reader& read,
                                                std::vector<document_error>& errors) {
  cluster_access access;
  if (host.empty() || port.empty())
    errors.push_back({"KUBERNETES_SERVICE_HOST", 0, 0, "", "nothing", "the environment of a pod",
                      "outside of a cluster, name a file with --kubeconfig"});
  const bool ipv6 = host.find(':') != std::string::npos;
  access.server = "https://" + (ipv6 ? "[" + host + "]" : host) + ":" + port;
  access.token_file = std::string{account_folder} + "/token";
  const auto needed = [&](const std::string& path) {
    std::string error;
    const auto text = read(path, error);
    if (!text)
      errors.push_back({path, 0, 0, "", "a file that cannot be read: " + error, "the mounted account of a pod",
                        "automountServiceAccountToken may be off"});
    return text.value_or("");
  };
  needed(access.token_file);
  access.ca_pem = needed(std::string{account_folder} + "/ca.crt");
  std::string absent;
  access.name_space = read(std::string{account_folder} + "/namespace", absent).value_or("");
  if (!errors.empty())
    return std::nullopt;
  return access;
}

std::optional<std::string> from_base64(std::string_view text) {
  std::string out;
  uint32_t bits = 0;
  int count = 0, padding = 0;
  for (const char c : text) {
    if (c == ' ' || c == '\n' || c == '\r' || c == '\t')
      continue;
    static constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const auto digit = digits.find(c);
    if (c == '=')
      ++padding;
    else if (digit == std::string_view::npos || padding > 0)
      return std::nullopt;
    bits = bits << 6U | (c == '=' ? 0 : static_cast<uint32_t>(digit));
    if (++count % 4 != 0)
      continue;
    for (int shift = 16; shift >= 0; shift -= 8)
      out += static_cast<char>(bits >> static_cast<unsigned>(shift) & 0xffU);
    bits = 0;
  }
  if (count % 4 != 0 || padding > 2)
    return std::nullopt;
  out.resize(out.size() - static_cast<size_t>(padding));
  return out;
}

} // namespace sextant::kubernetes
