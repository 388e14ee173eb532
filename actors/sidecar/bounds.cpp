#include "actors/sidecar/bounds.hpp"

#include <algorithm>

namespace sextant::sidecar {

std::string too_much(const point_plan& plan) {
  std::string out;
  const auto refuse = [&out](const std::string& what) { out += (out.empty() ? "" : "; ") + what; };
  if (plan.isl < 1 || plan.osl < 1 || plan.requests < 1 || plan.concurrency < 1)
    refuse("isl, osl, requests and concurrency must be at least 1");
  const double waves = std::max(1, plan.max_waves);
  const double warming = std::max(0, plan.warmup_requests) + (plan.warm_prompts ? plan.requests * waves : 0.0);
  const double requests = plan.requests * waves + warming;
  if (requests > most_requests)
    refuse("more than " + std::to_string(most_requests) + " requests");
  if (plan.concurrency > most_at_once)
    refuse("more than " + std::to_string(most_at_once) + " requests at once");
  if (requests * (static_cast<double>(plan.isl) + plan.osl) > most_tokens)
    refuse("more than 2 million tokens");
  return out;
}

} // namespace sextant::sidecar
