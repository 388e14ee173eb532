// simulated_faults.cpp: What a seed does to a run.
#include "tools/chaos/simulated_world.hpp"

namespace sextant::chaos {

namespace {

/// Faults are drawn from this much of the run; it takes about that long without any.
constexpr double busy_s = 350;

std::chrono::milliseconds ms(double seconds) {
  return std::chrono::milliseconds{static_cast<int64_t>(seconds * 1000)};
}

} // namespace

double simulated_world::between(double low, double high) {
  return std::uniform_real_distribution<double>{low, high}(random_);
}

std::string simulated_world::any(const std::vector<std::string>& names) {
  return names[random_() % names.size()];
}

void simulated_world::after(double seconds_, const std::string& what, std::function<void()> task) {
  ++faults_pending_;
  network_.at(network_.now() + ms(seconds_), [this, what, task = std::move(task)] {
    --faults_pending_;
    if (!what.empty())
      out_.faults.push_back(std::to_string(seconds()).substr(0, 6) + " s: " + what);
    task();
  });
}

void simulated_world::kill_and_return(const std::string& name, double pause_s) {
  if (!process(name))
    return; // it is away already
  end_process(name);
  after(pause_s, name + " is started again", [this, name] { start_process(name); });
}

void simulated_world::freeze_and_thaw(const std::string& name, double pause_s) {
  auto* p = process(name);
  if (!p || p->frozen())
    return;
  p->freeze();
  network_.freeze(name);
  after(pause_s, name + " goes on", [this, name] {
    network_.thaw(name);
    if (auto* frozen = process(name))
      frozen->thaw();
  });
}

void simulated_world::draw_faults() {
  auto everybody = serves_;
  everybody.insert(everybody.end(), agents_.begin(), agents_.end());
  // What takes an engine away three times costs a candidate its attempts, and then the answer is rightly another one.
  constexpr int most_losses = 2;
  int losses = 0;
  for (int i = 0; i < settings_.faults; ++i) {
    const double when = between(0.1, busy_s), pause = random_() % 2 ? between(0.05, 3) : between(3, 15);
    const auto length = " for " + std::to_string(pause).substr(0, 5) + " s";
    auto kind = random_() % 7;
    if (kind == 4 && losses++ >= most_losses)
      kind = 3;
    switch (kind) {
      case 0: {
        const auto name = any(losses++ < most_losses ? everybody : serves_);
        after(when, name + " is killed" + length, [=, this] { kill_and_return(name, pause); });
        break;
      }
      case 1: {
        const auto name = any(losses++ < most_losses ? everybody : serves_);
        after(when, name + " stands still" + length, [=, this] { freeze_and_thaw(name, pause); });
        break;
      }
      case 2: {
        const auto name = any(losses++ < most_losses ? everybody : serves_);
        after(when, name + " is cut off" + length, [=, this] { network_.cut_off(name, ms(pause)); });
        break;
      }
      case 3:
        after(when, "the server is started again after" + length.substr(4),
              [=, this] { network_.restart_server(ms(pause)); });
        break;
      case 4: {
        const auto name = any(agents_);
        after(when, "an engine of " + name + " crashes", [=, this] {
          if (auto host = hosts_.find(name); host != hosts_.end())
            host->second->crash_one();
        });
        break;
      }
      case 5: {
        const auto name = any(serves_);
        static const char* const roles[] = {"intake", "search", "artifacts"};
        const std::string role = roles[random_() % 3];
        after(when, role + " of " + name + " crashes", [=, this] {
          if (auto* p = process(name))
            p->crash_role(role);
        });
        break;
      }
      case 6: { // many short cuts: what was sent is sent again
        const auto name = any(everybody);
        after(when, name + " loses its connection again and again", [=, this] {
          for (int n = 0; n < 8; ++n)
            after(n * 0.7, "", [=, this] { network_.cut_off(name, std::chrono::milliseconds{60}); });
        });
        break;
      }
    }
  }
}

} // namespace sextant::chaos
