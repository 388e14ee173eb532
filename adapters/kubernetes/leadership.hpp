// leadership.hpp: One of several equal processes leads; a Lease says which.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "adapters/kubernetes/api_client.hpp"

namespace sextant::kubernetes {

/// What a Lease says, and who asks.
struct lease_reading {
  bool exists = false;
  std::string holder;   ///< empty: given up
  double renewed_s = 0; ///< seconds since 1970
  double lasts_s = 0;
};

/// What a candidate does about a Lease.
enum class lease_move : uint8_t {
  create, ///< there is none
  take,   ///< it is ours, or nobody's, or over
  wait,   ///< somebody else leads
};

/// Pure. `seen_unchanged_s`: how long this candidate has seen the same renewal, by its own clock: clocks of two machines may
/// differ by more than a lease lasts.
lease_move move_for(const lease_reading& lease, const std::string& own, double seen_unchanged_s, bool holder_gone = false);

/// Leads, or waits to lead, in a thread of its own.
class leadership {
public:
  struct settings {
    std::string name_space, lease, holder;
    double lasts_s = 15; ///< another takes over after this time without renewal
    double renew_s = 3;
    /// Whether a holder is certain not to exist any more, so that its lease need not be waited for; may be empty.
    std::function<bool(const std::string& holder)> is_gone;
  };
  /// `changed` is called from that thread whenever this process begins or ceases to lead, with a text for people where it
  /// cannot try at all. It ceases before its lease is over, also when the server does not answer.
  static std::unique_ptr<leadership> run(std::shared_ptr<cluster_link> link, const settings& how,
                                         std::function<void(bool leads, std::string problem)> changed);
  /// Gives the lease up, so that the next one need not wait.
  virtual ~leadership() = default;
};

} // namespace sextant::kubernetes
