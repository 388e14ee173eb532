#include "tools/chaos/simulated_node.hpp"

#include "adapters/simulation/engine_core.hpp"
#include "adapters/simulation/engine_startup.hpp"

namespace sextant::chaos {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds quickest_start{1500}, slowest_start{6000}, removal{80};

} // namespace

void simulated_node::apply(const std::string& key, const deploy_engine& what, ready_handler ready, failed_handler failed) {
  auto engine = std::make_shared<life>(life{what, std::move(ready), std::move(failed)});
  engines_[key] = engine;
  ++books_.starts;
  books_.in_use += what.gpus();
  books_.most_in_use = std::max(books_.most_in_use, books_.in_use);
  std::uniform_int_distribution<int64_t> start{quickest_start.count(), slowest_start.count()};
  network_.at(network_.now() + milliseconds{start(random_)}, [this, weak = std::weak_ptr{engine}] {
    if (auto e = weak.lock(); e && !e->ending)
      become_ready(e);
  });
}

void simulated_node::become_ready(const std::shared_ptr<life>& engine) {
  const auto& what = engine->what;
  const auto plan = plan_memory({what.model, what.gpu, what.backend, what.layout}, std::max(1, what.max_context));
  if (!plan.fits)
    return engine->failed({failure_class::permanent, failure_cause::out_of_memory, plan.reason, {}});
  hosted_engine about;
  about.endpoint = virtual_endpoint(what);
  about.served_model = what.model.name;
  about.kv_tokens = plan.kv_tokens;
  about.kv_source = "metrics";
  about.startup_s = 10; // the same whatever the network does: answers are compared
  about.simulated = true;
  engine->answers = true;
  engine->ready(std::move(about));
}

void simulated_node::remove(const std::string& key, std::function<void()> done) {
  auto found = engines_.find(key);
  if (found == engines_.end())
    return done();
  auto engine = found->second;
  if (std::exchange(engine->ending, true))
    return;
  network_.at(network_.now() + removal, [this, key, weak = std::weak_ptr{engine}, done = std::move(done)] {
    auto e = weak.lock();
    if (!e)
      return; // the process is gone
    books_.in_use -= e->what.gpus();
    engines_.erase(key);
    done();
  });
}

bool simulated_node::crash_one() {
  for (auto& [key, engine] : engines_)
    if (engine->answers && !engine->ending) {
      engine->answers = false;
      engine->failed({failure_class::transient, failure_cause::engine_gone, "the engine ended by itself", {}});
      return true;
    }
  return false;
}

void simulated_node::die() {
  for (auto& [key, engine] : engines_)
    books_.in_use -= engine->what.gpus();
  engines_.clear();
}

} // namespace sextant::chaos
