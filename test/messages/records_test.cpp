// records_test.cpp: Packing token records and taking them apart again.
#include <algorithm>
#include <random>

#include <catch2/catch.hpp>

#include "messages/records.hpp"

using namespace sextant;

namespace {

/// Gives every field that a plain record leaves at zero another value.
void fill_stamps(request_record& r) {
  r.session = 7, r.turn = 2, r.url = 1, r.status = 503;
  r.fault = request_fault_class::server_error;
  r.queued_ns = r.sent_ns - 5, r.tx_ns = r.sent_ns + 3, r.first_byte_ns = r.sent_ns + 100;
  r.first_event_ns = r.sent_ns + 101, r.first_answer_ns = r.sent_ns + 102, r.last_event_ns = r.sent_ns + 900;
  r.ended_ns = r.sent_ns + 1000, r.connect_ns = 40'000;
  r.bytes_sent = 5'000'000'000, r.bytes_received = 70'000;
  r.planned_isl = 3000, r.planned_osl = 61, r.reasoning_tokens = 9;
}

attempt_records sample(size_t requests, size_t tokens) {
  attempt_records a;
  a.request = "r-1";
  a.work.engine = "decode-TP4";
  a.work.endpoint = "http://127.0.0.1:8000";
  a.work.plan.point = "decode-TP4/sweep/c8";
  a.work.plan.osl = static_cast<int>(tokens);
  a.stopped = stop_reason::precision;
  a.engine_ns = 123456789012;
  a.wall_ns = 4567;
  a.overhead_ns = 89;
  a.speed = 2.5;
  a.clock = "scaled";
  a.remarks = {"one", "zw\u00f6lf"};
  std::mt19937_64 random(7);
  for (size_t i = 0; i < requests; ++i) {
    request_record r;
    r.wave = static_cast<uint32_t>(i / 10);
    r.index = static_cast<uint32_t>(i % 10);
    r.intended_ns = static_cast<int64_t>(i) * 1000;
    r.sent_ns = r.intended_ns + 17;
    r.input_tokens = 3000;
    r.cached_tokens = i % 2 ? 2944 : 0;
    r.usage_tokens = static_cast<uint32_t>(tokens);
    r.error = i % 7 == 3 ? "reset by peer" : "";
    int64_t t = r.sent_ns;
    for (size_t k = 0; k < tokens; ++k)
      r.token_ns.push_back(t += static_cast<int64_t>(random() % 20'000'000));
    if (i % 3 == 0) {
      r.event_tokens.assign(tokens, static_cast<uint16_t>(1 + i % 400));
      r.event_quality.assign(tokens, arrival_user | arrival_coalesced);
      fill_stamps(r);
    }
    a.requests.push_back(std::move(r));
  }
  return a;
}

} // namespace

TEST_CASE("records come back as they were, in any order of their chunks") {
  const auto before = sample(95, 60);
  auto chunks = pack_records(before, 4096);
  REQUIRE(chunks.size() > 3);
  std::reverse(chunks.begin(), chunks.end());
  std::string why;
  const auto after = unpack_records(chunks, &why);
  REQUIRE(after);
  CHECK(after->request == "r-1");
  CHECK(after->work.plan.point == before.work.plan.point);
  CHECK(after->work.endpoint == before.work.endpoint);
  CHECK(after->stopped == stop_reason::precision);
  CHECK(after->engine_ns == before.engine_ns);
  CHECK(after->wall_ns == 4567);
  CHECK(after->overhead_ns == 89);
  CHECK(after->speed == 2.5);
  CHECK(after->clock == "scaled");
  CHECK(after->remarks == before.remarks);
  REQUIRE(after->requests.size() == before.requests.size());
  for (size_t i = 0; i < before.requests.size(); ++i)
    CHECK(before.requests[i] == after->requests[i]);
}

