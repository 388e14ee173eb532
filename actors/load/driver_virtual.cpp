// driver_virtual.cpp: Traffic in virtual time: the simulated engine and its clients on one clock, without sockets.
#include <algorithm>
#include <cmath>
#include <ctime>
#include <list>
#include <mutex>

#include "actors/load/driver_traffic.hpp"
#include "adapters/simulation/engine_core.hpp"
#include "adapters/simulation/prompts.hpp"

namespace sextant::load {

namespace {

constexpr size_t kept_engines = 64;
constexpr int idle_steps_at_most = 1'000'000; ///< without a token; more means that the simulated engine is stuck

int64_t wall_ns() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<int64_t>(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
}

/// A virtual engine with its own clock. One measurement at a time.
struct kept_engine {
  std::string key;
  std::mutex busy;
  std::unique_ptr<engine_core> core;
  double now_s = 0;
  uint64_t next_request = 1;
};

/// Engines of this process, most recently used first: their prefix caches live from point to point, as a real engine's do.
std::shared_ptr<kept_engine> engine_of(const std::string& request, const measure_point& work, std::string& error) {
  static std::mutex guard;
  static std::list<std::shared_ptr<kept_engine>> engines;
  const auto key = request + '\n' + work.engine + '\n' + std::to_string(work.engine_attempt) + '\n' + work.endpoint;
  const std::lock_guard lock(guard);
  auto i = std::find_if(engines.begin(), engines.end(), [&](const auto& e) { return e->key == key; });
  if (i == engines.end()) {
    auto fresh = std::make_shared<kept_engine>();
    fresh->key = key;
    fresh->core = engine_from_endpoint(work.endpoint, error);
    if (!fresh->core)
      return nullptr;
    engines.push_front(std::move(fresh));
    if (engines.size() > kept_engines)
      engines.pop_back();
    return engines.front();
  }
  engines.splice(engines.begin(), engines, i);
  return engines.front();
}

class virtual_traffic final : public engine_traffic {
public:
  virtual_traffic(const measure_point& work, std::shared_ptr<kept_engine> engine, const std::atomic<bool>& cancelled)
      : work_(work), engine_(std::move(engine)), lock_(engine_->busy), cancelled_(cancelled), begin_s_(engine_->now_s) {}

  std::optional<failure> play(const std::vector<traffic_request>& requests, int concurrency, pass what,
                              std::vector<request_record>& records) override;
  wave_verdict judge_wave(double) override { return wave_verdict::good; }

  int64_t began_unix_ns() const override { return began_unix_ns_; }
  int64_t engine_ns() const override { return since_begin(engine_->now_s); }
  int64_t traffic_ns() const override { return traffic_ns_; }
  double speed() const override { return 0; }
  std::string clock() const override { return "virtual"; }

private:
  int64_t since_begin(double at_s) const { return std::llround((at_s - begin_s_) * 1e9); }
  std::optional<failure> run(const std::vector<traffic_request>& requests, size_t concurrency, request_record* records);
  bool submit(const traffic_request& what, request_record& record);
  void forget(size_t from, size_t to);

  const measure_point work_;
  std::shared_ptr<kept_engine> engine_;
  std::unique_lock<std::mutex> lock_;
  const std::atomic<bool>& cancelled_;
  const double begin_s_;
  int64_t traffic_ns_ = 0;
  int64_t began_unix_ns_ = 0;
  uint64_t first_id_ = 0;
};

std::optional<failure> virtual_traffic::play(const std::vector<traffic_request>& requests, int concurrency, pass,
                                             std::vector<request_record>& records) {
  const auto before = records.size();
  const int64_t begin = wall_ns();
  began_unix_ns_ = unix_ns();
  records.resize(before + requests.size());
  if (auto error = run(requests, static_cast<size_t>(std::max(1, concurrency)), records.data() + before))
    return error;
  traffic_ns_ += wall_ns() - begin;
  std::vector<request_fault_class> faults;
  std::string first_error;
  for (size_t i = before; i < records.size(); ++i) {
    faults.push_back(records[i].error.empty() ? request_fault_class::none : request_fault_class::client_error);
    if (first_error.empty())
      first_error = records[i].error;
  }
  return judge(faults, first_error);
}

/// Hands a request to the engine now; false if the engine can never run it.
bool virtual_traffic::submit(const traffic_request& what, request_record& record) {
  sim_request r;
  r.id = first_id_ + what.index;
  r.prompt_tokens = what.isl;
  r.block_hashes = virtual_block_hashes(work_.plan.prompt_seed, what.prompt, what.isl);
  r.max_tokens = what.osl;
  r.rank = static_cast<int>(what.index) % std::max(1, work_.plan.attention_dp);
  record.index = what.index;
  record.intended_ns = record.sent_ns = since_begin(engine_->now_s);
  record.input_tokens = static_cast<uint32_t>(what.isl);
  record.token_ns.reserve(static_cast<size_t>(what.osl));
  record.error = engine_->core->submit(std::move(r), engine_->now_s);
  return record.error.empty();
}

void virtual_traffic::forget(size_t from, size_t to) {
  for (size_t i = from; i < to; ++i)
    engine_->core->cancel(first_id_ + i);
}

std::optional<failure> virtual_traffic::run(const std::vector<traffic_request>& requests, size_t concurrency,
                                            request_record* records) {
  first_id_ = engine_->next_request;
  engine_->next_request += requests.size();
  size_t started = 0, running = 0;
  int idle_steps = 0;
  std::vector<sim_token> tokens;
  const auto fill = [&] {
    for (; running < concurrency && started < requests.size(); ++started)
      running += submit(requests[started], records[started]);
  };
  fill();
  while (running > 0) {
    const bool stuck = !engine_->core->busy() || ++idle_steps > idle_steps_at_most;
    if (stuck || cancelled_) {
      forget(0, started);
      return cancelled_
                 ? cancelled_failure()
                 : failure{failure_class::permanent, failure_cause::internal, "the simulated engine makes no progress", {}};
    }
    tokens.clear();
    engine_->now_s = engine_->core->step(engine_->now_s, tokens);
    for (const auto& token : tokens) {
      const auto i = token.request - first_id_;
      if (i >= requests.size())
        continue; // of a measurement that was taken back
      auto& record = records[i];
      record.token_ns.push_back(since_begin(engine_->now_s));
      if (token.index == 0)
        record.cached_tokens = static_cast<uint32_t>(token.cached_tokens);
      if (token.last) {
        record.usage_tokens = static_cast<uint32_t>(record.token_ns.size());
        --running;
      }
    }
    if (!tokens.empty())
      idle_steps = 0;
    fill();
  }
  return std::nullopt;
}

} // namespace

std::unique_ptr<engine_traffic> make_virtual_traffic(const std::string& request, const measure_point& work,
                                                     const std::atomic<bool>& cancelled, failure& error) {
  std::string why;
  auto engine = engine_of(request, work, why);
  if (!engine) {
    error = {failure_class::permanent, failure_cause::unsupported, "virtual engine: " + why, {}};
    return nullptr;
  }
  return std::make_unique<virtual_traffic>(work, std::move(engine), cancelled);
}

} // namespace sextant::load
