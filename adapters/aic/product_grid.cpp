// product_grid.cpp: Joins the curves of all measured (n, k), fills holes, pools noise along each size.
#include "adapters/aic/product_grid.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

namespace sextant::performance {

namespace {

constexpr float missing = std::numeric_limits<float>::infinity();

std::vector<float> logs(const std::set<int64_t>& sizes) {
  std::vector<float> out;
  for (int64_t x : sizes)
    out.push_back(static_cast<float>(std::log2(static_cast<double>(x))));
  return out;
}

std::size_t rank(const std::set<int64_t>& sizes, int64_t x) {
  return static_cast<std::size_t>(std::distance(sizes.begin(), sizes.find(x)));
}

/// A row of the grid takes what was not measured from its neighbours: time goes with the rows where they bind.
void fill_curve(float* y, const std::vector<float>& m) {
  std::size_t last = m.size();
  for (std::size_t i = 0; i < m.size(); ++i) {
    if (y[i] != missing)
      last = i;
    else if (last < m.size())
      y[i] = y[last] + m[i] - m[last];
  }
  for (std::size_t i = m.size(); i-- > 0;)
    if (y[i] == missing && i + 1 < m.size())
      y[i] = y[i + 1]; // few rows: reading the weights binds
}

struct bracket {
  std::size_t low = 0, high = 0;
  float share = 0;  ///< of the way to `high`
  float beyond = 0; ///< octaves past the last node
};

bracket bracket_of(const std::vector<float>& nodes, float x) {
  if (x <= nodes.front())
    return {};
  if (x >= nodes.back())
    return {nodes.size() - 1, nodes.size() - 1, 0, x - nodes.back()};
  const auto high = static_cast<std::size_t>(std::upper_bound(nodes.begin(), nodes.end(), x) - nodes.begin());
  return {high - 1, high, (x - nodes[high - 1]) / (nodes[high] - nodes[high - 1]), 0};
}

} // namespace

product_grid::product_grid(const chunk& measured) {
  std::set<int64_t> ns, ks, ms;
  for (std::size_t site = 0; site < measured.sites(); ++site) {
    ks.insert(measured.size(site, 0));
    ns.insert(measured.size(site, 1));
  }
  for (const auto& pattern : measured.patterns)
    ms.insert(pattern.begin(), pattern.end());
  n_ = logs(ns);
  k_ = logs(ks);
  m_ = logs(ms);
  const auto row = m_.size();
  y_.assign(n_.size() * k_.size() * row, missing);
  std::vector<std::size_t> sites;
  for (std::size_t site = 0; site < measured.sites(); ++site) {
    const auto cell = rank(ns, measured.size(site, 1)) * k_.size() + rank(ks, measured.size(site, 0));
    const auto x = measured.x(site);
    const auto y = measured.y(site);
    std::size_t at = 0;
    auto size = ms.begin();
    for (std::size_t i = 0; i < x.size(); ++i) {
      for (; *size != x[i]; ++size)
        ++at;
      y_[cell * row + at] = y[i];
    }
    fill_curve(&y_[cell * row], m_);
    sites.push_back(cell);
  }
  std::vector<bool> known(n_.size() * k_.size());
  for (auto cell : sites)
    known[cell] = true;
  for (std::size_t cell = 0; cell < known.size(); ++cell) {
    if (known[cell])
      continue;
    // Time goes with the size of the weights, from the nearest pair that was measured.
    const auto distance = [&](std::size_t s) {
      return std::abs(n_[s / k_.size()] - n_[cell / k_.size()]) + std::abs(k_[s % k_.size()] - k_[cell % k_.size()]);
    };
    const auto from =
        *std::min_element(sites.begin(), sites.end(), [&](auto a, auto b) { return distance(a) < distance(b); });
    const float octaves = n_[cell / k_.size()] - n_[from / k_.size()] + k_[cell % k_.size()] - k_[from % k_.size()];
    for (std::size_t i = 0; i < row; ++i)
      y_[cell * row + i] = y_[from * row + i] + octaves;
  }
  for (std::size_t cell = 0; cell < known.size(); ++cell)
    make_ascending(&y_[cell * row], row, 1);
  for (std::size_t ni = 0; ni < n_.size(); ++ni)
    for (std::size_t i = 0; i < row; ++i)
      make_ascending(&y_[ni * k_.size() * row + i], k_.size(), row);
  for (std::size_t ki = 0; ki < k_.size(); ++ki)
    for (std::size_t i = 0; i < row; ++i)
      make_ascending(&y_[ki * row + i], n_.size(), k_.size() * row);
  const auto lift = [&](std::size_t i, std::size_t back) { y_[i] = std::max(y_[i], y_[i - back]); };
  for (std::size_t ni = 0; ni < n_.size(); ++ni)
    for (std::size_t ki = 0; ki < k_.size(); ++ki)
      for (std::size_t mi = 0; mi < row; ++mi) {
        const auto at = (ni * k_.size() + ki) * row + mi;
        if (ni > 0)
          lift(at, k_.size() * row);
        if (ki > 0)
          lift(at, row);
        if (mi > 0)
          lift(at, 1);
      }
}

double product_grid::smallest_seconds() const {
  return std::exp2(y_.front());
}

bool product_grid::covers(double n, double k) const {
  return std::log2(n) >= n_.front() - 1e-3 && std::log2(n) <= n_.back() + 1e-3 && std::log2(k) >= k_.front() - 1e-3
         && std::log2(k) <= k_.back() + 1e-3;
}

std::vector<sample> product_grid::curve(double n, double k) const {
  const auto bn = bracket_of(n_, static_cast<float>(std::log2(n)));
  const auto bk = bracket_of(k_, static_cast<float>(std::log2(k)));
  std::vector<sample> samples;
  for (std::size_t i = 0; i < m_.size(); ++i) {
    const auto at = [&](std::size_t ni, std::size_t ki) { return y_[(ni * k_.size() + ki) * m_.size() + i]; };
    const auto along_k = [&](std::size_t ni) { return at(ni, bk.low) + bk.share * (at(ni, bk.high) - at(ni, bk.low)); };
    const float y = along_k(bn.low) + bn.share * (along_k(bn.high) - along_k(bn.low)) + bn.beyond + bk.beyond;
    samples.push_back({1, std::exp2(static_cast<double>(m_[i])), y});
  }
  return samples;
}

} // namespace sextant::performance
