// sse_parser.cpp: Lines to fields, fields to events.
#include "adapters/http/sse_parser.hpp"

#include <cstring>

namespace sextant {

namespace {

/// Where the first line end is. Two searches for one byte each are several times faster than one for either.
size_t end_of_line(std::string_view bytes) {
  const auto* newline = static_cast<const char*>(std::memchr(bytes.data(), '\n', bytes.size()));
  const size_t length = newline ? static_cast<size_t>(newline - bytes.data()) : bytes.size();
  const auto* back = static_cast<const char*>(std::memchr(bytes.data(), '\r', length));
  if (back)
    return static_cast<size_t>(back - bytes.data());
  return newline ? length : std::string_view::npos;
}

} // namespace

void sse_parser::reset() {
  line_.clear();
  name_.clear();
  data_.clear();
  has_data_ = after_cr_ = overflow_ = false;
  at_start_ = true;
}

void sse_parser::finish() {
  if (!line_.empty()) {
    take_line(line_);
    line_.clear();
  }
  take_line({});
}

/// What nearly every event is: one line of data and an empty line, all there, with equal line ends. Told without a copy.
/// Returns the bytes taken, 0 if this is something else.
size_t sse_parser::take_whole_event(std::string_view bytes) {
  constexpr std::string_view field = "data:";
  if (bytes.substr(0, field.size()) != field)
    return 0;
  const auto end = end_of_line(bytes);
  if (end == std::string_view::npos)
    return 0;
  const std::string_view ends = bytes[end] == '\n' ? "\n\n" : "\r\n\r\n";
  if (bytes.substr(end, ends.size()) != ends)
    return 0;
  auto data = bytes.substr(field.size(), end - field.size());
  if (!data.empty() && data.front() == ' ')
    data.remove_prefix(1);
  at_start_ = false;
  on_event_({{}, data});
  return end + ends.size();
}

void sse_parser::feed(std::string_view bytes) {
  while (!bytes.empty() && !overflow_) {
    if (after_cr_ && bytes.front() == '\n')
      bytes.remove_prefix(1);
    after_cr_ = false;
    if (line_.empty() && !has_data_ && name_.empty()) {
      if (const auto taken = take_whole_event(bytes)) {
        bytes.remove_prefix(taken);
        continue;
      }
    }
    const auto end = end_of_line(bytes);
    if (end == std::string_view::npos) {
      line_ += bytes;
      overflow_ = line_.size() + data_.size() > max_event_bytes;
      return;
    }
    after_cr_ = bytes[end] == '\r';
    if (line_.empty()) {
      take_line(bytes.substr(0, end));
    } else {
      line_ += bytes.substr(0, end);
      take_line(line_);
      line_.clear();
    }
    bytes.remove_prefix(end + 1);
  }
}

void sse_parser::take_line(std::string_view line) {
  if (at_start_ && line.substr(0, 3) == "\xef\xbb\xbf")
    line.remove_prefix(3);
  at_start_ = false;
  if (line.empty()) {
    if (has_data_)
      on_event_({name_, data_});
    name_.clear();
    data_.clear();
    has_data_ = false;
    return;
  }
  const auto colon = line.find(':');
  const auto field = line.substr(0, colon);
  auto value = colon == std::string_view::npos ? std::string_view{} : line.substr(colon + 1);
  if (!value.empty() && value.front() == ' ')
    value.remove_prefix(1);
  if (field == "data") {
    if (has_data_)
      data_ += '\n';
    data_ += value;
    has_data_ = true;
    overflow_ = data_.size() > max_event_bytes;
  } else if (field == "event") {
    name_ = value;
  } // comments (empty field name), `id`, `retry` and unknown fields mean nothing to us
}

} // namespace sextant
