// asyncapi_test.cpp: The committed document is what the codec says today. Two hidden cases are tools:
//   test_messages "[.regenerate]"   writes messages/asyncapi.yaml anew
//   test_messages "[.examples]"     writes one filled and one default message per kind, one JSON text a line, to the file
//                                   named by SEXTANT_EXAMPLES (for test/interop/asyncapi_check.py)
#include <cstdlib>
#include <fstream>
#include <iterator>

#include <catch2/catch.hpp>

#include "messages/asyncapi.hpp"
#include "messages/codec.hpp"
#include "messages/serving.hpp"
#include "test/messages/filled.hpp"

using namespace sextant;

namespace {

const std::string document_path = std::string{SEXTANT_TEST_DATA} + "/../../messages/asyncapi.yaml";

} // namespace

TEST_CASE("asyncapi.yaml is up to date", "[asyncapi]") {
  std::ifstream in{document_path};
  const std::string committed{std::istreambuf_iterator<char>{in}, {}};
  INFO("messages changed: run `test_messages \"[.regenerate]\"` and commit messages/asyncapi.yaml");
  const bool equal = committed == asyncapi_document();
  CHECK(equal);
}

TEST_CASE("write asyncapi.yaml", "[.regenerate]") {
  std::ofstream out{document_path, std::ios::trunc};
  out << asyncapi_document();
  CHECK(out.good());
}

TEST_CASE("write examples of all messages", "[.examples]") {
  const char* path = std::getenv("SEXTANT_EXAMPLES");
  REQUIRE(path);
  std::ofstream out{path, std::ios::trunc};
#define SEXTANT_EXAMPLE(type)                                                                                               \
  out << encode_message("id-1", "r-1", test::filled<type>()) << '\n' << encode_message("id-2", "r-1", type{}) << '\n';
  SEXTANT_FOR_EACH_MESSAGE(SEXTANT_EXAMPLE)
  SEXTANT_FOR_EACH_SERVING_MESSAGE(SEXTANT_EXAMPLE)
#undef SEXTANT_EXAMPLE
  CHECK(out.good());
}
