// places.cpp: Folder names.
#include "actors/artifacts/places.hpp"

#include <cctype>

#include "actors/artifacts/measured.hpp"

namespace sextant {

std::string safe_name(const std::string& name) {
  std::string out;
  for (const unsigned char c : name)
    out += std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.' ? static_cast<char>(c) : '_';
  if (out.empty() || out.front() == '.')
    out.insert(0, "_");
  return out;
}

std::string engine_folder(const std::string& engine) {
  const auto dash = engine.find('-');
  if (dash == std::string::npos)
    return safe_name(engine);
  return safe_name(engine.substr(0, dash) + "_" + std::to_string(mapping_of(engine).gpus) + "gpus_"
                   + engine.substr(dash + 1));
}

std::string selected_folder(phase role) {
  return "selected_" + std::string{to_text(role)} + "_interpolation";
}

std::string point_folder(const point_measured& point) {
  const auto& plan = point.plan;
  const bool prefill = plan.kind == point_kind::ttft;
  const bool curve = plan.purpose == "curve";
  const auto folder = curve ? selected_folder(prefill ? phase::prefill : phase::decode) : engine_folder(point.engine);
  if (prefill)
    return folder + "/aiperf_isl" + std::to_string(plan.isl);
  const auto n = std::to_string(plan.concurrency);
  const auto shape = "isl" + std::to_string(plan.isl) + "_osl" + std::to_string(plan.osl) + "_n" + n;
  return folder + (curve ? "/aiperf_" : "/aiperf_request" + n + "_") + shape;
}

std::string warming_folder(const point_measured& point) {
  return point_folder(point) + "_warmup";
}

} // namespace sextant
