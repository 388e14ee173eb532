// kv_cache.hpp: The block pool of one attention rank: reference counts, prefix lookup, eviction of the longest unused.
// Not thread-safe.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

namespace sextant {

/// A pool of equal blocks. A block is free, or held by one or more sequences; a free block may still carry a hash and is
/// then reusable until it is evicted, which happens in the order in which blocks became free.
class kv_cache {
public:
  using block = int32_t;
  static constexpr block none = -1;

  explicit kv_cache(int64_t blocks);

  int64_t total() const { return static_cast<int64_t>(slots_.size()) - 1; }
  int64_t free() const { return free_; }
  int64_t held() const { return total() - free_; }

  /// The block that holds this content, whether held or free; `none` if there is none.
  block find(uint64_t hash) const;
  /// Takes a reference on a block that `find` gave.
  void hold(block b);
  /// A block without content, evicting the longest unused one if need be; `none` when all are held.
  block take();
  /// Gives a reference back; the last one makes the block free but keeps its content.
  void release(block b);
  /// Names the content of a held block, unless the same content is already there or the block has a name.
  void name(block b, uint64_t hash);
  /// Whether counts, lists and names agree; for tests.
  bool consistent() const;

private:
  struct slot {
    uint64_t hash = 0;
    int32_t references = 0;
    block previous = none, next = none; ///< list of free blocks, longest unused first
    bool named = false;
  };

  void unlink(block b);
  void append(block b);

  std::vector<slot> slots_; ///< the last slot is the head of the free list
  int64_t free_ = 0;
  std::unordered_map<uint64_t, block> named_;
};

} // namespace sextant
