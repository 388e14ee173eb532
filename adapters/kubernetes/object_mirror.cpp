#include "adapters/kubernetes/object_mirror.hpp"

#include <algorithm>
#include <cctype>

#include <nlohmann/json.hpp>

namespace sextant::kubernetes {

namespace {

using nlohmann::json;

constexpr int page_objects = 250;
/// A watch that fell silent without an end is noticed after this; servers end watches by themselves at the same time.
constexpr int watch_s = 20;
constexpr int most_refusals = 3; ///< of credentials, in a row
constexpr int64_t shortest_watch_ns = 500'000'000;
constexpr size_t longest_line = 8 * 1024 * 1024;

std::string metadata(const json& object, const char* key) {
  const auto meta = object.find("metadata");
  if (meta == object.end() || !meta->is_object())
    return {};
  const auto found = meta->find(key);
  return found != meta->end() && found->is_string() ? found->get<std::string>() : std::string{};
}

std::string write(const json& object) {
  return object.dump(-1, ' ', false, json::error_handler_t::replace);
}

} // namespace

std::string query_value(std::string_view text) {
  static constexpr const char* digits = "0123456789ABCDEF";
  std::string out;
  for (const unsigned char c : text) {
    if (std::isalnum(c) || c == '-' || c == '_' || c == '.' || c == '~') {
      out += static_cast<char>(c);
    } else {
      out += '%';
      out += digits[c >> 4U];
      out += digits[c & 15U];
    }
  }
  return out;
}

object_mirror::object_mirror(std::string collection, std::string selector)
    : collection_(std::move(collection)), selector_(std::move(selector)) {
}

mirror_request object_mirror::next(double random) const {
  mirror_request request;
  request.watch = !version_.empty();
  request.path = collection_ + "?";
  if (!selector_.empty())
    request.path += selector_ + "&";
  if (request.watch)
    request.path += "watch=true&allowWatchBookmarks=true&timeoutSeconds=" + std::to_string(watch_s)
                    + "&resourceVersion=" + query_value(version_);
  else
    request.path += "limit=" + std::to_string(page_objects);
  if (!request.watch && !continue_.empty())
    request.path += "&continue=" + query_value(continue_);
  // The first time that a version is gone is no reason to wait.
  if (const int tries = failures_ + std::max(0, expired_ - 1); tries > 0) {
    api_error passing;
    passing.retry_after_s = asked_pause_s_;
    request.pause_s = *pause_before_retry(passing, tries, random);
  }
  return request;
}

void object_mirror::list_again() {
  version_.clear();
  continue_.clear();
  listed_.clear();
  line_.clear();
}

void object_mirror::failed(const api_error& error) {
  trouble_ = error_text(error, "watch " + collection_);
  if (error.status == 410) { // the version is compacted, or the next page is: start over
    ++expired_;
    return list_again();
  }
  const bool token_may_be_renewed = error.status == 401 && failures_ < most_refusals;
  if (!pause_before_retry(error, 1, 0) && !token_may_be_renewed) {
    error_ = error;
    return;
  }
  ++failures_;
  asked_pause_s_ = error.retry_after_s;
}

void object_mirror::take_line(std::string_view line) {
  const auto event = json::parse(line, nullptr, false);
  const auto object = event.is_object() ? event.find("object") : event.end();
  const auto type = event.is_object() ? event.find("type") : event.end();
  if (!event.is_object() || object == event.end() || type == event.end() || !type->is_string())
    return list_again(); // not a watch's line: what was missed is unknown
  if (*type == "ERROR") {
    const auto error = error_in(write(*object));
    return failed(error.value_or(api_error{500, {}, "an unreadable error event", 0, false}));
  }
  failures_ = expired_ = 0;
  trouble_.clear();
  if (auto version = metadata(*object, "resourceVersion"); !version.empty() && !version_.empty())
    version_ = std::move(version);
  if (*type == "BOOKMARK")
    return;
  const auto name = metadata(*object, "name");
  if (*type == "DELETED")
    objects_.erase(name);
  else
    objects_[name] = write(*object);
  ++changes_;
}

void object_mirror::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto end = bytes.find('\n');
    if (end == std::string_view::npos) {
      too_long_ = too_long_ || line_.size() + bytes.size() > longest_line;
      if (too_long_)
        line_.clear();
      else
        line_ += bytes;
      return;
    }
    line_ += bytes.substr(0, end);
    bytes.remove_prefix(end + 1);
    const auto line = std::move(line_);
    line_.clear();
    if (too_long_)
      list_again();
    else if (!line.empty())
      take_line(line);
    too_long_ = false;
  }
}

void object_mirror::take_page(const std::string& body) {
  const auto page = json::parse(body, nullptr, false);
  const auto items = page.is_object() ? page.find("items") : page.end();
  if (!page.is_object() || items == page.end())
    return failed({500, {}, "the answer is no list", 0, false});
  failures_ = 0;
  trouble_.clear();
  if (items->is_array())
    for (const auto& item : *items)
      listed_[metadata(item, "name")] = write(item);
  continue_ = metadata(page, "continue");
  if (!continue_.empty())
    return;
  version_ = metadata(page, "resourceVersion");
  objects_.swap(listed_);
  listed_.clear();
  complete_ = true;
  ++changes_;
  ++lists_;
}

void object_mirror::ended(const http_outcome& outcome) {
  const bool watching = !version_.empty();
  line_.clear(); // half a line of a broken stream comes again
  too_long_ = false;
  if (!succeeded(outcome)) {
    // A watch that the client itself ended, for it was silent too long, is as good as one the server ended.
    if (watching && outcome.end == http_end::timed_out && outcome.status == 200)
      return;
    return failed(error_of(outcome));
  }
  if (!watching && !outcome.body.empty())
    take_page(outcome.body);
  else if (outcome.ended_ns - outcome.sent_ns < shortest_watch_ns)
    failed({0, {}, "the watch ended at once", 0, false});
}

} // namespace sextant::kubernetes
