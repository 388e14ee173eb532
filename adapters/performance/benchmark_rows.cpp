#include "adapters/performance/benchmark_rows.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "adapters/performance/formats.hpp"
#include "adapters/performance/measured_points.hpp"
#include "config/catalogue.hpp"
#include "config/intake.hpp"
#include "config/nearest.hpp"

namespace sextant::performance {

namespace {

class cells {
public:
  cells(const csv_table& table, std::size_t index, std::string& reason) : table_{table}, index_{index}, reason_{reason} {}

  std::string_view text(std::string_view column) const { return table_.cell(index_, column); }

  /// A number; nothing if the cell is empty. Anything else is a reason to refuse the row.
  std::optional<double> number(std::string_view column) const {
    const auto cell = text(column);
    if (cell.empty() || cell == "nan" || cell == "NaN")
      return std::nullopt;
    double value = 0;
    const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
    if (error != std::errc{} || end != cell.data() + cell.size() || !std::isfinite(value)) {
      refuse(std::string{column} + ": found \"" + std::string{cell} + "\", accepted: a number");
      return std::nullopt;
    }
    return value;
  }

  /// A count; `missing` if the cell is empty. Zero stands for "not used" where `zero_is_missing`.
  int count(std::string_view column, int missing, bool zero_is_missing) const {
    const auto value = number(column);
    if (!value || (*value == 0 && zero_is_missing))
      return missing;
    if (*value < 1 || *value > 1e8 || *value != std::floor(*value)) {
      refuse(std::string{column} + ": found " + std::string{text(column)} + ", accepted: a whole number >= 1");
      return missing;
    }
    return static_cast<int>(*value);
  }

