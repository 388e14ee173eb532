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
constexpr std::size_t most_of_one_kind = 12; ///< runs of a combination that a fit looks at

timer_factory timers;

double number(std::string_view cell) {
  return cell.empty() ? 0 : std::strtod(std::string{cell}.c_str(), nullptr);
}

struct residuals {
  std::vector<double> r, w; ///< two per run, and the weight of each
};

residuals residuals_of(const std::vector<const measured_run*>& runs, const std::vector<double>& weights, const constants& x,
                       bool tables) {
  const auto estimates = predict(runs, x, tables);
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

std::vector<serving_estimate> predict(const std::vector<const measured_run*>& runs, const constants& x, bool tables) {
  std::vector<double> values;
  for (const double v : x)
    values.push_back(std::exp(v));
  const auto parameters = parameters_from(values);
  std::vector<serving_estimate> out(runs.size());
  in_parallel(runs.size(), [&](std::size_t i) {
    if (runs[i]->run.reason.empty())
      out[i] = estimate_row(runs[i]->run, {tables ? timers : timer_factory{}, &parameters});
  });
  return out;
}

constants fit_disaggregated(const std::vector<const measured_run*>& all, constants x, bool tables) {
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
    const auto estimates = predict(runs, x, tables);
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

namespace {

/// Runs that a fit looks at, the same share of every combination, and their weights.
struct fit_sample {
  std::vector<const measured_run*> runs;
  std::vector<double> weights; ///< 1 on average
};

fit_sample sample_of(const std::vector<const measured_run*>& all) {
  std::map<std::string, std::vector<const measured_run*>> kinds;
  for (const auto* run : all)
    kinds[run->combination].push_back(run);
  fit_sample sample;
  double sum = 0;
  for (const auto& [name, members] : kinds) {
    const std::size_t taken = std::min(most_of_one_kind, members.size());
    for (std::size_t i = 0; i < taken; ++i) {
      sample.runs.push_back(members[i * members.size() / taken]);
      // Rows that are not clean may speculate, or carry labels that had to be repaired.
      sample.weights.push_back(std::pow(static_cast<double>(taken), -0.25) * (sample.runs.back()->clean ? 1 : 0.3));
      sum += sample.weights.back();
    }
  }
  for (auto& w : sample.weights)
    w *= static_cast<double>(sample.runs.size()) / sum;
  return sample;
}

bool ends_with_any(std::string_view name, std::initializer_list<std::string_view> ends) {
  return std::any_of(ends.begin(), ends.end(), [&](auto end) { return name.ends_with(end); });
}

/// Constants that a stage moves.
std::vector<std::size_t> moved_by(fit_stage stage) {
  std::vector<std::size_t> moved;
  for (std::size_t i = 0; i < fitted_constants().size(); ++i) {
    const auto& name = fitted_constants()[i].name;
    const bool served = name.starts_with("tables.") || name == "benchmark.waves"
                        || ends_with_any(name, {".host_s", ".host_sequence_s", ".host_request_s", ".prompt_layer_s",
                                                ".mixed_scale", ".first_token_s", ".prompt_token_s", ".elementwise_s"});
    if (!name.starts_with("disagg.") && served == (stage == fit_stage::served))
      moved.push_back(i);
  }
  return moved;
}

/// Whether a constant can change a run at all.
bool concerns(const std::string& name, const measured_run& run) {
  const auto owner = std::string_view{name}.substr(0, name.find('.'));
  const auto& engine = run.run.engines.engine;
  if (owner == "hopper" || owner == "blackwell")
    return (owner == "blackwell") == (engine.gpu.sm_version >= 100);
  const bool of_back_end = owner == "vllm" || owner == "sglang" || owner == "trtllm";
  return !of_back_end || owner == to_text(engine.backend);
}

} // namespace

constants fit(const std::vector<const measured_run*>& all, constants x, fit_stage stage, int rounds) {
  const auto [runs, weights] = sample_of(all);
  const auto prior = prior_constants();
  const auto& known = fitted_constants();
  const auto moved = moved_by(stage);
  const bool tables = stage == fit_stage::served;
  auto now = residuals_of(runs, weights, x, tables);
  double best = loss(now, weights, x, prior), damping = 0.3;
  for (int round = 0; round < rounds; ++round) {
    constexpr double step = 0.02;
    std::vector<std::vector<double>> slopes(moved.size(), std::vector<double>(now.r.size()));
    for (std::size_t p = 0; p < moved.size(); ++p) {
      std::vector<std::size_t> places;
      std::vector<const measured_run*> some;
      std::vector<double> some_weights;
      for (std::size_t i = 0; i < runs.size(); ++i)
        if (concerns(known[moved[p]].name, *runs[i])) {
          places.push_back(i);
          some.push_back(runs[i]);
          some_weights.push_back(weights[i]);
        }
      auto other = x;
      const double most = std::log(known[moved[p]].most);
      const double by = x[moved[p]] + step <= most ? step : -step;
      other[moved[p]] += by;
      const auto r = residuals_of(some, some_weights, other, tables).r;
      for (std::size_t i = 0; i < r.size(); ++i)
        slopes[p][2 * places[i / 2] + i % 2] = (r[i] - now.r[2 * places[i / 2] + i % 2]) / by;
    }
    std::vector<std::vector<double>> a(moved.size(), std::vector<double>(moved.size()));
    std::vector<double> b(moved.size());
    for (std::size_t p = 0; p < moved.size(); ++p) {
      const double stiff = 1 / std::pow(known[moved[p]].spread, 2);
      b[p] = (prior[moved[p]] - x[moved[p]]) * stiff;
      for (std::size_t i = 0; i < now.r.size(); ++i)
        b[p] -= now.w[i] * slopes[p][i] * now.r[i];
      for (std::size_t q = 0; q <= p; ++q) {
        double sum = p == q ? stiff : 0;
        for (std::size_t i = 0; i < now.r.size(); ++i)
          sum += now.w[i] * slopes[p][i] * slopes[q][i];
        a[p][q] = a[q][p] = sum;
      }
    }
    bool better = false;
    for (int attempt = 0; attempt < 4 && !better; ++attempt) {
      auto damped = a;
      for (std::size_t p = 0; p < moved.size(); ++p)
        damped[p][p] *= 1 + damping;
      const auto move = solve(damped, b);
      auto other = x;
      for (std::size_t p = 0; p < moved.size(); ++p)
        other[moved[p]] = std::min(other[moved[p]] + std::clamp(move[p], -0.7, 0.7), std::log(known[moved[p]].most));
      const auto then = residuals_of(runs, weights, other, tables);
      const double l = loss(then, weights, other, prior);
      better = l < best;
      damping *= better ? 0.3 : 4;
      if (better) {
        const bool converged = best - l < 1e-3 * best;
        x = other;
        now = then;
        best = l;
        if (converged)
          return x;
      }
    }
    if (!better)
      break;
  }
  return x;
}

} // namespace sextant::performance
