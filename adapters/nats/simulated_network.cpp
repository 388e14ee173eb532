// simulated_network.cpp: Time and faults of the simulated network.
#include "adapters/nats/simulated_network.hpp"

#include "adapters/nats/simulated_world.hpp"

namespace sextant {

void virtual_broker::post(std::function<void()> task) {
  around_.at(around_.now, std::move(task));
}

memory::clock::time_point virtual_broker::now() const {
  return around_.now;
}

void virtual_broker::at(memory::clock::time_point when, std::function<void()> task) {
  around_.at(std::max(when, around_.now), std::move(task));
}

std::chrono::nanoseconds simulated_network::world::delay() {
  std::uniform_int_distribution<int64_t> one_way{weather.fastest.count() * 1000, weather.slowest.count() * 1000};
  const auto ns = one_way(random);
  return std::chrono::nanoseconds{
      weather.late > 0 && chance(weather.late) ? ns * std::uniform_int_distribution<int64_t>{2, 100}(random) : ns};
}

simulated_network::simulated_network(uint64_t seed, network_weather weather)
    : world_(std::make_unique<world>(seed, weather)) {
  world_->now = time{} + std::chrono::hours{1};
}

simulated_network::~simulated_network() {
  for (auto& [name, client] : world_->clients)
    client->die();
  world_->server->forget_closed();
}

std::shared_ptr<bus> simulated_network::connect(const std::string& client) {
  auto fresh = std::make_shared<simulated_client>(*world_);
  if (world_->now < world_->server_back)
    fresh->disconnect();
  world_->clients[client] = fresh;
  return fresh;
}

simulated_network::time simulated_network::now() const {
  return world_->now;
}

void simulated_network::at(time when, std::function<void()> task) {
  world_->at(std::max(when, world_->now), std::move(task));
}

simulated_network::time simulated_network::next() const {
  return world_->events.empty() ? time::max() : world_->events.begin()->first;
}

void simulated_network::advance(time until) {
  while (!world_->events.empty() && world_->events.begin()->first <= until) {
    auto event = world_->events.extract(world_->events.begin());
    world_->now = std::max(world_->now, event.key());
    event.mapped()();
  }
  world_->now = std::max(world_->now, until);
}

void simulated_network::cut_off(const std::string& client, std::chrono::milliseconds pause) {
  auto found = world_->clients.find(client);
  if (found == world_->clients.end())
    return;
  auto who = found->second;
  who->disconnect();
  world_->at(std::max(world_->now + pause, world_->server_back), [who] { who->reconnect(); });
}

void simulated_network::kill(const std::string& client) {
  if (auto found = world_->clients.find(client); found != world_->clients.end()) {
    found->second->die();
    world_->clients.erase(found);
  }
  world_->server->forget_closed();
}

void simulated_network::freeze(const std::string& client) {
  if (auto found = world_->clients.find(client); found != world_->clients.end())
    found->second->freeze();
}

void simulated_network::thaw(const std::string& client) {
  if (auto found = world_->clients.find(client); found != world_->clients.end())
    found->second->thaw();
}

void simulated_network::restart_server(std::chrono::milliseconds pause) {
  world_->server_back = world_->now + pause;
  world_->server->forget_memory_streams();
  for (auto& entry : world_->clients)
    cut_off(entry.first, pause + std::chrono::duration_cast<std::chrono::milliseconds>(world_->delay()) * 200);
}

} // namespace sextant
