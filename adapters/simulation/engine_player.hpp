// engine_player.hpp: Plays a simulated engine against the wall clock behind OpenAI's HTTP routes.
// Lives in its server's thread; `/metrics` text may be asked for before the server runs.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "adapters/http/server.hpp"
#include "adapters/simulation/engine_core.hpp"
#include "adapters/simulation/engine_metrics.hpp"
#include "adapters/simulation/openai_answer.hpp"
#include "adapters/simulation/openai_request.hpp"

namespace sextant {

/// Engine seconds for wall nanoseconds, at a speed that may change.
class scaled_clock {
public:
  scaled_clock(int64_t now_ns, double speed) : anchor_ns_(now_ns), speed_(speed) {}
  double speed() const { return speed_; }
  double at(int64_t wall_ns) const { return anchor_s_ + static_cast<double>(wall_ns - anchor_ns_) * 1e-9 * speed_; }
  int64_t wall_of(double engine_s) const { return anchor_ns_ + static_cast<int64_t>((engine_s - anchor_s_) / speed_ * 1e9); }
  /// Goes on at another speed; engine time does not jump.
  void change_speed(int64_t now_ns, double speed) {
    anchor_s_ = at(now_ns);
    anchor_ns_ = now_ns;
    speed_ = speed;
  }

private:
  int64_t anchor_ns_;
  double anchor_s_ = 0;
  double speed_;
};

class engine_player final : public http_service {
public:
  engine_player(const deploy_engine& what, std::unique_ptr<engine_core> core, double speed);
  ~engine_player() override;

  /// The server that carries the answers; before its `run`.
  void attach(http_server& server) { server_ = &server; }
  std::string metrics_page() const;
  /// Whether the engine was told to crash.
  bool crashed() const { return crashed_; }

  void on_request(http_exchange exchange, http_request& request) override;
  void on_gone(http_exchange exchange) override;
  void on_timer() override;
  void on_flushed() override;

private:
  struct stream {
    openai_answer answer;
    bool streamed = false, include_usage = false, chat = false;
    int prompt_tokens = 0;
    double arrival_s = 0, first_s = 0, last_s = 0;
  };

  void generate(http_exchange exchange, http_request& request, openai_endpoint endpoint);
  void refuse(http_exchange exchange, const openai_refusal& refusal, openai_endpoint endpoint, bool streamed);
  void control(http_exchange exchange, http_request& request);
  void begin_step(double at_s);
  void end_step();
  void deliver(const sim_token& token);
  std::string control_state() const;
  std::string models_page() const;

  deploy_engine what_;
  std::unique_ptr<engine_core> core_;
  scaled_clock clock_;
  http_server* server_ = nullptr;
  std::unique_ptr<openai_reader> reader_;
  openai_request request_;
  std::unordered_map<http_exchange, stream> streams_;
  std::vector<sim_token> pending_;    ///< tokens of the step under way
  std::vector<int64_t> delivered_ns_; ///< deadlines of the steps of this turn
  std::string scratch_;
  double step_end_s_ = 0;
  bool stepping_ = false;
  bool crashed_ = false;
  double played_s_ = 0; ///< engine seconds of steps since the last reset
  int64_t created_s_ = 0;
  engine_metrics metrics_;
  lag_record lag_;
};

} // namespace sextant
