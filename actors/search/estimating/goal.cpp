// goal.cpp: From a request to its goal, and how far a deployment is from it.
#include "actors/search/estimating/goal.hpp"

#include <algorithm>
#include <cstdlib>

namespace sextant::estimating {

namespace {

double extra_number(const profile_request& request, const char* name) {
  const auto found = request.extra.find(name);
  return found == request.extra.end() ? 0 : std::strtod(found->second.c_str(), nullptr);
}

bool has_planner(const profile_request& request) {
  const auto own = request.extra.find("planner-config");
  return !request.planner.empty() || (own != request.extra.end() && !own->second.empty());
}

picking picking_of(const profile_request& request, const goal& wanted) {
  const auto objective = request.extra.find("optimization-type");
  if (objective != request.extra.end())
    return objective->second == "latency" ? picking::latency : picking::throughput;
  if (request.api == request_api::v1beta1 && has_planner(request))
    return picking::autoscale;
  return wanted.concurrency > 0 || wanted.requests_per_s > 0 ? picking::load_match : picking::best;
}

} // namespace

std::string name_of(picking how) {
  switch (how) {
    case picking::best:
      return "default";
    case picking::load_match:
      return "load_match";
    case picking::autoscale:
      return "autoscale";
    case picking::throughput:
      return "throughput";
    case picking::latency:
      break;
  }
  return "latency";
}

goal goal_of(const profile_request& request) {
  goal wanted;
  wanted.isl = request.sla.isl;
  wanted.osl = request.sla.osl;
  wanted.gpus = std::max(request.pool_gpus, 1);
  wanted.concurrency = extra_number(request, "concurrency");
  wanted.requests_per_s = extra_number(request, "request-rate");
  wanted.latency_ms = extra_number(request, "e2e-latency");
  wanted.how = picking_of(request, wanted);
  if (wanted.how == picking::throughput || wanted.how == picking::latency) {
    wanted.latency_ms = 0;
  } else if (wanted.latency_ms <= 0) {
    wanted.ttft_ms = request.sla.ttft_ms;
    wanted.tpot_ms = request.sla.itl_ms;
  }
  return wanted;
}

double excess(const goal& wanted, const deployment_estimate& d) {
  double worst = 0;
  if (wanted.ttft_ms > 0)
    worst = std::max(worst, d.ttft_ms / wanted.ttft_ms);
  if (wanted.tpot_ms > 0)
    worst = std::max(worst, d.tpot_ms / wanted.tpot_ms);
  if (wanted.latency_ms > 0)
    worst = std::max(worst, d.request_latency_ms / wanted.latency_ms);
  return worst;
}

bool meets(const goal& wanted, const deployment_estimate& d) {
  return excess(wanted, d) <= 1;
}

std::string binding(const goal& wanted, const deployment_estimate& d) {
  const double worst = excess(wanted, d);
  if (worst <= 1)
    return {};
  if (wanted.latency_ms > 0)
    return "e2e";
  return d.tpot_ms / wanted.tpot_ms >= worst ? "itl" : "ttft";
}

} // namespace sextant::estimating
