// sse_parser.cpp: Lines to fields, fields to events.
#include "adapters/http/sse_parser.hpp"

namespace sextant {

void sse_parser::feed(std::string_view bytes) {
  while (!bytes.empty() && !overflow_) {
    if (after_cr_ && bytes.front() == '\n')
      bytes.remove_prefix(1);
    after_cr_ = false;
    const auto end = bytes.find_first_of("\r\n");
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
