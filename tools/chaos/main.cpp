// main.cpp: Plays seeds of the simulation and tells which promises they broke. `chaos --seeds 2000 [--first 1]
// [--requests N] [--faults N]`, `chaos --seed N --trace` for one of them.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <spdlog/spdlog.h>

#include "tools/chaos/simulation.hpp"

using namespace sextant::chaos;

namespace {

struct arguments {
  uint64_t first = 1, seeds = 100;
  simulation_settings settings;
  bool good = true;
};

arguments read_arguments(int argc, char** argv) {
  arguments out;
  for (int i = 1; i < argc; ++i) {
    const std::string flag = argv[i];
    if (flag == "--trace") {
      out.settings.trace = true;
      continue;
    }
    char* end = nullptr;
    const uint64_t value = i + 1 < argc ? std::strtoull(argv[i + 1], &end, 10) : 0;
    if (!end || *end != 0 || end == argv[i + 1]) {
      std::fprintf(stderr, "%s: needs a whole number\n", flag.c_str());
      out.good = false;
      continue;
    }
    ++i;
    if (flag == "--seeds")
      out.seeds = value;
    else if (flag == "--first")
      out.first = value;
    else if (flag == "--seed")
      out.first = value, out.seeds = 1;
    else if (flag == "--requests" && value >= 1 && value <= 100)
      out.settings.requests = static_cast<int>(value);
    else if (flag == "--faults" && value <= 100)
      out.settings.faults = static_cast<int>(value);
    else {
      std::fprintf(stderr,
                   "%s %s: accepted are --seeds N, --first N, --seed N, --requests 1..100, --faults 0..100, --trace\n",
                   flag.c_str(), argv[i]);
      out.good = false;
    }
  }
  return out;
}

} // namespace

int main(int argc, char** argv) {
  const auto args = read_arguments(argc, argv);
  if (!args.good)
    return 2;
  spdlog::set_level(args.settings.trace ? spdlog::level::debug : spdlog::level::off);
  const auto begin = std::chrono::steady_clock::now();
  const auto calm = simulate(0, args.settings, {});
  std::printf("without faults: %.0f s, %d points: %s\n", calm.virtual_s, calm.points, calm.answers.front().c_str());
  for (const auto& what : calm.violations)
    std::printf("  broken without faults: %s\n", what.c_str());
  uint64_t failed = calm.violations.empty() ? 0 : 1;
  for (uint64_t seed = args.first; seed < args.first + args.seeds; ++seed) {
    const auto run = simulate(seed, args.settings, calm.answers);
    for (const auto& line : run.trace)
      std::printf("  %s\n", line.c_str());
    if (run.violations.empty() && !args.settings.trace)
      continue;
    failed += run.violations.empty() ? 0 : 1;
    std::printf("seed %llu: %zu promises broken after %.0f s\n", static_cast<unsigned long long>(seed),
                run.violations.size(), run.virtual_s);
    for (const auto& what : run.faults)
      std::printf("  fault  %s\n", what.c_str());
    for (const auto& what : run.violations)
      std::printf("  BROKEN %s\n", what.c_str());
    std::fflush(stdout);
  }
  const double wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  std::printf("%llu seeds, %llu failed, %.1f s\n", static_cast<unsigned long long>(args.seeds),
              static_cast<unsigned long long>(failed), wall);
  return failed == 0 ? 0 : 1;
}
