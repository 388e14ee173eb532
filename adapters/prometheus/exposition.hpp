// exposition.hpp: Prometheus' text format, read: samples with their labels. Pure; throws nothing.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sextant {

/// One line of a page. Views are into the page.
struct metric_sample {
  std::string_view name;
  std::vector<std::pair<std::string_view, std::string>> labels; ///< values unescaped
  double value = 0;

  /// Value of a label, empty where it has none.
  std::string_view label(std::string_view key) const;
};

/// Samples of a `/metrics` page in its order. Comments, empty lines, timestamps and exemplars are left out; a line that is
/// none of the format is skipped, so that one bad exporter line does not cost the page.
std::vector<metric_sample> read_exposition(std::string_view page);

/// A label that a sample must have.
using label_filter = std::pair<std::string_view, std::string_view>;

/// What samples of one name add up to.
struct metric_total {
  double sum = 0;
  int count = 0; ///< samples found
};

/// Sum over the samples of a name that carry every label of the filter.
metric_total total_of(const std::vector<metric_sample>& samples, std::string_view name,
                      std::initializer_list<label_filter> filter = {});

} // namespace sextant
