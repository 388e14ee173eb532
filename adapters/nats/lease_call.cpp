// lease_call.cpp: Leases as expected sequence numbers.
#include "adapters/nats/lease_call.hpp"

#include <spdlog/spdlog.h>

namespace sextant {

using namespace std::chrono_literals;

lease_call::lease_call(std::weak_ptr<nats_core> core, std::string bucket, lease held, std::string owner,
                       std::function<void(lease)> handler)
    : core_(std::move(core)), bucket_(std::move(bucket)), held_(std::move(held)), owner_(std::move(owner)),
      handler_(std::move(handler)), id_(nats_link::new_inbox()) {
  // nop
}

void lease_call::send() {
  if (auto core = core_.lock())
    core->store(jetstream::lease_subject(bucket_, held_.key), owner_,
                {{std::string{jetstream::message_id_header}, id_},
                 {std::string{jetstream::expected_sequence_header}, std::to_string(held_.revision)}},
                [self = shared_from_this()](std::optional<jetstream::answer> a, const std::string& error) {
                  self->on_answer(a, error);
                });
}

void lease_call::on_answer(const std::optional<jetstream::answer>& a, const std::string& error) {
  if (a && a->error == jetstream::no_error)
    return handler_({held_.key, a->sequence});
  if (a && !jetstream::worth_retrying(*a)) {
    if (a->error != jetstream::wrong_last_sequence)
      spdlog::error("nats: lease {}: {}", held_.key, a->text);
    return handler_({held_.key, 0});
  }
  if (!a && error == nats_core::nobody_answers && ++unheard_ > 20) {
    spdlog::error("nats: there is no bucket {}", bucket_);
    return handler_({held_.key, 0});
  }
  again();
}

void lease_call::again() {
  auto core = core_.lock();
  if (!core)
    return;
  core->restore([weak = core_, self = shared_from_this()] {
    if (auto c = weak.lock())
      c->post_after(200ms, [self] { self->send(); });
  });
}

void drop_lease(nats_core& core, const std::string& bucket, const lease& held) {
  core.api("STREAM.MSG.DELETE." + jetstream::bucket_stream(bucket),
           "{\"seq\":" + std::to_string(held.revision) + ",\"no_erase\":true}",
           [](const std::optional<jetstream::answer>&, const std::string&) {});
}

} // namespace sextant
