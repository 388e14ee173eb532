// kubeconfig_test.cpp: Kubeconfig files and pod accounts, right and wrong in every way.
#include <catch2/catch.hpp>

#include <map>

#include "adapters/kubernetes/kubeconfig.hpp"
#include "config/intake.hpp"

using namespace sextant;
using namespace sextant::kubernetes;

namespace {

const std::map<std::string, std::string> disk{{"/etc/kube/pki/ca.crt", "CA"},
                                              {"/etc/kube/me.crt", "CERT"},
                                              {"/etc/kube/me.key", "KEY"},
                                              {"/etc/kube/token", "from-file\n"},
                                              {"/var/run/secrets/kubernetes.io/serviceaccount/token", "pod-token"},
                                              {"/var/run/secrets/kubernetes.io/serviceaccount/ca.crt", "POD-CA"},
                                              {"/var/run/secrets/kubernetes.io/serviceaccount/namespace", "dyn"}};

std::optional<std::string> from_disk(const std::string& path, std::string& error) {
  const auto found = disk.find(path);
  if (found != disk.end())
    return found->second;
  error = "No such file or directory";
  return std::nullopt;
}

struct outcome {
  std::optional<cluster_access> access;
  std::vector<std::string> errors;
};

outcome open(const std::vector<kubeconfig_file>& files, const std::string& context = {}) {
  outcome out;
  std::vector<document_error> errors;
  out.access = read_kubeconfig(files, context, from_disk, errors);
  for (const auto& error : errors)
    out.errors.push_back(format_error(error));
  return out;
}

outcome open(const std::string& text, const std::string& context = {}) {
  return open(std::vector<kubeconfig_file>{{"/etc/kube/config", text}}, context);
}

std::string config(const std::string& cluster, const std::string& user) {
  return "current-context: here\n"
         "contexts:\n- {name: here, context: {cluster: c, user: u, namespace: team}}\n"
         "clusters:\n- {name: c, cluster: "
         + cluster + "}\nusers:\n- {name: u, user: " + user + "}\n";
}

} // namespace

TEST_CASE("a context names cluster, user and namespace; relative paths start at the file") {
  const auto got = open(config("{server: 'https://10.0.0.1:6443', certificate-authority: pki/ca.crt, tls-server-name: api}",
                               "{client-certificate: me.crt, client-key: /etc/kube/me.key}"));
  REQUIRE(got.errors.empty());
  CHECK(got.access->server == "https://10.0.0.1:6443");
  CHECK(got.access->ca_pem == "CA");
  CHECK(got.access->tls_server_name == "api");
  CHECK(got.access->certificate_pem == "CERT");
  CHECK(got.access->key_pem == "KEY");
  CHECK(got.access->name_space == "team");
  CHECK(got.access->verify);
}

TEST_CASE("inline data goes before paths") {
  const auto got = open(config("{server: 'https://a', certificate-authority-data: UEVN, certificate-authority: gone}",
                               "{client-certificate-data: QQ==, client-key-data: Qg==}"));
  REQUIRE(got.errors.empty());
  CHECK(got.access->ca_pem == "PEM");
  CHECK(got.access->certificate_pem == "A");
  CHECK(got.access->key_pem == "B");
}

TEST_CASE("tokens and token files") {
  CHECK(open(config("{server: 'https://a'}", "{token: secret}")).access->token == "secret");
  CHECK(open(config("{server: 'https://a'}", "{tokenFile: token}")).access->token_file == "/etc/kube/token");
  const auto got = open(config("{server: 'https://a'}", "{tokenFile: lost}"));
  REQUIRE(got.errors.size() == 1);
  CHECK_THAT(got.errors[0], Catch::Contains("users[name=u].user.tokenFile: found a file that cannot be read: No such file"));
}

TEST_CASE("a plug-in is read with its arguments and environment") {
  const auto got = open(config("{server: 'https://a'}",
                               "{exec: {apiVersion: client.authentication.k8s.io/v1, command: bin/login, args: [--for, me], "
                               "env: [{name: A, value: b}], interactiveMode: Never, installHint: get it}}"));
  REQUIRE(got.errors.empty());
  REQUIRE(got.access->exec);
  CHECK(got.access->exec->command == "/etc/kube/bin/login");
  CHECK(got.access->exec->arguments == std::vector<std::string>{"--for", "me"});
  CHECK(got.access->exec->environment == std::vector<std::pair<std::string, std::string>>{{"A", "b"}});
}

