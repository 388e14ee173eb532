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
    widen(estimate.ttft_ms, {0.40, 2.6});
    widen(estimate.tpot_ms, {0.65, 1.45});
  } else if (estimate.kv_load > 0.9) { // requests wait for KV blocks
    widen(estimate.ttft_ms, {0.30, 3.0});
    widen(estimate.tpot_ms, {0.70, 1.40});
  } else {
    widen(estimate.ttft_ms, {0.70, 1.60});
    widen(estimate.tpot_ms, {0.80, 1.22});
  }
}

} // namespace sextant::performance
