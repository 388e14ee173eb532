// load.cpp: `sextant load`: from its words to runs, one after another.
#include <cstdio>
#include <map>
#include <random>
#include <thread>

#include "actors/artifacts/files.hpp"
#include "actors/load/traffic/parts.hpp"
#include "actors/load/traffic/plan_file.hpp"
#include "actors/load/traffic/planner.hpp"
#include "config/load_option_table.hpp"
#include "tools/sextant/commands.hpp"
#include "tools/sextant/load.hpp"
#include "tools/sextant/load_judging.hpp"
#include "tools/sextant/load_stored.hpp"
#include "tools/sextant/process.hpp"

namespace sextant {

namespace {

using load::planned_request;
using load::traffic_schedule;

constexpr uint64_t seed_of_repeats = 42; ///< as AIPerf: several runs without a seed are comparable

uint64_t random_seed() {
  std::random_device device;
  return (uint64_t{device()} << 21 ^ device()) & ((uint64_t{1} << 53) - 1); // a JSON number keeps 53 bits
}

/// The command line of one call, taken apart.
struct load_command {
  load_arguments arguments;
  std::vector<load_variation> variations;
  std::vector<load_options> options; ///< one per variation
  load_analysis analysis;
  std::vector<document_error> errors;
};

load_command read_command(const std::vector<std::string>& words) {
  load_command out;
  out.arguments = parse_load_arguments(words);
  if (out.arguments.help)
    return out;
  if (const auto path = out.arguments.text("config"); !path.empty()) {
    std::string error;
    if (const auto text = read_file(path, error); error.empty())
      merge_load_config(out.arguments, text, path);
    else
      out.errors.push_back({"--config", 0, 0, "config", error, "a file that can be read", ""});
  }
  out.errors.insert(out.errors.end(), out.arguments.errors.begin(), out.arguments.errors.end());
  out.analysis = read_load_analysis(out.arguments, out.errors);
  if (!out.analysis.compare.empty() || !out.analysis.summarise.empty())
    return out;
  out.variations = spread_sweep(out.arguments, out.errors);
  const auto same = [&](const document_error& a) {
    return std::any_of(out.errors.begin(), out.errors.end(), [&](const auto& b) {
      return a.source == b.source && a.path == b.path && a.found == b.found && a.accepted == b.accepted;
    });
  };
  for (const auto& variation : out.variations) {
    std::vector<document_error> errors;
    out.options.push_back(read_load_options(variation.arguments, errors));
    judging_options(out.options.back(), out.analysis, errors);
    if (out.options.back().processes > 1 && out.analysis.stops())
      errors.push_back({"--processes", 0, 0, "", "a --stop flag too", "one process where a run is to end early", ""});
    for (const auto& error : errors)
      if (!same(error)) // each variation repeats what does not vary
        out.errors.push_back(error);
  }
  return out;
}

/// Every request of a plan from a file must have its row in the data set.
void check_rows(const traffic_schedule& schedule, const load::dataset& data, const std::string& source,
                std::vector<document_error>& errors) {
  if (data.sessions.empty())
    return;
  for (const auto& r : schedule.requests) {
    const uint64_t row = r.prompt >> load::turn_bits, turn = r.prompt & ((uint64_t{1} << load::turn_bits) - 1);
    if (row >= data.sessions.size() || turn >= data.sessions[row].turns.size()) {
      errors.push_back({source, static_cast<int>(r.index) + 2, 0, "prompt", "no such row in the --input-file",
                        "the plan's own --input-file", ""});
      return;
    }
  }
}

/// Keeps this run's part of the plan, and refuses to cut finer than it can be cut.
void cut_plan(load_run& run, std::vector<document_error>& errors) {
  const auto& o = run.options;
  const int most = load::most_parts(run.schedule);
  const auto refuse = [&](const char* flag, int found) {
    errors.push_back({flag, 0, 0, "", std::to_string(found) + " parts",
                      "at most " + std::to_string(most) + ": each needs a session and one of every limit of concurrency",
                      ""});
  };
  if (o.parts > most && o.parts > 1)
    return refuse("--part", o.parts);
  if (o.parts > 1)
    run.schedule = load::part_of(run.schedule, o.part, o.parts);
  if (o.processes > 1 && o.processes > load::most_parts(run.schedule))
    refuse("--processes", o.processes);
}

/// Makes the plan of one run.
load_run make_run(const load_options& options, uint64_t seed, std::vector<document_error>& errors) {
  load_run run;
  run.options = options;
  run.inputs = read_load_inputs(options, errors);
  if (!errors.empty())
    return run;
  if (!options.plan_file.empty()) {
    run.schedule = load::read_plan(run.inputs.plan, options.plan_file, errors);
    check_rows(run.schedule, run.inputs.data, options.plan_file, errors);
  } else {
    auto plan = load::plan_traffic(options, seed, run.inputs.data, run.inputs.series, errors);
    run.schedule = std::move(plan.schedule);
    run.fixed = plan.fixed;
    run.remarks = std::move(plan.remarks);
  }
  run.remarks.insert(run.remarks.end(), run.inputs.data.remarks.begin(), run.inputs.data.remarks.end());
  if (errors.empty())
    cut_plan(run, errors);
  if (errors.empty() && run.schedule.requests.empty())
    errors.push_back({"plan", 0, 0, "", "no request at all", "a load that sends at least one", ""});
  return run;
}

/// Folder of a run, or of all its repeats for a number below 0.
std::string directory_of(const load_run& run, const std::string& label, int number) {
  auto out = run.options.artifact_dir;
  if (!run.options.artifact_dir_given)
    out += '/' + load_folder_name(run.options, run.fixed);
  if (!label.empty())
    out += '/' + label;
  if (run.options.runs > 1 && number >= 0) {
    char name[40];
    std::snprintf(name, sizeof name, "/profile_runs/run_%04d", number + 1);
    out += name;
  }
  return out;
}

/// Drops the warm-up from a plan; indices stay those of the plan.
void drop_warmup(traffic_schedule& schedule) {
  std::erase_if(schedule.requests, [](const planned_request& r) { return r.phase == load::traffic_phase::warmup; });
  for (uint32_t i = 0; i < schedule.requests.size(); ++i)
    schedule.requests[i].index = i;
}

/// Plays all runs of a command line; holds what they share.
class load_session {
public:
  load_session(load_command command, std::string text) : command_{std::move(command)}, text_{std::move(text)} {}

