// measured_points.hpp: Measured points of deployments, and what they say of these and of others like them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "adapters/performance/calibration.hpp"
#include "adapters/performance/csv_table.hpp"
#include "adapters/performance/serving.hpp"

namespace sextant::performance {

/// Corrections from measured points: each deployment's own, and for other mappings of the same model, GPU and back end what
/// all points have in common. Immutable after `add_points`.
class measured_points {
public:
  /// Learns from a table of benchmark rows with silicon_ttft_ms or silicon_tpot_ms; every row that cannot be used is told
  /// with its place in `errors`.
  void add_points(const csv_table& table, const std::string& source, const estimate_context& context,
                  std::vector<std::string>& errors);

  bool empty() const { return own_.empty(); }

  /// Corrects an estimate of these engines; `prefill` is null for aggregated serving.
  void correct(const engine_group& engines, const engine_group* prefill, const serving_traffic& traffic,
               serving_estimate& estimate) const;

private:
  std::map<std::string, calibration> own_;    ///< by deployment
  std::map<std::string, calibration> shared_; ///< by model, GPU and back end
};

/// What makes two groups of engines one deployment: model, GPU, back end, formats, mapping. Replicas only share the load.
std::string deployment_key(const engine_group& engines, const engine_group* prefill);

} // namespace sextant::performance
