// counters.hpp: A deployment's own counters, as its frontend and workers show them, and what they say of a window. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/serving.hpp"

namespace sextant::sidecar {

/// Sum and count of a histogram: their differences give the mean of a window.
struct running_mean {
  double sum = 0;
  double count = 0;
};

/// Everything of one look at `/metrics`. Times in seconds as the pages have them.
struct serving_counters {
  double at_s = 0; ///< of the look, any clock that does not jump
  std::string model;
  running_mean ttft, itl, isl, osl, cached;
  double in_flight = 0;
  double kv_usage = -1; ///< mean of the workers that tell it; negative: none does
  int workers = 0;      ///< that answered
};

/// Reads the frontend's page (Dynamo's names, reference sheet dynamo 6.5) for one model, or for all where `model` is empty,
/// and the workers' pages for the use of their KV caches. Nothing, and `error` filled, for a page without Dynamo's metrics.
std::optional<serving_counters> read_counters(std::string_view frontend, const std::vector<std::string>& workers,
                                              std::string_view model, std::string& error);

/// What happened between two looks. Nothing if a counter went back: the frontend was started anew in between.
std::optional<serving_observed> window_between(const serving_counters& before, const serving_counters& after);

/// Requests that were decoding on average in a window: the time spent between tokens, per second (Little's law).
double decoding_at_once(const serving_observed& window);

} // namespace sextant::sidecar
