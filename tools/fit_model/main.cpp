// main.cpp: `fit_model RUNS.csv [--tables FILE] [--write parameters.tsv] [--left-out]`: fits the constants to the clean
// aggregated runs and the disaggregated ones; with --left-out prints how good predictions are for combinations (model, GPU,
// back end) that the fit never saw, AI Configurator's beside them.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <set>

#include "adapters/aic/table_timer.hpp"
#include "adapters/performance/calibration.hpp"
#include "tools/fit_model/fit.hpp"

using namespace sextant::performance;

namespace {

double percentile(std::vector<double> v, double share) {
  if (v.empty())
    return 0;
  std::sort(v.begin(), v.end());
  return v[static_cast<std::size_t>(share * static_cast<double>(v.size() - 1))];
}

struct scored {
  const measured_run* run = nullptr;
  serving_estimate answer;
};

/// Median and mean of the absolute error, median of the signed one, share inside of the band; percent.
void print_errors(const char* title, const std::vector<scored>& all, bool ours, bool ttft) {
  std::vector<double> absolute, signed_;
  double mean = 0, inside = 0, asked = 0;
  for (const auto& s : all) {
    const double truth = ttft ? s.run->ttft_ms : s.run->tpot_ms;
    if (!(truth > 0))
      continue;
    ++asked;
    const auto& band = ttft ? s.answer.ttft_ms : s.answer.tpot_ms;
    const double value = ours ? (s.answer.ok ? band.value : 0) : ttft ? s.run->aic_ttft_ms : s.run->aic_tpot_ms;
    if (!(value > 0))
      continue;
    signed_.push_back(100 * (value / truth - 1));
    absolute.push_back(std::abs(signed_.back()));
    mean += absolute.back();
    inside += ours && truth >= band.low && truth <= band.high;
  }
  const double n = std::max<double>(1, static_cast<double>(absolute.size()));
  printf("  %-34s %-5s %-8s %5.0f %6.1f %7.1f %7.1f %+7.1f", title, ttft ? "TTFT" : "TPOT", ours ? "sextant" : "AIC", asked,
         asked > 0 ? 100 * static_cast<double>(absolute.size()) / asked : 0.0, percentile(absolute, 0.5), mean / n,
         percentile(signed_, 0.5));
  ours ? printf(" %6.0f\n", 100 * inside / n) : printf("      -\n");
}

void print_table(const char* title, const std::vector<scored>& all) {
  for (const bool ttft : {false, true})
    for (const bool ours : {true, false})
      print_errors(title, all, ours, ttft);
}

std::vector<scored> only(const std::vector<scored>& all, const std::function<bool(const measured_run&)>& wanted) {
  std::vector<scored> some;
  for (const auto& s : all)
    if (wanted(*s.run))
      some.push_back(s);
  return some;
}

std::string mapping_of(const measured_run& m) {
  const auto& l = m.run.engines.engine.layout;
  return std::to_string(l.tp) + "/" + std::to_string(l.dp) + "/" + std::to_string(l.moe_ep) + "/"
         + m.run.engines.engine.model.gemm_quant;
}

/// Over groups (model, GPU, back end, ISL, OSL): whether the best measured mapping (output tokens/s per GPU at its best
/// concurrency) is among the first three of a prediction.
void print_ranks(const std::vector<scored>& all) {
  std::map<std::string, std::map<std::string, std::array<double, 3>>> groups;
  for (const auto& s : all) {
    const auto& m = *s.run;
    const auto& r = m.run;
    const double gpus = r.engines.engine.layout.gpus();
    const auto rate = [&](double ttft, double tpot) {
      return ttft > 0 && tpot > 0 ? r.traffic.concurrency * r.traffic.osl / (ttft + tpot * (r.traffic.osl - 1)) / gpus : 0;
    };
    auto& best = groups[m.group][mapping_of(m)];
    best[0] = std::max(best[0], rate(m.ttft_ms, m.tpot_ms));
    best[1] = std::max(best[1], s.answer.ok ? rate(s.answer.ttft_ms.value, s.answer.tpot_ms.value) : 0);
    best[2] = std::max(best[2], rate(m.aic_ttft_ms, m.aic_tpot_ms));
  }
  int counted = 0, hard = 0;
  std::array<int, 3> hits{}, hard_hits{}, first{};
  for (const auto& [group, mappings] : groups) {
    if (mappings.size() < 2)
      continue;
    ++counted;
    hard += mappings.size() > 3;
    const auto best = std::max_element(mappings.begin(), mappings.end(),
                                       [](const auto& a, const auto& b) { return a.second[0] < b.second[0]; });
    for (const std::size_t who : {1U, 2U}) {
      int better = 0;
      for (const auto& [name, rates] : mappings)
        better += rates[who] > best->second[who];
      const bool answered = best->second[who] > 0;
      hits[who] += answered && better < 3;
      first[who] += answered && better < 1;
      hard_hits[who] += mappings.size() > 3 && answered && better < 3;
    }
  }
  printf("best measured mapping in the first three: sextant %.0f %%, AIC %.0f %% of %d groups with a choice\n",
         100.0 * hits[1] / std::max(1, counted), 100.0 * hits[2] / std::max(1, counted), counted);
  printf("  first of all: sextant %.0f %%, AIC %.0f %%; groups of more than three mappings (%d): sextant %.0f %%, AIC %.0f "
         "%%\n",
         100.0 * first[1] / std::max(1, counted), 100.0 * first[2] / std::max(1, counted), hard,
         100.0 * hard_hits[1] / std::max(1, hard), 100.0 * hard_hits[2] / std::max(1, hard));
}

/// Errors of the other runs of a deployment (engine, mapping, formats, image) before and after a calibration by three of its
/// runs: those of least, middle and most clients.
void print_calibrated(const std::vector<scored>& all) {
  std::map<std::string, std::vector<scored>> deployments;
  for (const auto& s : all)
    if (s.answer.ok && s.run->clean && !s.run->duplicate && s.run->tpot_ms > 0)
      deployments[s.run->combination + " " + mapping_of(*s.run) + " " + s.run->image].push_back(s);
  std::vector<scored> before, after;
  for (auto& [name, runs] : deployments) {
    if (runs.size() < 5)
      continue;
    std::stable_sort(runs.begin(), runs.end(), [](const auto& a, const auto& b) {
      return a.run->run.traffic.concurrency < b.run->run.traffic.concurrency;
    });
    const std::set<std::size_t> taken{0, runs.size() / 2, runs.size() - 1};
    std::vector<calibration_point> points;
    for (const auto i : taken) {
      const auto& s = runs[i];
      const auto& t = s.run->run.traffic;
      points.push_back({t.concurrency, static_cast<double>(t.isl), s.run->ttft_ms, s.run->tpot_ms, s.answer.ttft_ms.value,
                        s.answer.tpot_ms.value});
    }
    const auto corrections = calibrate(points);
    for (std::size_t i = 0; i < runs.size(); ++i) {
      if (taken.contains(i))
        continue;
      before.push_back(runs[i]);
      after.push_back(runs[i]);
      apply(corrections, after.back().answer, runs[i].run->run.traffic.concurrency, runs[i].run->run.traffic.isl);
    }
  }
  for (const bool ttft : {false, true}) {
    print_errors("before a calibration", before, true, ttft);
    print_errors("with three measured points", after, true, ttft);
  }
}

/// Quantiles of measured over predicted, for bands.cpp.
void print_spreads(const std::vector<scored>& all) {
  std::map<std::string, std::array<std::vector<double>, 2>> kinds;
  for (const auto& s : all)
    if (s.answer.ok) {
      const auto kind = s.run->run.disaggregated ? std::string{"disagg "} + s.run->backend
                                                 : s.run->backend + (s.answer.kv_load > 0.9 ? " full" : " free");
      kinds[kind][0].push_back(s.run->ttft_ms / s.answer.ttft_ms.value);
      if (s.run->tpot_ms > 0)
        kinds[kind][1].push_back(s.run->tpot_ms / s.answer.tpot_ms.value);
    }
  printf("measured over predicted, 10 %% and 90 %%\n");
  for (const auto& [kind, v] : kinds)
    printf("  %-18s %4zu  TTFT %.2f %.2f  TPOT %.2f %.2f\n", kind.c_str(), v[0].size(), percentile(v[0], 0.1),
           percentile(v[0], 0.9), percentile(v[1], 0.1), percentile(v[1], 0.9));
}

void report(const std::vector<scored>& all) {
  printf("  %-34s %-5s %-8s %5s %6s %7s %7s %7s %6s\n", "runs", "", "", "n", "ans %", "med %", "mean %", "bias %", "band %");
  const auto clean = only(all, [](const auto& m) { return m.clean && !m.run.disaggregated; });
  print_table("clean, aggregated", clean);
  for (const char* backend : {"vllm", "sglang", "trtllm"})
    print_table((std::string{"clean, "} + backend).c_str(),
                only(clean, [&](const auto& m) { return m.backend == backend; }));
  print_table("all aggregated", only(all, [](const auto& m) { return !m.run.disaggregated && !m.duplicate; }));
  print_table("all disaggregated", only(all, [](const auto& m) { return m.run.disaggregated && !m.duplicate; }));
  std::set<std::string> names;
  for (const auto& s : clean)
    names.insert(s.run->combination);
  for (const auto& name : names) {
    const auto some = only(clean, [&](const auto& m) { return m.combination == name; });
    print_errors(name.substr(name.find('/') + 1).c_str(), some, true, false);
    print_errors(name.substr(name.find('/') + 1).c_str(), some, true, true);
  }
  print_ranks(only(all, [](const auto& m) { return !m.run.disaggregated; }));
  print_calibrated(all);
  print_spreads(all);
}

bool write_constants(const std::string& path, const constants& x) {
  std::ofstream file{path};
  file << "name\tvalue\tprior\tspread\tmost\tmeaning\n";
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto& c = fitted_constants()[i];
    char line[160];
    snprintf(line, sizeof line, "%s\t%.4g\t%.6g\t%.3g\t%.4g\t", c.name.c_str(), std::min(std::exp(x[i]), c.most), c.prior,
             c.spread, c.most);
    file << line << c.meaning << '\n';
  }
  return static_cast<bool>(file);
}