TEST_CASE("warming requests and wall times travel along and stay apart") {
  auto before = sample(30, 5);
  before.warming = sample(40, 1).requests;
  before.started = "2026-11-24T00:00:01.000001Z";
  before.warming_started = "2026-11-24T00:00:00.5Z";
  const auto chunks = pack_records(before, 1024);
  REQUIRE(chunks.size() > 1);
  const auto after = unpack_records(chunks);
  REQUIRE(after);
  CHECK(after->started == before.started);
  CHECK(after->warming_started == before.warming_started);
  REQUIRE(after->requests.size() == 30);
  REQUIRE(after->warming.size() == 40);
  for (size_t i = 0; i < 40; ++i)
    CHECK(before.warming[i] == after->warming[i]);
  CHECK(before.requests[29] == after->requests[29]);
}

TEST_CASE("chunks stay below the limit and are small") {
  const auto chunks = pack_records(sample(200, 500), 64 * 1024);
  size_t bytes = 0;
  for (const auto& chunk : chunks) {
    CHECK(chunk.size() <= 64 * 1024);
    bytes += chunk.size();
  }
  CHECK(bytes < 200 * 500 * 5);
}

TEST_CASE("a record larger than the limit travels alone") {
  const auto chunks = pack_records(sample(3, 1000), 1024);
  CHECK(chunks.size() == 3);
  CHECK(unpack_records(chunks));
}

TEST_CASE("an attempt without records is one chunk") {
  const auto chunks = pack_records(sample(0, 0));
  REQUIRE(chunks.size() == 1);
  const auto after = unpack_records(chunks);
  REQUIRE(after);
  CHECK(after->requests.empty());
}

TEST_CASE("extreme values survive") {
  auto a = sample(2, 1);
  a.requests[0].sent_ns = std::numeric_limits<int64_t>::min();
  a.requests[0].token_ns = {std::numeric_limits<int64_t>::max(), std::numeric_limits<int64_t>::min()};
  a.requests[1].index = std::numeric_limits<uint32_t>::max();
  a.requests[1].error = std::string(70000, 'x');
  const auto after = unpack_records(pack_records(a));
  REQUIRE(after);
  CHECK(a.requests[0] == after->requests[0]);
  CHECK(a.requests[1] == after->requests[1]);
}

TEST_CASE("duplicated chunks do no harm; missing, foreign and damaged ones are refused with a reason") {
  const auto chunks = pack_records(sample(95, 60), 4096);
  std::string why;
  auto twice = chunks;
  twice.push_back(chunks.front());
  CHECK(unpack_records(twice));

  auto missing = chunks;
  missing.pop_back();
  CHECK_FALSE(unpack_records(missing, &why));
  CHECK(why.find("chunks are there") != std::string::npos);

  auto other = sample(95, 60);
  other.work.attempt = 2;
  auto foreign = chunks;
  foreign.back() = pack_records(other, 4096).back();
  CHECK_FALSE(unpack_records(foreign, &why));
  CHECK(why == "chunks of different attempts");

  auto damaged = chunks;
  damaged[1][damaged[1].size() / 2] ^= 1;
  CHECK_FALSE(unpack_records(damaged, &why));
  CHECK(why == "a chunk is damaged");

  CHECK_FALSE(unpack_records({}, &why));
  CHECK_FALSE(unpack_records({"hello"}, &why));
}

TEST_CASE("no cut of a chunk is taken for records") {
  const auto chunk = pack_records(sample(4, 5)).front();
  for (size_t n = 0; n < chunk.size(); ++n)
    CHECK_FALSE(unpack_records({chunk.substr(0, n)}));
}

TEST_CASE("every single bit flip is noticed") {
  auto chunk = pack_records(sample(2, 3)).front();
  for (size_t i = 12; i < chunk.size(); ++i) {
    chunk[i] ^= 0x10;
    CHECK_FALSE(unpack_records({chunk}));
    chunk[i] ^= 0x10;
  }
}
