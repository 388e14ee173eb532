#include "adapters/performance/bands.hpp"

namespace sextant::performance {

namespace {

/// Measured over predicted: the 10th and the 90th percentile.
struct spread {
  double low = 1, high = 1;
};

void widen(banded& x, spread s) {
  x.low = x.value * s.low;
  x.high = x.value * s.high;
}

} // namespace

void add_bands(serving_estimate& estimate, backend_kind, bool disaggregated) {
  if (disaggregated) {
    widen(estimate.ttft_ms, {0.15, 6.0});
    widen(estimate.tpot_ms, {0.50, 1.70});
  } else if (estimate.kv_load > 0.9) { // requests wait for KV blocks
    widen(estimate.ttft_ms, {0.05, 3.5});
    widen(estimate.tpot_ms, {0.35, 1.30});
  } else {
    widen(estimate.ttft_ms, {0.60, 1.90});
    widen(estimate.tpot_ms, {0.82, 1.20});
  }
}

} // namespace sextant::performance
