// resolve.cpp: Which rows of which table stand for an op, kind by kind.
#include "adapters/aic/resolve.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "adapters/aic/lookup.hpp"
#include "adapters/aic/resolve_parts.hpp"

namespace sextant::performance {

namespace {

constexpr double most_rows = 1 << 22, most_requests = 1 << 16, most_context = 1 << 24, most_elements = 1LL << 40;
constexpr double only = std::numeric_limits<double>::infinity();

double seconds_by(const op_timer& formulas, surface_sizes sizes, const op& x, double a, double b) {
  return formulas.time(x, load_at(sizes, x, a, b)).seconds;
}

double limit_a(surface_sizes sizes) {
  return sizes == surface_sizes::prompts || sizes == surface_sizes::decodes ? most_requests : 1;
}

double limit_b(surface_sizes sizes) {
  switch (sizes) {
    case surface_sizes::elements:
      return most_elements;
    case surface_sizes::prompts:
    case surface_sizes::decodes:
      return most_context;
    default:
      return most_rows;
  }
}

/// Answers from one table; nothing if it has no rows that fit.
std::optional<resolved_op> resolve_in(const resolve_context& c, const op& x, const query& q, uint32_t table) {
  const auto chunks = best_chunks(c.tables, table, q.keys);
  if (chunks.chunks.empty())
    return std::nullopt;
  const auto groups = nearest_sites(c.tables, chunks.chunks, q.sizes, q.axes, 3);
  if (groups.empty() || groups.front().distance > 8)
    return std::nullopt;
  const auto& info = c.tables.chunks()[chunks.chunks.front()];
  std::vector<surface> parts;
  std::vector<double> weights;
  for (const auto& group : groups) {
    if (group.distance > groups.front().distance + 2)
      break; // octaves farther than the nearest: says nothing new
    const op measured = q.measured ? q.measured(group.sizes, info) : x;
    const bool same = group.distance == 0 && chunks.cost == 0;
    parts.emplace_back(group.samples, plan_for(c, q.over, x, measured, same));
    weights.push_back(1 / (group.distance + 1e-3));
  }
  resolved_op result;
  result.times = parts.size() == 1 ? std::move(parts.front()) : surface::blend(parts, weights);
  result.sizes = q.over;
  result.error = q.error + chunks.cost + static_cast<float>(std::min(0.3, 0.06 * groups.front().distance));
  result.source = source_text(c.tables, table, info.kernels);
  return result;
}

std::optional<double> number_of(std::string_view text) {
  double value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  return problem == std::errc{} && end == text.data() + text.size() ? std::optional{value} : std::nullopt;
}

/// A number in a key: its octaves to the wanted one cost.
key_rule near_number(std::string_view key, double wanted) {
  return {key, [wanted](std::string_view value) -> std::optional<float> {
            const auto number = number_of(value);
            return number && *number > 0 ? static_cast<float>(0.1 * std::abs(std::log2(*number / wanted))) : 0.0F;
          }};
}

/// Windows: rows without one can stand in, scaled by the work that a window leaves.
key_rule near_window(int wanted) {
  return {"window_size", [wanted](std::string_view value) -> std::optional<float> {
            const auto window = number_of(value).value_or(0);
            if (window == wanted)
              return 0.0F;
            if (window == 0)
              return 0.05F;
            if (wanted == 0)
              return std::nullopt;
            return static_cast<float>(0.04 + 0.05 * std::abs(std::log2(window / wanted)));
          }};
}

/// Names that tables use for a format.
std::vector<std::string_view> names_of(std::string_view format) {
  if (format.starts_with("fp8"))
    return {format, "fp8", "fp8_e4m3", "fp8_block"};
  return {format};
}

/// What tables of attention over a cache have in common.
query cached_query(const op& x, bool prompts, std::string_view format_key) {
  query q;
  q.over = prompts ? surface_sizes::prompts : surface_sizes::decodes;
  auto computed = names_of(x.compute_quant);
  computed.push_back("bfloat16");
  q.keys = {accept(format_key, computed, true, 0.03F), accept("kv_cache_dtype", names_of(x.kv_quant), true, 0.03F)};
  q.axes = prompts ? sample_axes{"batch_size", {"isl"}} : sample_axes{"batch_size", {"isl", "step"}};
  return q;
}

query attention_query(const op& x) {
  const bool prompts = x.kind == op_kind::context_attention;
  query q = cached_query(x, prompts, "attn_dtype");
  q.table = prompts ? "context_attention" : "generation_attention";
  q.keys.push_back(near_number("head_dim", x.head_dim));
  q.keys.push_back(near_window(x.window));
  q.sizes = {{"num_heads", static_cast<double>(x.heads)}, {"num_key_value_heads", static_cast<double>(x.kv_heads)}};
  q.measured = [x](const std::vector<double>& sizes, const chunk_info& info) {
    op m = x;
    m.heads = static_cast<int>(sizes[0]);
    m.kv_heads = static_cast<int>(sizes[1]);
    m.head_dim = m.v_dim = static_cast<int>(number_of(info.key("head_dim")).value_or(x.head_dim));
    m.window = static_cast<int>(number_of(info.key("window_size")).value_or(0));
    m.compute_quant = info.key("attn_dtype");
    m.kv_quant = info.key("kv_cache_dtype");
    return m;
  };
  q.error = prompts ? 0.04F : 0.03F;
  return q;
}

query latent_query(const op& x) {
  const bool prompts = x.kind == op_kind::context_mla;
  query q = cached_query(x, prompts, "mla_dtype");
  q.table = prompts ? "context_mla" : "generation_mla";
  q.sizes = {{"num_heads", static_cast<double>(x.heads)}};
  q.measured = [x](const std::vector<double>& sizes, const chunk_info& info) {
    op m = x;
    m.heads = static_cast<int>(sizes[0]);
    m.kv_quant = info.key("kv_cache_dtype");
    return m;
  };
  return q;
}

query absorb_query(const op& x) {
  query q;
  q.table = "mla_bmm";
  q.keys = {accept("op_name", {x.name == "bmm_post" ? "mla_gen_post" : "mla_gen_pre"}),
            accept("bmm_dtype", names_of(x.quant), true, 0.05F)};
  q.sizes = {{"num_heads", static_cast<double>(x.heads)}};
  q.axes = {"", {"num_tokens"}};
  q.measured = [x](const std::vector<double>& sizes, const chunk_info&) {
    op m = x;
    m.heads = static_cast<int>(sizes[0]);
    return m;
  };
  return q;
}

query message_query(const op& x, bool custom) {
  query q;
  q.table = custom ? "custom_allreduce" : "nccl";
  q.backend = custom ? "" : "nccl";
  q.over = surface_sizes::elements;
  if (!custom) {
    const std::string_view name = x.kind == op_kind::all_gather       ? "all_gather"
                                  : x.kind == op_kind::reduce_scatter ? "reduce_scatter"
                                  : x.kind == op_kind::all_to_all     ? "alltoall"
                                                                      : "all_reduce";
    q.keys = {accept("op_name", {name}), accept("nccl_dtype", {"half"})};
  }
  q.sizes = {{"num_gpus", static_cast<double>(x.gpus)}};
  q.axes = {"", {"message_size"}};
  q.measured = [x](const std::vector<double>& sizes, const chunk_info&) {
    op m = x;
    m.gpus = static_cast<int>(sizes[0]);
    return m;
  };
  q.error = 0.08F;
  return q;
}

std::optional<resolved_op> resolve_message(const resolve_context& c, const op& x) {
  std::optional<resolved_op> found;
  if (x.kind == op_kind::all_reduce && x.gpus <= c.engine.gpu.gpus_per_node)
    found = resolve_by(c, x, message_query(x, true));
  if (!found)
    found = resolve_by(c, x, message_query(x, false));
  if (!found && c.engine.gpu.name == "b60") { // Intel's library in place of NCCL
    auto q = message_query(x, false);
    q.table = q.backend = "oneccl";
    found = resolve_by(c, x, q);
  }
  return found;
}

/// Names of models in tables: the same one first, then those with the longest common start, e.g. of one series.
key_rule near_model(const std::string& wanted) {
  return {"model", [wanted](std::string_view value) -> std::optional<float> {
            if (value.empty() || value == wanted)
              return 0.0F;
            const auto tail = [](std::string_view name) { return name.substr(name.find('/') + 1); };
            const auto a = tail(value), b = tail(wanted);
            std::size_t same = 0;
            while (same < std::min(a.size(), b.size()) && a[same] == b[same])
              ++same;
            return 0.06F - 0.05F * static_cast<float>(same) / static_cast<float>(std::max(a.size(), b.size()));
          }};
}

query module_query(const resolve_context& c, const op& x) {
  query q;
  q.table = x.table;
  if (x.table.starts_with("mhc")) {
    q.keys = {accept("op_name", {x.name == "mhc_post" ? "post" : "pre"})};
    q.sizes = {{"hc_mult", static_cast<double>(x.streams)}, {"hidden_size", static_cast<double>(x.hidden)}};
    q.axes = {"", {"num_tokens"}};
    q.measured = [x](const std::vector<double>& sizes, const chunk_info&) {
      op m = x;
      m.streams = static_cast<int>(sizes[0]);
      m.hidden = static_cast<int>(sizes[1]);
      return m;
    };
    return q;
  }
  const bool prompts = x.rows == op_rows::prefill;
  q.over = prompts ? surface_sizes::prompts : surface_sizes::decodes;
  q.keys = {accept("op_name", {x.table}, true, 0.3F), accept("gemm_type", names_of(x.quant), true, 0.04F),
            accept("kv_cache_dtype", names_of(x.kv_quant), true, 0.02F),
            accept("architecture", {c.engine.model.architecture}, true, 0.04F), near_model(c.engine.model.name)};
  q.sizes = {{"num_heads", static_cast<double>(x.heads)}};
  if (prompts)
    q.sizes.push_back({"step", 0, only});
  q.axes = prompts ? sample_axes{"batch_size", {"isl"}} : sample_axes{"batch_size", {"isl", "step"}};
  q.measured = [x](const std::vector<double>& sizes, const chunk_info& info) {
    op m = x;
    m.heads = static_cast<int>(sizes[0]);
    if (const auto format = info.key("gemm_type"); !format.empty())
      m.quant = format;
    if (const auto format = info.key("kv_cache_dtype"); !format.empty())
      m.kv_quant = format;
    return m;
  };
  q.error = 0.08F;
  return q;
}

query recurrent_query(const op& x) {
  const bool prompts = x.rows == op_rows::prefill, convolution = x.name == "conv1d";
  query q;
  q.table = x.table;
  q.over = prompts ? surface_sizes::prompts : surface_sizes::decode_requests;
  const key_rule part{"part", [wanted = x.kernel, convolution](std::string_view value) -> std::optional<float> {
                        if ((value.find("conv1d") != std::string_view::npos) != convolution)
                          return std::nullopt;
                        return value.starts_with(wanted) ? 0.0F : 0.05F; // the kernel that this back end has for it
                      }};
  q.keys = {accept("phase", {prompts ? "context" : "generation"}), part};
  if (x.table == "mamba2")
    q.sizes = {{"nheads", static_cast<double>(x.heads)},
               {"d_state", static_cast<double>(x.state), 0.5},
               {"n_groups", static_cast<double>(x.groups), 0.25}};
  else
    q.sizes = {{"num_v_heads", static_cast<double>(x.heads)}, {"num_k_heads", static_cast<double>(x.key_heads), 0.5}};
  q.axes = prompts ? sample_axes{"batch_size", {"seq_len"}} : sample_axes{"", {"batch_size"}};
  q.measured = [x](const std::vector<double>& sizes, const chunk_info&) {
    op m = x;
    m.heads = static_cast<int>(sizes[0]);
    (x.table == "mamba2" ? m.state : m.key_heads) = static_cast<int>(sizes[1]);
    if (x.table == "mamba2")
      m.groups = static_cast<int>(sizes[2]);
    return m;
  };
  q.error = 0.1F;
  return q;
}

} // namespace

std::optional<resolved_op> resolve_by(const resolve_context& c, const op& x, const query& q) {
  std::optional<resolved_op> best;
  const bool shared = !q.backend.empty();
  const auto backend = shared ? q.backend : to_text(c.engine.backend);
  for (const auto& choice : tables_of(c.tables, c.engine.gpu.name, q.table, backend, shared ? "" : c.engine.version)) {
    if (best && best->error <= q.error + choice.penalty)
      continue;
    auto answer = resolve_in(c, x, q, choice.table);
    if (!answer)
      continue;
    answer->error += choice.penalty;
    if (!best || answer->error < best->error)
      best = std::move(answer);
  }
  return best;
}

surface_plan plan_for(const resolve_context& c, surface_sizes sizes, const op& x, const op& measured, bool same) {
  surface_plan plan;
  plan.shape = [&c, sizes, measured](double a, double b) { return seconds_by(c.formulas, sizes, measured, a, b); };
  if (!same)
    plan.wanted = [&c, sizes, x](double a, double b) { return seconds_by(c.formulas, sizes, x, a, b); };
  plan.floor = [&c, x](double a, double b) { return physical_floor(x, c.engine, a, b); };
  plan.a_limit = limit_a(sizes);
  plan.b_limit = limit_b(sizes);
  return plan;
}

std::optional<resolved_op> resolve_pass(const resolve_context& c, std::string_view table, double k) {
  op x;
  x.kind = op_kind::elementwise;
  x.k = static_cast<int64_t>(k);
  query q;
  q.table = table;
  q.sizes = {{"k", k}};
  q.axes = {"", {"m"}};
  q.measured = [x](const std::vector<double>& sizes, const chunk_info&) {
    op m = x;
    m.k = static_cast<int64_t>(sizes[0]);
    return m;
  };
  return resolve_by(c, x, q);
}

std::string source_text(const packed_tables& tables, uint32_t table, std::string_view kernels) {
  const auto& t = tables.tables()[table];
  std::string text{t.system};
  for (const auto part : {t.backend, t.version, t.name, kernels})
    text.append(" ").append(part);
  return text.append(" (").append(t.source).append(")");
}

std::optional<resolved_op> resolve(const resolve_context& c, const op& x) {
  switch (x.kind) {
    case op_kind::gemm:
      return resolve_product(c, x);
    case op_kind::context_attention:
    case op_kind::generation_attention:
      return resolve_by(c, x, attention_query(x));
    case op_kind::context_mla:
    case op_kind::generation_mla:
      return resolve_by(c, x, latent_query(x));
    case op_kind::mla_bmm:
      return resolve_by(c, x, absorb_query(x));
    case op_kind::moe:
      return resolve_experts(c, x);
    case op_kind::all_reduce:
    case op_kind::all_gather:
    case op_kind::reduce_scatter:
    case op_kind::all_to_all:
      return resolve_message(c, x);
    case op_kind::module:
      return resolve_by(c, x, module_query(c, x));
    case op_kind::recurrent:
      return resolve_by(c, x, recurrent_query(x));
    case op_kind::embedding:
    case op_kind::elementwise:
    case op_kind::p2p:
      return std::nullopt; // not measured
  }
  return std::nullopt;
}

} // namespace sextant::performance
