// values_test.cpp: The smallest pieces of the front end: numbers, words, names, JSON text, the schema.
#include <catch2/catch.hpp>

#include "config/document.hpp"
#include "config/nearest.hpp"
#include "config/option_values.hpp"
#include "config/options.hpp"
#include "config/schema.hpp"

using namespace sextant;

namespace {

std::string json_of(const std::string& text) {
  std::vector<document_error> errors;
  const auto tree = read_document(text, "t", errors);
  REQUIRE(errors.empty());
  return json_text(*tree);
}

} // namespace

TEST_CASE("numbers are decimal and finite") {
  CHECK(parse_number("300") == 300.0);
  CHECK(parse_number("-0.5") == -0.5);
  CHECK(parse_number("+3e2") == 300.0);
  CHECK(parse_number(".5") == 0.5);
  CHECK(parse_number("0") == 0.0);
  for (const auto* text : {"", " 1", "1 ", "010", "-010", "0x1F", "1_000", "nan", "inf", "-inf", "1e400", "e5", "-", "+",
                           "+-1", "--1", "12:30", "1,5"})
    CHECK_FALSE(parse_number(text).has_value());
}

TEST_CASE("numbers are written so that they read back as the same number") {
  for (double x : {0.0, 1.0, 0.1, 300.0, 1e15, 123456789012.0, 2.5e-9, 9007199254740992.0, -17.25})
    CHECK(parse_number(number_text(x)) == x);
  CHECK(number_text(3000) == "3000");
  CHECK(number_text(0.1) == "0.1");
}

TEST_CASE("durations take s, m and h") {
  CHECK(parse_duration("90") == 90.0);
  CHECK(parse_duration("90s") == 90.0);
  CHECK(parse_duration("1.5h") == 5400.0);
  CHECK(parse_duration("2m") == 120.0);
  CHECK_FALSE(parse_duration("2d").has_value());
  CHECK_FALSE(parse_duration("").has_value());
  CHECK_FALSE(parse_duration("m").has_value());
}

TEST_CASE("booleans are words in any capitals, never numbers") {
  CHECK(parse_boolean("True") == true);
  CHECK(parse_boolean("yes") == true);
  CHECK(parse_boolean("OFF") == false);
  CHECK_FALSE(parse_boolean("1").has_value());
  CHECK_FALSE(parse_boolean("").has_value());
}

TEST_CASE("a swap of neighbours is one edit") {
  CHECK(edit_distance("ttft", "tftt") == 1);
  CHECK(edit_distance("", "abc") == 3);
  CHECK(edit_distance("kitten", "sitting") == 3);
  CHECK(edit_distance("same", "same") == 0);
}

TEST_CASE("the nearest name is proposed only when it may be meant") {
  const std::vector<std::string> names{"ttft", "itl", "isl", "osl", "maxNumGpusPerEngine"};
  CHECK(nearest_name("tftt", names) == "ttft");
  CHECK(nearest_name("max-num-gpu-per-engine", names) == "maxNumGpusPerEngine");
  CHECK(nearest_name("xyz", names).empty());
  CHECK(nearest_name("", names).empty());
  CHECK(nearest_name(std::string(10'000, 't'), names).empty());
}

TEST_CASE("what errors show is short, printable and valid UTF-8") {
  CHECK(shown("a\nb\x01\xff") == "a\\nb\\x01\\xff");
  CHECK(shown("gr\xc3\xbc\xc3\x9f") == "gr\xc3\xbc\xc3\x9f");
  const auto cut = shown(std::string(100, 'x') + "\xc3\xbc");
  CHECK(cut == std::string(60, 'x') + "...");
}

TEST_CASE("free values become JSON with YAML's types") {
  CHECK(json_of("{a: 1, b: 1.5, c: true, d: null, e: '1', f: [x, ~], g: yes, h: {}, i: 010}")
        == R"({"a":1,"b":1.5,"c":true,"d":null,"e":"1","f":["x",null],"g":"yes","h":{},"i":"010"})");
  CHECK(json_of("a: &x {b: 1}\nc: *x") == R"({"a":{"b":1},"c":{"b":1}})");
  CHECK(json_of("a: |\n  two\n  lines\n") == R"({"a":"two\nlines\n"})");
  CHECK(json_of("18446744073709551616") == "1.8446744073709552e+19");
}

TEST_CASE("escapes of JSON mean what JSON says") {
  CHECK(json_of("{\"a\":\t\"\\ud83d\\ude00 \\u00e9 \\\\ud83d\"}") == "{\"a\":\"\xf0\x9f\x98\x80 \xc3\xa9 \\\\ud83d\"}");
  std::vector<document_error> errors;
  CHECK_FALSE(read_document("{\"a\": \"\\ud83d\"}", "t", errors).has_value());
  CHECK_FALSE(read_document("{\"a\": \"\\", "t", errors).has_value());
  CHECK(errors.size() == 2);
}

TEST_CASE("places are counted from one, in characters") {
  std::vector<document_error> errors;
  const auto tree = read_document("a: 1\n\xc3\xa4\xc3\xb6: [x,\n  y]\n", "t", errors);
  REQUIRE(tree);
  CHECK(tree->keys[1].line == 2);
  CHECK(tree->keys[1].column == 1);
  CHECK(tree->items[1].items[1].line == 3);
  CHECK(tree->items[1].items[1].column == 3);
}

TEST_CASE("names are told apart by exact match, alias, unique beginning") {
  CHECK(match_option("gpu", command_profile).name == "gpu");
  CHECK(match_option("gpu_sku", command_profile).name == "gpu");
  CHECK(match_option("prefill", command_profile).name == "prefill-interpolation-granularity");
  CHECK(match_option("planner_min_e", command_profile).name == "planner-min-endpoint");
  CHECK(match_option("model", command_profile).name == "model");
  CHECK(match_option("max", command_profile).several.size() == 4);
  CHECK(match_option("profiler-image", command_any).row == nullptr);
  CHECK(match_option("t", command_any).row == nullptr);
}

TEST_CASE("every documented path leads to its row in both spellings") {
  const auto& alpha = document_schema(request_api::v1alpha1);
  const auto* camel = alpha.at("spec.profilingConfig.config.deployment.modelCache.pvcName");
  const auto* snake = alpha.at("spec.profilingConfig.config.deployment.model_cache.pvc_name");
  const auto* timeout = alpha.at("spec.profilingConfig.config.deployment_ready_timeout_s");
  REQUIRE(camel);
  REQUIRE(snake);
  REQUIRE(timeout);
  CHECK(camel->row->name == "model-cache-pvc-name");
  CHECK(snake->row == camel->row);
  CHECK(timeout->row->name == "deployment-timeout");
  CHECK(alpha.at("spec.profiling_config") == nullptr);
  CHECK(document_schema(request_api::v1beta1).at("spec.features.mocker.enabled")->row->name == "use-mocker");
  CHECK(separated("maxNumGpusPerEngine", '_') == "max_num_gpus_per_engine");
  CHECK(separated("outputPVC", '_') == "output_pvc");
}
