#include "actors/intake/intake.hpp"

#include <spdlog/spdlog.h>

#include "config/intake.hpp"

namespace sextant {

namespace {

enum topic { submitted, published, accepted };

document_error message_error(const codec_error& e) {
  return {"message", 0, 0, e.path, e.message, "one JSON envelope of version 1 with a submit_request", ""};
}

} // namespace

void intake_state::start() {
  const auto& names = around.names;
  auto me = caf::actor_cast<intake_actor>(self);
  subscriptions.push_back(
      around.link->follow(names.request_stream(), names.all_accepted(), 1, into_mailbox(me, accepted), [] {}));
  subscriptions.push_back(around.link->subscribe_group(names.request_submit(), "intake", into_mailbox(me, submitted)));
  consumer_settings raw;
  raw.stream = names.request_stream();
  raw.name = "intake";
  raw.filter = names.request_new();
  subscriptions.push_back(around.link->consume(raw, work_into_mailbox(me, published)));
}

void intake_state::take(const bus_mail& mail) {
  std::vector<codec_error> errors;
  auto e = decode_envelope(mail.message.body, errors);
  if (mail.topic == accepted) {
    if (e)
      known[e->request] = true;
    return;
  }
  if (!e) {
    std::vector<document_error> refusal;
    for (const auto& error : errors)
      refusal.push_back(message_error(error));
    return refuse({}, std::move(refusal), mail.message.reply, mail.receipt);
  }
  submit(*e, mail.topic == submitted ? mail.message.reply : std::string{}, mail.receipt);
}

void intake_state::submit(const envelope& e, const std::string& answer_to, const delivery_ptr& receipt) {
  const auto id = e.request.empty() ? e.id : e.request;
  std::vector<codec_error> errors;
  std::optional<submit_request> submission;
  if (e.kind != message_kind<submit_request>::value)
    errors.push_back({"kind", "found \"" + e.kind + "\", accepted is submit_request"});
  else
    submission = decode_body<submit_request>(e.body, errors);
  if (!valid_request_id(id))
    errors.push_back({"request", "found \"" + id.substr(0, 140) + "\", accepted are 1 to 128 letters, digits, '-' and '_'"});
  if (!errors.empty()) {
    std::vector<document_error> refusal;
    for (const auto& error : errors)
      refusal.push_back(message_error(error));
    return refuse(valid_request_id(id) ? id : std::string{}, std::move(refusal), answer_to, receipt);
  }
  auto acknowledge = [link = around.link, answer_to, receipt, id](bool duplicate) {
    if (!answer_to.empty())
      link->publish(answer_to, encode_message("accept-" + id, id, request_accepted{duplicate}));
    if (receipt)
      receipt->ack();
  };
  if (known.count(id))
    return acknowledge(true);
  for (const auto& [option, value] : settings.forced_options)
    submission->options[option] = value;
  auto outcome = read_request(id, *submission, settings.files);
  if (auto* refusal = std::get_if<std::vector<document_error>>(&outcome))
    return refuse(id, std::move(*refusal), answer_to, receipt);
  auto& request = std::get<profile_request>(outcome);
  request.accepted_time = rfc3339_now();
  known[id] = true;
  spdlog::info("request-accepted: {}", id);
  auto me = caf::actor_cast<intake_actor>(self);
  around.link->publish_durable(
      around.names.request_accepted(id), "accept-" + id, encode_message("accept-" + id, id, request), {},
      [acknowledge, me, id, answer_to, receipt](const std::string& error) {
        if (error.empty())
          acknowledge(false);
        else
          caf::anon_send(me, request_not_stored{id, error, answer_to, receipt});
      },
      when_full::refuse);
}

/// Back-pressure: the client is told, and the same id may be sent again.
void intake_state::take_back(const request_not_stored& what) {
  spdlog::error("request-not-stored: {}: {}", what.id, what.why);
  known.erase(what.id);
  if (what.receipt) // stays in the stream, and is tried again
    return what.receipt->retry(std::chrono::seconds{5});
  refuse(what.id,
         {{"server",
           0,
           0,
           {},
           what.why,
           "room for one more request",
           "nothing was stored: send it again later, with the same id"}},
         what.answer_to, {});
}

void intake_state::refuse(const std::string& id, std::vector<document_error> errors, const std::string& answer_to,
                          const delivery_ptr& receipt) {
  spdlog::warn("request-refused: {} with {} errors", id.empty() ? "(no id)" : id, errors.size());
  const auto text = encode_message("refuse-" + id, id, request_refused{std::move(errors)});
  if (!answer_to.empty())
    around.link->publish(answer_to, text);
  else if (!id.empty())
    around.link->publish_durable(around.names.event(id), "refuse-" + id + stable_hash(text), text);
  if (receipt)
    receipt->ack();
}

intake_actor::behavior_type intake(intake_actor::stateful_pointer<intake_state> self, surroundings around,
                                   intake_settings settings) {
  auto& state = self->state;
  state.self = self;
  state.around = std::move(around);
  state.settings = std::move(settings);
  state.start();
  return {
      [self](const bus_mail& mail) { self->state.take(mail); },
      [self](const request_not_stored& what) { self->state.take_back(what); },
  };
}

} // namespace sextant
