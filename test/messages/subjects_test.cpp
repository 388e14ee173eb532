// subjects_test.cpp: Whatever is put into a subject or a stream name, it stays one token.
#include <catch2/catch.hpp>

#include <algorithm>
#include <set>

#include "messages/subjects.hpp"

using namespace sextant;

TEST_CASE("ordinary ids are used as they are", "[subjects]") {
  CHECK(subjects{}.result("my-id_1") == "sextant.v1.result.my-id_1");
  CHECK(subjects{"a.b"}.event("x") == "a.b.event.x");
  CHECK(subjects{"a.b"}.lease_bucket() == "a_b_leases");
}

TEST_CASE("hostile texts become one harmless token each, and different ones stay different", "[subjects]") {
  std::set<std::string> tokens;
  const std::vector<std::string> hostile{"",     ".",           "..",     "*",        ">",   "a.b",  "a*b",
                                         "a b",  "a\tb",        "a\r\nb", "../x",     "a/b", "a\\b", std::string("a\0b", 3),
                                         "\xff", "z\u00fcrich", "a_b",    "$JS.API.>"};
  for (const auto& text : hostile) {
    const auto token = subjects::token(text);
    INFO(token);
    CHECK_FALSE(token.empty());
    CHECK(std::all_of(token.begin(), token.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    }));
    CHECK(tokens.insert(token).second);
    const auto subject = subjects{}.result(text);
    CHECK(std::count(subject.begin(), subject.end(), '.') == 3);
  }
}

TEST_CASE("request ids are checked", "[subjects]") {
  CHECK(valid_request_id("a"));
  CHECK(valid_request_id(std::string(128, 'x')));
  for (const auto& id :
       {std::string{}, std::string(129, 'x'), std::string{"-a"}, std::string{"a.b"}, std::string{"a b"}, std::string{"*"},
        std::string{">"}, std::string{".."}, std::string{"a/b"}, std::string{"a\n"}, std::string{"\u00fc"}})
    CHECK_FALSE(valid_request_id(id));
}

TEST_CASE("hashes are stable over versions and machines", "[subjects]") {
  CHECK(stable_hash("") == "cbf29ce484222325");
  CHECK(stable_hash("a") == "af63dc4c8601ec8c");
}
