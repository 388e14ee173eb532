// resolve_experts.cpp: Times of the experts of a mixture, by the skew of their load.
#include <string_view>
#include <utility>
#include <vector>

#include "adapters/aic/resolve_parts.hpp"

namespace sextant::performance {

namespace {

/// Load of experts in the tables: measured real skews; which one belongs to a family is the package's choice.
std::vector<std::string_view> distributions_of(const model_facts& model) {
  const bool even = model.family.starts_with("DEEPSEEK") || model.family.starts_with("KIMI");
  if (even)
    return {"power_law_1.01", "power_law_1.2", "balanced"};
  return {"power_law_1.2", "power_law_1.01", "balanced"};
}

query experts_query(const op& x, std::vector<std::string_view> distributions, bool others) {
  query q;
  q.table = "moe";
  q.over = surface_sizes::expert_rows;
  std::vector<std::string_view> formats{x.quant};
  if (x.quant.starts_with("fp8"))
    formats = {x.quant, "fp8_block", "fp8"};
  else if (x.quant.starts_with("w4a16_mxfp4"))
    formats = {x.quant, "w4a16_mxfp4", "w4a16_mxfp4_cutlass", "w4a8_mxfp4_mxfp8"};
  else if (x.quant.starts_with("w4a8_mxfp4"))
    formats = {x.quant, "w4a8_mxfp4_mxfp8", "w4a8_mxfp4_mxfp8_trtllm", "w4a16_mxfp4"};
  else if (x.quant == "int4_wo" || x.quant == "w4a16_nvfp4" || x.quant == "nvfp4_wo")
    formats = {x.quant, "int4_wo", "w4a16_mxfp4"};
  q.keys = {accept("moe_dtype", formats, false, 0.05F), accept("distribution", std::move(distributions), others, 0.02F)};
  q.sizes = {{"hidden_size", static_cast<double>(x.hidden)}, {"inter_size", static_cast<double>(x.inter)},
             {"topk", static_cast<double>(x.topk)},          {"num_experts", static_cast<double>(x.experts)},
             {"moe_tp_size", static_cast<double>(x.moe_tp)}, {"moe_ep_size", static_cast<double>(x.moe_ep)}};
  q.axes = {"", {"num_tokens"}};
  q.measured = [x](const std::vector<double>& sizes, const chunk_info& info) {
    op m = x;
    int* const fields[] = {&m.hidden, &m.inter, &m.topk, &m.experts, &m.moe_tp, &m.moe_ep};
    for (std::size_t i = 0; i < std::size(fields); ++i)
      *fields[i] = static_cast<int>(sizes[i]);
    m.quant = info.key("moe_dtype");
    return m;
  };
  q.error = 0.08F;
  return q;
}

/// Where every rank has a part of all experts, skew moves the same work between them. Rows of one skew that take longer than
/// this many times the even load were measured with a kernel that was not tuned for them: of 60,000 rows with both loads on
/// six GPUs, 99 in 100 of every kernel but two lie below (the others reach 14).
constexpr double most_for_skew = 1.5;

} // namespace

std::optional<resolved_op> resolve_experts(const resolve_context& c, const op& x) {
  auto found = resolve_by(c, x, experts_query(x, distributions_of(c.engine.model), true));
  if (found && x.moe_ep == 1)
    if (const auto even = resolve_by(c, x, experts_query(x, {"balanced"}, false)))
      found->times.keep_below(even->times, most_for_skew);
  return found;
}

} // namespace sextant::performance