  void refuse(const std::string& why) const { reason_ += (reason_.empty() ? "" : "; ") + why; }

private:
  const csv_table& table_;
  std::size_t index_;
  std::string& reason_;
};

/// A hub id without organisation, case and the words that name a checkpoint's variant.
std::string base_of(std::string_view name) {
  std::string base{name.substr(name.rfind('/') == std::string_view::npos ? 0 : name.rfind('/') + 1)};
  std::transform(base.begin(), base.end(), base.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const std::string_view word : {"meta-", "-instruct", "-nvfp4", "-fp8", "-fp4", "-bf16", "-mxfp4", "-it", "-chat"})
    if (const auto at = base.find(word); at != std::string::npos)
      base.erase(at, word.size());
  return base;
}

/// The checkpoint of the network of `name` with the shortest name among those that `wanted` accepts.
template <class Wanted>
const model_facts* checkpoint_of(std::string_view name, Wanted&& wanted) {
  const auto base = base_of(name);
  const model_facts* found = nullptr;
  for (const auto& known : model_names())
    if (base_of(known) == base && (!found || known.size() < found->name.size()))
      if (const auto* facts = find_model(known); wanted(*facts))
        found = facts;
  return found;
}

/// Facts of the model, or of another checkpoint of the same network: formats come from the row.
const model_facts* model_of(std::string_view name) {
  const auto* exact = find_model(name);
  return exact ? exact : checkpoint_of(name, [](const model_facts&) { return true; });
}

/// Formats of the row where the checkpoint of the catalogue has others.
void set_formats(model_facts& model, const cells& row) {
  const auto precision = row.text("precision");
  const bool mixed = model.moe_quant.find("mxfp4") != std::string::npos;
  if (precision.empty() || mixed) // there is one checkpoint, whatever the label says
    return;
  model.weight_bytes = 0; // that of the files holds for their formats only
  if (precision == "bf16") {
    model.gemm_quant = model.kv_quant = model.attention_quant = "bfloat16";
    model.moe_quant = model.experts > 0 ? "bfloat16" : "";
    return;
  }
  const auto gemm = std::string{row.text("gemm_quant_mode")}, moe = std::string{row.text("moe_quant_mode")};
  const std::string format = precision == "fp8"    ? (moe == "fp8_block" ? "fp8_block" : "fp8")
                             : precision == "fp4"  ? "nvfp4"
                             : precision == "int4" ? "int4_wo"
                                                   : gemm;
  if (format.empty())
    return;
  // Labels do not tell kinds of FP8 apart, published checkpoints do.
  const auto* published = checkpoint_of(model.name, [&](const model_facts& m) {
    return format_bytes(m.gemm_quant) == format_bytes(format) && is_weight_only(m.gemm_quant) == is_weight_only(format);
  });
  model.gemm_quant = published ? published->gemm_quant : format;
  if (model.experts > 0)
    model.moe_quant = published ? published->moe_quant : moe.empty() ? format : moe;
  if (precision == "int4") {
    model.gemm_quant = "bfloat16"; // experts only
    return;
  }
  model.kv_quant = model.attention_quant = "fp8";
  if (precision == "fp4" && model.is_mla)
    model.attention_weight_quant = "bfloat16"; // NVFP4 checkpoints of latent attention keep it
}

engine_group group_of(const cells& row, const std::string& prefix, const engine_spec& engine) {
  engine_group group;
  group.engine = engine;
  const auto count = [&](const char* name) { return row.count(prefix + name, 1, true); };
  const int moe_tp = row.count(prefix + "moe_tp_size", 0, true);
  group.engine.layout = repaired_layout(count("tp_size"), count("pp_size"), count("attention_dp_size"), moe_tp,
                                        count("moe_ep_size"), engine.model.experts > 0);
  return group;
}

/// What is known of how the benchmark drove the engine (its public recipes).
void set_recipe(benchmark_row& row, const cells& c) {
  row.through_frontend =
      c.text("origin") == "nvidia_gap_analysis" || c.text("image").find("ai-dynamo") != std::string_view::npos;
  if (!c.text("origin").starts_with("inference"))
    return;
  row.waves = 10;
  row.traffic.shortest = 0.8; // its random-range-ratio
  auto& group = row.engines;
  row.may_speculate = row.disaggregated && group.engine.model.is_mla;
  // It sets max_num_tokens of TensorRT-LLM to one prompt and one token of every client.
  if (group.engine.backend == backend_kind::trtllm && !row.disaggregated)
    group.chunk_tokens = static_cast<int>(row.traffic.isl + row.traffic.concurrency + 64);
}

/// How many engines a row without counts probably had: decode engines until few requests share one of them (at most four),
/// prefill engines until prompts hardly queue.
serving_estimate estimate_unknown_counts(benchmark_row row, const serving_traffic& traffic,
                                         const estimate_context& context) {
  const auto& decode = row.engines.engine.layout;
  constexpr double shared = 8; // requests per decode engine, as in runs that name their counts
  if (decode.dp == 1)
    row.engines.replicas = static_cast<int>(std::clamp(std::ceil(traffic.concurrency / shared), 1.0, 4.0));
  const double context_tokens = traffic.isl + traffic.osl / 2.0;
  const auto prefill = model_engine(row.prefill.engine, context.tables, *context.parameters, 16, context_tokens);
  const auto model = model_engine(row.engines.engine, context.tables, *context.parameters, 16, context_tokens);
  serving_estimate best;
  for (row.prefill.replicas = 1; row.prefill.replicas <= 16; row.prefill.replicas *= 2) {
    auto e = serve_disaggregated(prefill, row.prefill, model, row.engines, traffic);
    const bool enough = best.ok && e.ttft_ms.value > 0.7 * best.ttft_ms.value;
    if (!best.ok || !enough)
      best = std::move(e);
    if (enough || !best.ok)
      break;
  }
  if (context.measured && best.ok)
    context.measured->correct(row.engines, &row.prefill, traffic, best);
  return best;
}

} // namespace

std::vector<std::string> missing_columns(const csv_table& table) {
  std::vector<std::string> missing;
  for (const char* name : {"backend", "model_path", "system", "isl", "osl"})
    if (table.column(name) < 0)
      missing.emplace_back(name);
  return missing;
}

parallel_layout repaired_layout(int tp, int pp, int dp, int moe_tp, int moe_ep, bool is_moe) {
  parallel_layout l;
  l.pp = pp;
  if (is_moe && moe_tp > 1 && moe_tp == moe_ep) { // square of the real count
    (dp > 1 ? l.dp : l.tp) = moe_tp;
    l.moe_ep = moe_tp;
    return l;
  }
  if (is_moe && tp > 1 && tp == dp) { // square as well
    l.dp = l.moe_ep = dp;
    return l;
  }
  l.tp = tp;
  l.dp = dp;
  // Totals over several engines stand in for tensor parallel: the largest power of two that divides them is one engine.
  while (l.tp > 8 && (l.tp & (l.tp - 1)) != 0)
    l.tp = l.tp & -l.tp;
  if (!is_moe)
    return l;
  const int gpus = l.tp * l.dp;
  l.moe_ep = moe_ep >= 1 && gpus % moe_ep == 0 ? moe_ep : 1;
  l.moe_tp = gpus / l.moe_ep;
  return l;
}

benchmark_row read_benchmark_row(const csv_table& table, std::size_t index) {
  benchmark_row row;
  const cells c{table, index, row.reason};
  row.row = c.text("row");
  row.id = c.text("id");
  const auto mode = c.text("mode");
  if (!mode.empty() && mode != "agg" && mode != "disagg")
    c.refuse("mode: found \"" + std::string{mode} + "\", accepted: agg, disagg");
  row.disaggregated = mode == "disagg";
  engine_spec engine;
  bool known = false;
  for (const auto& [kind, label] : enum_names<backend_kind>::values)
    if (label == c.text("backend"))
      engine.backend = kind, known = true;
  if (!known)
    c.refuse("backend: found \"" + std::string{c.text("backend")} + "\", accepted: vllm, sglang, trtllm");
  engine.version = c.text("backend_version");
  if (const auto* gpu = find_gpu(c.text("system")))
    engine.gpu = *gpu;
  else {
    const auto near = nearest_name(c.text("system"), gpu_names());
    c.refuse("system: found \"" + std::string{c.text("system")} + "\", no such GPU"
             + (near.empty() ? "" : ", nearest: " + near));
  }
  if (const auto* model = model_of(c.text("model_path"))) {
    engine.model = *model;
    set_formats(engine.model, c);
  } else {
    c.refuse("model_path: found \"" + std::string{c.text("model_path")} + "\", nothing is known of it");
  }
  row.traffic.isl = c.count("isl", 0, false);
  row.traffic.osl = c.count("osl", 0, false);
  if (row.reason.empty() && row.traffic.isl < 1)
    c.refuse("isl is missing");
  if (row.reason.empty() && row.traffic.osl < 1)
    c.refuse("osl is missing");
  const std::string side = row.disaggregated ? "decode_" : "";
  row.engines = group_of(c, side, engine);
  const auto& l = row.engines.engine.layout;
  row.traffic.concurrency = c.count("concurrency", 0, true);
  if (row.traffic.concurrency < 1) {
    const int labelled = c.count(side + "attention_dp_size", 1, true);
    row.traffic.concurrency = 1.0 * c.count(side + "batch_size", 0, true) * labelled
                              * (row.disaggregated ? c.count("decode_num_workers", 1, true) : 1);
  }
  // `batch_size` is the share of one attention rank. A row that says there is one rank per engine had several engines then;
  // where the count of ranks is blank or 0 the label was not converted, and its batch says nothing.
  if (const int share = c.count("batch_size", 0, true);
      !row.disaggregated && l.dp == 1 && c.text("attention_dp_size") == "1" && share >= 1)
    row.engines.replicas = std::max(1, static_cast<int>(std::lround(row.traffic.concurrency / share)));
  if (row.reason.empty() && row.traffic.concurrency < 1)
    c.refuse("neither concurrency nor " + side + "batch_size says how many requests run");
  if (engine.model.heads > 0 && engine.model.heads % l.tp != 0)
    c.refuse(side + "tp_size: found " + std::to_string(l.tp) + ", accepted: a divisor of the model's "
             + std::to_string(engine.model.heads) + " heads");
  if (row.disaggregated) {
    row.prefill = group_of(c, "prefill_", engine);
    row.counts_known = !c.text("decode_num_workers").empty() && !c.text("prefill_num_workers").empty();
    row.prefill.replicas = c.count("prefill_num_workers", 1, true);
    row.engines.replicas = c.count("decode_num_workers", 1, true);
  }
  if (row.reason.empty())
    set_recipe(row, c);
  return row;
}

serving_estimate estimate_row(const benchmark_row& asked, const estimate_context& context) {
  auto row = asked;
  if (row.may_speculate)
    row.engines.tokens_per_step = context.parameters->unlabelled_tokens;
  auto traffic = row.traffic;
  if (row.through_frontend)
    traffic.front_s = context.parameters->benchmark_front_s;
  const double waves = row.waves > 0 ? row.waves : context.parameters->benchmark_waves;
  traffic.requests = std::max(1.0, std::round(waves * traffic.concurrency));
  if (row.disaggregated && !row.counts_known)
    return estimate_unknown_counts(row, traffic, context);
  return row.disaggregated ? estimate_disaggregated(row.prefill, row.engines, traffic, context)
                           : estimate_aggregated(row.engines, traffic, context);
}

} // namespace sextant::performance