TEST_CASE("the first of several files that has an entry counts") {
  const auto got =
      open({{"/a/one", "current-context: x\nclusters: [{name: c, cluster: {server: 'https://one'}}]\n"},
            {"/b/two", "current-context: y\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n"
                       "clusters: [{name: c, cluster: {server: 'https://two'}}]\nusers: [{name: u, user: {}}]\n"}});
  REQUIRE(got.errors.empty());
  CHECK(got.access->server == "https://one");
}

TEST_CASE("every error is told at once, with its place and what is accepted") {
  const auto got = open(config("{server: nowhere, certificate-authority: pki/lost.crt, insecure-skip-tls-verify: maybe, "
                               "proxy-url: 'http://p'}",
                               "{client-certificate-data: '!!', username: me, auth-provider: {}, as: root, "
                               "exec: {apiVersion: v9, interactiveMode: Always}}"));
  CHECK_FALSE(got.access);
  CHECK(got.errors.size() == 11);
  std::string all;
  for (const auto& error : got.errors)
    all += error + "\n";
  for (const auto* text :
       {"/etc/kube/config:5:31: clusters[name=c].cluster.server: found \"nowhere\", accepted: the URL",
        "cluster.insecure-skip-tls-verify: found \"maybe\", accepted: true or false", "proxy-url",
        "certificate-authority: found a file that cannot be read",
        "client-certificate-data: found a text that is not base64", "username", "auth-provider",
        "user.as:", "exec.command: found nothing", "exec.apiVersion: found \"v9\"", "exec.interactiveMode"})
    CHECK_THAT(all, Catch::Contains(text));
  CHECK_THAT(all, !Catch::Contains("!!")); // what may be a secret is not shown
}

TEST_CASE("unknown names come with the known ones") {
  auto got = open(config("{server: 'https://a'}", "{}"), "hera");
  REQUIRE(got.errors.size() == 1);
  CHECK(got.errors[0] == "--kube-context: found \"hera\", accepted: one of here (here)");
  got = open("contexts: [{name: a, context: {cluster: x, user: y}}]\ncurrent-context: a\n");
  REQUIRE(got.errors.size() == 2);
  CHECK_THAT(got.errors[0], Catch::Contains("contexts[name=a].context.cluster: found \"x\", accepted: a name in clusters"));
  CHECK_THAT(got.errors[1], Catch::Contains("contexts[name=a].context.user: found \"y\", accepted: a name in users"));
  CHECK_THAT(open("{}").errors.at(0), Catch::Contains("current-context: found nothing"));
  CHECK_THAT(open("- no\n").errors.at(0), Catch::Contains("found a list, accepted: a kubeconfig"));
}

TEST_CASE("the account of a pod") {
  std::vector<document_error> errors;
  const auto access = in_cluster_access("10.96.0.1", "443", from_disk, errors);
  REQUIRE(access);
  CHECK(access->server == "https://10.96.0.1:443");
  CHECK(access->ca_pem == "POD-CA");
  CHECK(access->name_space == "dyn");
  CHECK(access->token.empty()); // it rotates: the file is read whenever it is needed
  CHECK(in_cluster_access("fd00::1", "443", from_disk, errors)->server == "https://[fd00::1]:443");
  const auto nothing = [](const std::string&, std::string& error) -> std::optional<std::string> {
    error = "gone";
    return std::nullopt;
  };
  CHECK_FALSE(in_cluster_access("", "", nothing, errors));
  CHECK(errors.size() == 3);
}

TEST_CASE("base64") {
  CHECK(from_base64("") == "");
  CHECK(from_base64("Zg==") == "f");
  CHECK(from_base64("Zm9v\nYmFy") == "foobar");
  CHECK(from_base64("//4=") == "\xff\xfe");
  CHECK_FALSE(from_base64("Zg="));
  CHECK_FALSE(from_base64("Z==="));
  CHECK_FALSE(from_base64("Zg==Zg=="));
  CHECK_FALSE(from_base64("Z!g="));
}
