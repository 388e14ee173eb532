#include "adapters/performance/benchmark_run.hpp"

#include <algorithm>
#include <cmath>
#include <queue>
#include <vector>

namespace sextant::performance {

namespace {

/// Uniform in [0, 1) from a counter: the same request has the same length in every run of a seed.
double uniform(uint64_t seed, uint64_t stream, uint64_t index) {
  uint64_t z = seed + stream * 0x9E3779B97F4A7C15ULL + (index + 1) * 0xD1B54A32D192ED03ULL;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  z ^= z >> 31;
  return static_cast<double>(z >> 11) * 0x1.0p-53;
}

struct request_run {
  double arrival = 0, first_token = 0, end = 0; ///< s
  double prompt = 0, output = 0;                ///< tokens; the cached prefix is not in `prompt`
};

/// A decoding request and the count of decode steps at which it is done.
struct finish {
  double at_step = 0;
  int request = 0;
  bool operator<(const finish& other) const {
    return at_step != other.at_step ? at_step > other.at_step : request > other.request;
  }
};

class player {
public:
  player(const step_costs& costs, const scheduling_policy& policy, const rank_traffic& traffic, int requests)
      : costs_{costs}, policy_{policy}, traffic_{traffic}, requests_(static_cast<std::size_t>(requests)) {
    double at = 0;
    for (int i = 0; i < requests; ++i) {
      auto& r = requests_[static_cast<std::size_t>(i)];
      const auto drawn = [&](uint64_t stream, double longest) {
        const double share =
            traffic_.shortest + (1 - traffic_.shortest) * uniform(traffic_.seed, stream, static_cast<uint64_t>(i));
        return std::max(1.0, std::round(longest * share));
      };
      r.prompt = std::max(1.0, drawn(1, traffic_.isl) - traffic_.prefix);
      const double drift = traffic_.drift * (2 * uniform(traffic_.seed, 4, static_cast<uint64_t>(i)) - 1);
      r.output = std::max(1.0, std::round(drawn(2, traffic_.osl) * (1 + drift)));
      if (traffic_.rate_per_s > 0)
        r.arrival = at += -std::log1p(-uniform(traffic_.seed, 3, static_cast<uint64_t>(i))) / traffic_.rate_per_s;
    }
    issued_ =
        traffic_.rate_per_s > 0 ? 0 : std::min(requests, static_cast<int>(std::lround(std::max(1.0, traffic_.clients))));
  }

  /// Runs until every request is answered.
  void run() {
    const int all = static_cast<int>(requests_.size());
    while (done_ < all) {
      arrive();
      if (!prompt_step())
        decode_steps();
      retire();
    }
  }

  std::vector<request_run>& requests() { return requests_; }
  double now() const { return now_; }
  double steps() const { return steps_; }
  double running_time() const { return running_time_; }

private:
  bool open() const { return traffic_.rate_per_s > 0; }
  request_run& at(int i) { return requests_[static_cast<std::size_t>(i)]; }
  double reserved(const request_run& r) const { return r.prompt + traffic_.prefix + policy_.reserved_output * r.output; }
  double context(const request_run& r) const { return r.prompt + traffic_.prefix; }

  void arrive() {
    if (!open())
      return;
    const int all = static_cast<int>(requests_.size());
    if (running_ == 0 && next_ >= issued_ && issued_ < all)
      now_ = std::max(now_, at(issued_).arrival);
    while (issued_ < all && at(issued_).arrival <= now_)
      ++issued_;
  }

  void pass(double seconds, double steps) {
    running_time_ += seconds * running_;
    now_ += seconds;
    steps_ += steps;
  }

  /// One step with prompt tokens, if there are any that fit.
  bool prompt_step() {
    step_work work;
    const double room = policy_.step_tokens - (policy_.mixed_steps ? running_ : 0);
    const int first = next_;
    double finished = 0;
    while (next_ < issued_ && running_ + finished < policy_.most_running
           && (work.prompt_tokens < room || work.prompt_tokens == 0)) {
      auto& r = at(next_);
      // A request that starts alone is served however long it is.
      if (chunk_done_ == 0 && used_ + reserved(r) > policy_.kv_tokens && running_ + finished > 0)
        break;
      const double rest = r.prompt - chunk_done_;
      const double free = std::max(policy_.chunked && work.prompt_tokens == 0 ? 1.0 : 0.0, room - work.prompt_tokens);
      if (rest > free && !policy_.chunked && work.prompt_tokens > 0)
        break;
      const double taken = policy_.chunked ? std::min(rest, free) : rest;
      if (chunk_done_ == 0)
        used_ += reserved(r);
      work.prompt_tokens += taken;
      work.prompt_requests += 1;
      work.prompt_context += taken * (traffic_.prefix + chunk_done_);
      chunk_done_ += taken;
      if (chunk_done_ < r.prompt)
        break;
      chunk_done_ = 0;
      ++next_;
      finished += 1;
    }
    if (work.prompt_tokens <= 0)
      return false;
    if (policy_.mixed_steps) {
      work.decode_requests = running_;
      work.decode_context = context_;
    }
    pass(costs_(work), 1);
    if (policy_.mixed_steps && running_ > 0) {
      decode_step_ += 1;
      context_ += running_;
    }
    for (int i = first; i < next_; ++i)
      start_decoding(i);
    return true;
  }

