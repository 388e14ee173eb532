// arguments_test.cpp: Flags are set and removed; everything else stays as it was written.
#include <catch2/catch.hpp>

#include "adapters/backends/arguments.hpp"

using sextant::argument_list;
using strings = std::vector<std::string>;

TEST_CASE("strings with blanks are split like in a shell, JSON is kept whole") {
  const auto args = argument_list::from_exec({"--model a 'b c'", R"({"x": 1})", "--y", "[1, 2]"});
  CHECK(args.exec() == strings{"--model", "a", "b c", R"({"x": 1})", "--y", "[1, 2]"});
}

TEST_CASE("a value is replaced where it stands, in both spellings") {
  auto args = argument_list::from_exec({"--tp", "1", "--port=80", "--last"});
  args.set("--tp", "8");
  args.set("--port", "81");
  args.set("--new", "x");
  CHECK(args.exec() == strings{"--tp", "8", "--port=81", "--last", "--new", "x"});
}

TEST_CASE("a flag that lacks its value gets one") {
  auto args = argument_list::from_exec({"--tp", "--last"});
  args.set("--tp", "2");
  CHECK(args.exec() == strings{"--tp", "2", "--last"});
}

TEST_CASE("flags are not taken for longer ones") {
  auto args = argument_list::from_exec({"--tp-size", "4"});
  CHECK_FALSE(args.has("--tp"));
  args.set("--tp", "2");
  CHECK(args.exec() == strings{"--tp-size", "4", "--tp", "2"});
}

TEST_CASE("a removed flag takes its value along, and no other flag") {
  auto args = argument_list::from_exec({"--a", "1", "--switch", "-x", "--a=2", "--b", "-1", "--c"});
  args.remove("--a");
  args.remove("--switch");
  args.remove("--b");
  CHECK(args.exec() == strings{"-x", "--c"});
}

TEST_CASE("values are looked up in both spellings") {
  const auto args = argument_list::from_exec({"--a", "1", "--b=2", "--c", "--d"});
  CHECK(args.value("--a") == "1");
  CHECK(args.value("--b") == "2");
  CHECK_FALSE(args.value("--c").has_value());
  CHECK_FALSE(args.value("--e").has_value());
}

TEST_CASE("new arguments stand before a pipe or a redirection") {
  auto args = argument_list::from_exec({"--a", "1", "2>&1", "|", "tee", "log"});
  args.set("--b", "2");
  args.add("--c");
  CHECK(args.exec() == strings{"--a", "1", "--b", "2", "--c", "2>&1", "|", "tee", "log"});
}

TEST_CASE("a script keeps its form, its quotes and its other commands") {
  auto args =
      argument_list::from_script("cd /tmp && exec python3 -m dynamo.vllm --model \"$MODEL\" --tp 1 2>&1 | tee 'my log'");
  args.set("--tp", "2");
  args.set("--note", "it's");
  CHECK(args.script()
        == "cd /tmp && exec python3 -m dynamo.vllm --model \"$MODEL\" --tp 2 --note 'it'\\''s' 2>&1 | tee 'my log'");
}

TEST_CASE("a script of several lines keeps them") {
  auto args = argument_list::from_script("set -e\npython3 -m dynamo.vllm \\\n  --model a\necho done");
  args.add("--x");
  CHECK(args.script() == "set -e\npython3 -m dynamo.vllm --model a --x\necho done");
}
