#include "actors/search/search.hpp"

#include <algorithm>

#include <spdlog/spdlog.h>

namespace sextant {

namespace {

enum topic { accepted, listed, cancelled, owned };

bool over(const std::string& state) {
  return state == "finished" || state == "failed" || state == "cancelled";
}

/// Crashes of one session after which its request is given up.
constexpr int max_session_crashes = 5;

} // namespace

void search_state::start() {
  auto me = caf::actor_cast<search_actor>(self);
  const auto& names = around.names;
  subscriptions.push_back(
      around.link->follow(names.request_stream(), names.all_accepted(), 1, into_mailbox(me, accepted), [] {}));
  subscriptions.push_back(around.link->subscribe_group(names.request_list(), "search", into_mailbox(me, listed)));
  subscriptions.push_back(around.link->subscribe(names.request_command("*", "cancel"), into_mailbox(me, cancelled)));
  subscriptions.push_back(around.link->follow_bucket(names.lease_bucket(), into_mailbox(me, owned), {}));
}

void search_state::take(const bus_mail& mail) {
  if (mail.topic == cancelled)
    return take_cancel(mail.message);
  if (mail.topic == owned)
    return take_owner(mail.message);
  if (mail.topic == listed) {
    if (!mail.message.reply.empty())
      around.link->publish(mail.message.reply, encode_message("list", "", page_of(mail.message.body)));
    return;
  }
  std::vector<codec_error> errors;
  auto e = decode_envelope(mail.message.body, errors);
  auto request = e ? message_as<profile_request>(*e) : std::nullopt;
  if (!request) {
    spdlog::error("request-unreadable: sequence {}", mail.message.sequence);
    return;
  }
  const auto id = request->id;
  if (requests.count(id))
    return;
  if (!settings.only_request.empty() && id != settings.only_request) {
    spdlog::info("request-rests: {} is another request of this server", id);
    return;
  }
  auto& tracked = requests[id];
  tracked.summary = {id, request->name, request->model.name, "waiting", "Initializing", false, 0};
  tracked.request = std::move(*request);
  order.push_back(id);
  spawn_session(id);
}

/// Pages keep an answer below the server's payload limit, however many requests there are.
request_list search_state::page_of(const std::string& question) {
  std::vector<codec_error> errors;
  const auto e = decode_envelope(question, errors);
  const auto asked = (e ? message_as<list_requests>(*e) : std::nullopt).value_or(list_requests{});
  const auto last = asked.after.empty() ? order.end() : std::find(order.begin(), order.end(), asked.after);
  auto next = last == order.end() ? order.begin() : last + 1;
  request_list page;
  page.total = static_cast<int>(order.size());
  for (int i = 0; i < std::clamp(asked.limit, 1, 1000) && next != order.end(); ++i, ++next)
    page.requests.push_back(requests[*next].summary);
  page.more = next != order.end();
  return page;
}

void search_state::spawn_session(const std::string& id) {
  auto& tracked = requests[id];
  tracked.session =
      self->spawn<caf::monitored>(session, around, settings, tracked.request, caf::actor_cast<search_actor>(self));
  tracked.has_turn = false;
  if (cancelled_early.erase(id) > 0)
    around.link->publish_durable(
        around.names.result(id), "early-cancel-" + id,
        encode_result("early-cancel-" + id, id, cancel_request{"taken back right after submission"}));
  give_turn();
}

void search_state::give_turn() {
  for (const auto& id : order) {
    auto& tracked = requests[id];
    if (over(tracked.summary.state))
      continue;
    if (tracked.session && !tracked.has_turn) {
      tracked.has_turn = true;
      self->send(tracked.session, your_turn{});
    }
    return;
  }
}

void search_state::take_report(const session_report& report) {
  auto found = requests.find(report.summary.id);
  if (found == requests.end())
    return;
  found->second.summary = report.summary;
  if (over(report.summary.state))
    give_turn();
}

void search_state::take_owner(const bus_message& message) {
  std::vector<codec_error> errors;
  const auto e = decode_envelope(message.body, errors);
  const auto summary = e ? message_as<request_summary>(*e) : std::nullopt;
  if (!summary || e->id == around.instance)
    return; // sessions of this process report by themselves
  if (const auto found = requests.find(summary->id); found != requests.end() && !over(found->second.summary.state))
    found->second.summary = *summary;
}

void search_state::take_cancel(const bus_message& message) {
  // Subjects end in `<id>.cancel`; a request that has a session hears it there.
  const auto end = message.subject.rfind('.');
  const auto begin = message.subject.rfind('.', end - 1) + 1;
  const auto id = message.subject.substr(begin, end - begin);
  if (requests.count(id))
    return;
  cancelled_early.insert(id);
  if (!message.reply.empty())
    around.link->publish(message.reply, encode_message("cancel-" + id, id, request_accepted{}));
}

void search_state::session_ended(const caf::down_msg& down) {
  for (auto& [id, tracked] : requests) {
    if (!tracked.session || tracked.session.address() != down.source)
      continue;
    tracked.session = nullptr;
    const auto& state = tracked.summary.state;
    if (over(state))
      return give_turn();
    spdlog::warn("session-ended: {} ({})", id, self->system().render(down.reason));
    if (down.reason == lease_lost || ++tracked.crashes <= max_session_crashes) {
      spawn_session(id);
      return;
    }
    profile_failed failed{
        {failure_class::permanent, failure_cause::internal, "the session of this request ended repeatedly", {}}};
    tracked.summary.state = "failed";
    around.link->publish_durable(around.names.result(id), "gave-up-" + id, encode_result("gave-up-" + id, id, failed));
    around.link->publish_durable(around.names.event(id), "end-" + id, encode_message("end-" + id, id, failed));
    return give_turn();
  }
}

search_actor::behavior_type search(search_actor::stateful_pointer<search_state> self, surroundings around,
                                   search_settings settings) {
  auto& state = self->state;
  state.self = self;
  state.around = std::move(around);
  state.settings = std::move(settings);
  self->set_down_handler([self](const caf::down_msg& down) { self->state.session_ended(down); });
  self->set_exit_handler([self](const caf::exit_msg& exit) {
    for (auto& [id, tracked] : self->state.requests)
      if (tracked.session)
        self->send_exit(tracked.session, exit.reason);
    self->quit(exit.reason);
  });
  state.start();
  return {
      [self](const bus_mail& mail) { self->state.take(mail); },
      [self](const session_report& report) { self->state.take_report(report); },
      [](const reminder&) {},
  };
}

} // namespace sextant
