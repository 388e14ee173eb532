#include "actors/runtime/installation.hpp"

#include <atomic>
#include <cmath>
#include <random>
#include <utility>

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

std::vector<stream_settings> streams_of(const subjects& names, const stream_limits& limits) {
  using std::chrono::hours;
  const auto bytes = [&](double share) {
    return limits.store_gib > 0 ? std::llround(limits.store_gib * share * 1024 * 1024 * 1024) : -1LL;
  };
  const std::chrono::seconds kept{limits.retention}, for_ever{0};
  const int64_t requests = limits.max_requests > 0 ? limits.max_requests : -1;
  const int r = limits.replicas;
  const auto work = [&](std::string name, std::string subject) {
    return stream_settings{std::move(name), {std::move(subject)}, true, false, for_ever,
                           hours{24},       bytes(0.05),          -1,   true,  r};
  };
  return {
      {names.request_stream(),
       {names.request_new(), names.all_accepted()},
       false,
       false,
       kept,
       hours{1},
       bytes(0.05),
       requests,
       true,
       r},
      {names.result_stream(), {names.all_results()}, false, false, kept, hours{24}, bytes(0.3), -1, true, r},
      work(names.deploy_stream(), names.prefix() + ".work.deploy.>"),
      work(names.measure_stream(), names.prefix() + ".work.measure.>"),
      work(names.write_stream(), names.write_work()),
      {names.record_stream(), {names.all_records()}, true, false, hours{24}, hours{1}, bytes(0.5), -1, true, r},
      {names.event_stream(),
       {names.prefix() + ".event.*"},
       false,
       true,
       hours{6},
       hours{1},
       256LL * 1024 * 1024,
       -1,
       false,
       r},
  };
}

} // namespace

std::string prepare_streams(bus& link, const subjects& names, const stream_limits& limits) {
  for (const auto& stream : streams_of(names, limits))
    if (auto error = link.ensure_stream(stream); !error.empty())
      return error;
  for (const auto& bucket : {names.lease_bucket(), names.node_bucket()})
    if (auto error = link.ensure_bucket(bucket, lease_time, limits.replicas); !error.empty())
      return error;
  return {};
}

std::string find_streams(bus& link, const subjects& names) {
  for (const auto& stream : streams_of(names, {}))
    if (auto error = link.find_stream(stream); !error.empty())
      return error;
  return link.find_bucket(names.node_bucket());
}

std::unique_ptr<installation> installation::start(installation_settings settings, std::shared_ptr<bus> link) {
  return std::make_unique<running_installation>(std::move(settings), std::move(link));
}

} // namespace sextant
