// grids.cpp: The grids of the reference profiler.
#include "actors/search/grids.hpp"

#include <algorithm>

namespace sextant::searching {

namespace {

std::vector<int> stepped(int first, int end, int step) {
  std::vector<int> result;
  if (end <= first)
    return result;
  // A context hardly larger than the reserve gives a step of 0 in the reference, and an exception.
  for (int x = first; x < end; x += std::max(step, 1))
    result.push_back(x);
  return result;
}

} // namespace

std::vector<int> request_range(int attention_dp, int64_t capacity, int granularity) {
  const auto ranks = std::max(attention_dp, 1);
  const auto rounds = static_cast<int>(std::min<int64_t>(capacity, max_in_flight) / ranks);
  std::vector<int> result;
  if (rounds < 1)
    return result;
  if (granularity <= 1)
    return {ranks};
  if (rounds < granularity) {
    for (int i = 1; i <= rounds; ++i)
      result.push_back(i * ranks);
    return result;
  }
  for (int i = 0; i < granularity; ++i)
    result.push_back((1 + i * (rounds - 1) / (granularity - 1)) * ranks);
  return result;
}

std::vector<int> prefill_lengths(int max_context, int granularity) {
  const auto end = max_context - prompt_reserve;
  return stepped(100, end, (end - 100) / std::max(granularity, 1));
}

std::vector<int> decode_lengths(int max_context, int granularity) {
  const auto end = max_context - grid_osl;
  return stepped(100, end, end / std::max(granularity, 1));
}

double mean_context(const decode_spot& spot) {
  // The reference floors half the output length; its 500 is even, so plain halves agree with it.
  return spot.isl + spot.osl / 2.0;
}

double kv_usage(const decode_spot& spot, int64_t kv_tokens) {
  return kv_tokens > 0 ? mean_context(spot) * spot.in_flight / static_cast<double>(kv_tokens) : 0;
}

std::vector<decode_spot> decode_grid(int max_context, int64_t kv_tokens, int attention_dp, int granularity) {
  std::vector<decode_spot> result;
  for (int isl : decode_lengths(max_context, granularity)) {
    const auto counts = request_range(attention_dp, kv_tokens / (isl + grid_osl), granularity);
    if (counts.empty())
      break;
    for (int n : counts)
      result.push_back({isl, grid_osl, n});
  }
  return result;
}

} // namespace sextant::searching
