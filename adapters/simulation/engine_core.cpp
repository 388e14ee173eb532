// engine_core.cpp: The scheduler of a simulated engine. Every attention rank has its own queue, batch and block pool; all
// ranks step together, so the busiest one sets the time. Running sequences go first, then the queue in order of arrival;
// a sequence that finds no block pushes the youngest running one back to the queue, which later computes its tokens again.
#include "adapters/simulation/engine_core.hpp"

#include <algorithm>
#include <cmath>
#include <deque>

#include "adapters/simulation/kv_cache.hpp"

namespace sextant {

namespace {

constexpr int prefill_batched_tokens = 32768; ///< tokens per step that a prefill engine is configured for

/// SplitMix64: one word of state, good enough for step noise, equal on every machine.
uint64_t next_random(uint64_t& state) {
  uint64_t x = state += 0x9e3779b97f4a7c15ull;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

uint64_t chain_hash(uint64_t chain, uint64_t value) {
  uint64_t state = chain ^ (value * 0xd6e8feb86659fd93ull);
  return next_random(state);
}

struct sequence {
  uint64_t id = 0;
  double arrival_s = 0;
  int prompt_tokens = 0;
  int max_tokens = 1;
  int generated = 0;
  int computed = 0;      ///< tokens whose keys and values are in the cache
  int scheduled = 0;     ///< tokens of the current step
  int named_blocks = 0;  ///< leading blocks whose content others can find
  int cached_tokens = 0; ///< prompt tokens found in the cache at first admission
  bool admitted = false;
  std::vector<uint64_t> hashes; ///< of full blocks, prompt first
  std::vector<kv_cache::block> blocks;

  int known() const { return prompt_tokens + generated; }
  bool decoding() const { return generated > 0 && known() - computed == 1; }
};

int blocks_for(int tokens) {
  return (tokens + kv_block_tokens - 1) / kv_block_tokens;
}

/// One attention rank: its queue, its batch, its blocks.
class attention_rank {
public:
  attention_rank(int64_t blocks, const engine_settings& settings) : cache_(blocks), settings_(&settings) {}

  kv_cache& cache() { return cache_; }
  const kv_cache& cache() const { return cache_; }
  int running() const { return static_cast<int>(running_.size()); }
  int waiting() const { return static_cast<int>(waiting_.size()); }
  bool busy() const { return !running_.empty() || !waiting_.empty(); }
  double next_arrival() const { return waiting_.empty() ? INFINITY : waiting_.front().arrival_s; }

  void enqueue(sequence s) { waiting_.push_back(std::move(s)); }
  bool cancel(uint64_t id);
  /// Chooses the work of the step that begins at `now_s`.
  step_batch schedule(double now_s);
  /// Ends the step: tokens appear, full blocks become findable, finished sequences leave.
  void finish_step(std::vector<sim_token>& tokens);

private:
  bool grow(sequence& s, int tokens);
  void drop(sequence& s);
  bool make_room(size_t& index, int tokens);
  void adopt_cached(sequence& s);
  void name_full_blocks(sequence& s);
  static void count(step_batch& batch, const sequence& s);

  kv_cache cache_;
  const engine_settings* settings_;
  std::vector<sequence> running_;
  std::deque<sequence> waiting_;
};

/// Takes the blocks that `tokens` cached tokens need; keeps what it has and says no when the pool is exhausted.
bool attention_rank::grow(sequence& s, int tokens) {
  const int missing = blocks_for(tokens) - static_cast<int>(s.blocks.size());
  if (missing > cache_.free())
    return false;
  for (int i = 0; i < missing; ++i)
    s.blocks.push_back(cache_.take());
  return true;
}

/// Gives all blocks back, the last first, so that the beginning of a prompt stays in the cache longest.
void attention_rank::drop(sequence& s) {
  for (auto b = s.blocks.rbegin(); b != s.blocks.rend(); ++b)
    cache_.release(*b);
  s.blocks.clear();
  s.computed = s.scheduled = s.named_blocks = 0;
}

bool attention_rank::cancel(uint64_t id) {
  const auto same = [id](const sequence& s) { return s.id == id; };
  if (auto at = std::find_if(running_.begin(), running_.end(), same); at != running_.end()) {
    drop(*at);
    running_.erase(at);
    return true;
  }
  if (auto at = std::find_if(waiting_.begin(), waiting_.end(), same); at != waiting_.end()) {
    waiting_.erase(at);
    return true;
  }
  return false;
}

/// Preempts the youngest sequences until `running_[index]` has room; false when that one had to go itself.
bool attention_rank::make_room(size_t& index, int tokens) {
  while (!grow(running_[index], tokens)) {
    auto victim = std::move(running_.back());
    running_.pop_back();
    drop(victim);
    waiting_.push_front(std::move(victim));
    if (index >= running_.size())
      return false;
  }
  return true;
}

/// Shares the longest known prefix. At least one token is computed, so the last block never counts as cached whole.
void attention_rank::adopt_cached(sequence& s) {
  if (!settings_->prefix_caching)
    return;
  const auto limit = static_cast<size_t>((s.known() - 1) / kv_block_tokens);
  for (size_t i = 0; i < std::min(limit, s.hashes.size()); ++i) {
    const auto b = cache_.find(s.hashes[i]);
    if (b == kv_cache::none)
      break;
    cache_.hold(b);
    s.blocks.push_back(b);
  }
  s.named_blocks = static_cast<int>(s.blocks.size());
  s.computed = s.named_blocks * kv_block_tokens;
}

void attention_rank::count(step_batch& batch, const sequence& s) {
  if (s.decoding()) {
    ++batch.decode_requests;
    batch.decode_context_tokens += s.computed + 1;
    return;
  }
  ++batch.prefill_requests;
  batch.prefill_tokens += s.scheduled;
  batch.prefill_context_tokens += s.computed;
  batch.prefill_pairs += static_cast<double>(s.scheduled) * (s.computed + (s.scheduled + 1) / 2.0);
}

step_batch attention_rank::schedule(double now_s) {
  step_batch batch;
  int budget = settings_->max_batched_tokens;
  const size_t before = waiting_.size();
  for (size_t i = 0; i < running_.size() && budget > 0; ++i) {
    const int tokens = std::min(running_[i].known() - running_[i].computed, budget);
    if (!make_room(i, running_[i].computed + tokens))
      break;
    running_[i].scheduled = tokens;
    budget -= tokens;
    count(batch, running_[i]);
  }
  if (waiting_.size() > before) // a step that preempts admits nobody: the blocks are needed
    return batch;
  while (!waiting_.empty() && budget > 0 && cache_.free() > 0 && running() < settings_->max_running
         && waiting_.front().arrival_s <= now_s) {
    auto& s = waiting_.front();
    adopt_cached(s);
    const int tokens = std::min(s.known() - s.computed, budget);
    if (!grow(s, s.computed + tokens)) {
      drop(s);
      break;
    }
    if (!s.admitted)
      s.cached_tokens = std::min(s.computed, s.prompt_tokens);
    s.admitted = true;
    s.scheduled = tokens;
    budget -= tokens;
    count(batch, s);
    running_.push_back(std::move(s));
    waiting_.pop_front();
  }
  return batch;
}

/// Makes computed blocks findable. What follows the prompt is known only to this sequence: it finds it again after a
/// preemption, and until then the blocks compete for the pool like any others.
void attention_rank::name_full_blocks(sequence& s) {
  const int full = s.computed / kv_block_tokens;
  while (s.named_blocks < full) {
    const auto i = static_cast<size_t>(s.named_blocks);
    if (i >= s.hashes.size())
      s.hashes.push_back(chain_hash(chain_hash(i > 0 ? s.hashes[i - 1] : 0, s.id), i));
    cache_.name(s.blocks[i], s.hashes[i]);
    ++s.named_blocks;
  }
}

void attention_rank::finish_step(std::vector<sim_token>& tokens) {
  bool any_finished = false;
  for (auto& s : running_) {
    if (s.scheduled == 0)
      continue;
    s.computed += s.scheduled;
    s.scheduled = 0;
    if (settings_->prefix_caching && s.computed / kv_block_tokens > s.named_blocks)
      name_full_blocks(s);
    if (s.computed < s.known())
      continue;
    const bool last = s.generated + 1 >= s.max_tokens;
    tokens.push_back({s.id, s.generated, last, s.cached_tokens});
    ++s.generated;
    any_finished |= last;
  }
  if (!any_finished)
    return;
  const auto done = [this](sequence& s) {
    if (s.generated < s.max_tokens)
      return false;
    drop(s);
    return true;
  };
  running_.erase(std::remove_if(running_.begin(), running_.end(), done), running_.end());
}

class simulated_engine final : public engine_core {
public:
  simulated_engine(const engine_shape& shape, std::shared_ptr<const step_model> model, const engine_settings& settings);

  std::string submit(sim_request request, double at_s) override;
  void cancel(uint64_t request) override;
  bool busy() const override;
  double step(double now_s, std::vector<sim_token>& tokens) override;
  int64_t kv_tokens() const override { return blocks_per_rank_ * kv_block_tokens * static_cast<int64_t>(ranks_.size()); }
  int64_t kv_tokens_used() const override;
  int running() const override;
  int waiting() const override;
  const engine_settings& settings() const override { return settings_; }

private:
  double noise_factor();

  engine_settings settings_;
  std::shared_ptr<const step_model> model_;
  std::vector<attention_rank> ranks_;
  int64_t blocks_per_rank_ = 0;
  size_t next_rank_ = 0;
  uint64_t random_ = 0;
  double spare_normal_ = 0;
  bool has_spare_ = false;
};

simulated_engine::simulated_engine(const engine_shape& shape, std::shared_ptr<const step_model> model,
                                   const engine_settings& settings)
    : settings_(settings), model_(std::move(model)), random_(settings.seed) {
  if (settings_.role == phase::prefill) {
    settings_.prefix_caching = false;
    settings_.max_running = 1;
    settings_.max_batched_tokens = prefill_batched_tokens;
  }
  if (settings_.max_context <= 0)
    settings_.max_context = shape.model.max_context;
  if (settings_.kv_tokens <= 0)
    settings_.kv_tokens = plan_memory(shape, 1).kv_tokens;
  const int dp = std::max(1, shape.layout.attention_data_parallel());
  blocks_per_rank_ = settings_.kv_tokens / dp / kv_block_tokens;
  ranks_.reserve(static_cast<size_t>(dp));
  for (int i = 0; i < dp; ++i)
    ranks_.emplace_back(blocks_per_rank_, settings_);
}

std::string simulated_engine::submit(sim_request request, double at_s) {
  if (request.prompt_tokens < 1 || request.max_tokens < 1)
    return "prompt and max_tokens must have at least one token";
  if (request.rank >= static_cast<int>(ranks_.size()))
    return "attention rank " + std::to_string(request.rank) + " of " + std::to_string(ranks_.size());
  const int64_t total = static_cast<int64_t>(request.prompt_tokens) + request.max_tokens;
  if (settings_.max_context > 0 && total > settings_.max_context)
    return std::to_string(request.prompt_tokens) + " prompt tokens + " + std::to_string(request.max_tokens)
           + " new tokens exceed the context of " + std::to_string(settings_.max_context);
  const int64_t rank_tokens = blocks_per_rank_ * kv_block_tokens; // the last token's keys are never computed
  if (total - 1 > rank_tokens)
    return std::to_string(total) + " tokens exceed the KV cache of " + std::to_string(rank_tokens) + " tokens";
  sequence s;
  s.id = request.id;
  s.arrival_s = at_s;
  s.prompt_tokens = request.prompt_tokens;
  s.max_tokens = request.max_tokens;
  s.hashes = std::move(request.block_hashes);
  s.hashes.resize(std::min(s.hashes.size(), static_cast<size_t>(s.prompt_tokens / kv_block_tokens)));
  size_t rank = static_cast<size_t>(std::max(0, request.rank));
  if (request.rank < 0)
    rank = next_rank_++ % ranks_.size();
  ranks_[rank].enqueue(std::move(s));
  return {};
}

void simulated_engine::cancel(uint64_t request) {
  for (auto& rank : ranks_)
    if (rank.cancel(request))
      return;
}

bool simulated_engine::busy() const {
  return std::any_of(ranks_.begin(), ranks_.end(), [](const auto& rank) { return rank.busy(); });
}

/// Log-normal with mean 1; Box and Muller give two normals at a time.
double simulated_engine::noise_factor() {
  if (settings_.noise <= 0)
    return 1;
  double normal = spare_normal_;
  if (!has_spare_) {
    const double u = (static_cast<double>(next_random(random_) >> 11) + 1) * 0x1p-53;
    const double v = static_cast<double>(next_random(random_) >> 11) * 0x1p-53;
    const double radius = std::sqrt(-2 * std::log(u));
    normal = radius * std::cos(2 * M_PI * v);
    spare_normal_ = radius * std::sin(2 * M_PI * v);
  }
  has_spare_ = !has_spare_;
  return std::exp(settings_.noise * normal - settings_.noise * settings_.noise / 2);
}

double simulated_engine::step(double now_s, std::vector<sim_token>& tokens) {
  double begin = now_s;
  if (running() == 0) { // nothing to do before the first arrival
    double first = INFINITY;
    for (const auto& rank : ranks_)
      first = std::min(first, rank.next_arrival());
    if (std::isfinite(first))
      begin = std::max(begin, first);
  }
  double seconds = 0;
  for (auto& rank : ranks_) {
    const auto batch = rank.schedule(begin);
    if (batch.prefill_tokens + batch.decode_requests > 0)
      seconds = std::max(seconds, model_->step_seconds(batch));
  }
  for (auto& rank : ranks_)
    rank.finish_step(tokens);
  // A step in which a rank only preempts still costs the scheduler its round.
  return begin + std::max(seconds, 1e-6) * noise_factor();
}

int64_t simulated_engine::kv_tokens_used() const {
  int64_t blocks = 0;
  for (const auto& rank : ranks_)
    blocks += rank.cache().held();
  return blocks * kv_block_tokens;
}

int simulated_engine::running() const {
  int sum = 0;
  for (const auto& rank : ranks_)
    sum += rank.running();
  return sum;
}

int simulated_engine::waiting() const {
  int sum = 0;
  for (const auto& rank : ranks_)
    sum += rank.waiting();
  return sum;
}

} // namespace

std::unique_ptr<engine_core> make_engine_core(const engine_shape& shape, std::shared_ptr<const step_model> model,
                                              const engine_settings& settings) {
  return std::make_unique<simulated_engine>(shape, std::move(model), settings);
}

} // namespace sextant
