// work_puller.hpp: This process's part in a durable work consumer: asks for as much as it may hold. Private to this folder.
// Runs on the bus's thread; the deliveries it hands out may be settled from any thread.
#pragma once

#include <deque>
#include <unordered_map>
#include <unordered_set>

#include "adapters/nats/nats_core.hpp"

namespace sextant {

class work_puller : public attended, public std::enable_shared_from_this<work_puller> {
public:
  work_puller(std::shared_ptr<nats_core> core, consumer_settings settings, bus::work_handler handler);

  void renew() override;
  void check() override;

  void set_credit(int messages);
  /// Ends the subscription; what is on its way goes to somebody else.
  void leave() override;
  /// A delivery was settled or forgotten.
  void settled(const std::string& identity, bool acknowledged);
  void answer(const std::string& reply, const std::string& text);

private:
  using clock = std::chrono::steady_clock;

  void begin_round();
  void begin_round_after(std::chrono::milliseconds wait, const std::string& why);
  void subscribe();
  void pull();
  int allowed() const;
  void on_message(uint64_t round, bus_message message);
  void on_status(const bus_message& message);
  void on_work(uint64_t round, bus_message message);

  std::weak_ptr<nats_core> core_;
  consumer_settings settings_;
  bus::work_handler handler_;
  std::unique_ptr<link_subscription> subscription_;
  std::string inbox_;
  uint64_t round_ = 0; ///< each round has an inbox of its own, so that old pull requests end with it
  uint64_t next_request_ = 1;
  bool ready_ = false;    ///< the consumer exists
  bool renewing_ = false; ///< a new round is on its way
  int requested_ = 0;     ///< messages asked for in this round that did not come yet
  clock::time_point requests_end_;
  int in_flight_ = 0;
  int64_t credit_ = -1; ///< negative = no bound
  int failures_ = 0;
  std::unordered_map<std::string, int> held_; ///< in hand here: identity -> latest delivery
  std::unordered_set<std::string> done_;      ///< identities acknowledged here lately
  std::deque<std::string> done_order_;
};

} // namespace sextant
