// mail.hpp: What every role actor has in common: mail from the bus, its surroundings, and how mail gets into a mailbox.
#pragma once

#include <memory>
#include <string>

#include <caf/actor_system.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/send.hpp>

#include "adapters/nats/bus.hpp"
#include "messages/codec.hpp"
#include "messages/subjects.hpp"

namespace sextant {

/// A message from the bus in the mailbox of an actor. `topic` is the receiver's own name for the subscription.
struct bus_mail {
  int topic = 0;
  bus_message message;
  delivery_ptr receipt; ///< set for work; settles the delivery
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

/// A session's word on a piece of work, in the mailbox of whoever asked.
struct work_verdict {
  enum kind { wanted, obsolete, no_answer };
  uint64_t ticket = 0;
  kind what = no_answer;
};

/// What a role is given when it is spawned. The bus outlives every actor.
struct surroundings {
  std::shared_ptr<bus> link;
  subjects names;
  std::string node;     ///< name of this node
  std::string instance; ///< unique per process
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

/// Asks the session of a request whether a piece of work (the envelope it came in) is still wanted; the answer comes as a
/// `work_verdict` with the ticket.
template <class Handle>
void ask_whether_wanted(const surroundings& around, const std::string& request, const std::string& work, const Handle& asker,
                        uint64_t ticket) {
  around.link->request(
      around.names.request_command(request, "wants"), work, std::chrono::seconds{5},
      [asker, ticket](std::optional<bus_message> answer, const std::string&) {
        std::vector<codec_error> errors;
        auto e = answer ? decode_envelope(answer->body, errors) : std::nullopt;
        auto word = e ? message_as<work_wanted>(*e) : std::nullopt;
        const auto verdict = !word ? work_verdict::no_answer : word->wanted ? work_verdict::wanted : work_verdict::obsolete;
        caf::anon_send(asker, work_verdict{ticket, verdict});
      });
}

/// Leases of requests and nodes last this long without renewal; their owners renew every second.
inline constexpr std::chrono::milliseconds lease_time{3500};

/// Work whose session did not answer is offered again after this pause.
inline constexpr std::chrono::milliseconds unanswered_pause{300};

} // namespace sextant

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(sextant::bus_mail)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(sextant::lease_mail)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(sextant::reminder)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(sextant::work_verdict)
