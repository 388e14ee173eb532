// bus.cpp: What every bus does alike.
#include "adapters/nats/bus.hpp"

#include "adapters/nats/jetstream_api.hpp"

namespace sextant {

subscription_ptr bus::follow_bucket(const std::string& bucket, message_handler handler, std::function<void()> caught_up) {
  // A bucket is a stream of the server's: what is held is what it stores, and following goes on from there.
  const auto before_key = jetstream::lease_subject(bucket, "").size();
  return follow(
      jetstream::bucket_stream(bucket), jetstream::lease_subject(bucket, ">"), 1,
      [before_key, handler = std::move(handler)](bus_message m) {
        m.subject.erase(0, before_key);
        handler(std::move(m));
      },
      std::move(caught_up));
}

} // namespace sextant
