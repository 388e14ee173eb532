// planner.cpp: Conversations first, then the times at which they begin.
#include "actors/load/traffic/planner.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "actors/load/traffic/arrivals.hpp"
#include "actors/load/traffic/random.hpp"

namespace sextant::load {

namespace {

/// Closed loops by time are planned for a server that answers this fast; a faster one gets a shorter run, and a remark.
constexpr double shortest_answer_s = 0.002;
constexpr int64_t most_by_time = 400'000;

int64_t ns(double seconds) {
  return std::llround(seconds * 1e9);
}

/// Makes conversations one after another; warm-up and measurement take from the same series.
class conversation_series {
public:
  conversation_series(const load_options& options, uint64_t seed, const dataset& data)
      : options_{options}, seed_{seed}, data_{data}, synthetic_{data.sessions.empty()},
        rows_{synthetic_ ? static_cast<uint64_t>(options.entries) : data.sessions.size()} {}

  uint64_t rows() const { return rows_; }
  bool synthetic() const { return synthetic_; }

  /// Row of the `number`-th conversation.
  uint64_t row(uint64_t number) {
    auto strategy = sampling_strategy::sequential;
    if (!synthetic_)
      strategy = options_.sampling.value_or(data_.format == dataset_format::random_pool ? sampling_strategy::random
                                                                                        : sampling_strategy::sequential);
    if (strategy == sampling_strategy::random)
      return random_source{seed_, random_stream::sampling, number}.below(rows_);
    if (strategy == sampling_strategy::shuffle)
      return shuffled(number);
    return number % rows_;
  }

  /// The requests of a conversation, apart from index, phase and times.
  std::vector<planned_request> make(uint64_t number, uint32_t session) {
    const uint64_t key = row(number);
    std::vector<planned_request> out = synthetic_ ? made_up(key) : of_data(key);
    for (auto& request : out) {
      request.session = session;
      if (options_.prefix_prompts > 0 && request.turn == 0) {
        random_source random{seed_, random_stream::prefix_choice, key};
        const bool hit = random.uniform() < options_.prefix_hit_ratio;
        // Beyond the pool: a prefix that no other session has.
        request.prefix = hit ? 1 + static_cast<uint32_t>(random.below(static_cast<uint64_t>(options_.prefix_prompts)))
                             : static_cast<uint32_t>(1 + options_.prefix_prompts) + session;
        request.prefix_tokens = options_.prefix_length;
      }
    }
    return out;
  }

private:
  uint64_t shuffled(uint64_t number) {
    const uint64_t epoch = number / rows_;
    if (order_.size() != rows_ || epoch != epoch_) {
      order_.resize(rows_);
      std::iota(order_.begin(), order_.end(), 0U);
      random_source random{seed_, random_stream::sampling, epoch};
      for (uint64_t i = rows_; i > 1; --i)
        std::swap(order_[i - 1], order_[random.below(i)]);
      epoch_ = epoch;
    }
    return order_[number % rows_];
  }

  const length_part& part_of(uint64_t key) const {
    double at = random_source{seed_, random_stream::length_part, key}.uniform() * 100;
    for (const auto& part : options_.lengths)
      if ((at -= part.percent) < 0)
        return part;
    return options_.lengths.back();
  }

  int64_t capped_delay(double ms) const {
    double seconds = ms / 1e3 * options_.delay_ratio / options_.speedup;
    if (options_.delay_cap_s >= 0)
      seconds = std::min(seconds, options_.delay_cap_s);
    return ns(std::max(0.0, seconds));
  }

  std::vector<planned_request> made_up(uint64_t row) const {
    random_source turns{seed_, random_stream::turns, row};
    const int count =
        std::max(1, static_cast<int>(std::lround(options_.turns_mean + options_.turns_stddev * turns.normal())));
    std::vector<planned_request> out(static_cast<size_t>(count));
    for (int turn = 0; turn < count; ++turn) {
      auto& request = out[static_cast<size_t>(turn)];
      const uint64_t key = row << turn_bits | static_cast<uint64_t>(turn);
      const auto& part = part_of(key);
      request.turn = static_cast<uint32_t>(turn);
      request.prompt = key;
      request.isl =
          draw_length(part.isl, options_.range_ratio, seed_, static_cast<uint32_t>(random_stream::input_length), key);
      request.osl =
          draw_length(part.osl, options_.range_ratio, seed_, static_cast<uint32_t>(random_stream::output_length), key);
      if (turn > 0 && options_.turn_delay_mean_ms > 0) {
        random_source delay{seed_, random_stream::turn_delay, key};
        request.delay_ns = capped_delay(options_.turn_delay_mean_ms + options_.turn_delay_stddev_ms * delay.normal());
      }
    }
    return out;
  }

