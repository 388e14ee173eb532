// table_timer.cpp: Resolves each op once, then answers from its surface.
#include "adapters/aic/table_timer.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cmath>
#include <map>
#include <mutex>

#include "adapters/aic/resolve.hpp"
#include "adapters/performance/roofline_timer.hpp"

namespace sextant::performance {

namespace {

/// Numbers and names that decide an op's time; ops that agree in them share an entry.
struct op_identity {
  op_kind kind;
  op_rows rows;
  bool qk_norm, gated;
  std::array<int64_t, 29> numbers;
  std::array<std::string_view, 6> names;
  bool operator==(const op_identity&) const = default;
};

op_identity identity_of(const op& x) {
  return {x.kind,
          x.rows,
          x.qk_norm,
          x.gated,
          {x.n,
           x.k,
           x.heads,
           x.kv_heads,
           x.head_dim,
           x.window,
           x.hidden,
           x.inter,
           x.topk,
           x.experts,
           x.moe_tp,
           x.moe_ep,
           x.dp,
           x.gpus,
           x.native_heads,
           x.q_lora,
           x.kv_lora,
           x.nope_dim,
           x.rope_dim,
           x.v_dim,
           x.o_lora,
           x.compress_ratio,
           x.index_heads,
           x.index_topk,
           x.streams,
           x.key_heads,
           x.state,
           x.groups,
           std::bit_cast<int64_t>(x.elements_per_token)},
          {x.name, x.table, x.quant, x.kv_quant, x.compute_quant, x.kernel}};
}

std::size_t hash_of(const op_identity& id) {
  uint64_t h = static_cast<uint64_t>(id.kind) * 4 + static_cast<uint64_t>(id.rows);
  const auto mix = [&h](uint64_t value) { h = std::rotl((h ^ value) * 0x9E3779B97F4A7C15ULL, 29); };
  for (auto i : {0, 1, 2, 3, 5, 13, 28})
    mix(static_cast<uint64_t>(id.numbers[static_cast<std::size_t>(i)]));
  for (const auto& name : id.names)
    mix(name.size()
        + (name.empty() ? 0U : static_cast<uint64_t>(name.front()) << 8 | static_cast<uint64_t>(name.back()) << 16));
  return h >> 16;
}

struct entry {
  op_identity id;
  std::optional<resolved_op> found; ///< nothing: formulas answer
  int source = -1;
};

/// What the tables know of the ops of one model on one GPU by one back end: found at the first question, kept for all
/// others.
class found_ops {
public:
  found_ops(const engine_spec& engine, std::shared_ptr<const packed_tables> tables)
      : engine_{engine}, tables_{std::move(tables)}, formulas_{make_roofline_timer(engine)} {
    has_system_ = std::any_of(tables_->tables().begin(), tables_->tables().end(),
                              [&](const auto& t) { return t.system == engine_.gpu.name; });
  }
  ~found_ops() {
    for (auto& slot : slots_)
      delete slot.load();
  }
  found_ops(const found_ops&) = delete;
  found_ops& operator=(const found_ops&) = delete;

  bool has_system() const { return has_system_; }
  /// Shapes of times where tables have gaps. Not the fitted formulas: what is found must not depend on any fit.
  const op_timer& formulas() const { return *formulas_; }

  /// The entry of an op. `own` keeps it where there is no room for it.
  const entry& of(const op& x, std::unique_ptr<const entry>& own) const {
    const auto id = identity_of(x);
    const auto first = hash_of(id);
    for (std::size_t i = 0; i < 64; ++i) {
      auto& slot = slots_[(first + i) % slots_.size()];
      const entry* e = slot.load(std::memory_order_acquire);
      if (!e) {
        auto made = make_entry(x, id);
        const entry* none = nullptr;
        if (slot.compare_exchange_strong(none, made.get(), std::memory_order_acq_rel))
          return *made.release();
        e = none; // another thread was faster; its entry may be of another op
      }
      if (e->id == id)
        return *e;
    }
    own = make_entry(x, id); // no model has this many kinds of ops
    return *own;
  }

  std::string source(int index) const {
    const std::lock_guard lock{mutex_};
    return static_cast<std::size_t>(index) < sources_.size() ? sources_[static_cast<std::size_t>(index)] : std::string{};
  }

private:
  std::unique_ptr<const entry> make_entry(const op& x, const op_identity& id) const {
    auto e = std::make_unique<entry>();
    e->id = id;
    e->found = resolve({engine_, *tables_, *formulas_}, x);
    if (e->found) {
      const std::lock_guard lock{mutex_};
      const auto known = std::find(sources_.begin(), sources_.end(), e->found->source);
      e->source = static_cast<int>(known - sources_.begin());
      if (known == sources_.end())
        sources_.push_back(e->found->source);
    }
    return e;
  }

  const engine_spec engine_;
  const std::shared_ptr<const packed_tables> tables_;
  const std::shared_ptr<const op_timer> formulas_;
  bool has_system_ = false;
  mutable std::array<std::atomic<const entry*>, 1024> slots_{};
  mutable std::mutex mutex_;
  mutable std::vector<std::string> sources_;
};

class table_timer final : public op_timer {
public:
  table_timer(const gpu_facts& gpu, std::shared_ptr<const found_ops> found, std::shared_ptr<const op_timer> fallback)
      : memory_bandwidth_{gpu.memory_bandwidth}, found_{std::move(found)}, fallback_{std::move(fallback)} {}

