// codec_test.cpp: Messages to text and back; what is refused and where the error points.
#include <limits>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "messages/codec.hpp"
#include "messages/serving.hpp"
#include "test/messages/filled.hpp"

using namespace sextant;
using nlohmann::json;

namespace {

/// Paths of leaves that are equal in both.
void equal_leaves(const json& a, const json& b, const std::string& path, std::vector<std::string>& out) {
  if (a.is_object() && b.is_object()) {
    for (const auto& [key, value] : a.items())
      equal_leaves(value, b.value(key, json{}), path + "." + key, out);
  } else if (a == b) {
    out.push_back(path);
  }
}

template <class T>
std::vector<codec_error> errors_of(const std::string& text) {
  std::vector<codec_error> errors;
  CHECK_FALSE(decode_body<T>(text, errors));
  return errors;
}

template <class T>
std::optional<T> read(const std::string& text) {
  std::vector<codec_error> errors;
  auto out = decode_body<T>(text, errors);
  CHECK(out.has_value() == errors.empty());
  return out;
}

std::string nested(int levels) {
  return std::string(static_cast<size_t>(levels), '[') + std::string(static_cast<size_t>(levels), ']');
}

std::vector<codec_error> envelope_errors(const std::string& text) {
  std::vector<codec_error> errors;
  CHECK_FALSE(decode_envelope(text, errors));
  return errors;
}

} // namespace

TEMPLATE_TEST_CASE("every field of every message survives the wire", "[codec]", submit_request, request_accepted,
                   request_refused, budget_spent, cancel_request, profile_request, deploy_engine, release_engine,
                   engine_ready, engine_failed, engine_lost, engine_released, work_wanted, node_alive, measure_point,
                   point_measured, attempt_failed, write_artifacts, artifacts_written, profile_finished, profile_failed,
                   progress, request_summary, list_requests, request_list, serving_observed, curves_drifted, correct_curves,
                   curves_corrected) {
  const auto original = test::filled<TestType>();
  const auto text = encode_message("id-1", "r-1", original);
  std::vector<codec_error> errors;
  const auto e = decode_envelope(text, errors);
  REQUIRE(e);
  CHECK(e->kind == message_kind<TestType>::value);
  CHECK(e->id == "id-1");
  CHECK(e->request == "r-1");
  const auto back = message_as<TestType>(*e);
  REQUIRE(back);
  CHECK(encode_body(*back) == encode_body(original));
  // The check means something only where the filled value differs from the default one.
  std::vector<std::string> same;
  equal_leaves(json::parse(encode_body(original)), json::parse(encode_body(TestType{})), "", same);
  CHECK(same == std::vector<std::string>{});
}

TEST_CASE("the list of kinds above is complete", "[codec]") {
  int kinds = 0;
#define SEXTANT_COUNT(type) ++kinds;
  SEXTANT_FOR_EACH_MESSAGE(SEXTANT_COUNT)
  SEXTANT_FOR_EACH_SERVING_MESSAGE(SEXTANT_COUNT)
#undef SEXTANT_COUNT
  CHECK(kinds == 29);
}

TEST_CASE("results are told apart by their kind", "[codec]") {
  const auto text = encode_result("i", "r", attempt_failed{"e", 1, "p", 2, {}});
  std::vector<codec_error> errors;
  const auto e = decode_envelope(text, errors);
  REQUIRE(e);
  const auto result = result_from(*e);
  REQUIRE(result);
  CHECK(std::get<attempt_failed>(*result).attempt == 2);
  auto other = *e;
  other.kind = "progress";
  CHECK_FALSE(result_from(other));
  other = *e;
  other.body = R"({"engine":1})";
  CHECK_FALSE(result_from(other));
}

TEST_CASE("unknown fields are ignored in bodies and kept in envelopes", "[codec]") {
  const auto x = read<cancel_request>(R"({"reason":"tired","mood":{"deep":[1,2]}})");
  REQUIRE(x);
  CHECK(x->reason == "tired");
  std::vector<codec_error> errors;
  const auto e = decode_envelope(R"({"v":1,"kind":"k","trace":{"a":[1]},"body":{"b":2},"later":"x"})", errors);
  REQUIRE(e);
  CHECK(json::parse(e->unknown) == json::parse(R"({"trace":{"a":[1]},"later":"x"})"));
  const auto again = decode_envelope(encode_envelope(*e), errors);
  REQUIRE(again);
  CHECK(json::parse(again->unknown) == json::parse(e->unknown));
  CHECK(again->body == e->body);
}

