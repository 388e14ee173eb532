// latency_histogram.hpp: Counts of latencies in buckets of nearly equal relative width, for live views and for adding up
// what several processes saw. Exact percentiles come from the records.
#pragma once

#include <cstdint>
#include <vector>

namespace sextant {

/// Histogram of durations from 1 ns to 78 hours with buckets at most 1/1024 of their value wide (three significant
/// digits, as HDR histograms have). One histogram takes 320 KiB at most; adding costs a few instructions and no
/// allocation once its largest value was seen. Not thread-safe.
class latency_histogram {
public:
  /// Counts a duration; below 1 ns as 0, above the range in the last bucket.
  void add(int64_t ns, uint64_t times = 1);

  /// Adds all counts of another one: the same as if one histogram had seen everything.
  void merge(const latency_histogram& other);

  uint64_t count() const { return count_; }
  int64_t min_ns() const { return count_ > 0 ? min_ : 0; }                               ///< exact
  int64_t max_ns() const { return max_; }                                                ///< exact
  double mean_ns() const { return count_ > 0 ? sum_ / static_cast<double>(count_) : 0; } ///< exact

  /// Middle of the bucket that holds the sample of rank ceil(q * count); 0 for an empty histogram. 0 <= q <= 1.
  int64_t quantile_ns(double q) const;

  /// Counted durations of at most `ns`, to the width of a bucket.
  uint64_t count_up_to(int64_t ns) const;

  /// A bucket with counts.
  struct bucket {
    int64_t low_ns = 0;  ///< smallest duration of it
    int64_t high_ns = 0; ///< smallest one of the next
    uint64_t count = 0;
  };

  /// Buckets with counts, ascending.
  std::vector<bucket> buckets() const;

  bool operator==(const latency_histogram&) const = default;

private:
  std::vector<uint64_t> counts_; ///< by bucket, as long as the largest value needs
  uint64_t count_ = 0;
  int64_t min_ = 0, max_ = 0;
  double sum_ = 0;
};

} // namespace sextant
