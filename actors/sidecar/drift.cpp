#include "actors/sidecar/drift.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "messages/special_functions.hpp"

namespace sextant::sidecar {

namespace {

constexpr double least_requests = 3; ///< of a window, for its mean TTFT to be compared
constexpr double least_tokens = 50;  ///< the same for ITL
constexpr double noise_floor = 1e-6; ///< variance of a log ratio below which windows count as equal

/// Sums of a series, for means and squares of any part of it.
class part_sums {
public:
  explicit part_sums(const std::vector<drift_sample>& samples) : sum_(1, 0), square_(1, 0) {
    for (const auto& s : samples) {
      sum_.push_back(sum_.back() + s.log_ratio);
      square_.push_back(square_.back() + s.log_ratio * s.log_ratio);
    }
  }
  double mean(size_t from, size_t to) const { return (sum_[to] - sum_[from]) / static_cast<double>(to - from); }
  /// Squares around the mean.
  double scatter(size_t from, size_t to) const {
    const double m = mean(from, to), n = static_cast<double>(to - from);
    return std::max(square_[to] - square_[from] - n * m * m, n * noise_floor);
  }

private:
  std::vector<double> sum_, square_;
};

/// Where two means explain a part better than one; `to` if nowhere.
size_t change_in(const part_sums& sums, size_t from, size_t to) {
  const double n = static_cast<double>(to - from);
  size_t best = to;
  double least = sums.scatter(from, to);
  for (size_t at = from + least_windows; at + least_windows <= to; ++at)
    if (const double both = sums.scatter(from, at) + sums.scatter(at, to); both < least) {
      least = both;
      best = at;
    }
  // Two more parameters: the second mean and its place.
  return best != to && n * std::log(sums.scatter(from, to) / least) > 3 * std::log(n) ? best : to;
}

double neighbour_correlation(const std::vector<drift_sample>& samples, size_t from, double mean) {
  double product = 0, square = 0;
  for (size_t i = from; i < samples.size(); ++i) {
    const double d = samples[i].log_ratio - mean;
    square += d * d;
    if (i > from)
      product += d * (samples[i - 1].log_ratio - mean);
  }
  return square > 0 ? std::clamp(product / square, 0.0, 0.9) : 0;
}

std::string text_of(const curves_drifted& d) {
  char text[240];
  const char* what = d.curve == phase::prefill ? "TTFT" : "ITL";
  if (d.windows < static_cast<int>(least_windows))
    std::snprintf(text, sizeof text, "%s: %d comparable windows, too few to tell", what, d.windows);
  else
    std::snprintf(text, sizeof text, "%s is %.3f times the curve's [%.3f, %.3f] since %s (%d windows)%s", what, d.ratio,
                  d.low, d.high, d.since.c_str(), d.windows, d.drifted ? ": the curve does not hold" : "");
  return text;
}

} // namespace

drift_verdict judge_drift(const std::vector<drift_sample>& samples, double tolerance) {
  drift_verdict out;
  const part_sums sums{samples};
  const size_t end = samples.size();
  for (;;) {
    const auto cut = change_in(sums, out.first, end);
    if (cut == end)
      break;
    out.first = cut;
  }
  out.windows = end - out.first;
  if (out.windows == 0)
    return out;
  const double mean = sums.mean(out.first, end);
  out.ratio = std::exp(mean);
  if (out.windows < least_windows)
    return out;
  const double n = static_cast<double>(out.windows);
  const double r = neighbour_correlation(samples, out.first, mean);
  const double half =
      student_t_quantile(0.975, n - 1) * std::sqrt(sums.scatter(out.first, end) / (n - 1) / n * (1 + r) / (1 - r));
  out.low = std::exp(mean - half);
  out.high = std::exp(mean + half);
  out.drifted = out.low > 1 + tolerance || out.high < 1 / (1 + tolerance);
  return out;
}

void drift_watch::add(const serving_observed& window) {
  const bool ttft = curve_ == phase::prefill;
  const double observed = ttft ? window.ttft_ms : window.itl_ms;
  const double expected = ttft ? window.expected_ttft_ms : window.expected_itl_ms;
  if (ttft ? window.requests < least_requests : window.tokens < least_tokens)
    return;
  if (!(observed > 0) || !(expected > 0))
    return;
  samples_.push_back({window.at, std::log(observed / expected)});
  if (samples_.size() > longest)
    samples_.pop_front();
}

curves_drifted drift_watch::verdict() const {
  const auto judged = judge_drift({samples_.begin(), samples_.end()}, tolerance_);
  curves_drifted out;
  out.curve = curve_;
  out.ratio = judged.ratio;
  out.low = judged.low;
  out.high = judged.high;
  out.windows = static_cast<int>(judged.windows);
  out.drifted = judged.drifted;
  if (judged.windows > 0)
    out.since = samples_[judged.first].at;
  out.text = text_of(out);
  return out;
}

std::optional<curves_drifted> drift_watch::news() {
  auto now = verdict();
  if (now.windows < static_cast<int>(least_windows))
    return std::nullopt;
  const bool same = told_ && told_->drifted == now.drifted && now.ratio >= told_->low / (1 + tolerance_)
                    && now.ratio <= told_->high * (1 + tolerance_);
  if (same)
    return std::nullopt;
  told_ = now;
  return now;
}

} // namespace sextant::sidecar
