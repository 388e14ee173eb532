// grids.hpp: The grids of the reference profiler: in-flight counts and input lengths (reference sheet, 5.4, 7.1, 7.2). Pure.
#pragma once

#include <cstdint>
#include <vector>

namespace sextant::searching {

/// Requests in flight that the reference never exceeds.
inline constexpr int max_in_flight = 2000;
/// Output tokens of the reference's decode grid.
inline constexpr int grid_osl = 500;
/// Tokens of the context that are kept free for chat template and system prompt.
inline constexpr int prompt_reserve = 512;

/// In-flight counts of a decode sweep, ascending: multiples of `attention_dp` within `capacity` and `max_in_flight`.
/// For `attention_dp` above 1 the reference leaves the capacity; these are the corrected values.
std::vector<int> request_range(int attention_dp, int64_t capacity, int granularity);

/// Input lengths of the reference's prefill curve; empty when the context leaves no room.
std::vector<int> prefill_lengths(int max_context, int granularity);

/// Input lengths of the reference's decode grid; empty when the context leaves no room.
std::vector<int> decode_lengths(int max_context, int granularity);

/// One point of a decode grid.
struct decode_spot {
  int isl = 0;
  int osl = 0;
  int in_flight = 1;

  bool operator==(const decode_spot&) const = default;
};

/// Mean context of a request of that point while it decodes, tokens.
double mean_context(const decode_spot& spot);

/// Share of the KV capacity that the point keeps in use.
double kv_usage(const decode_spot& spot, int64_t kv_tokens);

/// The reference's decode grid; ends at the first context of which nothing fits.
std::vector<decode_spot> decode_grid(int max_context, int64_t kv_tokens, int attention_dp, int granularity);

} // namespace sextant::searching
