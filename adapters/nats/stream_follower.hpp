// stream_follower.hpp: Reads a stream in order and goes on reading; begins again where it stopped. Private to this folder.
// Runs on the bus's thread.
#pragma once

#include "adapters/nats/nats_core.hpp"

namespace sextant {

class stream_follower : public attended, public std::enable_shared_from_this<stream_follower> {
public:
  stream_follower(std::shared_ptr<nats_core> core, std::string stream, std::string filter, uint64_t from_sequence,
                  bus::message_handler handler, std::function<void()> caught_up);

  void renew() override;
  void check() override;
  void leave() override;

private:
  using clock = std::chrono::steady_clock;

  void look_up_stream();
  void create_consumer();
  void begin_after(std::chrono::milliseconds wait, const std::string& why);
  void drop_consumer();
  void subscribe();
  void on_message(bus_message message);
  void on_status(const bus_message& message);
  void check_caught_up(bool nothing_waits);

  std::weak_ptr<nats_core> core_;
  std::string stream_, filter_;
  uint64_t next_sequence_;
  bus::message_handler handler_;
  std::function<void()> caught_up_;

  std::unique_ptr<link_subscription> subscription_;
  std::string inbox_, consumer_;
  std::string stream_created_; ///< tells a stream made anew from the one we read
  uint64_t round_ = 0;
  uint64_t expected_ = 1;           ///< next consumer sequence: a jump means that messages were lost
  uint64_t received_ = 0;           ///< in this round
  std::optional<uint64_t> initial_; ///< messages that waited when the consumer was made
  clock::time_point heard_;
  bool beginning_ = false;
  int failures_ = 0;
};

} // namespace sextant
