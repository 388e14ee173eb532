#include "actors/artifacts/artifacts.hpp"

#include <caf/event_based_actor.hpp>
#include <spdlog/spdlog.h>

#include "messages/codec.hpp"

namespace sextant {

namespace {

enum topic { write_topic };

constexpr auto tick_interval = std::chrono::seconds{1};

/// A WRITER actor: detached, writes one output directory, tells ARTIFACTS, ends.
void writer(caf::event_based_actor* self, const artifacts_actor& parent, const std::string& directory,
            const std::shared_ptr<const write_artifacts>& what,
            const std::shared_ptr<const std::vector<point_measured>>& points,
            const std::shared_ptr<const std::vector<engine_ready>>& engines, const artifacts_settings& settings) {
  self->send(parent, output_written{what->request.id, settings.write(directory, *what, *points, *engines)});
}

} // namespace

void artifacts_state::start() {
  consumer_settings work;
  work.stream = around.names.write_stream();
  work.name = "write";
  work.filter = around.names.write_work();
  work.max_in_flight = 4;
  subscriptions.push_back(
      around.link->consume(work, work_into_mailbox(caf::actor_cast<artifacts_actor>(self), write_topic)));
  self->delayed_send(self, tick_interval, reminder{});
}

std::string artifacts_state::directory_of(const std::string& id) const {
  return settings.folder_per_request ? settings.root + "/" + id : settings.root;
}

void artifacts_state::take(const bus_mail& mail) {
  std::vector<codec_error> errors;
  auto e = decode_envelope(mail.message.body, errors);
  if (mail.topic == write_topic) {
    auto what = e ? message_as<write_artifacts>(*e) : std::nullopt;
    if (!what) {
      spdlog::error("work-unreadable: {}", mail.message.subject);
      return mail.receipt->ack();
    }
    const auto id = what->request.id;
    if (auto known = jobs.find(id); known != jobs.end()) {
      known->second.receipt = mail.receipt;
      return;
    }
    auto& job = jobs[id];
    job.work = e->id;
    job.what = std::move(*what);
    job.receipt = mail.receipt;
    job.topic = ++last_topic;
    auto me = caf::actor_cast<artifacts_actor>(self);
    job.results = around.link->follow(around.names.result_stream(), around.names.result(id), 1, into_mailbox(me, job.topic),
                                      [me, id] { caf::anon_send(me, results_gathered{id}); });
    return;
  }
  for (auto& [id, job] : jobs) {
    if (job.topic != mail.topic)
      continue;
    auto result = e ? result_from(*e) : std::nullopt;
    if (!result)
      return;
    if (auto* point = std::get_if<point_measured>(&*result)) {
      if (job.seen.insert(point->plan.point).second) // the first result of a point is the one that counts
        job.points.push_back(std::move(*point));
    } else if (auto* engine = std::get_if<engine_ready>(&*result))
      job.engines.push_back(std::move(*engine));
    return;
  }
}

void artifacts_state::gathered(const std::string& id) {
  auto found = jobs.find(id);
  if (found == jobs.end() || found->second.writer)
    return;
  auto& job = found->second;
  job.results.reset();
  const auto me = caf::actor_cast<artifacts_actor>(self);
  auto what = std::make_shared<const write_artifacts>(job.what);
  auto points = std::make_shared<const std::vector<point_measured>>(std::move(job.points));
  auto engines = std::make_shared<const std::vector<engine_ready>>(std::move(job.engines));
  job.writer =
      settings.virtual_time
          ? self->spawn<caf::monitored>(writer, me, directory_of(id), what, points, engines, settings)
          : self->spawn<caf::detached + caf::monitored>(writer, me, directory_of(id), what, points, engines, settings);
}

void artifacts_state::written(const output_written& done) {
  auto found = jobs.find(done.job);
  if (found == jobs.end())
    return;
  auto receipt = found->second.receipt;
  const auto id = stable_hash("written/" + done.job + "/" + found->second.work);
  jobs.erase(found);
  result_event result;
  if (done.outcome.error.empty())
    result = artifacts_written{directory_of(done.job), done.outcome.files};
  else
    result = profile_failed{{failure_class::permanent, failure_cause::internal, "artifacts: " + done.outcome.error, {}}};
  around.link->publish_durable(around.names.result(done.job), id, encode_result(id, done.job, result), {},
                               [receipt](const std::string& error) {
                                 if (error.empty())
                                   receipt->ack();
                               });
}

void artifacts_state::writer_died(const caf::down_msg& down) {
  for (auto i = jobs.begin(); i != jobs.end(); ++i) {
    if (!i->second.writer || i->second.writer.address() != down.source || !down.reason)
      continue;
    spdlog::warn("writer-ended: {}", i->first);
    i->second.receipt->retry(std::chrono::milliseconds{100});
    jobs.erase(i);
    return;
  }
}

void artifacts_state::tick() {
  for (auto& [id, job] : jobs)
    job.receipt->working();
  self->delayed_send(self, tick_interval, reminder{});
}

artifacts_actor::behavior_type artifacts(artifacts_actor::stateful_pointer<artifacts_state> self, surroundings around,
                                         artifacts_settings settings) {
  auto& state = self->state;
  state.self = self;
  state.around = std::move(around);
  state.settings = std::move(settings);
  self->set_down_handler([self](const caf::down_msg& down) { self->state.writer_died(down); });
  state.start();
  return {
      [self](const bus_mail& mail) { self->state.take(mail); },
      [self](const results_gathered& g) { self->state.gathered(g.job); },
      [self](const output_written& done) { self->state.written(done); },
      [self](const reminder&) { self->state.tick(); },
  };
}

} // namespace sextant
