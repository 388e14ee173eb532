// protocol_test.cpp: Subjects and the texts of the JetStream protocol.
#include <catch2/catch.hpp>

#include "adapters/nats/jetstream_api.hpp"
#include "adapters/nats/server_files.hpp"
#include "adapters/nats/subject_match.hpp"

using namespace sextant;
using namespace std::chrono_literals;

TEST_CASE("wildcards stand for tokens", "[protocol]") {
  CHECK(subject_matches("a.b", "a.b"));
  CHECK(subject_matches("a.*", "a.b"));
  CHECK(subject_matches("a.>", "a.b.c"));
  CHECK(subject_matches("*.b.>", "a.b.c"));
  CHECK_FALSE(subject_matches("a.>", "a"));
  CHECK_FALSE(subject_matches("a.*", "a.b.c"));
  CHECK_FALSE(subject_matches("a.b.c", "a.b"));
  CHECK_FALSE(subject_matches("a", "b"));
}

TEST_CASE("subjects and patterns that servers misread are refused", "[protocol]") {
  CHECK(valid_subject("a.b-c._d.$x"));
  for (const auto* subject : {"", ".", "a.", ".a", "a..b", "a b", "a\r\nPUB x 1", "a.*", "a.>", "a\tb", "a\x7f"})
    CHECK_FALSE(valid_subject(subject));
  CHECK(valid_pattern("a.*.b.>"));
  for (const auto* pattern : {"", "a.>.b", "a.b*", "a b.*", "a..>"})
    CHECK_FALSE(valid_pattern(pattern));
}

TEST_CASE("acknowledgement subjects tell where a message stands", "[protocol]") {
  const auto old_form = jetstream::parse_ack_subject("$JS.ACK.work.workers.2.17.9.1700000000000000001.5");
  REQUIRE(old_form);
  CHECK(old_form->stream == "work");
  CHECK(old_form->consumer == "workers");
  CHECK(old_form->deliveries == 2);
  CHECK(old_form->stream_sequence == 17);
  CHECK(old_form->consumer_sequence == 9);
  CHECK(old_form->stored_ns == 1700000000000000001);
  CHECK(old_form->pending == 5);
  const auto new_form = jetstream::parse_ack_subject("$JS.ACK._.ACCHASH.work.workers.2.17.9.1700000000000000001.5.rnd");
  REQUIRE(new_form);
  CHECK(new_form->stream == "work");
  CHECK(new_form->pending == 5);
  for (const auto* subject : {"", "$JS.ACK", "$JS.ACK.a.b.1.2.3.4", "x.ACK.a.b.1.2.3.4.5", "$JS.ACK.d.h.a.b.1.2.3.4"})
    CHECK_FALSE(jetstream::parse_ack_subject(subject));
}

TEST_CASE("answers of the server are told apart", "[protocol]") {
  const auto stored = jetstream::parse_answer(R"({"stream":"s","seq":7,"duplicate":true})");
  CHECK(stored.error == jetstream::no_error);
  CHECK(stored.sequence == 7);
  CHECK(stored.duplicate);
  const auto lost =
      jetstream::parse_answer(R"({"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 3"}})");
  CHECK(lost.error == jetstream::wrong_last_sequence);
  CHECK_FALSE(jetstream::worth_retrying(lost));
  CHECK(jetstream::worth_retrying(jetstream::parse_answer(R"({"error":{"code":503,"err_code":10008}})")));
  CHECK(jetstream::parse_answer(R"({"error":{"code":400}})").error == jetstream::other_error);
  for (const auto* text : {"", "[]", "{", "+OK"})
    CHECK(jetstream::parse_answer(text).error == jetstream::other_error);
}

TEST_CASE("a duplicate window is never longer than the stream's age", "[protocol]") {
  stream_settings s;
  s.name = "s";
  s.subjects = {"s.>"};
  s.max_age = 60s;
  s.duplicate_window = 3600s;
  CHECK(jetstream::stream_config(s).find("\"duplicate_window\":60000000000,") != std::string::npos);
  CHECK(jetstream::stream_config(s).find("\"max_age\":60000000000,") != std::string::npos);
  CHECK(jetstream::retry_ack(0ms) == "-NAK");
  CHECK(jetstream::retry_ack(2ms) == R"(-NAK {"delay":2000000})");
}

TEST_CASE("limits of a stream are the server's words", "[protocol]") {
  stream_settings s;
  s.name = "s";
  CHECK(jetstream::stream_config(s).find("\"max_bytes\":-1,") != std::string::npos);
  CHECK(jetstream::stream_config(s).find("\"discard\":\"old\"") != std::string::npos);
  s.max_bytes = 7;
  s.max_messages = 8;
  s.replicas = 3;
  s.refuse_when_full = true;
  for (const char* part : {"\"max_bytes\":7,", "\"max_msgs\":8,", "\"num_replicas\":3,", "\"discard\":\"new\""})
    CHECK(jetstream::stream_config(s).find(part) != std::string::npos);
  CHECK(jetstream::bucket_config("b", 1s, 3).find("\"num_replicas\":3,") != std::string::npos);
}

TEST_CASE("what a server says about full stores, forbidden subjects and its age is understood", "[protocol]") {
  for (int code : {10023, 10047, 10077})
    CHECK(jetstream::says_full(
        jetstream::parse_answer(R"({"error":{"code":503,"description":"x","err_code":)" + std::to_string(code) + "}}")));
  CHECK_FALSE(jetstream::says_full(jetstream::parse_answer(R"({"error":{"code":503,"err_code":10008}})")));
  CHECK(jetstream::forbidden_publish(R"(Permissions Violation for Publish to "a.b.c")") == "a.b.c");
  CHECK(jetstream::forbidden_publish(R"(Permissions Violation for Subscription to "a.b")").empty());
  CHECK(jetstream::forbidden_publish("Slow Consumer").empty());
  // Servers before 2.9 leave out what they do not know.
  CHECK(jetstream::parse_answer(R"({"config":{"name":"KV_b","allow_direct":true}})").allows_direct);
  CHECK_FALSE(jetstream::parse_answer(R"({"config":{"name":"KV_b"}})").allows_direct);
}

TEST_CASE("the server's configuration quotes what it is given", "[protocol]") {
  const auto text = private_files::config_text({4222, "to\"ken", "/a \"b\"\\c"});
  CHECK(text.find(R"(token: "to\"ken")") != std::string::npos);
  CHECK(text.find(R"(store_dir: "/a \"b\"\\c")") != std::string::npos);
  CHECK(text.find(R"(listen: "127.0.0.1:4222")") != std::string::npos);
}
