#include "actors/runtime/installation.hpp"

#include <atomic>
#include <random>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>

#include "actors/runtime/supervisor.hpp"

namespace sextant {

namespace {

std::string random_instance() {
  std::random_device device;
  char text[17];
  snprintf(text, sizeof text, "%08x%08x", device(), device());
  return text;
}

struct system_config : caf::actor_system_config {
  system_config() {
    set("scheduler.max-threads", size_t{4});
    set("scheduler.max-throughput", size_t{50});
  }
};

class running_installation : public installation {
public:
  running_installation(installation_settings settings, std::shared_ptr<bus> link) : system_{config_} {
    surroundings around{std::move(link), settings.names, settings.node, instance_};
    root_ = system_.spawn(supervisor, around, std::move(settings), &restarts_);
  }

  ~running_installation() override {
    caf::scoped_actor self{system_};
    self->send_exit(root_, caf::exit_reason::user_shutdown);
    root_ = nullptr;
    self->await_all_other_actors_done();
  }

  void crash_role(const std::string& role) override { caf::anon_send(root_, sextant::crash_role{role}); }

  std::string instance() const override { return instance_; }
  int restarts() const override { return restarts_; }

private:
  const std::string instance_ = random_instance();
  system_config config_;
  caf::actor_system system_;
  std::atomic<int> restarts_{0};
  supervisor_actor root_;
};

} // namespace

std::string prepare_streams(bus& link, const subjects& names) {
  using std::chrono::hours;
  const std::chrono::seconds for_ever{0};
  const stream_settings streams[] = {
      {names.request_stream(), {names.request_new(), names.all_accepted()}, false, false, for_ever, hours{1}},
      {names.result_stream(), {names.all_results()}, false, false, for_ever, hours{24}},
      {names.deploy_stream(), {names.prefix() + ".work.deploy.>"}, true, false, for_ever, hours{24}},
      {names.measure_stream(), {names.prefix() + ".work.measure.>"}, true, false, for_ever, hours{24}},
      {names.write_stream(), {names.write_work()}, true, false, for_ever, hours{24}},
      {names.record_stream(), {names.all_records()}, true, false, hours{24}, hours{1}},
      {names.event_stream(), {names.prefix() + ".event.*"}, false, true, hours{6}, hours{1}},
  };
  for (const auto& stream : streams)
    if (auto error = link.ensure_stream(stream); !error.empty())
      return "stream " + stream.name + ": " + error;
  for (const auto& bucket : {names.lease_bucket(), names.node_bucket()})
    if (auto error = link.ensure_bucket(bucket, lease_time); !error.empty())
      return "bucket " + bucket + ": " + error;
  return {};
}

std::unique_ptr<installation> installation::start(installation_settings settings, std::shared_ptr<bus> link) {
  return std::make_unique<running_installation>(std::move(settings), std::move(link));
}

} // namespace sextant