  std::vector<planned_request> of_data(uint64_t row) const {
    const auto& session = data_.sessions[row];
    std::vector<planned_request> out(session.turns.size());
    for (size_t turn = 0; turn < out.size(); ++turn) {
      const auto& from = session.turns[turn];
      auto& request = out[turn];
      const uint64_t key = row << turn_bits | turn;
      request.turn = static_cast<uint32_t>(turn);
      request.prompt = key;
      request.isl = from.isl;
      request.osl = from.osl;
      if (request.osl == 0)
        request.osl = draw_length(part_of(key).osl, options_.range_ratio, seed_,
                                  static_cast<uint32_t>(random_stream::output_length), key);
      if (turn > 0 && from.delay_ms >= 0 && !options_.ignore_delays)
        request.delay_ns = capped_delay(from.delay_ms);
      request.block_hashes = from.hash_ids;
    }
    return out;
  }

  const load_options& options_;
  const uint64_t seed_;
  const dataset& data_;
  const bool synthetic_;
  const uint64_t rows_;
  std::vector<uint32_t> order_;
  uint64_t epoch_ = ~uint64_t{0};
};

/// Puts phases together.
class planner {
public:
  planner(const load_options& options, uint64_t seed, const dataset& data, const std::vector<rate_point>& series)
      : options_{options}, seed_{seed}, data_{data}, series_{series}, source_{options, seed, data} {
    plan_.fixed = keeps_timestamps(options, data);
  }

  traffic_plan make(std::vector<document_error>& errors) {
    auto& schedule = plan_.schedule;
    schedule.seed = seed_;
    schedule.block_tokens = data_.block_tokens;
    if (options_.has_warmup)
      phase(traffic_phase::warmup, options_.warmup, {});
    warmup_requests_ = schedule.requests.size();
    if (plan_.fixed)
      at_timestamps(errors);
    else if (options_.user_rate > 0)
      by_users();
    else
      phase(traffic_phase::profiling, options_.profiling, series_);
    limits();
    put_in_order();
    cancellations();
    return std::move(plan_);
  }

private:
  arrival_law law_of(const phase_options& load, const std::vector<rate_point>& series) const {
    // Conversations of several turns begin rarer, so that requests come at the rate.
    const double turns = source_.synthetic() ? options_.turns_mean : mean_turns();
    arrival_law law{load.pattern, load.rate / turns, load.smoothness, load.rate_ramp_s, series};
    for (auto& point : law.series)
      point.rate /= turns;
    return law;
  }

  double mean_turns() const {
    size_t turns = 0;
    for (const auto& session : data_.sessions)
      turns += session.turns.size();
    return static_cast<double>(turns) / static_cast<double>(data_.sessions.size());
  }

  /// Requests that a phase sends; 0 with sessions or open-loop times.
  int64_t wanted_requests(const phase_options& load, bool open) {
    if (load.requests > 0)
      return load.requests;
    if (load.sessions > 0)
      return 0;
    if (load.duration_s > 0 && !open) {
      const double most = load.concurrency * load.duration_s / shortest_answer_s;
      return std::clamp<int64_t>(static_cast<int64_t>(most), 1000, most_by_time);
    }
    return 0;
  }

  void phase(traffic_phase which, const phase_options& load, const std::vector<rate_point>& series) {
    const bool open = load.rate > 0 || !series.empty();
    int64_t requests = wanted_requests(load, open);
    uint64_t sessions = static_cast<uint64_t>(load.sessions);
    if (requests == 0 && sessions == 0 && load.duration_s == 0)
      sessions = source_.rows(); // a data set once
    std::vector<int64_t> times;
    if (open) {
      const uint64_t most = sessions > 0 ? sessions : requests > 0 ? static_cast<uint64_t>(requests) : 100'000'000;
      times = arrival_times(law_of(load, series), seed_, static_cast<uint64_t>(which), most, load.duration_s);
      sessions = sessions > 0 ? std::min<uint64_t>(sessions, times.size()) : times.size();
    }
    auto& out = plan_.schedule.requests;
    const size_t before = out.size();
    for (uint64_t i = 0; sessions == 0 || i < sessions; ++i) {
      if (requests > 0 && out.size() - before >= static_cast<size_t>(requests))
        break;
      for (auto& request : source_.make(number_++, session_++)) {
        if (requests > 0 && out.size() - before >= static_cast<size_t>(requests))
          break;
        request.phase = which;
        request.intended_ns = open && request.turn == 0 ? times[i] : -1;
        out.push_back(std::move(request));
      }
    }
  }