/// A fit of all constants: with measured kernels first, then the formulas, then disaggregated serving.
struct whole_fit {
  fitted served, formulas;
  constants x;
};

whole_fit fit_all(const std::vector<const measured_run*>& aggregated, const std::vector<const measured_run*>& all,
                  bool tables, int rounds) {
  whole_fit f;
  f.served = fit(aggregated, prior_constants(), fit_stage::served, rounds);
  f.formulas = fit(aggregated, f.served.x, fit_stage::formulas, rounds);
  f.x = fit_disaggregated(all, f.formulas.x, tables);
  return f;
}

/// The constants of a fit without the runs of a combination. `exact`: fitted anew from the priors.
constants without(const whole_fit& f, const std::string& combination, const std::vector<const measured_run*>& aggregated,
                  const std::vector<const measured_run*>& all, bool tables, int rounds, bool exact) {
  const auto others = [&](const std::vector<const measured_run*>& some) {
    std::vector<const measured_run*> left;
    std::copy_if(some.begin(), some.end(), std::back_inserter(left),
                 [&](const auto* run) { return run->combination != combination; });
    return left;
  };
  if (exact)
    return fit_all(others(aggregated), others(all), tables, rounds).x;
  const auto own = f.formulas.without(combination, f.served.without(combination, f.x));
  const bool in_pools = std::any_of(
      all.begin(), all.end(), [&](const auto* run) { return run->run.disaggregated && run->combination == combination; });
  return in_pools ? fit_disaggregated(others(all), own, tables) : own;
}

} // namespace

