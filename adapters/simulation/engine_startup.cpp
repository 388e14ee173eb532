// engine_startup.cpp: Start-up lines of vLLM, SGLang and TensorRT-LLM with the capacity where log readers look for it.
#include "adapters/simulation/engine_startup.hpp"

#include <algorithm>
#include <cstdarg>
#include <cstdio>

namespace sextant {

namespace {

constexpr double gib = 1024.0 * 1024 * 1024;
constexpr double load_bytes_per_second = 2.5e9; ///< of one GPU's share, from a local disk or a warm page cache

[[gnu::format(printf, 1, 2)]] std::string format(const char* pattern, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, pattern);
  std::vsnprintf(text, sizeof text, pattern, arguments);
  va_end(arguments);
  return text;
}

std::string with_commas(int64_t number) {
  auto text = std::to_string(number);
  for (auto at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3)
    text.insert(static_cast<size_t>(at), ",");
  return text;
}

struct story_numbers {
  double weights_gib, kv_gib, load_s;
  int64_t rank_tokens, engine_tokens;
  int max_context;
};

void tell_vllm(startup_story& story, const engine_shape& shape, const story_numbers& n) {
  story.loading = {
      format("INFO [core.py] Initializing a V1 LLM engine with config: model='%s', tensor_parallel_size=%d, "
             "data_parallel_size=%d",
             shape.model.name.c_str(), shape.layout.tensor_parallel(), shape.layout.attention_data_parallel()),
      format("INFO [gpu_model_runner.py] Starting to load model %s...", shape.model.name.c_str()),
      format("INFO [default_loader.py] Loading weights took %.2f seconds", n.load_s),
      format("INFO [gpu_model_runner.py] Model loading took %.4f GiB and %.6f seconds", n.weights_gib, n.load_s)};
  story.ending = {format("INFO [gpu_worker.py] Available KV cache memory: %.2f GiB", n.kv_gib),
                  format("INFO [kv_cache_utils.py] GPU KV cache size: %s tokens", with_commas(n.rank_tokens).c_str()),
                  format("INFO [kv_cache_utils.py] Maximum concurrency for %s tokens per request: %.2fx",
                         with_commas(n.max_context).c_str(), static_cast<double>(n.rank_tokens) / n.max_context),
                  "INFO [core.py] init engine (profile, create kv cache, warmup model) finished"};
}

void tell_sglang(startup_story& story, const engine_shape& shape, const story_numbers& n) {
  story.loading = {format("server_args=ServerArgs(model_path='%s', tp_size=%d, dp_size=%d, ep_size=%d)",
                          shape.model.name.c_str(), shape.layout.gpus, shape.layout.attention_data_parallel(),
                          shape.layout.expert_parallel()),
                   "Load weight begin.",
                   format("Load weight end. type=%s, mem usage=%.2f GB.", shape.model.architecture.c_str(), n.weights_gib)};
  story.ending = {format("KV Cache is allocated. #tokens: %lld, K size: %.2f GB, V size: %.2f GB",
                         static_cast<long long>(n.rank_tokens), n.kv_gib / 2, n.kv_gib / 2),
                  format("max_total_num_tokens=%lld, context_len=%d", static_cast<long long>(n.rank_tokens), n.max_context),
                  "The server is fired up and ready to roll!"};
}

/// TensorRT-LLM allocates twice, first a small pool to measure its activations; only the last line counts. Readers take
/// its number for the whole engine.
void tell_trtllm(startup_story& story, const engine_shape& shape, const story_numbers& n) {
  story.loading = {format("[TRT-LLM] [I] Loading %s over %d ranks", shape.model.name.c_str(), shape.layout.gpus),
                   format("[TRT-LLM] [I] Model init total -- %.2fs", n.load_s),
                   "[TensorRT-LLM][INFO] [MemUsageChange] Allocated 1.00 GiB for max tokens in paged KV cache (8192)."};
  story.ending = {format("[TensorRT-LLM][INFO] [MemUsageChange] Allocated %.2f GiB for max tokens in paged KV cache (%lld).",
                         n.kv_gib, static_cast<long long>(n.engine_tokens)),
                  "[TRT-LLM] [I] Executor is ready"};
}

std::vector<std::string> tell_failure(backend_kind backend, const memory_plan& plan) {
  switch (backend) {
    case backend_kind::sglang:
      return {"Scheduler hit an exception: RuntimeError: Not enough memory. Please try to increase --mem-fraction-static.",
              plan.reason};
    case backend_kind::trtllm:
      return {"[TRT-LLM] [E] CUDA out of memory while initializing the executor", plan.reason};
    case backend_kind::vllm:
      break;
  }
  return {"ERROR [core.py] EngineCore failed to start.", "torch.OutOfMemoryError: CUDA out of memory.", plan.reason};
}

} // namespace

startup_story tell_startup(const engine_shape& shape, const memory_plan& plan, int max_context) {
  startup_story story;
  const int ranks = std::max(1, shape.layout.attention_data_parallel());
  story_numbers n{};
  n.weights_gib = plan.weight_bytes / gib;
  n.load_s = plan.weight_bytes / load_bytes_per_second;
  n.engine_tokens = plan.kv_tokens;
  n.rank_tokens = plan.kv_tokens / ranks;
  n.kv_gib = static_cast<double>(n.rank_tokens) * plan.kv_bytes_per_token / gib;
  n.max_context = std::max(1, max_context);
  double fixed_s = 0; // processes, communicators, compilation and graph capture
  switch (shape.backend) {
    case backend_kind::vllm:
      fixed_s = 28;
      tell_vllm(story, shape, n);
      break;
    case backend_kind::sglang:
      fixed_s = 22;
      tell_sglang(story, shape, n);
      break;
    case backend_kind::trtllm:
      fixed_s = 34;
      tell_trtllm(story, shape, n);
      break;
  }
  story.seconds = fixed_s + n.load_s + 0.5 * shape.layout.gpus;
  if (!plan.fits) {
    story.seconds = 10 + n.load_s / 2;
    story.loading.resize(std::min<size_t>(2, story.loading.size()));
    story.ending = tell_failure(shape.backend, plan);
  }
  return story;
}

} // namespace sextant
