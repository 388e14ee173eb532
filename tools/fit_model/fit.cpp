#include "tools/fit_model/fit.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <map>
#include <thread>

namespace sextant::performance {

namespace {

constexpr double ttft_weight = 0.4;
constexpr double inlier = 0.15;              ///< residuals beyond this count less and less
constexpr std::size_t most_of_one_kind = 30; ///< runs of a combination that a fit looks at

timer_factory timers;

double number(std::string_view cell) {
  return cell.empty() ? 0 : std::strtod(std::string{cell}.c_str(), nullptr);
}

struct residuals {
  std::vector<double> r, w; ///< two per run, and the weight of each
};

residuals residuals_of(const std::vector<const measured_run*>& runs, const std::vector<double>& weights,
                       const constants& x) {
  const auto estimates = predict(runs, x);
  residuals out;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const auto& e = estimates[i];
    const double a = e.ok ? std::log(e.ttft_ms.value / runs[i]->ttft_ms) : 0;
    const double b = e.ok && runs[i]->tpot_ms > 0 ? std::log(e.tpot_ms.value / runs[i]->tpot_ms) : 0;
    for (const double r : {a * ttft_weight / inlier, b / inlier}) {
      out.r.push_back(r);
      out.w.push_back(weights[i] / std::sqrt(1 + r * r)); // pseudo-Huber
    }
  }
  return out;
}

/// Solves A x = b for a symmetric positive matrix, in place (Cholesky).
std::vector<double> solve(std::vector<std::vector<double>> a, std::vector<double> b) {
  const std::size_t n = b.size();
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = a[i][j];
      for (std::size_t k = 0; k < j; ++k)
        sum -= a[i][k] * a[j][k];
      a[i][j] = i == j ? std::sqrt(std::max(1e-12, sum)) : sum / a[j][j];
    }
    for (std::size_t k = 0; k < i; ++k)
      b[i] -= a[i][k] * b[k];
    b[i] /= a[i][i];
  }
  for (std::size_t i = n; i-- > 0;) {
    for (std::size_t k = i + 1; k < n; ++k)
      b[i] -= a[k][i] * b[k];
    b[i] /= a[i][i];
  }
  return b;
}

double loss(const residuals& r, const std::vector<double>& weights, const constants& x, const constants& prior) {
  double sum = 0;
  for (std::size_t i = 0; i < r.r.size(); ++i)
    sum += weights[i / 2] * 2 * (std::sqrt(1 + r.r[i] * r.r[i]) - 1);
  const auto& all = fitted_constants();
  for (std::size_t i = 0; i < x.size(); ++i)
    sum += std::pow((x[i] - prior[i]) / all[i].spread, 2);
  return sum;
}

} // namespace

void use_timers(timer_factory tables) {
  timers = std::move(tables);
}

void in_parallel(std::size_t count, const std::function<void(std::size_t)>& work) {
  std::atomic<std::size_t> next{0};
  std::vector<std::jthread> threads;
  for (unsigned t = 0; t < std::max(1U, std::thread::hardware_concurrency()); ++t)
    threads.emplace_back([&] {
      for (std::size_t i = next++; i < count; i = next++)
        work(i);
    });
}

std::vector<measured_run> measured_runs(const csv_table& table) {
  std::vector<measured_run> runs;
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    measured_run m;
    m.run = read_benchmark_row(table, i);
    const auto cell = [&](const char* name) { return std::string{table.cell(i, name)}; };
    m.backend = cell("backend");
    m.combination = cell("model_path") + " " + cell("system") + " " + m.backend;
    m.group = m.combination + " " + cell("isl") + " " + cell("osl");
    m.image = cell("image");
    m.clean = cell("clean_subset") == "1";
    m.duplicate = cell("exact_duplicate") == "1";
    m.ttft_ms = number(cell("silicon_ttft_ms"));
    m.tpot_ms = number(cell("silicon_tpot_ms"));
    m.aic_ttft_ms = number(cell("aic_ttft_ms"));
    m.aic_tpot_ms = number(cell("aic_tpot_ms"));
    runs.push_back(std::move(m));
  }
  return runs;
}

constants prior_constants() {
  constants x;
  for (const auto& c : fitted_constants())
    x.push_back(std::log(c.prior));
  return x;
}

constants committed_constants() {
  constants x;
  for (const auto& c : fitted_constants())
    x.push_back(std::log(c.value));
  return x;
}

std::vector<serving_estimate> predict(const std::vector<const measured_run*>& runs, const constants& x) {
  std::vector<double> values;
  for (const double v : x)
    values.push_back(std::exp(v));
  const auto parameters = parameters_from(values);
  std::vector<serving_estimate> out(runs.size());
  in_parallel(runs.size(), [&](std::size_t i) {
    if (runs[i]->run.reason.empty())
      out[i] = estimate_row(runs[i]->run, {timers, &parameters});
  });
  return out;
}

