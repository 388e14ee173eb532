// bus_worlds.hpp: The servers that the bus tests run against, and small helpers.
#pragma once

#include <catch2/catch.hpp>

#include "adapters/nats/memory_bus.hpp"
#include "adapters/nats/nats_bus.hpp"
#include "adapters/nats/private_server.hpp"
#include "test/adapters/nats/collector.hpp"
#include "test/adapters/nats/scratch_folder.hpp"

namespace sextant::test {

/// A private server with clean store.
struct server_world {
  scratch_folder folder;
  std::string error;
  std::unique_ptr<private_server> server = private_server::start(folder.path(), error);

  nats_settings settings() const {
    nats_settings s;
    s.url = server->url();
    s.token = server->token();
    return s;
  }

  std::unique_ptr<bus> connect() {
    REQUIRE(server);
    auto out = connect_nats(settings(), error);
    INFO(error);
    REQUIRE(out);
    return out;
  }
};

/// A broker in this process.
struct memory_world {
  std::shared_ptr<memory_broker> broker = make_memory_broker();
  std::unique_ptr<bus> connect() { return make_memory_bus(broker); }
};

inline stream_settings stream_of(const std::string& name, bool work_queue) {
  stream_settings s;
  s.name = name;
  s.subjects = {name + ".>"};
  s.work_queue = work_queue;
  return s;
}

struct job {
  bus_message message;
  delivery_ptr settle;
};

inline bus::work_handler into(collector<job>& jobs) {
  return [&jobs](bus_message m, delivery_ptr d) { jobs.push({std::move(m), std::move(d)}); };
}

inline bus::message_handler into(collector<bus_message>& messages) {
  return [&messages](bus_message m) { messages.push(std::move(m)); };
}

inline std::vector<std::string> bodies(const std::vector<bus_message>& messages) {
  std::vector<std::string> out;
  for (const auto& m : messages)
    out.push_back(m.body);
  return out;
}

inline consumer_settings workers(const std::string& stream, std::chrono::milliseconds ack_wait, int max_in_flight) {
  return {stream, "workers", stream + ".>", ack_wait, max_in_flight};
}

/// Result of a call with a done handler.
inline std::string stored(bus& b, const std::string& subject, const std::string& id, const std::string& body) {
  collector<std::string> answers;
  b.publish_durable(subject, id, body, {}, [&](std::string error) { answers.push(std::move(error)); });
  return answers.reaches(1) ? answers.all()[0] : "no answer";
}

inline lease taken(bus& b, const std::string& key, const std::string& owner) {
  collector<lease> answers;
  b.acquire_lease("leases", key, owner, [&](lease l) { answers.push(std::move(l)); });
  return answers.reaches(1) ? answers.all()[0] : lease{"no answer", 0};
}

inline lease renewed(bus& b, const lease& held) {
  collector<lease> answers;
  b.renew_lease("leases", held, "me", [&](lease l) { answers.push(std::move(l)); });
  return answers.reaches(1) ? answers.all()[0] : lease{"no answer", 0};
}

} // namespace sextant::test
