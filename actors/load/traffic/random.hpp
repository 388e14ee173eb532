// random.hpp: Random numbers as a pure function of (seed, stream, index): the same on every host, for any number of threads.
#pragma once

#include <array>
#include <cstdint>

namespace sextant::load {

/// Philox4x32-10 of Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (SC 2011): four words from a counter and a
/// key.
std::array<uint32_t, 4> philox(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key);

/// What a number is drawn for; each has a stream of its own, so that changing one law leaves the others as they are.
enum class random_stream : uint32_t {
  arrival = 1,
  input_length,
  output_length,
  length_part,
  turns,
  turn_delay,
  prefix_choice,
  sampling,
  cancellation,
  model,
  prompt,
  prefix,
  system,
  user_context,
  block,
  cache_bust,
};

/// A short sequence of numbers that belong to one index of one stream.
class random_source {
public:
  random_source(uint64_t seed, random_stream stream, uint64_t index);

  uint32_t word();
  uint64_t word64();
  double uniform();               ///< in (0, 1), 53 bits
  double exponential();           ///< mean 1
  double normal();                ///< mean 0, deviation 1 (Box-Muller)
  double gamma(double shape);     ///< mean `shape` (Marsaglia & Tsang 2000)
  uint64_t below(uint64_t bound); ///< 0 .. bound - 1, without bias

private:
  std::array<uint32_t, 4> counter_;
  std::array<uint32_t, 2> key_;
  std::array<uint32_t, 4> block_{};
  int left_ = 0;
};

} // namespace sextant::load
