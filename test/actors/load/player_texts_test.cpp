// player_texts_test.cpp: Request texts are made ahead of their time, with and without a core for it.
#include "actors/load/player_texts.hpp"

#include <catch2/catch.hpp>

namespace sextant::load {

namespace {

constexpr int64_t plenty_ns = 3'600'000'000'000;

traffic_schedule schedule_of(uint32_t requests) {
  traffic_schedule out;
  for (uint32_t i = 0; i < requests; ++i) {
    planned_request r;
    r.index = r.session = i;
    r.intended_ns = 0;
    out.requests.push_back(r);
  }
  return out;
}

std::vector<http_url> one_url() {
  std::string error;
  return {parse_http_url("http://127.0.0.1:8000", error).value()};
}

content_maker counting(std::atomic<int>& made) {
  return [&made](const planned_request& request, const std::vector<std::string>&) {
    ++made;
    return request_content{"/v1/completions", R"({"n":)" + std::to_string(request.index) + "}", {}};
  };
}

} // namespace

TEST_CASE("without a core for it, texts are made while the loop waits and none is late", "[player_texts]") {
  const auto schedule = schedule_of(5);
  const auto urls = one_url();
  std::atomic<int> made{0};
  const auto make = counting(made);
  text_store uut{schedule, urls, make, false, false};
  uut.make_first(2);
  CHECK(made == 2);
  while (uut.make_ahead(plenty_ns)) {
  }
  CHECK(made == 5);
  for (uint32_t i = 0; i < 5; ++i)
    CHECK(uut.take(i, {}).find(R"({"n":)" + std::to_string(i) + "}") != std::string::npos);
  CHECK(uut.late() == 0);
  CHECK(made == 5);
}

TEST_CASE("a text that is due before it was made is made then, once", "[player_texts]") {
  const auto schedule = schedule_of(3);
  const auto urls = one_url();
  std::atomic<int> made{0};
  const auto make = counting(made);
  text_store uut{schedule, urls, make, false, false};
  CHECK(uut.take(1, {}).find(R"({"n":1})") != std::string::npos);
  CHECK(uut.late() == 1);
  uut.make_first(3);
  CHECK(made == 3);
}

TEST_CASE("no text is made ahead in a gap that is too short for it", "[player_texts]") {
  const auto schedule = schedule_of(3);
  const auto urls = one_url();
  std::atomic<int> made{0};
  const auto make = counting(made);
  text_store uut{schedule, urls, make, false, false};
  uut.make_first(1);
  CHECK_FALSE(uut.make_ahead(1));
  CHECK(made == 1);
}

TEST_CASE("with a core for it, every text is made once", "[player_texts]") {
  const auto schedule = schedule_of(2'000);
  const auto urls = one_url();
  std::atomic<int> made{0};
  const auto make = counting(made);
  {
    text_store uut{schedule, urls, make, false, true};
    uut.make_first(2'000);
    for (uint32_t i = 0; i < 2'000; ++i)
      uut.take(i, {});
  }
  CHECK(made == 2'000);
}

} // namespace sextant::load
