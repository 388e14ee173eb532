// value_sources_test.cpp: Which of several places wins, what a file may hold, and that no secret is shown.
#include <catch2/catch.hpp>

#include "config/intake.hpp"
#include "config/value_sources.hpp"

using namespace sextant;

namespace {

struct world {
  std::map<std::string, std::string> variables;
  std::vector<options_file> files;

  command_line read(const std::vector<std::string>& words) const {
    auto line = parse_command_line(words, positionals::may_lack);
    value_sources sources{files, [this](const std::string& name) -> std::optional<std::string> {
                            const auto found = variables.find(name);
                            return found == variables.end() ? std::nullopt : std::optional{found->second};
                          }};
    fill_from(sources, line);
    return line;
  }

  std::string errors(const std::vector<std::string>& words) const {
    std::string text;
    for (const auto& error : read(words).errors)
      text += format_error(error) + "\n";
    return text;
  }
};

} // namespace

TEST_CASE("flags come before the environment, that before files, later files before earlier ones, all before defaults") {
  world all{{{"SEXTANT_GPUS", "3"}, {"SEXTANT_POOL", "from-environment"}},
            {{"a.yaml", "gpus: 1\npool: a\nzone: a\nprefix: a\n"}, {"b.yaml", "gpus: 2\nzone: b\n"}}};
  const auto line = all.read({"agent", "--gpus", "4"});
  REQUIRE(line.errors.empty());
  CHECK(line.value("gpus") == "4");
  CHECK(line.value("pool") == "from-environment");
  CHECK(line.value("zone") == "b");
  CHECK(line.value("prefix") == "a");
  CHECK(line.value("host") == "simulated");
  const auto text = settings_text(line);
  for (const char* part : {"flag --gpus", "environment SEXTANT_POOL", "b.yaml:2", "a.yaml:4", "default"})
    CHECK(text.find(part) != std::string::npos);
}

TEST_CASE("a command's own section of a file comes before the top level, and stays with that command") {
  world all{{}, {{"f.yaml", "nats: nats://general:4222\nagent:\n  gpus: 4\n  nats: nats://own:4222\n"}}};
  CHECK(all.read({"agent"}).value("nats") == "nats://own:4222");
  CHECK(all.read({"list"}).value("nats") == "nats://general:4222");
  CHECK(all.read({"serve"}).value("gpus") == "8");
}

TEST_CASE("what a request asks for stays in its document; a profile takes no server from a file") {
  world all{{{"SEXTANT_TTFT", "1"}, {"SEXTANT_NATS", "nats://there:4222"}, {"SEXTANT_ID", "x"}, {"SEXTANT_OUTPUT_DIR", "d"}},
            {}};
  const auto line = all.read({"profile"});
  CHECK(line.errors.empty());
  for (const char* name : {"ttft", "nats", "id", "output-dir"})
    CHECK_FALSE(line.has(name));
  CHECK(all.read({"serve"}).value("output-dir") == "d");
  world filed{{}, {{"f.yaml", "ttft: 300\n"}}};
  CHECK(filed.errors({"submit"}).find("f.yaml:1:1: ttft: found an option that does not belong here") == 0);
}

TEST_CASE("everything wrong in a file and in the environment is told at once, with its place") {
  world all{{{"SEXTANT_GPUS", "many"}},
            {{"f.yaml", "natz: x\nagent:\n  gpus: none\n  pool: [a]\nserve: 3\nlog-level: loud\n"}}};
  const auto errors = all.errors({"agent"});
  CAPTURE(errors);
  CHECK(errors.find("f.yaml:1:1: natz: found an unknown option") != std::string::npos);
  CHECK(errors.find("did you mean 'nats'?") != std::string::npos);
  CHECK(errors.find("f.yaml:3:3: agent.gpus: found \"none\"") != std::string::npos);
  CHECK(errors.find("f.yaml:4:3: agent.pool") != std::string::npos);
  CHECK(errors.find("f.yaml:5:1: serve: found \"3\"") != std::string::npos);
  CHECK(errors.find("f.yaml:6:1: log-level: found \"loud\"") != std::string::npos);
  CHECK(errors.find("SEXTANT_GPUS: found \"many\"") != std::string::npos);
  CHECK(world{{}, {{"f.yaml", "[1, 2]"}}}.errors({"agent"}).find("a mapping of options") != std::string::npos);
}

TEST_CASE("only a serve may be without GPUs, wherever that is written") {
  world all{{}, {{"f.yaml", "gpus: 0\n"}}};
  CHECK(all.errors({"serve"}).empty());
  CHECK(all.errors({"list"}).empty());
  CHECK(all.errors({"agent"}).find("f.yaml:1:1: gpus: found \"0\"") == 0);
}

TEST_CASE("secrets are taken from the environment and from private files, never from flags, and are never shown") {
  world all{{{"NATS_USER", "worker"}, {"NATS_PASSWORD", "hunter2"}}, {{"f.yaml", "nats-token: hunter3\n"}}};
  const auto line = all.read({"serve"});
  CHECK(line.value("nats-password") == "hunter2");
  CHECK(line.value("nats-token") == "hunter3");
  const auto text = settings_text(line) + settings_json(line);
  CHECK(text.find("hunter") == std::string::npos);
  CHECK(text.find("worker") != std::string::npos);
  CHECK(text.find("environment NATS_PASSWORD") != std::string::npos);
  const auto refused = all.errors({"serve", "--nats-password", "hunter4"});
  CHECK(refused.find("--nats-password: found a secret on a command line") == 0);
  CHECK(refused.find("hunter") == std::string::npos);
  all.files[0].private_to_owner = false;
  const auto open = all.errors({"serve"});
  CHECK(open.find("chmod 600") != std::string::npos);
  CHECK(open.find("hunter") == std::string::npos);
  const auto url = settings_text(world{{{"SEXTANT_NATS", "nats://u:hunter5@a:1,nats://u:hunter6@b:1"}}, {}}.read({"list"}));
  CHECK(url.find("nats://***@a:1,nats://***@b:1") != std::string::npos);
  CHECK(url.find("hunter") == std::string::npos);
}

TEST_CASE("roles of an agent are some of its three, in one order") {
  CHECK(parse_command_line({"agent", "--roles", "metrics,load"}).value("roles") == "load,metrics");
  CHECK(parse_command_line({"agent"}).value("roles") == "deployment,load,metrics");
  CHECK(parse_command_line({"agent", "--roles", "load,search"}).errors.size() == 1);
  CHECK(parse_command_line({"agent", "--roles", ""}).errors.size() == 1);
}
