// intake.hpp: INTAKE turns submissions into validated, stored requests, or refuses them with every error.
#pragma once

#include <map>
#include <string>

#include <caf/replies_to.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include "actors/mail.hpp"
#include "config/intake.hpp"
#include "messages/codec.hpp"

namespace sextant {

/// The server did not store an accepted request.
struct request_not_stored {
  std::string id;
  std::string why;
  std::string answer_to; ///< empty for a submission of the stream, which then has a receipt
  delivery_ptr receipt;
};

/// Interface of INTAKE.
using intake_actor = caf::typed_actor<
    // A submission, by request/reply or from the stream of plain publications, or an accepted request of the stream.
    caf::reacts_to<bus_mail>,
    // What became of its publication, if that failed.
    caf::reacts_to<request_not_stored>>;

/// What the installation decides, whatever a request says.
struct intake_settings {
  named_files files = named_files::of_others;
  std::map<std::string, std::string> forced_options; ///< e.g. `gpus` and `host` of a `sextant serve`
};

/// State of INTAKE. Restarted by the runtime at any time: what it accepted is in the request stream.
struct intake_state {
  static inline const char* name = "intake";

  void start();
  void take(const bus_mail& mail);
  /// Accepts or refuses one submission; `answer_to` may be empty.
  void submit(const envelope& e, const std::string& answer_to, const delivery_ptr& receipt);
  void take_back(const request_not_stored& what);
  void refuse(const std::string& id, std::vector<document_error> errors, const std::string& answer_to,
              const delivery_ptr& receipt);

  intake_actor::pointer self = nullptr;
  surroundings around;
  intake_settings settings;
  std::map<std::string, bool> known; ///< ids of accepted requests
  std::vector<subscription_ptr> subscriptions;
};

intake_actor::behavior_type intake(intake_actor::stateful_pointer<intake_state> self, surroundings around,
                                   intake_settings settings);

} // namespace sextant

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(sextant::request_not_stored)
