// client_stamps.hpp: The kernel's time stamps of a TCP socket: asking for them, and finding them in messages.
#pragma once

#include <cstdint>
#include <optional>

#include <sys/socket.h>

namespace sextant::http {

/// Asks for receive stamps; to be done before connecting, so that the first packet is stamped too.
bool want_arrival_stamps(int fd);
/// Asks for stamps of sent bytes as well; the socket must be connected and nothing written yet. Bytes count from here.
bool want_send_stamps(int fd);

/// Acknowledges what was received at once instead of within 40 ms: a server that collects small segments until then
/// (Nagle's algorithm, as in Dynamo's frontend) would hold back the first token. Needed once after each request: reading
/// acknowledges by itself until one is sent.
void acknowledge_now(int fd);

/// Receives as `recv` does; `stamp_ns` becomes the kernel's CLOCK_REALTIME stamp of what came, or 0.
ssize_t receive_stamped(int fd, void* to, size_t size, int flags, int64_t& stamp_ns);

/// A stamp of sent bytes.
struct send_stamp {
  uint32_t last_byte = 0; ///< number of the last byte that it is about, modulo 2^32
  int64_t real_ns = 0;
};

/// Takes one stamp from the socket's error queue; nothing if it is empty.
std::optional<send_stamp> take_send_stamp(int fd);

/// TCP segments that this connection had to send again.
uint64_t retransmits_of(int fd);

} // namespace sextant::http
