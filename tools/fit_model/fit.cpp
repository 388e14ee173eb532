#include "tools/fit_model/fit.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <map>
#include <thread>
#include <tuple>

namespace sextant::performance {

namespace {

constexpr double ttft_weight = 0.4;
constexpr double inlier = 0.15;              ///< residuals beyond this count less and less
constexpr std::size_t most_of_one_kind = 12; ///< runs of a combination that a fit looks at

timer_factory timers;

double number(std::string_view cell) {
  return cell.empty() ? 0 : std::strtod(std::string{cell}.c_str(), nullptr);
}

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
    auto& scale = x[index("disagg.hand_over_scale")];
    const double before_tokens = tokens, before_scale = scale;
    tokens = std::max(0.0, tokens + middle(tpot));
    scale = std::clamp(scale + middle(ttft), 0.0, 1.1);
    if (std::abs(tokens - before_tokens) + std::abs(scale - before_scale) < 0.01)
      break;
  }
  return x;
}

namespace {

/// Runs that a fit looks at, about the same number of every combination, and their weights, 1 on average.
std::pair<std::vector<const measured_run*>, std::vector<double>> sample_of(const std::vector<const measured_run*>& all) {
  std::map<std::string, std::vector<const measured_run*>> kinds;
  for (const auto* run : all)
    kinds[run->combination].push_back(run);
  std::vector<const measured_run*> runs;
  std::vector<double> weights;
  double sum = 0;
  for (const auto& [name, members] : kinds) {
    const std::size_t taken = std::min(most_of_one_kind, members.size());
    for (std::size_t i = 0; i < taken; ++i) {
      runs.push_back(members[i * members.size() / taken]);
      // Rows that are not clean may speculate, or carry labels that had to be repaired.
      weights.push_back(std::pow(static_cast<double>(taken), -0.25) * (runs.back()->clean ? 1 : 0.3));
      sum += weights.back();
    }
  }
  for (auto& w : weights)
    w *= static_cast<double>(runs.size()) / sum;
  return {std::move(runs), std::move(weights)};
}

bool ends_with_any(std::string_view name, std::initializer_list<std::string_view> ends) {
  return std::any_of(ends.begin(), ends.end(), [&](auto end) { return name.ends_with(end); });
}

/// Constants that a stage moves.
std::vector<std::size_t> moved_by(fit_stage stage) {
  std::vector<std::size_t> moved;
  for (std::size_t i = 0; i < fitted_constants().size(); ++i) {
    const auto& name = fitted_constants()[i].name;
    const bool served = name.starts_with("tables.") || name.starts_with("benchmark.")
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

namespace {

/// How the residuals of all runs change with each moved constant.
std::vector<std::vector<double>> slopes_at(const fitted& f, bool tables) {
  constexpr double step = 0.02;
  const auto& known = fitted_constants();
  std::vector<std::vector<double>> slopes(f.moved.size(), std::vector<double>(f.now.r.size()));
  for (std::size_t p = 0; p < f.moved.size(); ++p) {
    const auto& constant = known[f.moved[p]];
    std::vector<std::size_t> places;
    std::vector<const measured_run*> some;
    std::vector<double> weights;
    for (std::size_t i = 0; i < f.runs.size(); ++i)
      if (concerns(constant.name, *f.runs[i])) {
        places.push_back(i);
        some.push_back(f.runs[i]);
        weights.push_back(f.weights[i]);
      }
    auto other = f.x;
    const double by = f.x[f.moved[p]] + step <= std::log(constant.most) ? step : -step;
    other[f.moved[p]] += by;
    const auto r = residuals_of(some, weights, other, tables).r;
    for (std::size_t i = 0; i < r.size(); ++i) {
      const auto place = 2 * places[i / 2] + i % 2;
      slopes[p][place] = (r[i] - f.now.r[place]) / by;
    }
  }
  return slopes;
}

/// The move of the constants that a step of penalised least squares takes, of residuals `now` whose weights may be 0.
std::vector<double> step_from(const std::vector<std::vector<double>>& slopes, const residuals& now,
                              const std::vector<std::size_t>& moved, const constants& x, double damping) {
  const auto& known = fitted_constants();
  const std::size_t n = moved.size();
  std::vector<std::vector<double>> a(n, std::vector<double>(n));
  std::vector<double> b(n);
  for (std::size_t p = 0; p < n; ++p) {
    const auto& constant = known[moved[p]];
    const double stiff = 1 / std::pow(constant.spread, 2);
    b[p] = (std::log(constant.prior) - x[moved[p]]) * stiff;
    for (std::size_t i = 0; i < now.r.size(); ++i)
      b[p] -= now.w[i] * slopes[p][i] * now.r[i];
    for (std::size_t q = 0; q <= p; ++q) {
      double sum = p == q ? stiff : 0;
      for (std::size_t i = 0; i < now.r.size(); ++i)
        sum += now.w[i] * slopes[p][i] * slopes[q][i];
      a[p][q] = a[q][p] = sum;
    }
    a[p][p] *= 1 + damping;
  }
  return solve(a, b);
}

constants moved_to(const constants& x, const std::vector<std::size_t>& moved, const std::vector<double>& move) {
  auto other = x;
  for (std::size_t p = 0; p < moved.size(); ++p)
    other[moved[p]] =
        std::min(other[moved[p]] + std::clamp(move[p], -0.7, 0.7), std::log(fitted_constants()[moved[p]].most));
  return other;
}

} // namespace

fitted fit(const std::vector<const measured_run*>& all, constants x, fit_stage stage, int rounds) {
  fitted f;
  std::tie(f.runs, f.weights) = sample_of(all);
  f.x = std::move(x);
  f.moved = moved_by(stage);
  const bool tables = stage == fit_stage::served;
  const auto prior = prior_constants();
  f.now = residuals_of(f.runs, f.weights, f.x, tables);
  double best = loss(f.now, f.weights, f.x, prior), damping = 0.3;
  bool going = true;
  for (int round = 0; round < rounds && going; ++round) {
    const auto slopes = slopes_at(f, tables);
    going = false;
    for (int attempt = 0; attempt < 4 && !going; ++attempt) {
      const auto other = moved_to(f.x, f.moved, step_from(slopes, f.now, f.moved, f.x, damping));
      const auto then = residuals_of(f.runs, f.weights, other, tables);
      const double l = loss(then, f.weights, other, prior);
      going = l < best;
      damping *= going ? 0.3 : 4;
      if (going) {
        going = best - l > 1e-3 * best;
        f.x = other;
        f.now = then;
        best = l;
        break;
      }
    }
  }
  f.slopes = slopes_at(f, tables);
  return f;
}

constants fitted::without(const std::string& combination, const constants& start) const {
  // Residuals are taken as linear around the fit to all runs, which a leave-out moves little.
  auto left = start;
  for (const auto i : moved)
    left[i] = x[i];
  for (int round = 0; round < 20; ++round) {
    auto there = now;
    for (std::size_t i = 0; i < there.r.size(); ++i) {
      for (std::size_t p = 0; p < moved.size(); ++p)
        there.r[i] += slopes[p][i] * (left[moved[p]] - x[moved[p]]);
      const bool kept = runs[i / 2]->combination != combination;
      there.w[i] = kept ? weights[i / 2] / std::sqrt(1 + there.r[i] * there.r[i]) : 0;
    }
    left = moved_to(left, moved, step_from(slopes, there, moved, left, 0));
  }
  return left;
}

} // namespace sextant::performance