constants fit_disaggregated(const std::vector<const measured_run*>& all, constants x) {
  std::vector<const measured_run*> runs;
  for (const auto* run : all)
    if (run->run.disaggregated && run->tpot_ms > 0)
      runs.push_back(run);
  const auto index = [](std::string_view name) {
    const auto& c = fitted_constants();
    return static_cast<std::size_t>(std::find_if(c.begin(), c.end(), [&](const auto& one) { return one.name == name; })
                                    - c.begin());
  };
  const auto middle = [](std::vector<double> v) {
    std::sort(v.begin(), v.end());
    return v.empty() ? 0.0 : v[v.size() / 2];
  };
  for (int round = 0; round < 6; ++round) {
    const auto estimates = predict(runs, x);
    std::vector<double> ttft, tpot;
    for (std::size_t i = 0; i < runs.size(); ++i)
      if (estimates[i].ok) {
        ttft.push_back(std::log(runs[i]->ttft_ms / estimates[i].ttft_ms.value));
        if (runs[i]->run.may_speculate)
          tpot.push_back(std::log(estimates[i].tpot_ms.value / runs[i]->tpot_ms));
      }
    auto& tokens = x[index("disagg.unlabelled_tokens")];
    tokens = std::max(0.0, tokens + middle(tpot));
    auto& scale = x[index("disagg.hand_over_scale")];
    scale = std::clamp(scale + middle(ttft), 0.0, 1.1);
  }
  return x;
}

constants fit(const std::vector<const measured_run*>& all, constants x, int rounds) {
  std::map<std::string, std::vector<const measured_run*>> kinds;
  for (const auto* run : all)
    kinds[run->combination].push_back(run);
  std::vector<const measured_run*> runs;
  std::vector<double> weights;
  for (const auto& [name, members] : kinds) {
    const std::size_t taken = std::min(most_of_one_kind, members.size());
    for (std::size_t i = 0; i < taken; ++i) {
      runs.push_back(members[i * members.size() / taken]);
      weights.push_back(std::pow(static_cast<double>(taken), -0.25));
    }
  }
  const double mean = [&] {
    double sum = 0;
    for (const double w : weights)
      sum += w;
    return sum / static_cast<double>(weights.size());
  }();
  for (auto& w : weights)
    w /= mean;
  const auto prior = prior_constants();
  const auto& constants_ = fitted_constants();
  auto now = residuals_of(runs, weights, x);
  double best = loss(now, weights, x, prior), damping = 0.3;
  for (int round = 0; round < rounds; ++round) {
    constexpr double step = 0.02;
    std::vector<std::vector<double>> slopes(x.size());
    for (std::size_t p = 0; p < x.size(); ++p) {
      auto moved = x;
      moved[p] += step;
      slopes[p] = residuals_of(runs, weights, moved).r;
      for (std::size_t i = 0; i < slopes[p].size(); ++i)
        slopes[p][i] = (slopes[p][i] - now.r[i]) / step;
    }
    std::vector<std::vector<double>> a(x.size(), std::vector<double>(x.size()));
    std::vector<double> b(x.size());
    for (std::size_t p = 0; p < x.size(); ++p) {
      const double stiff = 1 / std::pow(constants_[p].spread, 2);
      b[p] = (prior[p] - x[p]) * stiff;
      for (std::size_t i = 0; i < now.r.size(); ++i)
        b[p] -= now.w[i] * slopes[p][i] * now.r[i];
      for (std::size_t q = 0; q <= p; ++q) {
        double sum = p == q ? stiff : 0;
        for (std::size_t i = 0; i < now.r.size(); ++i)
          sum += now.w[i] * slopes[p][i] * slopes[q][i];
        a[p][q] = a[q][p] = sum;
      }
    }
    for (int attempt = 0; attempt < 4; ++attempt) {
      auto damped = a;
      for (std::size_t p = 0; p < x.size(); ++p)
        damped[p][p] *= 1 + damping;
      const auto move = solve(damped, b);
      auto moved = x;
      for (std::size_t p = 0; p < x.size(); ++p)
        moved[p] += std::clamp(move[p], -0.7, 0.7);
      const auto then = residuals_of(runs, weights, moved);
      if (const double l = loss(then, weights, moved, prior); l < best) {
        x = moved;
        now = then;
        best = l;
        damping *= 0.3;
        break;
      }
      damping *= 4;
    }
  }
  return x;
}

} // namespace sextant::performance
