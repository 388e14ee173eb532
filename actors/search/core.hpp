// core.hpp: The decisions of a search: a pure function of the request and the results in stream order.
// No clock, no I/O, no actor: the SEARCH session feeds results in and carries out what is wanted.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "messages/codec.hpp"

namespace sextant {

/// Everything a search wants done now and has no result for yet. The same state always wants the same; ids are stable, so
/// whoever carries it out skips what was issued before.
struct wanted_work {
  std::vector<deploy_engine> deploy; ///< most promising first; DEPLOYMENT starts them as GPUs become free
  std::vector<measure_point> measure;
  std::vector<release_engine> release;
  bool write = false;    ///< the answer stands: ask ARTIFACTS to write it
  int write_attempt = 1; ///< above 1 where an answer that does not stand was written before
  /// Nothing more will ever be wanted. A cancelled search is finished once its engines are gone; a failed one at once, and
  /// then `release` may still name engines that are to be ended.
  bool finished = false;
};

/// How far a search is, for people. Cheap enough to be asked for after every result.
struct search_totals {
  int points_done = 0;
  int points_planned = 0; ///< done, and what is expected to follow, curves included
  double gpu_seconds = 0;
  double remaining_s = 0; ///< expected wall seconds to the end of all measurements; 0 = unknown
};

/// One search. Copyable state behind a unique pointer; not thread-safe.
class search_core {
public:
  virtual ~search_core() = default;
  /// Takes the next result of the stream. Duplicates change nothing. Results that were not asked for (a version with another
  /// model wrote them) are kept where they fit: points as measured, engines as running, attempts as used up.
  /// Returns lines for people about what was decided (candidate dropped, point done, engine chosen, ...).
  virtual std::vector<progress> apply(const result_event& result) = 0;
  virtual wanted_work wanted() const = 0;
  /// The answer as far as it is known; complete once `wanted().write` or `finished` is set.
  virtual profile_result result() const = 0;
  virtual search_totals totals() const = 0;
  /// GPUs of a candidate's engine; 0 for one that the search does not know.
  virtual int gpus_of(const std::string& engine) const = 0;
  /// Whether this incarnation of an engine is starting, running or being ended, as far as the search knows.
  virtual bool holds(const std::string& engine, int attempt) const = 0;
  /// The last incarnation of an engine that the search knows of; 0 while there was none.
  virtual int incarnations_of(const std::string& engine) const = 0;
  /// v1beta1 sub-phase: Initializing, SweepingPrefill, SweepingDecode, SelectingConfig, BuildingCurves, GeneratingDGD, Done.
  virtual std::string stage() const = 0;
};

/// Starts a search. Candidates, memory check and plan exist at once (`result().candidates`), also for a dry run.
std::unique_ptr<search_core> make_search(const profile_request& request);

} // namespace sextant
