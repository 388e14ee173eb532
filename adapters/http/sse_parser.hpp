// sse_parser.hpp: Cuts a byte stream into server-sent events (WHATWG HTML, "Server-sent events"). No I/O.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace sextant {

/// One event. `data` holds the joined `data:` lines; the views are valid during the callback only.
struct sse_event {
  std::string_view name; ///< of the `event:` field; empty means `message`
  std::string_view data;
};

/// Feeds on any split of the stream; line ends may be LF, CRLF or CR. Events without data are not events.
class sse_parser {
public:
  using handler = std::function<void(const sse_event&)>;

  explicit sse_parser(handler on_event) : on_event_(std::move(on_event)) {}

  /// Takes the next bytes; calls the handler for every event that ends in them.
  void feed(std::string_view bytes);
  /// The stream ended: an event that only lacks its empty line is told.
  void finish();
  /// Forgets everything: another stream begins.
  void reset();
  /// Bytes of an unfinished line or event are waiting: at the end of a stream this means it was cut.
  bool pending() const { return !line_.empty() || has_data_; }
  /// Longest line or event that is accepted; beyond it `overflow` is true and the rest is ignored.
  static constexpr size_t max_event_bytes = 4 * 1024 * 1024;
  bool overflow() const { return overflow_; }

private:
  size_t take_whole_event(std::string_view bytes);
  void take_line(std::string_view line);

  handler on_event_;
  std::string line_; ///< start of a line that has not ended yet
  std::string name_;
  std::string data_;
  bool has_data_ = false;
  bool after_cr_ = false;
  bool at_start_ = true; ///< a byte order mark may still come
  bool overflow_ = false;
};

} // namespace sextant
