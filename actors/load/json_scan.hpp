// json_scan.hpp: Walks over JSON text once, without building anything: for texts that come a hundred thousand times a
// second.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace sextant::load {

/// A place in a JSON text. Strings are told apart from structure with regard to escapes; once something is not JSON, `ok`
/// is false and stays so, and every call does nothing. Strings are not checked for valid escapes or UTF-8.
class json_scan {
public:
  explicit json_scan(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

  bool ok() const { return ok_; }
  /// Whether nothing but white space is left.
  bool at_end() {
    space();
    return at_ == end_;
  }
  /// The next character that is not white space, 0 at the end.
  char peek() {
    space();
    return at_ < end_ ? *at_ : '\0';
  }

  /// Takes an object; calls `member(key)` for each member, which must take the value. Keys are raw, escapes unresolved.
  template <class F>
  void object(F&& member) {
    if (!take('{') || enter())
      return;
    if (peek() != '}')
      do {
        const auto key = string();
        if (!take(':'))
          return;
        member(key);
      } while (ok_ && comma());
    take('}');
    --depth_;
  }

  /// Takes an array; calls `element()` for each element, which must take it.
  template <class F>
  void array(F&& element) {
    if (!take('[') || enter())
      return;
    if (peek() != ']')
      do
        element();
      while (ok_ && comma());
    take(']');
    --depth_;
  }

  /// Takes a string; returns what is between its quotes, escapes unresolved.
  std::string_view string() {
    if (!take('"'))
      return {};
    const char* begin = at_;
    for (const char* from = at_;;) {
      const auto* quote = static_cast<const char*>(std::memchr(from, '"', static_cast<size_t>(end_ - from)));
      if (!quote) {
        ok_ = false;
        return {};
      }
      const char* back = quote;
      while (back > begin && back[-1] == '\\')
        --back;
      from = quote + 1;
      if ((quote - back) % 2 == 0) {
        at_ = from;
        return {begin, static_cast<size_t>(quote - begin)};
      }
    }
  }

  /// Takes whatever comes: the raw text of a string, an empty view for anything else.
  std::string_view string_or_skip() {
    if (peek() == '"')
      return string();
    skip();
    return {};
  }

  /// Takes a number that is a count, or anything else as 0.
  uint32_t count_or_skip() {
    uint64_t n = 0;
    if (const char c = peek(); c < '0' || c > '9') {
      skip();
      return 0;
    }
    while (at_ < end_ && *at_ >= '0' && *at_ <= '9' && n <= UINT32_MAX)
      n = n * 10 + static_cast<uint64_t>(*at_++ - '0');
    word();
    return n <= UINT32_MAX ? static_cast<uint32_t>(n) : 0;
  }

  /// Takes one value of any kind.
  void skip() {
    switch (peek()) {
      case '{':
        return object([this](std::string_view) { skip(); });
      case '[':
        return array([this] { skip(); });
      case '"':
        string();
        return;
      default:
        literal();
    }
  }

private:
  static constexpr int deepest = 64;

  void space() {
    while (at_ < end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\t' || *at_ == '\r'))
      ++at_;
  }

  bool take(char c) {
    ok_ = ok_ && peek() == c;
    at_ += ok_;
    return ok_;
  }

  bool comma() {
    if (peek() != ',')
      return false;
    ++at_;
    return true;
  }

  /// Whether the nesting is too deep, which counts as an error.
  bool enter() {
    ok_ = ok_ && ++depth_ <= deepest;
    return !ok_;
  }

  /// The rest of a number or name.
  std::string_view word() {
    const char* begin = at_;
    const auto belongs = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.' || c == 'E';
    };
    while (at_ < end_ && belongs(*at_))
      ++at_;
    return {begin, static_cast<size_t>(at_ - begin)};
  }

  void literal() {
    const auto w = word();
    const bool name = w == "null" || w == "true" || w == "false";
    const bool number = !w.empty() && (w[0] == '-' || (w[0] >= '0' && w[0] <= '9'))
                        && w.find_first_not_of("0123456789+-.eE") == std::string_view::npos;
    ok_ = ok_ && (name || number);
  }

  const char* at_;
  const char* end_;
  bool ok_ = true;
  int depth_ = 0;
};

} // namespace sextant::load
