// yaml_tree_test.cpp: What goes in comes out again, with the same types.
#include <catch2/catch.hpp>

#include "adapters/backends/yaml_tree.hpp"

using namespace sextant;

namespace {

std::string again(const std::string& text) {
  std::string error;
  const auto documents = parse_yaml(text, error);
  REQUIRE(error.empty());
  REQUIRE(documents.size() == 1);
  return write_yaml(documents.front());
}

} // namespace

TEST_CASE("strings that look like something else are quoted") {
  for (const auto* text : {"1",    "-1", "0x1F", "0o17", "010",  "1e3", "1.0", ".5",   "1_000", "12:30", "2026-11-24",
                           "true", "No", "on",   "y",    "null", "~",   "",    ".inf", "=",     "<<"}) {
    INFO(text);
    CHECK(reads_as_other_type(text));
    CHECK(write_yaml(yaml_tree::map({{"a", text}})) == "a: \"" + std::string{text} + "\"\n");
  }
  for (const auto* text : {"--tp", "v1", "1.2.3", "Qwen/Qwen3-32B", "12abc", "nodes", "a=b", "/opt/x", "0.0.0.0", "x:y"}) {
    INFO(text);
    CHECK_FALSE(reads_as_other_type(text));
    CHECK(write_yaml(yaml_tree::map({{"a", text}})) == "a: " + std::string{text} + "\n");
  }
}

TEST_CASE("strings that YAML would read as markup are quoted") {
  for (const auto* text :
       {"- a", "-", "---", "a: b", "a #b", "{x", "[x", "*x", "&x", "!x", "%x", "@x", "a:", " a", "a ", "#a", "? a", "|"})
    CHECK(again(write_yaml(yaml_tree::map({{"a", text}}))) == write_yaml(yaml_tree::map({{"a", text}})));
  CHECK(write_yaml(yaml_tree::map({{"a", "{\"b\": 'c'}"}})) == "a: '{\"b\": ''c''}'\n");
}

TEST_CASE("numbers, booleans and quoted numbers keep their type") {
  const std::string text = "a: 1\nb: \"1\"\nc: true\nd: \"true\"\ne: null\nf: 010\ng: 1.50\n";
  CHECK(again(text) == text);
}

TEST_CASE("texts of several lines keep every line and end") {
  for (const auto* text :
       {"a\nb", "a\nb\n", "a\n\nb\n\n", "a\n  b\n", " leading\nb\n", "tab\tb\nc\n", "\nfirst empty\n", "cr\r\nb\n"}) {
    std::string error;
    const auto read = parse_yaml(write_yaml(yaml_tree::map({{"k", yaml_tree::map({{"t", text}})}, {"z", 1}})), error);
    REQUIRE(read.size() == 1);
    INFO(text);
    CHECK(read.front().find("k")->text_at("t") == text);
    CHECK(read.front().text_at("z") == "1");
  }
}

TEST_CASE("lists in lists, empty containers and maps in lists") {
  const std::string text = "a:\n- b: 1\n  c:\n  - x\n  - y\n- []\n- {}\nd: {}\ne: []\n";
  CHECK(again(text) == text);
}

TEST_CASE("several documents, and what is wrong with a text") {
  std::string error;
  CHECK(parse_yaml("a: 1\n---\nb: 2\n", error).size() == 2);
  CHECK(parse_yaml("a: [1\n", error).empty());
  CHECK(error.find("line") != std::string::npos);
  error.clear();
  CHECK(parse_yaml("? [a]\n: b\n", error).empty());
  CHECK_FALSE(error.empty());
}

TEST_CASE("aliases cannot blow a document up") {
  std::string text = "a: &a [x,x,x,x,x,x,x,x,x,x]\n";
  for (char c = 'b'; c < 'j'; ++c)
    text += std::string{c} + ": &" + c + " [*" + static_cast<char>(c - 1) + ",*" + static_cast<char>(c - 1) + ",*"
            + static_cast<char>(c - 1) + ",*" + static_cast<char>(c - 1) + ",*" + static_cast<char>(c - 1) + "]\n";
  std::string error;
  CHECK(parse_yaml(text, error).empty());
  CHECK(error.find("100000") != std::string::npos);
}

TEST_CASE("deep nesting is refused") {
  std::string error;
  CHECK(parse_yaml(std::string(80, '[') + std::string(80, ']'), error).empty());
  CHECK(error.find("64") != std::string::npos);
}
