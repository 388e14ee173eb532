// kv_cache.cpp: A block pool as one vector with an intrusive list of free blocks.
#include "adapters/simulation/kv_cache.hpp"

#include <algorithm>

namespace sextant {

kv_cache::kv_cache(int64_t blocks) : slots_(static_cast<size_t>(std::max<int64_t>(0, blocks)) + 1) {
  const auto head = static_cast<block>(slots_.size() - 1);
  slots_[static_cast<size_t>(head)].previous = slots_[static_cast<size_t>(head)].next = head;
  for (block b = 0; b < head; ++b)
    append(b);
  free_ = head;
}

void kv_cache::unlink(block b) {
  auto& s = slots_[static_cast<size_t>(b)];
  slots_[static_cast<size_t>(s.previous)].next = s.next;
  slots_[static_cast<size_t>(s.next)].previous = s.previous;
}

void kv_cache::append(block b) {
  const auto head = static_cast<block>(slots_.size() - 1);
  auto& s = slots_[static_cast<size_t>(b)];
  auto& h = slots_[static_cast<size_t>(head)];
  s.previous = h.previous;
  s.next = head;
  slots_[static_cast<size_t>(h.previous)].next = b;
  h.previous = b;
}

kv_cache::block kv_cache::find(uint64_t hash) const {
  const auto at = named_.find(hash);
  return at == named_.end() ? none : at->second;
}

void kv_cache::hold(block b) {
  auto& s = slots_[static_cast<size_t>(b)];
  if (s.references++ == 0) {
    unlink(b);
    --free_;
  }
}

kv_cache::block kv_cache::take() {
  if (free_ == 0)
    return none;
  const block b = slots_.back().next;
  auto& s = slots_[static_cast<size_t>(b)];
  if (s.named) {
    named_.erase(s.hash);
    s.named = false;
  }
  hold(b);
  return b;
}

void kv_cache::release(block b) {
  auto& s = slots_[static_cast<size_t>(b)];
  if (--s.references > 0)
    return;
  ++free_;
  if (s.named) {
    append(b);
    return;
  }
  // Nobody can find a nameless block again: it is the first to be taken.
  auto& head = slots_.back();
  s.previous = static_cast<block>(slots_.size() - 1);
  s.next = head.next;
  slots_[static_cast<size_t>(head.next)].previous = b;
  head.next = b;
}

void kv_cache::name(block b, uint64_t hash) {
  auto& s = slots_[static_cast<size_t>(b)];
  if (s.named)
    return;
  if (named_.try_emplace(hash, b).second) {
    s.hash = hash;
    s.named = true;
  }
}

bool kv_cache::consistent() const {
  int64_t listed = 0;
  const auto head = static_cast<block>(slots_.size() - 1);
  for (block b = slots_.back().next; b != head; b = slots_[static_cast<size_t>(b)].next) {
    if (slots_[static_cast<size_t>(b)].references != 0 || ++listed > total())
      return false;
  }
  int64_t names = 0;
  for (block b = 0; b < head; ++b) {
    const auto& s = slots_[static_cast<size_t>(b)];
    if (s.references < 0)
      return false;
    if (s.named) {
      ++names;
      if (find(s.hash) != b)
        return false;
    }
  }
  return listed == free_ && names == static_cast<int64_t>(named_.size());
}

} // namespace sextant
