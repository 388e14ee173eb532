// credentials_test.cpp: Plug-ins that answer, expire, fail and hang; tokens that rotate.
#include <catch2/catch.hpp>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include <unistd.h>

#include "adapters/kubernetes/credentials.hpp"

using namespace sextant::kubernetes;

namespace {

/// A folder that goes away with the test.
struct folder {
  folder() : path(std::filesystem::temp_directory_path() / ("credentials_test." + std::to_string(getpid()))) {
    std::filesystem::create_directories(path);
  }
  ~folder() { std::filesystem::remove_all(path); }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream{path / name} << text;
    return (path / name).string();
  }
  std::filesystem::path path;
};

exec_plugin shell(const std::string& script) {
  exec_plugin plugin;
  plugin.command = "/bin/sh";
  plugin.arguments = {"-c", script};
  plugin.environment = {{"WHO", "me"}};
  plugin.api_version = "client.authentication.k8s.io/v1";
  return plugin;
}

cluster_access with(exec_plugin plugin) {
  cluster_access access;
  access.server = "https://a";
  access.exec = std::move(plugin);
  return access;
}

std::string credential(const std::string& status) {
  return R"({"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{)" + status + "}}";
}

} // namespace

TEST_CASE("answers of plug-ins are read, errors show no secret") {
  std::string error;
  auto got = read_exec_credential(credential(R"("token":"t","expirationTimestamp":"2026-01-01T00:00:00Z")"), error);
  REQUIRE(got);
  CHECK(got->token == "t");
  CHECK(got->expires_s == 1767225600.0);
  for (const auto& bad : {std::string{"secret"}, credential(""), credential(R"("clientCertificateData":"secret")"),
                          credential(R"("token":"secret","expirationTimestamp":"soon")")}) {
    error.clear();
    CHECK_FALSE(read_exec_credential(bad, error));
    CHECK_FALSE(error.empty());
    CHECK(error.find("secret") == std::string::npos);
  }
}

TEST_CASE("a plug-in gets its environment, and is run again only when its answer expires or is refused") {
  const folder dir;
  const auto count = (dir.path / "count").string();
  const auto script = [&](const std::string& expires) {
    return "COUNT=" + count + "; END=" + expires + R"sh(
      echo x >> "$COUNT"
      printf '{"kind":"ExecCredential","status":{"token":"%s-%s-%s","expirationTimestamp":"%s"}}' \
        "$WHO" "$(wc -l < "$COUNT")" "${KUBERNETES_EXEC_INFO:+info}" "$END"
    )sh";
  };
  std::string error;
  SECTION("far end") {
    credentials who{with(shell(script("2099-01-01T00:00:00Z")))};
    const auto first = who.current(error);
    REQUIRE(first);
    CHECK(first->token == "me-1-info");
    CHECK(who.current(error)->generation == first->generation);
    who.refused(first->generation);
    const auto second = who.current(error);
    CHECK(second->token == "me-2-info");
    who.refused(first->generation); // of an old answer: changes nothing
    CHECK(who.current(error)->token == "me-2-info");
  }
  SECTION("over already") {
    credentials who{with(shell(script("2020-01-01T00:00:00Z")))};
    CHECK(who.current(error)->token == "me-1-info");
    CHECK(who.current(error)->token == "me-2-info");
  }
}

TEST_CASE("plug-ins that fail say so") {
  std::string error;
  CHECK_FALSE(credentials{with(shell("exit 3"))}.current(error));
  CHECK(error == "credential plug-in /bin/sh: it ended with exit code 3");
  error.clear();
  exec_plugin missing = shell("");
  missing.command = "/no/such/program";
  missing.install_hint = "install it";
  CHECK_FALSE(credentials{with(missing)}.current(error));
  CHECK(error == "credential plug-in /no/such/program: it cannot be run: No such file or directory (install it)");
  error.clear();
  CHECK_FALSE(run_exec_plugin(shell("sleep 30"), 0.2, error));
  CHECK(error == "it gave no answer in 0 s");
}

TEST_CASE("a token file is read anew") {
  const folder dir;
  cluster_access access;
  access.token_file = dir.write("token", "one\n");
  credentials who{access};
  std::string error;
  const auto first = who.current(error);
  CHECK(first->token == "one");
  dir.write("token", "two");
  CHECK(who.current(error)->token == "two");
  CHECK(who.current(error)->generation == first->generation + 1);
  dir.write("token", "");
  CHECK_FALSE(who.current(error));
}