  /// Each user keeps a gap of users / rate between turns and begins a new conversation after the last one.
  void by_users() {
    const auto& load = options_.profiling;
    const double gap_s = options_.users / options_.user_rate;
    int64_t requests = wanted_requests(load, true);
    int64_t sessions = load.sessions;
    if (requests == 0 && sessions == 0 && load.duration_s == 0)
      requests = std::max(10, 2 * options_.users);
    struct user_state {
      int64_t turn = 0;
      std::vector<planned_request> left;
    };
    std::vector<user_state> users(static_cast<size_t>(options_.users));
    auto& out = plan_.schedule.requests;
    const size_t before = out.size();
    int64_t begun = 0;
    for (bool more = true; more;) {
      more = false;
      for (size_t u = 0; u < users.size(); ++u) {
        auto& user = users[u];
        if (user.left.empty()) {
          if (sessions > 0 && begun == sessions)
            continue;
          ++begun;
          user.left = source_.make(number_++, session_++);
          std::reverse(user.left.begin(), user.left.end());
        }
        const double at_s = static_cast<double>(u) / options_.user_rate + static_cast<double>(user.turn) * gap_s;
        if ((load.duration_s > 0 && at_s >= load.duration_s)
            || (requests > 0 && out.size() - before >= static_cast<size_t>(requests)))
          continue;
        auto request = std::move(user.left.back());
        user.left.pop_back();
        ++user.turn;
        request.intended_ns = ns(at_s);
        out.push_back(std::move(request));
        more = true;
      }
    }
  }

  /// At the data set's own times, within the offsets.
  void at_timestamps(std::vector<document_error>& errors) {
    std::vector<uint64_t> rows;
    double first = -1;
    for (uint64_t row = 0; row < data_.sessions.size(); ++row) {
      const double at = data_.sessions[row].turns.front().timestamp_ms;
      if (at < static_cast<double>(options_.start_offset_ms)
          || (options_.end_offset_ms >= 0 && at > static_cast<double>(options_.end_offset_ms)))
        continue;
      rows.push_back(row);
      first = first < 0 ? at : std::min(first, at);
    }
    if (rows.empty()) {
      errors.push_back({options_.input_file, 0, 0, "timestamp", "no row between the offsets",
                        "rows between --fixed-schedule-start-offset and --fixed-schedule-end-offset", ""});
      return;
    }
    std::stable_sort(rows.begin(), rows.end(), [&](uint64_t a, uint64_t b) {
      return data_.sessions[a].turns.front().timestamp_ms < data_.sessions[b].turns.front().timestamp_ms;
    });
    // Without a start the first row is it: a pause of the length of an epoch is nobody's wish.
    const double zero =
        options_.start_offset_ms >= 0 && !options_.auto_offset ? static_cast<double>(options_.start_offset_ms) : first;
    double cut_ms = 0, before = -1;
    int64_t requests = options_.profiling.requests;
    for (const auto row : rows) {
      const double at = data_.sessions[row].turns.front().timestamp_ms - zero;
      if (options_.idle_gap_cap_s > 0 && before >= 0)
        cut_ms += std::max(0.0, at - before - options_.idle_gap_cap_s * 1e3);
      before = at;
      number_ = row;
      for (auto& request : source_.make(row, session_++)) {
        if (requests > 0 && plan_.schedule.requests.size() - warmup_requests_ >= static_cast<size_t>(requests))
          return;
        const auto& turn = data_.sessions[row].turns[request.turn];
        const double ms = request.turn == 0 ? at : turn.timestamp_ms >= 0 ? turn.timestamp_ms - zero : -1;
        request.intended_ns = ms >= 0 ? ns((ms - cut_ms) / 1e3 / options_.speedup) : -1;
        plan_.schedule.requests.push_back(std::move(request));
      }
    }
  }

