// fake_world.hpp: Carries out what a search wants, in random order, on engines that follow the step model with deviations.
#pragma once

#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "actors/search/core.hpp"
#include "adapters/simulation/step_model.hpp"

namespace sextant::testing {

/// The dense, the mixture-of-experts and the latent-attention sample.
enum class sample { dense, moe, mla };

/// A request for one of the samples on H200s.
profile_request request_for(sample which, search_policy policy = search_policy::adaptive);

/// How the world deviates from the model and how often it fails.
struct world_settings {
  uint64_t seed = 1;
  double mapping_spread = 0.25; ///< systematic deviation of a mapping, at most
  double noise = 0.01;          ///< of every point
  double startup_s = 40;
  double engine_failures = 0;            ///< share of starts that fail, and of measurements that lose their engine
  double attempt_failures = 0;           ///< share of measurements that fail
  int most_injected = 1000;              ///< failures of an engine or a point at most
  std::map<std::string, failure> broken; ///< engines that never start
  std::set<std::string> broken_curves;   ///< engines that die for good when their curve is measured
  double pair_slowness = 1;              ///< of pairs, against what their engines would do alone
  int slow_pairs = 1000;                 ///< so many pairs are slow, later ones keep their promise
  std::set<std::string> broken_points;   ///< points that fail permanently
};

/// What was seen while a search ran.
struct world_log {
  std::vector<result_event> results;
  std::vector<progress> news;
  profile_result result;
  int most_engines = 0;  ///< engines alive at once
  int most_gpus = 0;     ///< GPUs held at once
  bool finished = false; ///< else the steps ran out or nothing was wanted
};

/// The world of one request. Work whose id was settled before is not done again, as by a message server: a search that asks
/// for nothing else waits for ever, and `run` ends without `finished`. The latency of a point depends on seed, engine and
/// traffic alone, never on the order.
class fake_world {
public:
  fake_world(const profile_request& request, world_settings settings);

  /// Runs a search from where it is to its end, or for `steps` results. `order_seed` decides the order of completion.
  world_log run(search_core& search, uint64_t order_seed, int steps = 100000);
  /// Brings the world to where a recorded stream left it; the search must have taken the stream.
  void replay(const std::vector<result_event>& results);

  double latency_ms(const measure_point& work) const;
  int64_t kv_tokens(const deploy_engine& work) const;

private:
  struct engine {
    deploy_engine what;
    int64_t kv_tokens = 0;
    std::map<int, int> warmed; ///< prompts in the cache, by length
  };
  result_event start(const deploy_engine& work);
  result_event measure(const measure_point& work);
  point_measured play(const measure_point& work, engine& on);
  double uncached_tokens(const point_plan& plan, engine& on) const;
  /// Remembers that a piece of work was settled: a message server takes its id no second time.
  void settle(const result_event& result);
  bool injected(double share, const std::string& what);
  double draw(const std::string& what, double low, double high) const;
  const step_model& model(const mapping& layout) const;

  profile_request request_;
  world_settings settings_;
  std::mt19937_64 order_;
  std::map<std::string, engine> engines_;
  std::map<std::string, int> injections_;
  std::set<std::string> measured_;
  std::set<std::string> settled_; ///< ids of work that was done or dropped
  int pairs_ = 0;                 ///< measured
  int writes_ = 0;                ///< of answers
  mutable std::map<std::string, std::shared_ptr<const step_model>> models_;
};

} // namespace sextant::testing
