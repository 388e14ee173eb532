// front.cpp: One pass over the deployments from the fastest to the slowest for a user.
#include "actors/search/estimating/front.hpp"

#include <algorithm>
#include <numeric>

namespace sextant::estimating {

void mark_front(std::vector<deployment_estimate>& deployments) {
  std::vector<size_t> order(deployments.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    const auto &x = deployments[a], &y = deployments[b];
    return x.tokens_per_s_per_user != y.tokens_per_s_per_user ? x.tokens_per_s_per_user > y.tokens_per_s_per_user
                                                              : x.tokens_per_s_per_gpu > y.tokens_per_s_per_gpu;
  });
  double best = 0;
  for (const auto i : order) {
    deployments[i].efficient = deployments[i].tokens_per_s_per_gpu > best;
    best = std::max(best, deployments[i].tokens_per_s_per_gpu);
  }
}

std::vector<deployment_estimate> front_of(const std::vector<deployment_estimate>& deployments) {
  std::vector<deployment_estimate> result;
  for (const auto& d : deployments)
    if (d.efficient)
      result.push_back(d);
  std::stable_sort(result.begin(), result.end(),
                   [](const auto& a, const auto& b) { return a.tokens_per_s_per_user < b.tokens_per_s_per_user; });
  return result;
}

} // namespace sextant::estimating
