// settings.hpp: What a null server is asked to be: its flags. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "messages/describe.hpp"

namespace sextant::null_server {

/// What is wrong with an answer on purpose.
enum class fault_kind : uint8_t {
  none,
  refuse,       ///< nothing listens: connections are refused
  hang_up,      ///< the connection ends before a byte of the answer
  reset,        ///< a reset in the middle of the answer
  half_close,   ///< the connection ends in good order in the middle of the answer
  stall,        ///< silence from the middle of the answer on
  slow,         ///< the answer comes in pieces of a few bytes
  bad_chunk,    ///< a chunk size that is no number
  bad_json,     ///< an event that is no JSON
  wrong_count,  ///< half of the tokens that were asked for
  error_event,  ///< an error object in the middle of a 200 stream
  bad_request,  ///< status 400
  server_error, ///< status 500
  rate_limited, ///< status 429 with Retry-After
};

/// When events of different answers are sent.
enum class event_pattern : uint8_t {
  burst,     ///< an engine's steps: every stream's event at the same tick, one after the other
  staggered, ///< each stream has times of its own
  unpaced,   ///< as fast as the sockets take them
};

/// Faulty answers: this share of the requests.
struct fault_share {
  fault_kind kind = fault_kind::none;
  double share = 1;
};

/// Everything about a null server, with its defaults.
struct server_settings {
  bool help = false;
  std::string host = "127.0.0.1"; ///< IPv4 address
  uint16_t port = 0;              ///< 0: any free one
  int threads = 1;
  std::string model = "null";
  double ttft_ms = 100; ///< arrival of the request to the first event; with `burst` to the first tick after it
  double ttft_cv = 0;   ///< coefficient of variation of a lognormal law; 0: fixed
  double itl_ms = 20;   ///< between events
  double itl_cv = 0;    ///< as `ttft_cv`; with `burst` of whole steps
  int tokens_per_event = 1;
  event_pattern pattern = event_pattern::burst;
  uint64_t seed = 0;
  std::vector<fault_share> faults;
  double slow_piece_ms = 1; ///< between the pieces of a slow answer
  int retry_after_s = 1;
  std::string log; ///< file of what was really sent; empty: none
};

/// Reads flags. On errors, `errors` has one sentence each and the settings are of no use.
server_settings read_settings(const std::vector<std::string>& words, std::vector<std::string>& errors);

/// Every flag with its meaning, for `--help`.
std::string usage_text();

} // namespace sextant::null_server

namespace sextant {

template <>
struct enum_names<null_server::fault_kind> {
  using kind = null_server::fault_kind;
  static constexpr std::array values{
      std::pair{kind::none, std::string_view{"none"}},
      std::pair{kind::refuse, std::string_view{"refuse"}},
      std::pair{kind::hang_up, std::string_view{"hang-up"}},
      std::pair{kind::reset, std::string_view{"reset"}},
      std::pair{kind::half_close, std::string_view{"half-close"}},
      std::pair{kind::stall, std::string_view{"stall"}},
      std::pair{kind::slow, std::string_view{"slow"}},
      std::pair{kind::bad_chunk, std::string_view{"bad-chunk"}},
      std::pair{kind::bad_json, std::string_view{"bad-json"}},
      std::pair{kind::wrong_count, std::string_view{"wrong-count"}},
      std::pair{kind::error_event, std::string_view{"error-event"}},
      std::pair{kind::bad_request, std::string_view{"http-400"}},
      std::pair{kind::server_error, std::string_view{"http-500"}},
      std::pair{kind::rate_limited, std::string_view{"http-429-retry-after"}},
  };
};

template <>
struct enum_names<null_server::event_pattern> {
  using pattern = null_server::event_pattern;
  static constexpr std::array values{
      std::pair{pattern::burst, std::string_view{"burst"}},
      std::pair{pattern::staggered, std::string_view{"staggered"}},
      std::pair{pattern::unpaced, std::string_view{"unpaced"}},
  };
};

} // namespace sextant
