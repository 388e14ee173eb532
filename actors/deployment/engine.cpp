#include "actors/deployment/engine.hpp"

namespace sextant {

void engine_state::start() {
  auto me = caf::actor_cast<engine_actor>(self);
  host->apply(
      key, what,
      [me, k = key](hosted_engine e) {
        caf::anon_send(me, engine_news{engine_news::ready, k, std::move(e), {}});
      },
      [me, k = key](failure why) {
        caf::anon_send(me, engine_news{engine_news::failed, k, {}, std::move(why)});
      });
  // The host watches its own processes; this is the bound on everything else that may take for ever.
  self->delayed_send(self, std::chrono::duration_cast<caf::timespan>(std::chrono::duration<double>(what.timeout_s)),
                     engine_news{engine_news::failed,
                                 key,
                                 {},
                                 {failure_class::transient,
                                  failure_cause::start_timeout,
                                  "not ready after " + std::to_string(static_cast<int>(what.timeout_s)) + " s",
                                  {}}});
}

void engine_state::end() {
  // Its GPUs are free when the host says so, not before: until then this actor stays.
  host->remove(key, [me = caf::actor_cast<engine_actor>(self), k = key] {
    caf::anon_send(me, engine_news{engine_news::gone, k, {}, {}});
  });
}

engine_actor::behavior_type engine_runner(engine_actor::stateful_pointer<engine_state> self, deployment_actor parent,
                                          std::shared_ptr<engine_host> host, std::string key, deploy_engine what) {
  auto& state = self->state;
  state.self = self;
  state.parent = std::move(parent);
  state.host = std::move(host);
  state.key = std::move(key);
  state.what = std::move(what);
  // A killed DEPLOYMENT cannot end its engines' actors: they see it themselves.
  self->monitor(state.parent);
  self->set_down_handler([self](const caf::down_msg& down) {
    self->state.host->remove(self->state.key, [] {});
    self->quit(down.reason);
  });
  self->send(self, reminder{});
  return {
      [self](const reminder&) { self->state.start(); },
      [self, ready = false](const engine_news& news) mutable {
        if (news.kind == engine_news::ready)
          ready = true;
        else if (ready && news.error.cause == failure_cause::start_timeout)
          return; // it was ready in time
        self->send(self->state.parent, news);
        if (news.kind == engine_news::gone)
          self->quit();
      },
      [self](const end_engine&) { self->state.end(); },
  };
}

} // namespace sextant
