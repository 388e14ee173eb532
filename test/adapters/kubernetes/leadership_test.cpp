#include "adapters/kubernetes/leadership.hpp"

#include <catch2/catch.hpp>

namespace sextant::kubernetes {

TEST_CASE("a lease is taken when nobody holds it or its holder was silent too long by our own clock", "[kubernetes]") {
  CHECK(move_for({}, "me", 0) == lease_move::create);
  CHECK(move_for({true, "me", 100, 15}, "me", 0) == lease_move::take);
  CHECK(move_for({true, "", 100, 15}, "me", 0) == lease_move::take);
  // What the other's clock says is not asked: it may be wrong by hours.
  CHECK(move_for({true, "other", 0, 15}, "me", 14) == lease_move::wait);
  CHECK(move_for({true, "other", 1e12, 15}, "me", 16) == lease_move::take);
  CHECK(move_for({true, "other", 1e12, 15}, "me", 0, true) == lease_move::take);
}

} // namespace sextant::kubernetes
