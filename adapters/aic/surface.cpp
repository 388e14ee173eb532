// surface.cpp: Fills gaps by the formula's shape, pools noise, goes on beyond the edges, interpolates.
#include "adapters/aic/surface.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace sextant::performance {

namespace {

constexpr float missing = std::numeric_limits<float>::infinity();

std::vector<double> distinct(std::span<const sample> samples, double sample::*size) {
  std::vector<double> values;
  for (const auto& s : samples)
    values.push_back(s.*size);
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  return values;
}

/// A grid of log2 times over ascending sizes.
struct grid {
  std::vector<double> a, b;
  std::vector<float> y;
  float& at(std::size_t i, std::size_t j) { return y[i * b.size() + j]; }
};

/// Cells without a sample hold the utilisation of the nearest sample, counted in octaves of both sizes.
void fill_gaps(grid& g, const size_formula& shape) {
  struct known {
    std::size_t i, j;
  };
  std::vector<known> samples;
  for (std::size_t i = 0; i < g.a.size(); ++i)
    for (std::size_t j = 0; j < g.b.size(); ++j)
      if (g.at(i, j) != missing)
        samples.push_back({i, j});
  if (samples.size() == g.y.size())
    return;
  auto filled = g.y;
  for (std::size_t i = 0; i < g.a.size(); ++i)
    for (std::size_t j = 0; j < g.b.size(); ++j) {
      if (g.at(i, j) != missing)
        continue;
      double nearest = std::numeric_limits<double>::max();
      known from{};
      for (const auto& s : samples) {
        const double distance = std::abs(std::log2(g.a[s.i] / g.a[i])) + std::abs(std::log2(g.b[s.j] / g.b[j]));
        if (distance < nearest) {
          nearest = distance;
          from = s;
        }
      }
      const double ratio = shape(g.a[i], g.b[j]) / shape(g.a[from.i], g.b[from.j]);
      filled[i * g.b.size() + j] = g.at(from.i, from.j) + static_cast<float>(std::log2(ratio));
    }
  g.y = std::move(filled);
}

void make_monotone(grid& g) {
  const auto rows = g.a.size(), columns = g.b.size();
  for (int round = 0; round < 2; ++round) {
    for (std::size_t i = 0; i < rows; ++i)
      make_ascending(&g.at(i, 0), columns, 1);
    for (std::size_t j = 0; j < columns; ++j)
      make_ascending(&g.at(0, j), rows, columns);
  }
  // The rounds nearly agree; what is left is lifted.
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < columns; ++j) {
      if (i > 0)
        g.at(i, j) = std::max(g.at(i, j), g.at(i - 1, j));
      if (j > 0)
        g.at(i, j) = std::max(g.at(i, j), g.at(i, j - 1));
    }
}

/// Sizes beyond the last one by factors of four up to the limit.
std::vector<double> extended(std::vector<double> sizes, double limit) {
  while (sizes.back() < limit)
    sizes.push_back(std::min(sizes.back() * 4, limit));
  return sizes;
}

grid extend(const grid& inner, const size_formula& shape, double a_limit, double b_limit) {
  grid g{extended(inner.a, a_limit), extended(inner.b, b_limit), {}};
  g.y.resize(g.a.size() * g.b.size());
  for (std::size_t i = 0; i < g.a.size(); ++i)
    for (std::size_t j = 0; j < g.b.size(); ++j) {
      const auto edge_i = std::min(i, inner.a.size() - 1), edge_j = std::min(j, inner.b.size() - 1);
      const float edge = inner.y[edge_i * inner.b.size() + edge_j];
      const double ratio =
          i == edge_i && j == edge_j ? 1 : std::max(1.0, shape(g.a[i], g.b[j]) / shape(g.a[edge_i], g.b[edge_j]));
      g.at(i, j) = edge + static_cast<float>(std::log2(ratio));
    }
  return g;
}

std::vector<float> logs(const std::vector<double>& sizes) {
  std::vector<float> out;
  for (double x : sizes)
    out.push_back(static_cast<float>(std::log2(x)));
  return out;
}

/// Where a value lies among ascending ones: the node before it and the share of the way to the next, inside [0, 1].
struct position {
  std::size_t node = 0;
  float share = 0;
};

position locate(const std::vector<float>& nodes, float value) {
  if (nodes.size() < 2 || !(value > nodes.front()))
    return {};
  const auto above = std::upper_bound(nodes.begin(), nodes.end(), value);
  if (above == nodes.end())
    return {nodes.size() - 2, 1};
  const auto node = static_cast<std::size_t>(above - nodes.begin()) - 1;
  return {node, (value - nodes[node]) / (nodes[node + 1] - nodes[node])};
}

} // namespace

