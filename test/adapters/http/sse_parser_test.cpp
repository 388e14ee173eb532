// sse_parser_test.cpp: Events however the bytes are split.
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "adapters/http/sse_parser.hpp"

using namespace sextant;

namespace {

using events = std::vector<std::pair<std::string, std::string>>;

struct collector {
  events seen;
  sse_parser parser{[this](const sse_event& e) { seen.emplace_back(e.name, e.data); }};
};

events parse_in_pieces(const std::string& text, size_t piece) {
  collector c;
  for (size_t i = 0; i < text.size(); i += piece)
    c.parser.feed(std::string_view{text}.substr(i, piece));
  return c.seen;
}

} // namespace

TEST_CASE("every split and every line end gives the same events") {
  const std::string lf = "\xef\xbb\xbf"
                         ": a comment\n"
                         "data: {\"a\":1}\n\n"
                         "event: error\ndata: first\ndata:second\ndata:  third\nid: 7\nretry: 10\n\n"
                         "\n\n"
                         "data\n\n"
                         "event: nothing\n\n"
                         "unknown: x\ndata: [DONE]\n\n";
  const events expected{{"", "{\"a\":1}"}, {"error", "first\nsecond\n third"}, {"", ""}, {"", "[DONE]"}};
  for (const std::string end : {"\n", "\r\n", "\r"}) {
    std::string text;
    for (const char c : lf)
      text += c == '\n' ? end : std::string(1, c);
    for (size_t piece = 1; piece <= text.size(); ++piece)
      REQUIRE(parse_in_pieces(text, piece) == expected);
  }
}

TEST_CASE("several events of one read are told one by one, the rest waits") {
  collector c;
  c.parser.feed("data: 1\n\ndata: 2\n\ndata: 3");
  CHECK(c.seen.size() == 2);
  CHECK(c.parser.pending());
  c.parser.feed("\n\n");
  CHECK(c.seen.size() == 3);
  CHECK_FALSE(c.parser.pending());
}

TEST_CASE("an event without an end is not hoarded for ever") {
  collector c;
  const std::string megabyte(1 << 20, 'x');
  c.parser.feed("data: ");
  for (int i = 0; i < 8 && !c.parser.overflow(); ++i)
    c.parser.feed(megabyte);
  CHECK(c.parser.overflow());

  collector many_lines;
  for (int i = 0; i < 8 && !many_lines.parser.overflow(); ++i)
    many_lines.parser.feed("data: " + megabyte + "\n");
  CHECK(many_lines.parser.overflow());
}
