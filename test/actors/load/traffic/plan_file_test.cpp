#include "actors/load/traffic/plan_file.hpp"

#include <catch2/catch.hpp>

using namespace sextant;
using namespace sextant::load;

namespace {

traffic_schedule sample() {
  traffic_schedule s;
  s.seed = (uint64_t{1} << 53) - 1;
  s.concurrency = 7;
  s.prefill_ramp_ns = 12;
  s.duration_ns = 5'000'000'000;
  s.grace_ns = -1;
  s.block_tokens = 16;
  for (uint32_t i = 0; i < 4; ++i) {
    planned_request r;
    r.index = i;
    r.phase = i == 0 ? traffic_phase::warmup : traffic_phase::profiling;
    r.intended_ns = i == 2 ? -1 : int64_t{i} * 1'000'000;
    r.session = i / 2;
    r.turn = i % 2;
    r.isl = 100 + static_cast<int>(i);
    r.osl = 5;
    r.prompt = uint64_t{i} << 44;
    r.cancel_after_ns = i == 3 ? 0 : -1;
    if (i == 1)
      r.block_hashes = {1, 18'446'744'073'709'551'615ULL};
    s.requests.push_back(r);
  }
  return s;
}

std::string text_of(const traffic_schedule& s) {
  std::string out;
  write_plan(s, [&out](std::string_view part) { out += part; });
  return out;
}

} // namespace

TEST_CASE("a plan reads back as it was written") {
  const auto text = text_of(sample());
  std::vector<document_error> errors;
  const auto back = read_plan(text, "plan.jsonl", errors);
  CHECK(errors.empty());
  CHECK(text_of(back) == text);
  REQUIRE(back.requests.size() == 4);
  CHECK(back.seed == sample().seed);
  CHECK(back.grace_ns == -1);
  CHECK(back.requests[1].block_hashes == sample().requests[1].block_hashes);
  CHECK(back.requests[3].cancel_after_ns == 0);
  CHECK(back.requests[0].phase == traffic_phase::warmup);
  CHECK(back.requests[3].index == 3);
}

TEST_CASE("every bad line of a plan is told, with its number") {
  const std::string text = "{\"sextant_plan\":1,\"seed\":3,\"concurency\":4}\n"
                           "{\"isl\":-5}\n"
                           "\n"
                           "nonsense\n"
                           "{\"phase\":\"warm\"}\n"
                           "{\"osl\":1.5,\"block_hashes\":[-1]}\n"
                           "{\"phase\":\"warmup\"}\n";
  std::vector<document_error> errors;
  read_plan(text, "p", errors);
  std::vector<std::pair<int, std::string>> places;
  for (const auto& e : errors)
    places.emplace_back(e.line, e.path);
  CHECK(places
        == std::vector<std::pair<int, std::string>>{
            {1, "concurency"}, {2, "isl"}, {4, ""}, {5, "phase"}, {6, "osl"}, {6, "block_hashes"}, {7, "phase"}});
  CHECK(errors[0].hint.find("concurrency") != std::string::npos);
}

TEST_CASE("what is no plan at all is said so") {
  for (const std::string text : {"", "{}", "[1]", "{\"sextant_plan\":2}"}) {
    std::vector<document_error> errors;
    read_plan(text, "p", errors);
    CHECK(errors.size() == 1);
  }
}
