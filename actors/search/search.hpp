// search.hpp: SEARCH owns requests: one SESSION per request replays its results and asks for what is still missing.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include <caf/actor_clock.hpp>
#include <caf/replies_to.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include "actors/mail.hpp"
#include "actors/search/core.hpp"

namespace sextant {

/// A session tells its SEARCH where its request stands.
struct session_report {
  request_summary summary;
};

/// SEARCH tells a session that it is its turn to use the pool.
struct your_turn {};

/// Interface of SEARCH, which watches over the sessions.
using search_actor = caf::typed_actor<
    // An accepted request of the stream, or a list question.
    caf::reacts_to<bus_mail>,
    // A session's news.
    caf::reacts_to<session_report>,
    // Time to start a session again.
    caf::reacts_to<reminder>>;

/// Interface of a SESSION.
using session_actor = caf::typed_actor<
    // Results in stream order, heartbeats of nodes, commands of people.
    caf::reacts_to<bus_mail>,
    // Whether the lease on the request is (still) held.
    caf::reacts_to<lease_mail>,
    // Its request may use the pool now.
    caf::reacts_to<your_turn>,
    // Ticks once a second.
    caf::reacts_to<reminder>>;

/// Why a session ends whose lease ran out. On a machine that is too busy to renew it in time this happens again and again
/// without anything being wrong with the request, so it does not count as a crash.
inline constexpr auto lease_lost = caf::exit_reason::unreachable;

/// What SEARCH needs to know of the installation.
struct search_settings {
  std::string pool = "default"; ///< pool that engines are asked from
  std::string only_request;     ///< the one request that is worked on; empty: all
};

/// State of SEARCH; restarted by the runtime at any time: requests are in their stream.
struct search_state {
  static inline const char* name = "search";

  void start();
  void take(const bus_mail& mail);
  void session_ended(const caf::down_msg& down);
  request_list page_of(const std::string& question);
  void spawn_session(const std::string& id);
  /// Lets the earliest unfinished request use the pool. Two requests that hold engines and wait for each other's GPUs
  /// would never end, so requests of one pool are worked on in the order of their acceptance.
  void give_turn();
  void take_report(const session_report& report);
  /// The lease on a request as its owner wrote it: where the request stands.
  void take_owner(const bus_message& message);
  void take_cancel(const bus_message& message);

  struct tracked_request {
    profile_request request;
    session_actor session;
    request_summary summary;
    int crashes = 0;
    bool has_turn = false; ///< the present session was told
  };
  search_actor::pointer self = nullptr;
  surroundings around;
  search_settings settings;
  std::map<std::string, tracked_request> requests;
  std::vector<std::string> order;
  std::set<std::string> cancelled_early; ///< ids that were taken back before their request arrived here
  std::vector<subscription_ptr> subscriptions;
};

search_actor::behavior_type search(search_actor::stateful_pointer<search_state> self, surroundings around,
                                   search_settings settings);

/// State of a SESSION. Restarted by SEARCH: it replays the results and comes to the same decisions.
struct session_state {
  static inline const char* name = "session";

  // -- life -----------------------------------------------------------------------------------------
  void start();
  void take(const bus_mail& mail);
  void ask_for_lease();
  /// Whether the lease is held for certain: nobody else can have it before it runs out by the clock of this process.
  bool owns() const;
  void take_lease(const lease& answer);
  void tick();
  void finish();

  // -- results in, work out ---------------------------------------------------------------------------
  void take_result(const bus_message& message);
  void caught_up();
  /// The results are read and the pool is ours.
  void start_work();
  /// Issues everything wanted that this life has not issued yet.
  void pump();
  /// Where an engine's points are measured.
  std::string zone_of(const measure_point& what) const;
  /// Publishes a result that the session itself decided: a lost engine, a cancelled request.
  void decide(const std::string& key, const result_event& result);

  struct live_engine {
    int attempt = 1;
    std::string node;
    std::string instance;
    std::string zone; ///< whose load reaches it
    int gpus = 0;
    bool lost = false; ///< already published as lost
    int unlisted = 0;  ///< heartbeats of its process in a row that did not list it
  };

  // -- engines ----------------------------------------------------------------------------------------
  /// An incarnation of an engine as text.
  static std::string engine_key(const std::string& engine, int attempt);
  void note_engine(const result_event& result);
  void take_heartbeat(const bus_message& message);
  void lose(const std::string& engine, live_engine& known, const std::string& why);
  /// Ends engines of this request that no decision asks for any more, e.g. started twice by a redelivery.
  void release_strays(const node_alive& beat);
  void look_for_lost_engines();
  /// Repeats that engines are to be ended; what no process has any more needs no end.
  void repeat_releases();
  /// Takes back an engine that waits for GPUs while this very request holds others idle: nodes are not one piece, and what
  /// is held may be what is in its way.
  void take_back_what_cannot_start();

  // -- people -----------------------------------------------------------------------------------------
  void tell(progress what);
  /// Tells whoever holds a piece of work whether it is still wanted.
  void answer_wants(const bus_message& question);
  /// Records that a piece of work was not done which this version did not ask for: asked for later, it is another attempt.
  void note_dropped(const envelope& work);
  void answer_get(const std::string& reply);
  request_summary summary(const std::string& state) const;
  void report(const std::string& state);

  /// A process that runs engines, as it was last heard.
  struct heartbeat {
    std::string node;
    int age = 0;                      ///< ticks since it was heard
    std::set<std::string> starting{}; ///< engines of this request that hold GPUs of it and are not ready
    std::set<std::string> engines{};  ///< all engines of this request that it has
  };

  session_actor::pointer self = nullptr;
  surroundings around;
  search_settings settings;
  profile_request request;
  search_actor parent;
  std::unique_ptr<search_core> core;
  lease held;
  bool asking = false;                           ///< an answer about the lease is on its way
  caf::actor_clock::time_point asked, confirmed; ///< when the lease was last asked for; and when, for what is held
  bool replaying = true;
  bool ended = false;
  bool turn = false;            ///< whether the pool may be used
  uint64_t told = 0;            ///< number of events of this life, part of their ids
  std::string directory;        ///< where artifacts went
  std::set<std::string> issued; ///< keys of work issued in this life
  std::map<std::string, live_engine> engines;
  std::map<std::string, heartbeat> processes; ///< by instance
  int stuck_ticks = 0;                        ///< ticks in which nothing could go on but for GPUs
  std::vector<bus_message> questions;         ///< asked while the results were still being read
  int silent_ticks = 0;                       ///< ticks since this life began, for processes that were never heard
  std::map<std::string, int> unheard_ends;    ///< ticks in which no process listed an engine that is to be ended
  int earlier_failures = 0;                   ///< how often this request failed before the command was given again
  std::optional<failure> end_reason;          ///< cancelled, or given up
  std::optional<profile_finished> answered;   ///< the answer as it was recorded; it is not decided again
  std::vector<subscription_ptr> subscriptions;
};

session_actor::behavior_type session(session_actor::stateful_pointer<session_state> self, surroundings around,
                                     search_settings settings, profile_request request, search_actor parent);

} // namespace sextant

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(sextant::session_report)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(sextant::your_turn)
