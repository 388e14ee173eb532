// simulated_world.hpp: The moving parts of one simulated run and what is written down about it.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <set>

#include "messages/codec.hpp"
#include "tools/chaos/simulated_process.hpp"
#include "tools/chaos/simulation.hpp"

namespace sextant::chaos {

class simulated_world {
public:
  simulated_world(uint64_t seed, const simulation_settings& settings);
  ~simulated_world();

  /// Submits the requests and plays until all have ended and all is quiet, or nothing goes on any more.
  simulation_outcome run(const std::vector<std::string>& calm);

private:
  // -- time -------------------------------------------------------------------------------------------
  /// Lets everything that is runnable now run, then lets time pass until something happens.
  void step();
  double seconds() const;

  // -- installation -----------------------------------------------------------------------------------
  void start_process(const std::string& name);
  void end_process(const std::string& name);
  simulated_process* process(const std::string& name);
  drive_outcome drive(const std::string& process, const std::string& request, const measure_point& work,
                      const std::atomic<bool>& cancelled);

  // -- faults (simulated_faults.cpp) ------------------------------------------------------------------
  void draw_faults();
  void after(double seconds, const std::string& what, std::function<void()> task);
  std::string any(const std::vector<std::string>& names);
  double between(double low, double high);
  void kill_and_return(const std::string& name, double pause_s);
  void freeze_and_thaw(const std::string& name, double pause_s);

  // -- books (simulated_books.cpp) --------------------------------------------------------------------
  void submit(const std::string& id);
  void watch();
  void take_result(const bus_message& message);
  void take_event(const bus_message& message);
  void settle_books(const std::vector<std::string>& calm);
  void violation(const std::string& what);
  bool all_ended() const;

  /// What is known of a request from outside.
  struct seen_request {
    std::map<std::string, double> measured;  ///< point -> second of its first valid result
    std::map<std::string, std::string> ends; ///< ids of terminal events -> answer
    bool accepted = false;
  };

  simulation_settings settings_;
  simulation_outcome out_;
  std::mt19937_64 random_;
  simulated_network network_;
  std::vector<std::string> serves_, agents_;
  std::map<std::string, node_books> books_;
  std::map<std::string, std::unique_ptr<simulated_process>> processes_; ///< by name
  std::map<std::string, std::shared_ptr<simulated_node>> hosts_;        ///< by name
  std::list<std::unique_ptr<simulated_process>> ended_;
  std::list<std::shared_ptr<simulated_node>> ended_hosts_;
  std::map<std::string, seen_request> requests_;
  std::set<std::string> crash_at_; ///< processes that the next measurement kills
  int incarnations_ = 0;
  int faults_pending_ = 0;
  std::shared_ptr<bus> person_;
  std::vector<subscription_ptr> watching_;
};

} // namespace sextant::chaos
