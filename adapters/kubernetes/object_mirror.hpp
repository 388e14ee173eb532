// object_mirror.hpp: A copy of a collection of objects, kept by list and watch. Pure: it says what to ask, and takes
// answers.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "adapters/kubernetes/api_error.hpp"

namespace sextant::kubernetes {

/// What a mirror wants to ask next.
struct mirror_request {
  std::string path;   ///< with its query
  bool watch = false; ///< the answer is a stream of lines
  double pause_s = 0; ///< to wait before asking
};

/// Follows one collection: lists it in pages, watches from there with bookmarks, goes on from the last known version after
/// an end, lists again when that version is gone (410).
class object_mirror {
public:
  /// `collection` is a path, e.g. `/api/v1/namespaces/n/pods`; `selector` further query parameters, encoded.
  explicit object_mirror(std::string collection, std::string selector = {});

  /// What to ask now. Every request ends with `ended`.
  mirror_request next(double random) const;
  /// Bytes of a watch.
  void feed(std::string_view bytes);
  /// The end of the last request; of a list with its body.
  void ended(const http_outcome& outcome);

  /// Whether the collection was listed as a whole once.
  bool complete() const { return complete_; }
  /// Objects as JSON texts, by name.
  const std::map<std::string, std::string>& objects() const { return objects_; }
  /// Grows with every change of the objects.
  uint64_t changes() const { return changes_; }
  /// Set when asking again does not help: no permission, no such resource.
  const std::optional<api_error>& error() const { return error_; }
  /// Last error, also one that passes; for people who wait.
  const std::string& trouble() const { return trouble_; }
  uint64_t lists() const { return lists_; }

private:
  void take_line(std::string_view line);
  void take_page(const std::string& body);
  void failed(const api_error& error);
  void list_again();

  std::string collection_, selector_;
  std::map<std::string, std::string> objects_;
  std::map<std::string, std::string> listed_; ///< of the pages so far
  std::string version_;                       ///< to watch from; empty = list first
  std::string continue_;                      ///< of the page to come
  std::string line_;                          ///< bytes of a line that is not complete
  bool complete_ = false;
  bool too_long_ = false; ///< the line is skipped; the collection is listed again
  int failures_ = 0;      ///< in a row
  int expired_ = 0;       ///< times in a row that the version to watch from was gone
  double asked_pause_s_ = 0;
  uint64_t changes_ = 0, lists_ = 0;
  std::optional<api_error> error_;
  std::string trouble_;
};

/// A text as the value of a query parameter.
std::string query_value(std::string_view text);

} // namespace sextant::kubernetes
