// mail.hpp: What every role actor has in common: mail from the bus, its surroundings, and how mail gets into a mailbox.
#pragma once

#include <memory>
#include <string>

#include <caf/actor_system.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/send.hpp>

#include "adapters/nats/bus.hpp"
#include "messages/subjects.hpp"

namespace sextant {

/// A message from the bus in the mailbox of an actor. `topic` is the receiver's own name for the subscription.
struct bus_mail {
  int topic = 0;
  bus_message message;
  delivery_ptr receipt;  ///< set for work; settles the delivery
};

/// A lease answer in the mailbox of an actor.
struct lease_mail {
  lease held;
};

/// A reminder that an actor sent to itself. `generation` lets it ignore stale ones.
struct reminder {
  int what = 0;
  uint64_t generation = 0;
};

/// What a role is given when it is spawned. The bus outlives every actor.
struct surroundings {
  std::shared_ptr<bus> link;
  subjects names;
  std::string node;      ///< name of this node
  std::string instance;  ///< unique per process
};

/// A bus callback that puts every message into the mailbox of `target`; safe on any thread.
template <class Handle>
bus::message_handler into_mailbox(const Handle& target, int topic) {
  return [target, topic](bus_message m) { caf::anon_send(target, bus_mail{topic, std::move(m), nullptr}); };
}

/// The same for work, with its receipt.
template <class Handle>
bus::work_handler work_into_mailbox(const Handle& target, int topic) {
  return [target, topic](bus_message m, delivery_ptr d) {
    caf::anon_send(target, bus_mail{topic, std::move(m), std::move(d)});
  };
}

} // namespace sextant

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(sextant::bus_mail)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(sextant::lease_mail)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(sextant::reminder)
