// simulated_world.hpp: What the simulated network consists of. Private to this folder.
#pragma once

#include <map>
#include <set>

#include "adapters/nats/memory_broker.hpp"
#include "adapters/nats/simulated_network.hpp"

namespace sextant {

/// The broker in virtual time.
class virtual_broker final : public memory::broker {
public:
  explicit virtual_broker(simulated_network::world& around) : around_(around) {}
  void post(std::function<void()> task) override;
  void run_now(const std::function<void()>& task) override { task(); }
  memory::clock::time_point now() const override;
  void at(memory::clock::time_point when, std::function<void()> task) override;

private:
  simulated_network::world& around_;
};

class simulated_client;

struct simulated_network::world {
  explicit world(uint64_t seed, network_weather w)
      : random(seed), weather(w), server(std::make_shared<virtual_broker>(*this)) {}

  void at(time when, std::function<void()> task) { events.emplace(when, std::move(task)); }
  std::chrono::nanoseconds delay();
  bool chance(double share) { return std::uniform_real_distribution<double>{0, 1}(random) < share; }

  std::mt19937_64 random;
  network_weather weather;
  time now{};
  time server_back{}; ///< no connection before
  std::multimap<time, std::function<void()>> events;
  std::map<std::string, std::shared_ptr<simulated_client>> clients;
  std::shared_ptr<virtual_broker> server;
};

/// One client of the server. Every call travels to the server and every answer back, each in order; a broken connection
/// loses what is under way, and what has to arrive is sent again on the next one, as the real client does it.
class simulated_client final : public bus, public std::enable_shared_from_this<simulated_client> {
public:
  explicit simulated_client(simulated_network::world& around) : around_(around) {}

  void publish(std::string subject, std::string body, std::map<std::string, std::string> headers) override;
  subscription_ptr subscribe(std::string subject, message_handler handler) override;
  subscription_ptr subscribe_group(std::string subject, std::string group, message_handler handler) override;
  void request(std::string subject, std::string body, std::chrono::milliseconds timeout, reply_handler handler) override;
  std::string ensure_stream(const stream_settings& settings) override;
  std::string ensure_bucket(const std::string& bucket, std::chrono::milliseconds ttl, int replicas) override;
  std::string find_stream(const stream_settings& settings) override;
  std::string find_bucket(const std::string& bucket) override;
  void publish_durable(std::string subject, std::string message_id, std::string body,
                       std::map<std::string, std::string> headers, done_handler done, when_full rule) override;
  subscription_ptr consume(consumer_settings settings, work_handler handler) override;
  subscription_ptr follow(std::string stream, std::string filter, uint64_t from_sequence, message_handler handler,
                          std::function<void()> caught_up) override;
  void acquire_lease(std::string bucket, std::string key, std::string owner, std::function<void(lease)> handler) override;
  void renew_lease(std::string bucket, lease held, std::string owner, std::function<void(lease)> handler) override;
  void release_lease(std::string bucket, lease held) override;
  bool flush(std::chrono::milliseconds) override { return true; }
  void close() override { die(); }

  // -- for the network ----------------------------------------------------------------------------------
  void disconnect();
  void reconnect();
  void die();
  void freeze() { frozen_ = true; }
  void thaw();
  bool connected() const { return connected_; }

  // -- for what belongs to this client ------------------------------------------------------------------
  /// Carries a task to the server; lost if the connection breaks before it arrives.
  void up(std::function<void(memory::broker&)> task);
  /// Carries a task back to the process.
  void down(std::function<void()> task);

  /// Something that is known to the server for as long as the connection lasts, and made known again on the next one.
  struct registration {
    std::function<void()> attach; ///< tells the server
    memory::gate_ptr alive;       ///< of the present connection
    bool open = true;             ///< the subscription object lives
    std::function<void(int)> credit;
  };

private:
  /// A call that is made again until the server has answered.
  struct call {
    std::function<void()> send;
    std::function<void()> drop; ///< lets go of its handler
    bool answered = false;
  };

  subscription_ptr keep(const std::shared_ptr<registration>& r);
  void insist(const std::shared_ptr<call>& c);
  void call_lease(std::string bucket, lease held, std::string owner, std::function<void(lease)> handler);

  simulated_network::world& around_;
  bool connected_ = true, dead_ = false, frozen_ = false;
  uint64_t connection_ = 1;
  simulated_network::time last_up_{}, last_down_{};
  std::vector<std::function<void()>> waiting_for_thaw_;
  std::vector<std::function<void(memory::broker&)>> waiting_for_connection_;
  std::vector<std::shared_ptr<registration>> registrations_;
  std::vector<std::shared_ptr<call>> calls_; ///< without an answer, in the order of their making
};

} // namespace sextant