int main(int argc, char** argv) {
  std::string runs_file, write_to, tables_file;
  bool left_out = false, committed = false, exact = false;
  int rounds = 8;
  for (int i = 1; i < argc; ++i)
    if (!strcmp(argv[i], "--write") && i + 1 < argc)
      write_to = argv[++i];
    else if (!strcmp(argv[i], "--tables") && i + 1 < argc)
      tables_file = argv[++i];
    else if (!strcmp(argv[i], "--rounds") && i + 1 < argc)
      rounds = std::atoi(argv[++i]);
    else if (!strcmp(argv[i], "--left-out"))
      left_out = true;
    else if (!strcmp(argv[i], "--exact"))
      exact = true;
    else if (!strcmp(argv[i], "--committed"))
      committed = true;
    else
      runs_file = argv[i];
  std::ifstream file{runs_file, std::ios::binary};
  if (!file) {
    fprintf(stderr, "usage: fit_model RUNS.csv [--write parameters.tsv] [--tables FILE] [--left-out [--exact]] "
                    "[--committed] [--rounds N]\n");
    return 2;
  }
  if (!tables_file.empty()) {
    std::string error;
    auto tables = packed_tables::open(tables_file, error);
    if (!tables) {
      fprintf(stderr, "--tables: %s\n", error.c_str());
      return 2;
    }
    use_timers(make_table_timers(std::move(tables)));
  }
  std::vector<std::string> errors;
  const auto table = read_csv(std::string{std::istreambuf_iterator<char>{file}, {}}, errors);
  const auto runs = measured_runs(table);
  std::vector<const measured_run*> all, fitting;
  for (const auto& run : runs)
    if (run.run.reason.empty() && run.ttft_ms > 0) {
      all.push_back(&run);
      if (!run.run.disaggregated && !run.duplicate && run.tpot_ms > 0)
        fitting.push_back(&run);
    }
  const bool tables = !tables_file.empty();
  printf("%zu rows, %zu make sense, %zu aggregated for the fit; %s\n", runs.size(), all.size(), fitting.size(),
         tables ? "measured kernels" : "formulas");
  const auto fit = committed ? whole_fit{{}, {}, committed_constants()} : fit_all(fitting, all, tables, rounds);
  const auto& x = fit.x;
  std::vector<scored> inside;
  const auto answers = predict(all, x, tables);
  for (std::size_t i = 0; i < all.size(); ++i)
    inside.push_back({all[i], answers[i]});
  printf("\nall runs, constants fitted on them\n");
  report(inside);
  if (!write_to.empty() && !write_constants(write_to, x))
    return 1;
  if (!left_out || committed)
    return 0;
  std::map<std::string, std::vector<const measured_run*>> kinds;
  for (const auto* run : all)
    kinds[run->combination].push_back(run);
  std::vector<scored> outside;
  for (const auto& [name, members] : kinds) {
    const auto own = without(fit, name, fitting, all, tables, rounds, exact);
    const auto predicted = predict(members, own, tables);
    for (std::size_t i = 0; i < members.size(); ++i)
      outside.push_back({members[i], predicted[i]});
    fprintf(stderr, "left out: %s (%zu runs)\n", name.c_str(), members.size());
  }
  printf("\neach combination predicted by a fit that left it out\n");
  report(outside);
  return 0;
}
