// mocked_engine.cpp: Grids of predicted times.
#include "adapters/local/mocked_engine.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <vector>

#include "adapters/npz/npz.hpp"

namespace sextant::local {

namespace {

constexpr int default_block = 64; ///< tokens of a mocker's KV block
constexpr int lengths = 80, usages = 96, contexts = 64;
constexpr double shortest = 16; ///< tokens; the mocker goes on below in a straight line

/// `count` whole numbers from `low` to `high` in equal ratios, without repeats: the mocker's answer is linear in between.
std::vector<double> geometric(double low, double high, int count) {
  std::vector<double> values;
  for (int i = 0; i < count; ++i) {
    const double value = std::round(low * std::pow(std::max(high / low, 1.0), static_cast<double>(i) / (count - 1)));
    if (values.empty() || value > values.back())
      values.push_back(value);
  }
  return values;
}

/// ITL at a batch that is no whole number: between its neighbours.
double itl_ms(const step_model& model, const mapping& layout, double batch, double context) {
  const int ranks = layout.attention_data_parallel();
  const double low = std::max(1.0, std::floor(batch));
  const double share = std::max(0.0, batch - low);
  const double below = predicted_itl_ms(model, layout, static_cast<int>(low) * ranks, context);
  if (share == 0)
    return below;
  return below + share * (predicted_itl_ms(model, layout, (static_cast<int>(low) + 1) * ranks, context) - below);
}

int block_size(const service_process& process) {
  int size = default_block;
  if (const auto text = process.value("--block-size"))
    std::from_chars(text->data(), text->data() + text->size(), size);
  return std::max(1, size);
}

} // namespace

std::string mocker_timing(const engine_shape& shape, int max_context, int64_t kv_tokens) {
  const auto model = make_step_model(shape);
  const double longest = std::max(max_context, 1024);
  auto isl = geometric(shortest, longest, lengths);
  isl.insert(isl.begin(), 1);
  std::vector<double> ttft;
  for (const double tokens : isl)
    ttft.push_back(predicted_ttft_ms(*model, shape.layout, static_cast<int>(tokens)));
  const auto kv = geometric(shortest, std::max<double>(static_cast<double>(kv_tokens), longest), usages);
  const auto context = geometric(shortest, longest, contexts);
  std::vector<double> itl;
  for (const double used : kv)
    for (const double length : context)
      itl.push_back(itl_ms(*model, shape.layout, used / length, length));
  npz_writer npz;
  npz.add("prefill_isl", isl);
  npz.add("prefill_ttft_ms", ttft);
  npz.add("decode_active_kv_tokens", kv);
  npz.add("decode_context_length", context);
  npz.add_table("decode_itl", itl, kv.size());
  return npz.bytes();
}

std::string complete_mocker(service_process& process, const engine_shape& shape, int max_context,
                            const std::string& timing_path) {
  const int ranks = shape.layout.attention_data_parallel();
  const auto kv_tokens = plan_memory(shape, std::max(1, max_context)).kv_tokens / ranks;
  if (!process.has("--num-gpu-blocks-override"))
    process.set("--num-gpu-blocks-override", std::to_string(std::max<int64_t>(1, kv_tokens / block_size(process))));
  if (!process.has("--max-model-len") && max_context > 0)
    process.set("--max-model-len", std::to_string(max_context));
  for (const auto* own : {"--planner-profile-data", "--ais-perf-model", "--aic-perf-model", "--extra-engine-args"})
    if (process.has(own))
      return {};
  process.set("--planner-profile-data", timing_path);
  return mocker_timing(shape, max_context, kv_tokens);
}

} // namespace sextant::local