TEST_CASE("another version is refused, as are envelopes without version or kind", "[codec]") {
  CHECK(envelope_errors(R"({"v":2,"kind":"k"})").at(0).path == "v");
  CHECK(envelope_errors(R"({"v":2,"kind":"k"})").at(0).message.find("accepted is 1") != std::string::npos);
  CHECK(envelope_errors(R"({"kind":"k"})").at(0).path == "v");
  CHECK(envelope_errors(R"({"v":1})").at(0).path == "kind");
  CHECK(envelope_errors(R"({"v":"1","kind":3})").size() == 2);
  for (const auto* text : {"", "[]", "null", "3", "{", "\"v\"", "{\"v\":1,}", "\xff\xfe", "{\"v\":1 \"kind\":\"k\"}"})
    CHECK_FALSE(envelope_errors(text).empty());
}

TEST_CASE("wrong types name their path, and all errors come at once", "[codec]") {
  const auto errors = errors_of<measure_point>(
      R"({"engine":1,"engine_attempt":"x","attempt":1.5,"endpoint":"e","simulated":"yes","plan":{"point":"p","kind":"both","isl":[],"concurrency":1,"requests":1}})");
  std::vector<std::string> paths;
  for (const auto& error : errors)
    paths.push_back(error.path);
  CHECK(paths
        == std::vector<std::string>{"body.engine", "body.engine_attempt", "body.attempt", "body.simulated", "body.plan.kind",
                                    "body.plan.isl", "body.plan.osl"});
  CHECK(errors[4].message.find("ttft itl") != std::string::npos);
  CHECK(errors[6].message == "is missing");
  CHECK(errors_of<node_alive>(
            R"({"node":"n","instance":"i","engines":[{"request":"r","engine":"e","attempt":1},{"request":2}]})")
            .at(0)
            .path
        == "body.engines[1].request");
  CHECK(errors_of<submit_request>(R"({"document":"d","options":{"a":1}})").at(0).path == "body.options.a");
  CHECK(errors_of<cancel_request>("[]").at(0).path == "body");
}

TEST_CASE("integers that do not fit are refused, not cut", "[codec]") {
  const std::string head = R"({"engine":"e","endpoint":"x","attempt":1,"kv_tokens":)";
  CHECK(read<engine_ready>(head + "9223372036854775807}")->kv_tokens == std::numeric_limits<int64_t>::max());
  CHECK(errors_of<engine_ready>(head + "9223372036854775808}").at(0).path == "body.kv_tokens");
  CHECK_FALSE(errors_of<engine_ready>(head + "1e400}").empty());
  CHECK_FALSE(errors_of<engine_ready>(head + "123456789012345678901234567890}").empty());
  CHECK(errors_of<release_engine>(R"({"engine":"e","attempt":2147483648})").at(0).path == "body.attempt");
  CHECK(errors_of<release_engine>(R"({"engine":"e","attempt":-2147483649})").at(0).path == "body.attempt");
  CHECK(read<release_engine>(R"({"engine":"e","attempt":-2147483648})")->attempt == std::numeric_limits<int>::min());
  const std::string plan =
      R"({"engine":"e","engine_attempt":1,"attempt":1,"endpoint":"x","plan":{"point":"p","kind":"ttft","isl":1,"osl":1,"concurrency":1,"requests":1,"prompt_seed":)";
  CHECK(read<measure_point>(plan + "18446744073709551615}}")->plan.prompt_seed == std::numeric_limits<uint64_t>::max());
  CHECK_FALSE(errors_of<measure_point>(plan + "-1}}").empty());
}

TEST_CASE("texts nested deeper than 64 levels are refused before they are parsed", "[codec]") {
  CHECK(read<cancel_request>(R"({"x":)" + nested(63) + "}"));
  const auto errors = errors_of<cancel_request>(R"({"x":)" + nested(64) + "}");
  CHECK(errors.at(0).message == "nested deeper than 64 levels");
  CHECK_FALSE(envelope_errors(nested(200000)).empty());
  CHECK(read<cancel_request>(R"({"reason":"[[[[[[ \" {{{{ )" + std::string(100, '[')
                             + "\"}")); // brackets in texts do not count
}

TEST_CASE("numbers without value travel as null and change nothing", "[codec]") {
  progress x;
  x.value_ms = std::numeric_limits<double>::quiet_NaN();
  CHECK(json::parse(encode_body(x))["value_ms"].is_null());
  CHECK(read<progress>(encode_body(x))->value_ms == 0);
}

TEST_CASE("bytes that are not UTF-8 do not end the writer", "[codec]") {
  const auto text = encode_body(cancel_request{"bad \xff\xc3 bytes"});
  CHECK(json::parse(text, nullptr, false).is_object());
}
