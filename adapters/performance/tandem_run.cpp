// tandem_run.cpp: The run over two pools. Decode ranks are alike: one of them, with its share of the requests, stands for
// all.
#include <algorithm>
#include <cmath>
#include <deque>
#include <functional>
#include <queue>
#include <utility>
#include <vector>

#include "adapters/performance/benchmark_run.hpp"

namespace sextant::performance {

namespace {

struct tandem_request {
  double arrival = 0, first_token = 0, end = 0;
};

using timed = std::pair<double, int>; ///< when, and which request or server
using earliest = std::priority_queue<timed, std::vector<timed>, std::greater<>>;

class tandem {
public:
  tandem(const step_costs& prefill, const step_costs& decode, const scheduling_policy& policy, const tandem_traffic& t,
         int requests)
      : decode_{decode}, policy_{policy}, t_{t}, requests_(static_cast<std::size_t>(requests)) {
    const double mean = (1 + t.rank.shortest) / 2;
    prompt_ = std::max(1.0, t.rank.isl * mean - t.rank.prefix);
    output_ = std::max(1.0, t.rank.osl * mean);
    prompt_s_ = prefill({prompt_, 1, prompt_ * t.rank.prefix, 0, 0});
    for (int i = 0; i < std::max(1, static_cast<int>(t.prefill_servers)); ++i)
      free_.push({0, i});
    const int first = std::min(requests, static_cast<int>(std::max(1.0, t.rank.clients)));
    for (int i = 0; i < first; ++i)
      send(0);
  }

  void run() {
    while (done_ < static_cast<int>(requests_.size())) {
      admit();
      const double joins = waiting_room_ ? never : handed_.empty() ? never : handed_.top().first;
      const double per_step = running_ > 0 ? step_seconds() : 0;
      const double ends = running_ > 0 ? now_ + std::max(0.0, finishing_.top().first - step_) * per_step : never;
      const double next = std::min(joins, ends);
      if (running_ > 0) {
        const double steps = ends <= joins ? finishing_.top().first - step_ : (next - now_) / per_step;
        step_ += std::max(0.0, steps);
        busy_ += running_ * (next - now_);
      }
      now_ = std::max(now_, next);
      while (running_ > 0 && finishing_.top().first <= step_ + 1e-9)
        finish();
    }
  }

  const std::vector<tandem_request>& requests() const { return requests_; }
  double now() const { return now_; }
  double mean_running() const { return now_ > 0 ? busy_ / now_ : 0; }
  double output() const { return output_; }

private:
  static constexpr double never = 1e300;

  double step_seconds() const {
    const double each = running_ / t_.decode_servers;
    return decode_({0, 0, 0, std::max(1.0, each), std::max(1.0, each) * (prompt_ + t_.rank.prefix + output_ / 2)});
  }

  /// A client sends: the request takes the prefill rank that is free first.
  void send(double at) {
    const int i = sent_++;
    requests_[static_cast<std::size_t>(i)].arrival = at;
    auto [free_at, server] = free_.top();
    free_.pop();
    const double end = std::max(at, free_at) + prompt_s_;
    free_.push({end, server});
    handed_.push({end + t_.transfer_s + t_.transfer_s_per_token * prompt_, i});
  }

  void admit() {
    waiting_room_ = false;
    const double held = prompt_ + t_.rank.prefix + policy_.reserved_output * output_;
    const double most = std::min(policy_.most_running, std::floor(policy_.kv_tokens / held)) * t_.decode_servers;
    while (!handed_.empty() && handed_.top().first <= now_) {
      if (running_ >= std::max(1.0, most)) {
        waiting_room_ = true;
        return;
      }
      const int i = handed_.top().second;
      handed_.pop();
      running_ += 1;
      requests_[static_cast<std::size_t>(i)].first_token = now_;
      finishing_.push({step_ + output_ * spread(i) - 1, i});
    }
  }

  /// Lengths of outputs differ: a fixed sequence that fills the range evenly (golden ratio).
  double spread(int i) const {
    double whole = 0;
    const double u = std::modf(0.5 + i * 0.6180339887498949, &whole);
    const double least = 2 * t_.rank.shortest / (1 + t_.rank.shortest);
    return least + (2 - 2 * least) * u;
  }

  void finish() {
    const int i = finishing_.top().second;
    finishing_.pop();
    running_ -= 1;
    ++done_;
    requests_[static_cast<std::size_t>(i)].end = now_;
    if (sent_ < static_cast<int>(requests_.size()))
      send(now_);
  }

  const step_costs& decode_;
  const scheduling_policy& policy_;
  const tandem_traffic& t_;
  std::vector<tandem_request> requests_;
  earliest free_, handed_, finishing_;
  double prompt_ = 1, output_ = 1, prompt_s_ = 0;
  double now_ = 0, step_ = 0, running_ = 0, busy_ = 0;
  bool waiting_room_ = false;
  int sent_ = 0, done_ = 0;
};

} // namespace

run_outcome play_tandem(const step_costs& prefill, const scheduling_policy&, const step_costs& decode,
                        const scheduling_policy& decode_policy, const tandem_traffic& traffic, double request_limit) {
  const double wave = std::max(1.0, std::round(traffic.rank.clients));
  const double wanted = std::max(wave, std::round(traffic.rank.requests));
  const double played = std::min(wanted, std::max(request_limit, 2 * wave));
  tandem run{prefill, decode, decode_policy, traffic, static_cast<int>(played)};
  run.run();
  run_outcome out;
  std::vector<double> ttft;
  double weights = 0;
  const double rest = played > wave ? (wanted - wave) / (played - wave) : 1;
  for (std::size_t i = 0; i < run.requests().size(); ++i) {
    const auto& r = run.requests()[i];
    const double weight = static_cast<double>(i) < wave ? 1 : rest;
    out.ttft_s += weight * (r.first_token - r.arrival);
    out.latency_s += weight * (r.end - r.arrival);
    out.tpot_s += weight * (r.end - r.first_token) / std::max(1.0, run.output() - 1);
    weights += weight;
    ttft.push_back(r.first_token - r.arrival);
  }
  out.ttft_s /= weights;
  out.latency_s /= weights;
  out.tpot_s /= weights;
  std::sort(ttft.begin(), ttft.end());
  out.ttft_p50_s = ttft[ttft.size() / 2];
  out.ttft_p99_s = ttft[static_cast<std::size_t>(0.99 * static_cast<double>(ttft.size() - 1))];
  out.tpot_p50_s = out.tpot_p99_s = out.tpot_s;
  out.output_tokens = weights * run.output();
  out.duration_s = run.now() * wanted / played;
  out.mean_running = run.mean_running();
  return out;
}

} // namespace sextant::performance