  op_time time(const op& x, const op_load& load) const override {
    if (!found_->has_system() || x.kind == op_kind::elementwise || x.kind == op_kind::embedding || x.kind == op_kind::p2p)
      return fallback_->time(x, load);
    std::unique_ptr<const entry> own;
    const entry& e = found_->of(x, own);
    if (!e.found)
      return fallback_->time(x, load);
    return {seconds(x, *e.found, load), time_tier::measured, e.source, e.found->error};
  }

  std::string source(int index) const override { return index < 0 ? fallback_->source(index) : found_->source(index); }

private:
  double seconds(const op& x, const resolved_op& found, const op_load& load) const;
  double prompt_seconds(const op& x, const resolved_op& found, const op_load& load) const;

  const double memory_bandwidth_;
  const std::shared_ptr<const found_ops> found_;
  const std::shared_ptr<const op_timer> fallback_;
};

double table_timer::prompt_seconds(const op& x, const resolved_op& found, const op_load& load) const {
  if (load.prefill_tokens <= 0)
    return 0;
  const double requests = std::max(1.0, load.prefill_requests);
  const double fresh = load.prefill_tokens / requests, cached = load.prefill_context / requests;
  double time = found.times.seconds(requests, fresh);
  if (cached > 0) {
    // Tables start from empty caches: of the whole prompt's time the share that its last tokens cause.
    auto whole = load;
    whole.prefill_tokens += std::exchange(whole.prefill_context, 0.0);
    whole.tokens = whole.prefill_tokens;
    const double share = found_->formulas().time(x, load).seconds / found_->formulas().time(x, whole).seconds;
    time = std::max(time, found.times.seconds(requests, fresh + cached) * std::min(1.0, share));
  }
  if (x.kind == op_kind::context_attention) {
    // Rotary embedding, the write to the cache and the norm of queries and keys read and write every token; the tables
    // hold attention alone.
    const double bytes = load.prefill_tokens * (x.heads + 2.0 * x.kv_heads) * x.head_dim * 2 * (x.qk_norm ? 4 : 2);
    time += bytes / (memory_bandwidth_ * 0.8);
  }
  return time;
}

double table_timer::seconds(const op& x, const resolved_op& found, const op_load& load) const {
  switch (found.sizes) {
    case surface_sizes::rows: {
      const double rows = x.last_token_only ? load.sequences : load.tokens;
      return rows > 0 ? found.times.seconds(1, rows) : 0;
    }
    case surface_sizes::elements: {
      const double elements = load.tokens * x.elements_per_token;
      return elements > 0 && x.gpus > 1 ? found.times.seconds(1, elements) : 0;
    }
    case surface_sizes::expert_rows:
      return load.tokens > 0 ? found.times.seconds(1, load.tokens * std::max(1, x.dp)) : 0;
    case surface_sizes::prompts:
      return prompt_seconds(x, found, load);
    case surface_sizes::decodes:
      return load.decode_requests > 0 ? found.times.seconds(load.decode_requests, std::max(1.0, load.decode_context)) : 0;
    case surface_sizes::decode_requests:
      return load.decode_requests > 0 ? found.times.seconds(1, load.decode_requests) : 0;
  }
  return 0;
}

} // namespace

std::shared_ptr<const op_timer> make_table_timer(const engine_spec& engine, std::shared_ptr<const packed_tables> tables,
                                                 std::shared_ptr<const op_timer> fallback) {
  if (!tables)
    return fallback;
  return std::make_shared<table_timer>(engine.gpu, std::make_shared<const found_ops>(engine, std::move(tables)),
                                       std::move(fallback));
}

namespace {

/// One `found_ops` for every model, GPU, back end and version that was asked for.
class table_library {
public:
  explicit table_library(std::shared_ptr<const packed_tables> tables) : tables_{std::move(tables)} {}

  std::shared_ptr<const found_ops> of(const engine_spec& engine) {
    const std::array<std::string, 4> key{engine.model.name, engine.gpu.name, std::string{to_text(engine.backend)},
                                         engine.version};
    const std::lock_guard lock{mutex_};
    auto& known = known_[key];
    if (!known)
      known = std::make_shared<const found_ops>(engine, tables_);
    return known;
  }

private:
  const std::shared_ptr<const packed_tables> tables_;
  std::mutex mutex_;
  std::map<std::array<std::string, 4>, std::shared_ptr<const found_ops>> known_;
};

} // namespace

timer_factory make_table_timers(std::shared_ptr<const packed_tables> tables) {
  if (!tables)
    return {};
  auto library = std::make_shared<table_library>(std::move(tables));
  return [library](const engine_spec& engine, std::shared_ptr<const op_timer> fallback) -> std::shared_ptr<const op_timer> {
    return std::make_shared<table_timer>(engine.gpu, library->of(engine), std::move(fallback));
  };
}

} // namespace sextant::performance
