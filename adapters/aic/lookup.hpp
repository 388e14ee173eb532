// lookup.hpp: Finds the measured rows that fit an op best: version, back end, formats, sizes.
#pragma once

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "adapters/aic/packed_tables.hpp"
#include "adapters/aic/surface.hpp"

namespace sextant::performance {

/// A table that may answer, the best first.
struct table_choice {
  uint32_t table = 0;
  float penalty = 0; ///< relative error that its distance from what was asked for adds
};

/// Tables of an op on a system: those of the back end in order of its versions' nearness, then those of others. `foreign`
/// back ends count as the own one (NCCL serves all).
std::vector<table_choice> tables_of(const packed_tables& tables, std::string_view system, std::string_view name,
                                    std::string_view backend, std::string_view version, bool foreign = false);

/// How well a chunk's key fits: 0 is exact, larger is worse, nothing is useless. An empty value: the chunk has no such key.
struct key_rule {
  std::string_view key;
  std::function<std::optional<float>(std::string_view value)> cost;
};

/// Accepts the values in order: the first costs 0, the next `step`, ...; `others`: any other one costs one step more.
key_rule accept(std::string_view key, std::vector<std::string_view> values, bool others = false, float step = 0.05F);

/// Chunks of a table that fit best, all of equal cost. Chunks of kernels that are not the default need a rule for `kernel`.
struct chunk_choice {
  std::vector<uint32_t> chunks;
  float cost = 0;
};
chunk_choice best_chunks(const packed_tables& tables, uint32_t table, const std::vector<key_rule>& rules);

/// A size that tells sites apart, e.g. `num_heads`.
struct size_rule {
  std::string_view name;
  double wanted = 0;
  double weight = 1; ///< of an octave of distance; 0: any value does, infinite: only the wanted one
};

/// Rows of sites that agree in all sizes that rules name.
struct site_group {
  std::vector<double> sizes; ///< one per rule
  double distance = 0;       ///< weighted octaves to what is wanted
  std::vector<sample> samples;
};

/// Which columns make the two sizes of samples.
struct sample_axes {
  std::string_view a;              ///< column of the outer size; empty: none
  std::vector<std::string_view> b; ///< columns whose sum is the inner size
};

/// Groups of sites of chunks, nearest first, at most `most`.
std::vector<site_group> nearest_sites(const packed_tables& tables, const std::vector<uint32_t>& chunks,
                                      const std::vector<size_rule>& rules, const sample_axes& axes, std::size_t most);

} // namespace sextant::performance