void make_ascending(float* values, std::size_t count, std::size_t stride) {
  struct pool {
    double sum;
    std::size_t size;
    double mean() const { return sum / static_cast<double>(size); }
  };
  bool ascending = true;
  for (std::size_t i = 1; i < count && ascending; ++i)
    ascending = values[(i - 1) * stride] <= values[i * stride];
  if (ascending)
    return;
  std::vector<pool> pools;
  pools.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    pools.push_back({values[i * stride], 1});
    while (pools.size() > 1 && pools[pools.size() - 2].mean() > pools.back().mean()) {
      const auto last = pools.back();
      pools.pop_back();
      pools.back().sum += last.sum;
      pools.back().size += last.size;
    }
  }
  std::size_t i = 0;
  for (const auto& p : pools)
    for (std::size_t k = 0; k < p.size; ++k)
      values[i++ * stride] = static_cast<float>(p.mean());
}

surface::surface(std::span<const sample> samples, const surface_plan& plan) {
  if (samples.empty())
    return;
  grid g{distinct(samples, &sample::a), distinct(samples, &sample::b), {}};
  g.y.assign(g.a.size() * g.b.size(), missing);
  for (const auto& s : samples) {
    const auto i = std::lower_bound(g.a.begin(), g.a.end(), s.a) - g.a.begin();
    const auto j = std::lower_bound(g.b.begin(), g.b.end(), s.b) - g.b.begin();
    auto& cell = g.at(static_cast<std::size_t>(i), static_cast<std::size_t>(j));
    if (cell == missing)
      cell = s.log2_seconds;
  }
  fill_gaps(g, plan.shape);
  if (plan.wanted)
    for (std::size_t i = 0; i < g.a.size(); ++i)
      for (std::size_t j = 0; j < g.b.size(); ++j)
        g.at(i, j) += static_cast<float>(std::log2(plan.wanted(g.a[i], g.b[j]) / plan.shape(g.a[i], g.b[j])));
  make_monotone(g);
  g = extend(g, plan.wanted ? plan.wanted : plan.shape, plan.a_limit, plan.b_limit);
  if (plan.floor)
    for (std::size_t i = 0; i < g.a.size(); ++i)
      for (std::size_t j = 0; j < g.b.size(); ++j)
        if (const double least = plan.floor(g.a[i], g.b[j]); least > 0)
          g.at(i, j) = std::max(g.at(i, j), static_cast<float>(std::log2(least)));
  make_monotone(g);
  a_ = logs(g.a);
  b_ = logs(g.b);
  y_ = std::move(g.y);
}

surface surface::blend(std::span<const surface> parts, std::span<const double> weights) {
  surface result = parts.front();
  double sum = 0;
  for (double w : weights)
    sum += w;
  for (std::size_t i = 0; i < result.a_.size(); ++i)
    for (std::size_t j = 0; j < result.b_.size(); ++j) {
      double y = 0;
      for (std::size_t p = 0; p < parts.size(); ++p)
        y += weights[p] / sum * parts[p].log2_seconds(result.a_[i], result.b_[j]);
      result.y_[i * result.b_.size() + j] = static_cast<float>(y);
    }
  return result;
}

void surface::keep_below(const surface& other, double factor) {
  const double above = std::log2(factor);
  for (std::size_t i = 0; i < a_.size(); ++i)
    for (std::size_t j = 0; j < b_.size(); ++j) {
      auto& y = y_[i * b_.size() + j];
      y = std::min(y, static_cast<float>(other.log2_seconds(a_[i], b_[j]) + above));
    }
}

double surface::log2_seconds(double log2_a, double log2_b) const {
  const auto j = locate(b_, static_cast<float>(log2_b));
  const auto along = [&](std::size_t row) {
    const float* y = y_.data() + row * b_.size() + j.node;
    return j.share > 0 ? y[0] + j.share * (y[1] - y[0]) : y[0];
  };
  const auto i = locate(a_, static_cast<float>(log2_a));
  const float low = along(i.node);
  return i.share > 0 ? low + i.share * (along(i.node + 1) - low) : low;
}

double surface::seconds(double a, double b) const {
  return std::exp2(log2_seconds(a_.size() > 1 ? std::log2(a) : 0, std::log2(b)));
}

} // namespace sextant::performance
