// command_line_test.cpp: Command lines as people type them, and the documentation that the table writes.
#include <cstdlib>
#include <fstream>
#include <iterator>

#include <catch2/catch.hpp>

#include "config/command_line.hpp"
#include "config/intake.hpp"

using namespace sextant;

namespace {

using arguments = std::vector<std::string>;

std::string only_error(const command_line& line) {
  REQUIRE(line.errors.size() == 1);
  return format_error(line.errors[0]);
}

} // namespace

TEST_CASE("options are taken with blanks, with equal signs, with dashes and with underscores") {
  const auto line = parse_command_line(
      arguments{"profile", "r.yaml", "--ttft", "300", "--itl=2e1", "--prefill_interpolation_granularity", "8"});
  REQUIRE(line.errors.empty());
  CHECK(line.command == "profile");
  CHECK(line.positionals == arguments{"r.yaml"});
  CHECK(line.options
        == std::map<std::string, std::string>{{"ttft", "300"}, {"itl", "20"}, {"prefill-interpolation-granularity", "8"}});
}

TEST_CASE("a unique beginning of a name is enough, as with the reference") {
  const auto line = parse_command_line(arguments{"profile", "r.yaml", "--min-num-gpus", "2", "--max-num-gpus", "4"});
  REQUIRE(line.errors.empty());
  CHECK(line.options.at("min-num-gpus-per-engine") == "2");
  CHECK(line.options.at("max-num-gpus-per-engine") == "4");
  CHECK(only_error(parse_command_line(arguments{"profile", "r.yaml", "--model-cache", "x"})).find("--model-cache-pvc-path")
        != std::string::npos);
}

TEST_CASE("unknown options are named with the nearest real one and do not swallow the document") {
  const auto line = parse_command_line(arguments{"profile", "--tttf", "300", "r.yaml"});
  CHECK(only_error(line)
        == "--tttf: found an unknown option, accepted: an option of this command, see --help (did you mean '--ttft'?)");
  CHECK(line.positionals == arguments{"r.yaml"});
}

TEST_CASE("every wrong option of a line is reported") {
  const auto line =
      parse_command_line(arguments{"profile", "r.yaml", "--ttft", "fast", "--gpus", "0", "--policy=best", "--seed"});
  REQUIRE(line.errors.size() == 4);
  CHECK(format_error(line.errors[0]) == "--ttft: found \"fast\", accepted: a number > 0 (ms)");
  CHECK(format_error(line.errors[1]).find("from 1 to 65536") != std::string::npos);
  CHECK(format_error(line.errors[2]).find("adaptive, exhaustive") != std::string::npos);
  CHECK(format_error(line.errors[3]).find("--seed: found no value") == 0);
}

TEST_CASE("only a serve may have no GPUs") {
  CHECK(parse_command_line(arguments{"serve", "--gpus", "0"}).errors.empty());
  CHECK(only_error(parse_command_line(arguments{"agent", "--gpus", "0"})).find("from 1 to 65536") != std::string::npos);
  CHECK(only_error(parse_command_line(arguments{"serve", "--gpus", "-1"})).find("from 0 to 65536") != std::string::npos);
}

TEST_CASE("negative values reach the range check") {
  CHECK(only_error(parse_command_line(arguments{"profile", "r.yaml", "--itl", "-5"})).find("found \"-5\"")
        != std::string::npos);
  CHECK(parse_command_line(arguments{"profile", "r.yaml", "--planner-max-gpu-budget", "-1"})
            .options.at("planner-max-gpu-budget")
        == "-1");
}

TEST_CASE("switches need no value and leave the next word alone") {
  const auto line = parse_command_line(arguments{"profile", "--dry-run", "r.yaml", "--pick-with-webui=false"});
  REQUIRE(line.errors.empty());
  CHECK(line.flag("dry-run"));
  CHECK_FALSE(line.flag("pick-with-webui"));
  CHECK(line.positionals == arguments{"r.yaml"});
}

TEST_CASE("two dashes end the options") {
  const auto line = parse_command_line(arguments{"profile", "--", "--odd-name.yaml"});
  REQUIRE(line.errors.empty());
  CHECK(line.positionals == arguments{"--odd-name.yaml"});
}