  void start_decoding(int i) {
    auto& r = at(i);
    r.first_token = now_;
    finishing_.push({decode_step_ + r.output - 1, i});
    running_ += 1;
    context_ += context(r) + 1;
  }

  /// Steps without prompt tokens until the next request is done or, in an open loop, the next one arrives.
  void decode_steps() {
    if (running_ == 0)
      return;
    double steps = std::max(1.0, finishing_.top().at_step - decode_step_);
    const auto seconds_of = [&](double n) { return n * costs_({0, 0, 0, running_, context_ + running_ * (n - 1) / 2}); };
    double seconds = seconds_of(steps);
    if (open() && issued_ < static_cast<int>(requests_.size()) && now_ + seconds > at(issued_).arrival
        && running_ < policy_.most_running) {
      steps = std::clamp(std::ceil((at(issued_).arrival - now_) / seconds * steps), 1.0, steps);
      seconds = seconds_of(steps);
    }
    pass(seconds, steps);
    decode_step_ += steps;
    context_ += running_ * steps;
  }

  void retire() {
    const int all = static_cast<int>(requests_.size());
    while (!finishing_.empty() && finishing_.top().at_step <= decode_step_ + 1e-9) {
      auto& r = at(finishing_.top().request);
      finishing_.pop();
      r.end = now_;
      running_ -= 1;
      context_ = std::max(0.0, context_ - context(r) - r.output);
      used_ -= reserved(r);
      ++done_;
      if (!open() && issued_ < all)
        at(issued_++).arrival = now_;
    }
  }

  const step_costs& costs_;
  const scheduling_policy& policy_;
  const rank_traffic& traffic_;
  std::vector<request_run> requests_;
  std::priority_queue<finish> finishing_;
  int issued_ = 0, next_ = 0, done_ = 0; ///< requests sent, first one whose prompt is not done, answered
  double chunk_done_ = 0;                ///< tokens of the prompt of `next_` that are done
  double now_ = 0, decode_step_ = 0, running_ = 0, context_ = 0, used_ = 0;
  double steps_ = 0, running_time_ = 0;
};

double percentile(std::vector<double>& values, double share) {
  if (values.empty())
    return 0;
  const auto rank = static_cast<std::size_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(rank), values.end());
  return values[rank];
}

} // namespace

run_outcome play(const step_costs& costs, const scheduling_policy& policy, const rank_traffic& traffic,
                 double request_limit) {
  const double wave = traffic.rate_per_s > 0 ? 0 : std::max(1.0, std::round(traffic.clients));
  const double wanted = std::max({1.0, wave, std::round(traffic.requests)});
  // A wave of requests starts together; the rest of a long run is like the waves that follow it.
  const double played = std::min(wanted, std::max(request_limit, 2 * wave));
  player run{costs, policy, traffic, static_cast<int>(played)};
  run.run();
  run_outcome out;
  std::vector<double> ttft, tpot;
  const double rest = played > wave && wave > 0 ? (wanted - wave) / (played - wave) : wanted / played;
  double weights = 0, tpot_weights = 0;
  for (std::size_t i = 0; i < run.requests().size(); ++i) {
    const auto& r = run.requests()[i];
    const double weight = static_cast<double>(i) < wave ? 1 : rest;
    const double first = r.first_token - r.arrival;
    out.ttft_s += weight * first;
    out.latency_s += weight * (r.end - r.arrival);
    out.output_tokens += weight * r.output;
    weights += weight;
    ttft.push_back(first);
    if (r.output > 1) {
      const double each = (r.end - r.first_token) / (r.output - 1);
      out.tpot_s += weight * each;
      tpot_weights += weight;
      tpot.push_back(each);
    }
  }
  out.ttft_s /= weights;
  out.latency_s /= weights;
  out.tpot_s = tpot_weights > 0 ? out.tpot_s / tpot_weights : 0;
  out.ttft_p50_s = percentile(ttft, 0.5);
  out.ttft_p99_s = percentile(ttft, 0.99);
  out.tpot_p50_s = percentile(tpot, 0.5);
  out.tpot_p99_s = percentile(tpot, 0.99);
  out.duration_s = run.now() * wanted / played;
  out.steps = run.steps() * wanted / played;
  out.mean_running = run.now() > 0 ? run.running_time() / run.now() : 0;
  return out;
}

} // namespace sextant::performance
