// lease_call.hpp: Taking, renewing and releasing a lease: compare-and-set on one key of a bucket. Private to this folder.
// Runs on the bus's thread.
#pragma once

#include "adapters/nats/nats_core.hpp"

namespace sextant {

/// One attempt to take a lease (revision 0) or to renew it, repeated until the server decides.
class lease_call : public std::enable_shared_from_this<lease_call> {
public:
  lease_call(std::weak_ptr<nats_core> core, std::string bucket, lease held, std::string owner,
             std::function<void(lease)> handler);

  void send();

private:
  void on_answer(const std::optional<jetstream::answer>& a, const std::string& error);
  void again();

  std::weak_ptr<nats_core> core_;
  std::string bucket_;
  lease held_;
  std::string owner_;
  std::function<void(lease)> handler_;
  std::string id_;  ///< the same for every repetition: one that was stored but not answered counts
  int unheard_ = 0; ///< times that no bucket answered
};

/// Deletes exactly the revision that is held, so that a lease taken by another meanwhile stays.
void drop_lease(nats_core& core, const std::string& bucket, const lease& held);

} // namespace sextant
