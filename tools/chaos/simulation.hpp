// simulation.hpp: A whole installation - serves, agents, the message server, clients - in one thread and in virtual time,
// with faults drawn from a seed. The same seed is the same run.
#pragma once

#include <string>
#include <vector>

namespace sextant::chaos {

/// Which faults a run may have, and how large the installation is.
struct simulation_settings {
  int serves = 2;
  int agents = 3;
  int gpus_per_agent = 4;
  int requests = 1;
  int faults = 3;     ///< drawn for one run
  bool dedup = true;  ///< false: the server forgets which messages it has; seeds are to fail then
  bool expiry = true; ///< false: leases never run out; seeds are to fail then
  bool trace = false; ///< tells every fault and every progress line
};

/// What became of one run.
struct simulation_outcome {
  uint64_t seed = 0;
  std::vector<std::string> faults;     ///< what was done to it, with the virtual second
  std::vector<std::string> violations; ///< broken promises; empty = all kept
  std::vector<std::string> answers;    ///< of each request: the choice, or how it failed
  std::vector<std::string> trace;
  double virtual_s = 0; ///< how long it took
  int points = 0;       ///< results of points that were stored
  int attempts = 0;     ///< measurements that were begun
};

/// Plays one seed. `calm` are the answers without faults; empty: they are not compared. Seed 0 has no faults.
simulation_outcome simulate(uint64_t seed, const simulation_settings& settings, const std::vector<std::string>& calm);

} // namespace sextant::chaos
