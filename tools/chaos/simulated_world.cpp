// simulated_world.cpp: Time and processes of a simulated run.
#include "tools/chaos/simulated_world.hpp"

#include <caf/send.hpp>

namespace sextant::chaos {

namespace {

using std::chrono::nanoseconds;

/// Measurements are the same in every run, so each is played once in the life of this program.
drive_outcome played(const std::string& request, const measure_point& work, const std::atomic<bool>& cancelled) {
  static std::map<std::string, drive_outcome> known;
  auto alone = work;
  alone.engine_attempt = alone.attempt = 1;
  const auto key = request + "/" + work.plan.point + "/" + std::to_string(work.plan.prompt_seed);
  auto found = known.find(key);
  if (found == known.end())
    found = known.emplace(key, drive_measurement("played/" + key, alone, cancelled)).first;
  auto outcome = found->second;
  outcome.records.request = request;
  outcome.records.work = work;
  return outcome;
}

network_weather weather_of(uint64_t seed, const simulation_settings& settings) {
  network_weather weather;
  weather.late = seed == 0 ? 0 : 0.01;
  weather.dedup = settings.dedup;
  weather.expiry = settings.expiry;
  return weather;
}

} // namespace

simulated_world::simulated_world(uint64_t seed, const simulation_settings& settings)
    : settings_(settings), random_(seed), network_(seed * 7919 + 1, weather_of(seed, settings)) {
  out_.seed = seed;
  person_ = network_.connect("person");
  const subjects names;
  prepare_streams(*person_, names);
  for (int i = 0; i < settings_.serves; ++i)
    serves_.push_back("serve" + std::to_string(i));
  for (int i = 0; i < settings_.agents; ++i) {
    agents_.push_back("agent" + std::to_string(i));
    books_[agents_.back()] = {agents_.back(), settings_.gpus_per_agent};
  }
  for (const auto& list : {serves_, agents_})
    for (const auto& name : list)
      start_process(name);
  watch();
}

simulated_world::~simulated_world() {
  watching_.clear();
  for (const auto& list : {serves_, agents_})
    for (const auto& name : list)
      if (processes_[name])
        end_process(name);
}

double simulated_world::seconds() const {
  return std::chrono::duration<double>(network_.now().time_since_epoch()).count() - 3600;
}

void simulated_world::start_process(const std::string& name) {
  const bool agent = books_.count(name) > 0;
  installation_settings settings;
  settings.node = name;
  settings.zone = name;
  settings.gpus = agent ? settings_.gpus_per_agent : 0;
  settings.roles = agent ? std::set<std::string>{"deployment", "load", "metrics"}
                         : std::set<std::string>{"intake", "search", "artifacts"};
  settings.restarts = 1000;
  settings.write = [](const std::string&, const write_artifacts&, const std::vector<point_measured>&,
                      const std::vector<engine_ready>&) {
    return write_outcome{{"answer"}, {}, {}};
  };
  settings.drive = [this, name](const std::string& request, const measure_point& work, const std::atomic<bool>& cancelled) {
    return drive(name, request, work, cancelled);
  };
  if (agent)
    settings.host = hosts_[name] = std::make_shared<simulated_node>(network_, random_, books_.at(name));
  const auto instance = name + "-" + std::to_string(++incarnations_);
  processes_[name] = std::make_unique<simulated_process>(name, instance, network_.connect(name), std::move(settings));
}

void simulated_world::end_process(const std::string& name) {
  network_.kill(name);
  if (auto host = hosts_.find(name); host != hosts_.end()) {
    host->second->die();
    ended_hosts_.push_back(std::move(host->second));
    hosts_.erase(host);
  }
  processes_[name]->die();
  ended_.push_back(std::move(processes_[name]));
}

simulated_process* simulated_world::process(const std::string& name) {
  return processes_[name].get();
}

drive_outcome simulated_world::drive(const std::string& name, const std::string& request, const measure_point& work,
                                     const std::atomic<bool>& cancelled) {
  ++out_.attempts;
  auto& seen = requests_[request];
  if (auto done = seen.measured.find(work.plan.point); done != seen.measured.end() && seconds() - done->second > 2)
    violation(request + ": " + work.plan.point + " is measured again on " + name);
  return played(request, work, cancelled);
}

void simulated_world::step() {
  std::vector<simulated_process*> running;
  for (bool any = true; any;) {
    any = false;
    running.clear();
    for (const auto& [name, p] : processes_)
      if (p && p->alive() && !p->frozen())
        running.push_back(p.get());
    std::shuffle(running.begin(), running.end(), random_);
    for (auto* p : running)
      any = p->run_one(random_) || any;
  }
  auto wait =
      network_.next() == simulated_network::time::max() ? nanoseconds::max() : nanoseconds{network_.next() - network_.now()};
  for (auto* p : running)
    wait = std::min(wait, p->next_timer());
  wait = std::max(nanoseconds{0}, std::min(wait, nanoseconds{std::chrono::seconds{1}}));
  for (const auto& [name, p] : processes_)
    if (p)
      p->pass(wait);
  network_.advance(network_.now() + wait);
}

simulation_outcome simulated_world::run(const std::vector<std::string>& calm) {
  constexpr double longest_s = 3600, quiet_s = 20;
  for (int i = 0; i < settings_.requests; ++i)
    submit("r" + std::to_string(i));
  if (out_.seed > 0)
    draw_faults();
  while (seconds() < longest_s && (!all_ended() || faults_pending_ > 0))
    step();
  out_.virtual_s = seconds();
  const double end = seconds() + quiet_s;
  while (seconds() < end)
    step();
  settle_books(calm);
  return std::move(out_);
}

simulation_outcome simulate(uint64_t seed, const simulation_settings& settings, const std::vector<std::string>& calm) {
  simulated_world world{seed, settings};
  return world.run(calm);
}

} // namespace sextant::chaos