  void limits() {
    auto& out = plan_.schedule;
    const auto& load = options_.profiling;
    out.concurrency = load.concurrency;
    out.prefill_concurrency = load.prefill_concurrency;
    out.warmup_concurrency = options_.warmup.concurrency;
    out.warmup_prefill_concurrency = options_.warmup.prefill_concurrency;
    out.concurrency_ramp_ns = ns(load.concurrency_ramp_s);
    out.prefill_ramp_ns = ns(load.prefill_ramp_s);
    out.warmup_ramp_ns = ns(options_.warmup.concurrency_ramp_s);
    out.duration_ns = ns(load.duration_s);
    out.grace_ns = load.duration_s > 0 ? ns(std::max(0.0, load.grace_s)) : 0;
    if (options_.has_warmup && options_.warmup.duration_s > 0) {
      out.warmup_duration_ns = ns(options_.warmup.duration_s);
      out.warmup_grace_ns = options_.warmup.grace_s < 0 ? -1 : ns(options_.warmup.grace_s);
    }
  }

  /// Warm-up first; then by time, requests without one where they were made; indices follow the order. Turns of a session
  /// stay in order, because a turn is never intended before the one that it follows.
  void put_in_order() {
    auto& requests = plan_.schedule.requests;
    int64_t known = 0;
    std::vector<int64_t> order_time(requests.size());
    for (size_t i = 0; i < requests.size(); ++i) {
      if (i == warmup_requests_ || i == 0 || requests[i].session != requests[i - 1].session)
        known = 0;
      known = std::max(known, requests[i].intended_ns);
      order_time[i] = known;
    }
    std::vector<uint32_t> order(requests.size());
    std::iota(order.begin(), order.end(), 0U);
    std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
      const bool second_a = a >= warmup_requests_, second_b = b >= warmup_requests_;
      return second_a != second_b ? second_b : order_time[a] < order_time[b];
    });
    std::vector<planned_request> out;
    out.reserve(requests.size());
    for (const auto i : order) {
      requests[i].index = static_cast<uint32_t>(out.size());
      out.push_back(std::move(requests[i]));
    }
    requests = std::move(out);
  }

  void cancellations() {
    if (options_.cancel_percent <= 0)
      return;
    for (auto& request : plan_.schedule.requests)
      if (request.phase == traffic_phase::profiling
          && random_source{seed_, random_stream::cancellation, request.index}.uniform() * 100 < options_.cancel_percent)
        request.cancel_after_ns = ns(options_.cancel_delay_s);
  }

  const load_options& options_;
  const uint64_t seed_;
  const dataset& data_;
  const std::vector<rate_point>& series_;
  conversation_series source_;
  traffic_plan plan_;
  uint64_t number_ = 0;  ///< of the next conversation
  uint32_t session_ = 0; ///< of the next one that is sent
  size_t warmup_requests_ = 0;
};

} // namespace

bool keeps_timestamps(const load_options& options, const dataset& data) {
  if (!data.has_timestamps || options.no_fixed_schedule)
    return false;
  const bool paced = options.profiling.rate > 0 || options.user_rate > 0 || !options.rate_series_file.empty();
  return options.fixed_schedule || !paced;
}

int draw_length(const length_law& law, double range_ratio, uint64_t seed, uint32_t stream, uint64_t index) {
  if (law.mean <= 0)
    return 0;
  random_source random{seed, static_cast<random_stream>(stream), index};
  if (range_ratio > 0) {
    const auto low = std::max<int64_t>(1, static_cast<int64_t>(std::ceil(law.mean * (1 - range_ratio))));
    const auto high = std::max(low, static_cast<int64_t>(std::floor(law.mean * (1 + range_ratio))));
    return static_cast<int>(low + static_cast<int64_t>(random.below(static_cast<uint64_t>(high - low + 1))));
  }
  if (law.stddev <= 0)
    return std::max(1, static_cast<int>(std::lround(law.mean)));
  for (int attempt = 0; attempt < 1000; ++attempt)
    if (const double value = law.mean + law.stddev * random.normal(); value >= 0.5)
      return static_cast<int>(std::lround(value));
  return 1;
}

traffic_plan plan_traffic(const load_options& options, uint64_t seed, const dataset& data,
                          const std::vector<rate_point>& series, std::vector<document_error>& errors) {
  if (options.fixed_schedule && !data.has_timestamps) {
    errors.push_back({options.input_file, 0, 0, "timestamp", "rows without a timestamp",
                      "a timestamp in every row, with --fixed-schedule", ""});
    return {};
  }
  return planner{options, seed, data, series}.make(errors);
}

} // namespace sextant::load
