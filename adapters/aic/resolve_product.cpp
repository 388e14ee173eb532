// resolve_product.cpp: Times of matrix products: the grid of the format, of another back end where it timed the host.
#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "adapters/aic/lookup.hpp"
#include "adapters/aic/resolve_parts.hpp"

namespace sextant::performance {

namespace {

/// A captured kernel starts within microseconds; a benchmark whose smallest product takes longer timed the host's launches.
constexpr double host_launch_s = 25e-6;

/// Where `curve` shows a host's launches, the times of `device` count instead: the engine replays captured graphs.
void replace_host_times(std::vector<sample>& curve, double smallest_s, const surface& device) {
  for (auto& s : curve)
    if (std::exp2(s.log2_seconds) < 2 * smallest_s)
      s.log2_seconds = std::min(s.log2_seconds, static_cast<float>(std::log2(device.seconds(1, s.b))));
}

struct measured_products {
  std::shared_ptr<const product_grid> grid;
  float error = 0;
  std::string source;
  std::string_view format;
  bool timed_host() const { return grid->smallest_seconds() > host_launch_s; }
};

/// Grids with the format, the most fitting first.
std::vector<measured_products> products_for(const resolve_context& c, const op& x) {
  std::vector<std::string_view> formats{x.quant};
  if (x.quant.starts_with("fp8"))
    formats = {x.quant, "fp8", "fp8_block"};
  else if (x.quant == "int8")
    formats = {"sq"};
  std::vector<measured_products> found;
  for (const auto& choice : tables_of(c.tables, c.engine.gpu.name, "gemm", to_text(c.engine.backend), c.engine.version)) {
    // `fp8_static` and `fp8` are the same product; the dynamic one measures the scales too.
    const auto chunks = best_chunks(c.tables, choice.table, {accept("gemm_dtype", formats, false, 0.04F)});
    if (chunks.chunks.empty())
      continue;
    const auto index = chunks.chunks.front();
    if (auto grid = c.tables.load_products(index))
      found.push_back({std::move(grid), 0.05F + chunks.cost + choice.penalty,
                       source_text(c.tables, choice.table, c.tables.chunks()[index].kernels),
                       c.tables.chunks()[index].key("gemm_dtype")});
  }
  std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.error < b.error; });
  return found;
}

/// Engines take their products from the same libraries (cuBLAS, CUTLASS, FlashInfer) and try which kernel is fastest; the
/// benchmarks of a back end did not always. Where another one's kernel was faster by more than noise it counts.
void take_fastest(const measured_products& own, const std::vector<measured_products>& all, const surface_plan& plan,
                  double n, double k, std::vector<sample>& curve) {
  constexpr double noise = 1.1;
  for (const auto& other : all) {
    if (other.timed_host() || &other == &own || other.format != own.format)
      continue;
    const surface theirs{other.grid->curve(n, k), plan};
    for (auto& s : curve)
      s.log2_seconds = std::min(s.log2_seconds, static_cast<float>(std::log2(noise * theirs.seconds(1, s.b))));
  }
}

/// Tables of FP8 products hold the passes that find and apply the scales of activations. Checkpoints with a scale per tensor
/// carry it with them, and engines quantise in the kernel before: the served product is the rest.
void leave_out_scaling(const resolve_context& c, const op& x, std::vector<sample>& curve) {
  if (x.quant != "fp8" && x.quant != "fp8_static")
    return;
  constexpr double least_share = 0.3; // of the measured time, however noisy the difference is
  const auto k = static_cast<double>(x.k);
  const auto find = resolve_pass(c, "computescale", k), apply = resolve_pass(c, "scale_matrix", k);
  for (auto& s : curve) {
    const double whole = std::exp2(s.log2_seconds);
    const double passes = (find ? find->times.seconds(1, s.b) : 0) + (apply ? apply->times.seconds(1, s.b) : 0);
    s.log2_seconds = static_cast<float>(std::log2(std::max(whole - passes, least_share * whole)));
  }
}

} // namespace

std::optional<resolved_op> resolve_product(const resolve_context& c, const op& x) {
  const auto all = products_for(c, x);
  if (all.empty())
    return std::nullopt;
  const auto n = static_cast<double>(x.n), k = static_cast<double>(x.k);
  const auto plan = plan_for(c, surface_sizes::rows, x, x, true);
  const auto& own = all.front();
  auto curve = own.grid->curve(n, k);
  resolved_op found;
  found.error = own.error + (own.grid->covers(n, k) ? 0 : 0.06F);
  found.source = own.source;
  if (own.timed_host()) {
    const auto device = std::find_if(all.begin(), all.end(), [](const auto& g) { return !g.timed_host(); });
    if (device == all.end())
      return std::nullopt; // formulas know the device better
    const auto device_curve = device->grid->curve(n, k);
    replace_host_times(curve, own.grid->smallest_seconds(), surface{device_curve, plan});
    found.error = std::max(found.error, device->error);
    found.source += "; where that timed the host: " + device->source;
  }
  leave_out_scaling(c, x, curve);
  take_fastest(own, all, plan, n, k, curve);
  found.times = surface{curve, plan};
  return found;
}

} // namespace sextant::performance
