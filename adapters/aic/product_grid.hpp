// product_grid.hpp: Measured matrix products of one format as a function of all three sizes that never falls.
#pragma once

#include <vector>

#include "adapters/aic/chunk.hpp"
#include "adapters/aic/surface.hpp"

namespace sextant::performance {

/// Times of an (m × k) by (k × n) product over a grid of all three sizes.
class product_grid {
public:
  /// From a chunk whose axes are k, n and whose curves run over m.
  explicit product_grid(const chunk& measured);

  /// Times over m of the product with outputs `n` and inputs `k`; `b` of a sample is m. Beyond the grid time grows like
  /// the weights' size; below it stays at the smallest measured.
  std::vector<sample> curve(double n, double k) const;
  /// Seconds of the smallest product that was measured. Far above a kernel's launch: the benchmark launched from the host
  /// each time and timed the host; all products that take less than twice as long then tell nothing of the device.
  double smallest_seconds() const;
  /// Whether (n, k) lies inside the measured sizes.
  bool covers(double n, double k) const;

private:
  std::vector<float> n_, k_, m_; ///< log2
  std::vector<float> y_;         ///< log2 seconds, [n][k][m]
};

} // namespace sextant::performance