TEST_CASE("missing and superfluous positionals are errors") {
  CHECK(only_error(parse_command_line(arguments{"profile"})).find("no REQUEST.yaml") != std::string::npos);
  CHECK(only_error(parse_command_line(arguments{"watch", "a", "b"})).find("\"b\" too many") != std::string::npos);
  CHECK(parse_command_line(arguments{"list"}).errors.empty());
}

TEST_CASE("an unknown command is answered with the nearest one") {
  CHECK(only_error(parse_command_line(arguments{"profle"})).find("did you mean 'profile'?") != std::string::npos);
}

TEST_CASE("options belong to their commands") {
  CHECK(parse_command_line(arguments{"pick", "dir", "--ttft", "5"}).errors.empty());
  CHECK(only_error(parse_command_line(arguments{"pick", "dir", "--backend=vllm"})).find("belongs to other commands")
        != std::string::npos);
}

TEST_CASE("only options of a request go into a submission") {
  const auto line = parse_command_line(
      arguments{"profile", "r.yaml", "--nats", "nats://127.0.0.1:4222", "--id", "a", "--isl", "100", "--json-events"});
  REQUIRE(line.errors.empty());
  CHECK(line.request_options() == std::map<std::string, std::string>{{"isl", "100"}});
  CHECK(line.value("prefix") == "sextant.v1");
}

TEST_CASE("errors of a submission are named as the flags that were typed") {
  std::vector<document_error> errors{{"options", 0, 0, "options.ttft", "x", "y", ""},
                                     {"a.yaml", 1, 1, "spec", "x", "y", ""}};
  name_as_flags(errors);
  CHECK(format_error(errors[0]) == "--ttft: found x, accepted: y");
  CHECK(format_error(errors[1]) == "a.yaml:1:1: spec: found x, accepted: y");
}

TEST_CASE("arguments that are not UTF-8 are refused with printable errors") {
  const auto line = parse_command_line(arguments{"profile", "r.yaml", "--model", "\xff\xfe"});
  CHECK(only_error(line) == "--model: found \"\\xff\\xfe\", accepted: printable UTF-8 text");
}

TEST_CASE("help of every command names its options") {
  for (const auto& command : commands()) {
    const auto text = help_text(command.name);
    CHECK(text.find("usage: sextant " + std::string{command.name}) == 0);
    for (const auto& row : options()) {
      const auto shown = row.secret ? "  " + std::string{row.variable} + " in the environment"
                                    : "  --" + std::string{row.name}
                                          + (row.aliases.empty() ? row.type == option_type::boolean ? "\n" : " " : ",");
      CHECK(((row.commands & command.bit) != 0) == (text.find(shown) != std::string::npos));
    }
  }
  CHECK(help_text("").find("profile REQUEST.yaml") != std::string::npos);
}

TEST_CASE("no two options share a name") {
  std::map<std::string, int> seen;
  for (const auto& row : options()) {
    ++seen[std::string{row.name}];
    for (const auto& alias : words(row.aliases))
      ++seen[alias];
  }
  for (const auto& [name, count] : seen)
    CHECK(std::pair{name, count} == std::pair{name, 1});
}

TEST_CASE("every default is a value that its own row accepts") {
  for (const auto& row : options())
    for (const auto& command : commands())
      if ((row.commands & command.bit) != 0 && !row.value.empty()) {
        auto typed = words(command.positionals);
        typed.insert(typed.begin(), std::string{command.name});
        typed.push_back("--" + std::string{row.name} + "=" + std::string{row.value});
        const auto line = parse_command_line(typed);
        CHECK(line.errors.empty());
        CHECK(line.value(row.name) == row.value);
      }
}

TEST_CASE("OPTIONS.md says what the table says") {
  const std::string path = SEXTANT_TEST_DATA "/../../config/OPTIONS.md";
  if (const char* rewrite = std::getenv("SEXTANT_WRITE_OPTIONS"); rewrite && *rewrite)
    std::ofstream{path} << options_markdown();
  std::ifstream file{path};
  CHECK(std::string{std::istreambuf_iterator<char>{file}, {}} == options_markdown());
}
