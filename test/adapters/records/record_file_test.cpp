// record_file_test.cpp: What is written is read; damaged files are refused with a reason, whatever is in them.
#include <random>

#include <catch2/catch.hpp>

#include "adapters/npz/npz.hpp"
#include "adapters/records/record_file.hpp"

using namespace sextant;

namespace {

load_records sample() {
  load_records run;
  run.facts.benchmark_id = "0b7a";
  run.facts.model = "Qwen/Qwen3-0.6B";
  run.facts.streaming = true;
  run.facts.seed = (uint64_t{1} << 53) - 1;
  run.facts.urls = {"http://127.0.0.1:8000", "http://[::1]:8001"};
  run.facts.request_rate = 12.5;
  run.facts.started_unix_ns = 1'700'000'000'123'456'789;
  run.facts.remarks = {"a remark with \"quotes\" and ä"};
  for (uint32_t i = 0; i < 5; ++i) {
    request_record r;
    r.index = i;
    r.session = i / 2;
    r.turn = i % 2;
    r.url = static_cast<uint16_t>(i % 2);
    r.status = 200;
    r.intended_ns = 1'000'000'000LL * i;
    r.queued_ns = r.intended_ns + 10;
    r.sent_ns = r.intended_ns + 20;
    r.tx_ns = r.intended_ns + 25;
    r.first_byte_ns = r.sent_ns + 1000;
    r.first_event_ns = r.sent_ns + 1100;
    r.first_answer_ns = r.sent_ns + 1200;
    r.planned_isl = 100 + i;
    r.usage_tokens = 3 * i;
    r.bytes_sent = 5'000'000'000 + i;
    for (uint32_t t = 0; t < i; ++t) {
      r.token_ns.push_back(r.sent_ns + 2000 + t);
      r.event_tokens.push_back(static_cast<uint16_t>(1 + t));
      r.event_quality.push_back(arrival_coalesced);
    }
    r.ended_ns = r.sent_ns + 5000;
    run.requests.push_back(r);
  }
  run.requests[0].fault = request_fault_class::timed_out;
  run.requests[0].error = "no answer within 600 s";
  run.warming = {run.requests[3]};
  return run;
}

std::string file_of(const load_records& run) {
  std::string out;
  write_record_file(run, [&](std::string_view part) { out += part; });
  return out;
}

} // namespace

TEST_CASE("records and facts come back from a record file as they were") {
  const auto run = sample();
  std::string error;
  const auto read = read_record_file(file_of(run), error);
  INFO(error);
  REQUIRE(read);
  CHECK(read->requests == run.requests);
  CHECK(read->warming == run.warming);
  CHECK(read->facts.benchmark_id == run.facts.benchmark_id);
  CHECK(read->facts.seed == run.facts.seed);
  CHECK(read->facts.urls == run.facts.urls);
  CHECK(read->facts.request_rate == run.facts.request_rate);
  CHECK(read->facts.started_unix_ns == run.facts.started_unix_ns);
  CHECK(read->facts.remarks == run.facts.remarks);
}

TEST_CASE("events of one token each, stamped by the kernel, cost eight bytes") {
  auto run = sample();
  for (auto& r : run.requests)
    r.event_tokens.assign(r.token_ns.size(), 1);
  for (auto& r : run.warming)
    r.event_tokens.clear();
  const auto before = file_of(run).size();
  for (int i = 0; i < 1000; ++i)
    for (auto* field : {&run.requests[4]}) {
      field->token_ns.push_back(field->token_ns.back() + 1);
      field->event_tokens.push_back(1);
      field->event_quality.push_back(arrival_coalesced);
    }
  CHECK(file_of(run).size() <= before + 9 * 1000 + 64); // the quality is told, as it is not the usual one
}

TEST_CASE("an empty run has a record file") {
  std::string error;
  const auto read = read_record_file(file_of({}), error);
  INFO(error);
  REQUIRE(read);
  CHECK(read->requests.empty());
}

TEST_CASE("what is no record file is refused with a reason") {
  std::string error;
  CHECK_FALSE(read_record_file("", error));
  CHECK(error == "this is no .npz file, or its end is missing");
  npz_writer other;
  other.add("x", std::vector<double>{1});
  CHECK_FALSE(read_record_file(other.bytes(), error));
  CHECK(error == "array header is missing");
  auto whole = file_of(sample());
  CHECK_FALSE(read_record_file(whole.substr(0, whole.size() - 30), error));
  const auto at = whole.find("sextant-records");
  whole[at] = 'x';
  CHECK_FALSE(read_record_file(whole, error));
  CHECK(error == "array header is damaged: its check sum is wrong");
}

TEST_CASE("no damage to a record file does more than an error") {
  const auto whole = file_of(sample());
  std::mt19937_64 random(31);
  size_t refused = 0;
  for (int i = 0; i < 20'000; ++i) {
    auto damaged = whole;
    for (uint64_t k = random() % 4 + 1; k > 0; --k)
      damaged[random() % damaged.size()] = static_cast<char>(random());
    if (i % 7 == 0)
      damaged.resize(random() % damaged.size());
    std::string error;
    const auto read = read_record_file(damaged, error);
    CHECK(read.has_value() == error.empty());
    refused += !read;
  }
  CHECK(refused > 15'000); // checksums find nearly all; the rest hit bytes without meaning
}
