// curves_npz.cpp: The arrays of the reference profiler, and beside them where the numbers come from.
#include "actors/artifacts/curves_npz.hpp"

#include <set>

#include "actors/artifacts/measured.hpp"
#include "adapters/npz/npz.hpp"

namespace sextant {

namespace {

// Intervals of the samples; a sample without a known interval gets its own value.
struct intervals {
  std::vector<double> low, high;

  void add(const point_measured* measured, double value) {
    const bool known = measured && measured->value_high_ms > 0;
    low.push_back(known ? measured->value_low_ms : value);
    high.push_back(known ? measured->value_high_ms : value);
  }
};

} // namespace

std::string prefill_npz(const profile_result& result, const std::vector<point_measured>& points) {
  if (result.prefill_curve.size() < 3)
    return {};
  std::vector<int64_t> isl;
  std::vector<double> ttft, throughput;
  intervals interval;
  for (const auto& s : result.prefill_curve) {
    isl.push_back(s.isl);
    ttft.push_back(s.ttft_ms);
    throughput.push_back(s.throughput_per_gpu);
    interval.add(point_behind(points, result.prefill.engine, s), s.ttft_ms);
  }
  npz_writer npz;
  npz.add("prefill_isl", isl);
  npz.add("prefill_ttft", ttft);
  npz.add("prefill_thpt_per_gpu", throughput);
  npz.add("prefill_ttft_low", interval.low);
  npz.add("prefill_ttft_high", interval.high);
  npz.add_flags("simulated", {result.simulated});
  npz.add_flags("estimated", {result.estimated});
  return npz.bytes();
}

std::string decode_npz(const profile_result& result, const std::vector<point_measured>& points) {
  if (result.decode_grid.empty() || result.max_kv_tokens <= 0)
    return {};
  std::vector<double> usage, context, itl, throughput;
  intervals interval;
  for (const auto& s : result.decode_grid) {
    usage.push_back(s.kv_usage);
    context.push_back(s.context_length);
    itl.push_back(s.itl_ms);
    throughput.push_back(s.throughput_per_gpu);
    interval.add(point_behind(points, result.decode.engine, s), s.itl_ms);
  }
  npz_writer npz;
  npz.add("x_kv_usage", usage);
  npz.add("y_context_length", context);
  npz.add("z_itl", itl);
  npz.add("z_thpt_per_gpu", throughput);
  npz.add("max_kv_tokens", std::vector<int64_t>{result.max_kv_tokens});
  npz.add("z_itl_low", interval.low);
  npz.add("z_itl_high", interval.high);
  npz.add_flags("simulated", {result.simulated});
  npz.add_flags("estimated", {result.estimated});
  return npz.bytes();
}

std::vector<std::string> curve_remarks(const profile_result& result) {
  std::vector<std::string> remarks;
  if (result.prefill_curve.size() < 5)
    remarks.push_back("the prefill curve has " + std::to_string(result.prefill_curve.size())
                      + " samples; planners need 4 (up to release 1.0) or 5 (from 1.2)");
  std::set<double> contexts, usages;
  for (const auto& s : result.decode_grid) {
    contexts.insert(s.context_length);
    usages.insert(s.kv_usage);
  }
  if (contexts.size() < 2 || usages.size() < 2)
    remarks.emplace_back(
        "the decode grid has fewer than two context lengths or loads; planners up to release 1.0 cannot use it");
  return remarks;
}

} // namespace sextant
