#include "adapters/prometheus/exposition.hpp"

#include <cmath>

#include <catch2/catch.hpp>

using namespace sextant;

TEST_CASE("a page becomes samples with unescaped labels") {
  const auto s = read_exposition("# HELP a_total what\n# TYPE a_total counter\n"
                                 "a_total{path=\"C:\\\\x\",text=\"say \\\"hi\\\"\\n\",} 1.5e3 1700000000000\n"
                                 "\n  b 3\nc{ x = \"1\" , y=\"\" } +Inf # {trace=\"z\"} 1\nd{} NaN\r\n");
  REQUIRE(s.size() == 4);
  CHECK(s[0].name == "a_total");
  CHECK(s[0].label("path") == "C:\\x");
  CHECK(s[0].label("text") == "say \"hi\"\n");
  CHECK(s[0].value == 1500);
  CHECK(s[1].value == 3);
  CHECK(s[2].label("x") == "1");
  CHECK(s[2].label("z").empty());
  CHECK(std::isinf(s[2].value));
  CHECK(std::isnan(s[3].value));
}

TEST_CASE("lines that are none of the format cost only themselves") {
  const auto s = read_exposition("a{x=\"1} 2\nb{x} 1\n{x=\"1\"} 1\nc 0x10\nd\ne{x=\"1\"y=\"2\"} 1\nvllm:f{a=\"b\"} -0.25");
  REQUIRE(s.size() == 1);
  CHECK(s[0].name == "vllm:f");
  CHECK(s[0].value == -0.25);
  CHECK(read_exposition("").empty());
}

TEST_CASE("samples of one name are added up by label") {
  const auto s = read_exposition(
      "n{model=\"a\",status=\"ok\"} 1\nn{model=\"b\",status=\"ok\"} 2\nn{model=\"a\",status=\"bad\"} 4\nnn 8\n");
  CHECK(total_of(s, "n").sum == 7);
  CHECK(total_of(s, "n").count == 3);
  CHECK(total_of(s, "n", {{"model", "a"}}).sum == 5);
  CHECK(total_of(s, "n", {{"model", "a"}, {"status", "ok"}}).sum == 1);
  CHECK(total_of(s, "m").count == 0);
}
