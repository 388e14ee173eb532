// measured.cpp: Looking up measured points.
#include "actors/artifacts/measured.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>

namespace sextant {

namespace {

const point_measured* nearest_value(const std::vector<point_measured>& points, const std::string& engine, point_kind kind,
                                    double value, auto&& fits) {
  const point_measured* best = nullptr;
  for (const auto& p : points)
    if (p.engine == engine && p.plan.kind == kind && fits(p)
        && (!best || std::abs(p.value_ms - value) < std::abs(best->value_ms - value)))
      best = &p;
  return best;
}

} // namespace

mapping mapping_of(const std::string& engine) {
  mapping result;
  const auto dash = engine.find('-');
  std::string tag = dash == std::string::npos ? engine : engine.substr(dash + 1);
  const auto digit = tag.find_first_of("0123456789");
  if (digit == std::string::npos)
    return result;
  result.gpus = 0;
  for (size_t i = digit; i < tag.size() && std::isdigit(static_cast<unsigned char>(tag[i])) && result.gpus < 100000; ++i)
    result.gpus = result.gpus * 10 + (tag[i] - '0');
  tag.resize(digit);
  std::transform(tag.begin(), tag.end(), tag.begin(), [](unsigned char c) { return std::tolower(c); });
  result.method = from_text<mapping_method>(tag).value_or(mapping_method::tp);
  return result;
}

std::vector<const point_measured*> points_of(const std::vector<point_measured>& points, point_kind kind,
                                             const std::string& purpose, const std::string& engine) {
  std::vector<const point_measured*> result;
  for (const auto& p : points)
    if (p.valid && p.plan.kind == kind && p.plan.purpose == purpose && (engine.empty() || p.engine == engine))
      result.push_back(&p);
  return result;
}

const point_measured* point_behind(const std::vector<point_measured>& points, const std::string& engine,
                                   const prefill_sample& sample) {
  return nearest_value(points, engine, point_kind::ttft, sample.ttft_ms,
                       [&](const point_measured& p) { return p.plan.isl == sample.isl; });
}

const point_measured* point_behind(const std::vector<point_measured>& points, const std::string& engine,
                                   const decode_sample& sample) {
  return nearest_value(points, engine, point_kind::itl, sample.itl_ms, [&](const point_measured& p) {
    return std::abs(p.plan.isl + p.plan.osl / 2.0 - sample.context_length) < 1
           && std::abs(p.throughput_per_gpu - sample.throughput_per_gpu) < 1e-6 * std::max(1.0, p.throughput_per_gpu);
  });
}

std::vector<const point_measured*> pareto(std::vector<const point_measured*> points) {
  std::sort(points.begin(), points.end(), [](const auto* a, const auto* b) {
    return a->value_ms != b->value_ms ? a->value_ms < b->value_ms : a->throughput_per_gpu > b->throughput_per_gpu;
  });
  std::vector<const point_measured*> result;
  for (const auto* p : points)
    if (result.empty() || p->throughput_per_gpu > result.back()->throughput_per_gpu)
      result.push_back(p);
  return result;
}

} // namespace sextant