  int run() {
    std::vector<load_run> first; // one of each variation: everything wrong is told before anything is sent
    for (size_t v = 0; v < command_.options.size(); ++v)
      first.push_back(make_run(command_.options[v], seed_of(v, 0), command_.errors));
    if (!command_.errors.empty()) {
      print_errors(command_.errors);
      return exit_bad_input;
    }
    for (const auto& remark : command_.arguments.remarks)
      fprintf(stderr, "note: %s\n", remark.c_str());
    int worst = exit_ok;
    for (const auto& [v, number] : order()) {
      const bool again = number > 0;
      auto run = again ? make_run(command_.options[v], seed_of(v, number), command_.errors) : std::move(first[v]);
      run.directory = directory_of(run, command_.variations[v].label, number);
      run.command = text_;
      run.analysis = command_.analysis;
      if (again && run.options.warmup_once)
        drop_warmup(run.schedule);
      const int code = one(run, v);
      if (code == exit_interrupted)
        return code;
      worst = std::max(worst, code);
      if (run.options.runs > 1 && number + 1 == run.options.runs)
        worst = std::max(worst, put_together(run, v));
      pause_after(v, number);
    }
    return worst;
  }

private:
  struct place {
    size_t variation;
    int number;
  };

  /// Variations and repeats in the order of `--parameter-sweep-mode`.
  std::vector<place> order() const {
    std::vector<place> out;
    const auto variations = command_.options.size();
    const int runs = command_.options[0].runs;
    if (command_.options[0].independent_sweep)
      for (size_t v = 0; v < variations; ++v)
        for (int n = 0; n < runs; ++n)
          out.push_back({v, n});
    else
      for (int n = 0; n < runs; ++n)
        for (size_t v = 0; v < variations; ++v)
          out.push_back({v, n});
    return out;
  }

  uint64_t seed_of(size_t variation, int number) const {
    const auto& o = command_.options[variation];
    const uint64_t base = o.seed ? *o.seed : o.runs > 1 ? seed_of_repeats : drawn_;
    return base + (o.sweep_same_seed ? 0 : variation) + (o.vary_seed ? static_cast<uint64_t>(number) * 1'000'003 : 0);
  }

  /// What the repeats of a variation say together.
  int put_together(const load_run& run, size_t variation) {
    const auto& runs = summaries_[variation];
    const auto directory = directory_of(run, command_.variations[variation].label, -1);
    const auto error = runs.empty() ? "" : write_aggregate_files(run, directory, runs);
    if (!error.empty())
      fprintf(stderr, "%s\n", error.c_str());
    else if (!runs.empty())
      printf("%zu runs together in %s/aggregate\n", runs.size(), directory.c_str());
    return error.empty() ? exit_ok : exit_failed;
  }

  int one(load_run& run, size_t variation) {
    if (!run.options.export_plan_file.empty())
      if (const auto error = write_plan_file(run); !error.empty()) {
        fprintf(stderr, "%s\n", error.c_str());
        return exit_failed;
      }
    if (run.options.dry_run) {
      printf("%s", load_plan_text(run).c_str());
      return exit_ok;
    }
    const auto outcome = play_load(run, signals_);
    if (!outcome.error.empty()) {
      fprintf(stderr, "%s\n", outcome.error.c_str());
      return outcome.interrupted ? exit_interrupted : exit_failed;
    }
    const auto error = write_load_files(run, outcome);
    printf("%s", load_summary_text(run, outcome).c_str());
    fflush(stdout);
    if (!error.empty())
      fprintf(stderr, "%s\n", error.c_str());
    if (outcome.interrupted)
      return exit_interrupted;
    const bool nothing = outcome.summary.valid == 0;
    if (run.options.runs > 1 && !nothing)
      summaries_[variation].push_back(outcome.summary);
    return !error.empty() || nothing || (run.options.strict && outcome.records.facts.client_limited) ? exit_failed : exit_ok;
  }

  void pause_after(size_t variation, int number) {
    const auto& o = command_.options[variation];
    const bool last = variation + 1 == command_.options.size() && number + 1 == o.runs;
    const double pause_s = last ? 0 : std::max(o.run_cooldown_s, o.sweep_cooldown_s);
    std::this_thread::sleep_for(std::chrono::duration<double>(pause_s));
  }

  load_command command_;
  const std::string text_;
  const uint64_t drawn_ = random_seed();
  event_queue signals_;
  std::map<size_t, std::vector<load_summary>> summaries_; ///< of repeats, by variation
};

} // namespace

int run_load(const std::vector<std::string>& words) {
  auto command = read_command(words);
  if (command.arguments.help) {
    printf("%s", load_help_text().c_str());
    return exit_ok;
  }
  if (!command.errors.empty()) {
    print_errors(command.errors);
    return exit_bad_input;
  }
  if (!command.analysis.compare.empty())
    return compare_stored(command.arguments, command.analysis);
  if (!command.analysis.summarise.empty())
    return summarise_stored(command.arguments, command.analysis);
  return load_session{std::move(command), load_command_text(words)}.run();
}

} // namespace sextant
