// sorting.hpp: Sorts samples in time that grows like their number. Pure.
#pragma once

#include <vector>

namespace sextant::statistics {

/// Ascending; infinities sort to the ends. No NaN. Radix sort over the bits of the doubles from some thousand samples on,
/// about eight times as fast as comparing for a million.
void sort_samples(std::vector<double>& samples);

} // namespace sextant::statistics
