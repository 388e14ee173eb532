// lookup.cpp: Ranks tables, chunks and sites.
#include "adapters/aic/lookup.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "adapters/aic/versions.hpp"

namespace sextant::performance {

namespace {

constexpr float other_version = 0.04F, other_backend = 0.12F;

} // namespace

std::vector<table_choice> tables_of(const packed_tables& tables, std::string_view system, std::string_view name,
                                    std::string_view backend, std::string_view version, bool foreign) {
  const auto all = tables.find(system, name);
  std::vector<table_choice> choices;
  for (const bool own : {true, false}) {
    std::vector<uint32_t> part;
    std::vector<std::string_view> versions;
    for (auto t : all)
      if ((foreign || tables.tables()[t].backend == backend) == own) {
        part.push_back(t);
        versions.push_back(tables.tables()[t].version);
      }
    // Versions of another back end say nothing about the wanted one: its newest.
    for (auto i : by_nearness(versions, own && !foreign ? version : std::string_view{})) {
      const bool exact = own && (version.empty() || foreign ? choices.empty() : versions[i] == version);
      choices.push_back({part[i], own ? (exact ? 0 : other_version) : other_backend});
    }
  }
  return choices;
}

key_rule accept(std::string_view key, std::vector<std::string_view> values, bool others, float step) {
  return {key, [values = std::move(values), others, step](std::string_view value) -> std::optional<float> {
            for (std::size_t i = 0; i < values.size(); ++i)
              if (values[i] == value)
                return step * static_cast<float>(i);
            if (value.empty())
              return 0; // the table does not tell such rows apart
            return others ? std::optional<float>{step * static_cast<float>(values.size())} : std::nullopt;
          }};
}

chunk_choice best_chunks(const packed_tables& tables, uint32_t table, const std::vector<key_rule>& rules) {
  const auto& info = tables.tables()[table];
  chunk_choice best;
  for (uint32_t c = info.first_chunk; c < info.first_chunk + info.chunks; ++c) {
    const auto& chunk = tables.chunks()[c];
    float cost = 0;
    bool fits = true, kernel_asked = false;
    for (const auto& rule : rules) {
      kernel_asked = kernel_asked || rule.key == "kernel";
      const auto part = rule.cost(chunk.key(rule.key));
      fits = fits && part.has_value();
      cost += part.value_or(0);
    }
    if (!fits || (!kernel_asked && !chunk.key("kernel").empty()))
      continue;
    if (best.chunks.empty() || cost < best.cost - 1e-6F) {
      best.chunks = {c};
      best.cost = cost;
    } else if (cost < best.cost + 1e-6F) {
      best.chunks.push_back(c);
    }
  }
  return best;
}

namespace {

/// Where a column's values stand: an axis of the sites, or the curve.
int place_of(const chunk_info& info, std::string_view column) {
  for (std::size_t i = 0; i < info.axes.size(); ++i)
    if (info.axes[i] == column)
      return static_cast<int>(i);
  return info.curve == column ? -1 : -2;
}

double value_of(const chunk& c, std::size_t site, std::size_t point, int place) {
  if (place == -2)
    return 0;
  return static_cast<double>(place == -1 ? c.x(site)[point] : c.size(site, static_cast<uint32_t>(place)));
}

/// Octaves between two sizes; sizes may be 0.
double octaves(double a, double b) {
  return a == b ? 0 : std::abs(std::log2((a + 1e-3) / (b + 1e-3)));
}

void collect(const chunk_info& info, const chunk& c, const std::vector<size_rule>& rules, const sample_axes& axes,
             std::map<std::vector<double>, site_group>& groups) {
  std::vector<int> key_places, b_places;
  for (const auto& rule : rules)
    key_places.push_back(place_of(info, rule.name));
  for (const auto& column : axes.b)
    b_places.push_back(place_of(info, column));
  const int a_place = axes.a.empty() ? -2 : place_of(info, axes.a);
  site_group* last = nullptr;
  for (std::size_t site = 0; site < c.sites(); ++site)
    for (std::size_t point = 0; point < c.x(site).size(); ++point) {
      std::vector<double> key;
      double distance = 0;
      for (std::size_t r = 0; r < rules.size(); ++r) {
        const double value = key_places[r] == -2 ? rules[r].wanted : value_of(c, site, point, key_places[r]);
        key.push_back(rules[r].weight > 0 ? value : 0);
        if (value != rules[r].wanted && rules[r].weight > 0)
          distance += rules[r].weight * octaves(value, rules[r].wanted);
      }
      if (!std::isfinite(distance))
        continue;
      if (!last || last->sizes != key) // neighbours mostly share a group
        last = &groups[key];
      auto& group = *last;
      group.sizes = std::move(key);
      group.distance = distance;
      sample s;
      s.a = a_place == -2 ? 1 : value_of(c, site, point, a_place);
      s.b = 0;
      for (int place : b_places)
        s.b += value_of(c, site, point, place);
      s.log2_seconds = c.y(site)[point];
      if (s.a > 0 && s.b > 0)
        group.samples.push_back(s);
    }
}

} // namespace

std::vector<site_group> nearest_sites(const packed_tables& tables, const std::vector<uint32_t>& chunks,
                                      const std::vector<size_rule>& rules, const sample_axes& axes, std::size_t most) {
  std::map<std::vector<double>, site_group> groups;
  for (auto index : chunks)
    if (const auto loaded = tables.load(index))
      collect(tables.chunks()[index], *loaded, rules, axes, groups);
  std::vector<site_group> sorted;
  for (auto& [key, group] : groups)
    if (!group.samples.empty())
      sorted.push_back(std::move(group));
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.distance < b.distance; });
  if (!sorted.empty() && sorted.front().distance == 0)
    sorted.resize(1);
  sorted.resize(std::min(sorted.size(), most));
  return sorted;
}

} // namespace sextant::performance
