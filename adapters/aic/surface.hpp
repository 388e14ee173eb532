// surface.hpp: Measured times over one or two sizes as a function that never falls, inside and beyond what was measured.
#pragma once

#include <functional>
#include <span>
#include <vector>

namespace sextant::performance {

/// One measured time. `a` is the outer size (e.g. batch), 1 where there is none; `b` the inner one (e.g. context).
struct sample {
  double a = 1, b = 1;
  float log2_seconds = 0;
};

/// Seconds of some work at sizes (a, b).
using size_formula = std::function<double(double a, double b)>;

/// How a surface is made from samples.
struct surface_plan {
  size_formula shape;              ///< of what was measured; fills gaps and goes on beyond the edges by holding utilisation
  size_formula wanted;             ///< of what is asked for; empty: the same. Samples are scaled by wanted / shape
  size_formula floor;              ///< no time is below; empty: none
  double a_limit = 1, b_limit = 1; ///< how far queries go
};

/// Multilinear in log time over log sizes, so that utilisation goes smoothly from neighbour to neighbour. Between samples
/// noise that would make more work faster is pooled away.
class surface {
public:
  surface() = default;
  /// Sizes need not form a grid. Of samples with equal sizes the first counts. No samples: an empty surface.
  surface(std::span<const sample> samples, const surface_plan& plan);
  /// Weighted mean of log times on the nodes of the first.
  static surface blend(std::span<const surface> parts, std::span<const double> weights);

  /// Lowers what lies above `factor` times `other`.
  void keep_below(const surface& other, double factor);

  bool empty() const { return y_.empty(); }
  double seconds(double a, double b) const;

private:
  double log2_seconds(double log2_a, double log2_b) const;

  std::vector<float> a_, b_; ///< log2, ascending
  std::vector<float> y_;     ///< log2 of seconds, row per a
};

/// Makes `count` values, `stride` apart, never fall, moving them as little as possible (pooling adjacent violators).
void make_ascending(float* values, std::size_t count, std::size_t stride);

} // namespace sextant::performance
