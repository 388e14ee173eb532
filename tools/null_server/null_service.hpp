// null_service.hpp: Answers OpenAI requests with events at planned times, each with the time of its sending inside. One per
// loop; belongs to the loop's thread.
#pragma once

#include <cstdint>
#include <queue>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "adapters/http/server.hpp"
#include "adapters/simulation/openai_answer.hpp"
#include "tools/null_server/answer_log.hpp"
#include "tools/null_server/behaviour.hpp"

namespace sextant::null_server {

class null_service final : public http_service {
public:
  /// Settings and log must outlive it. The steps of all loops with the same `origin_ns` (CLOCK_MONOTONIC) coincide.
  null_service(const server_settings& settings, answer_log& log, int64_t origin_ns);

  void attach(http_server& server) { server_ = &server; }

  void on_request(http_exchange exchange, http_request& request) override;
  void on_gone(http_exchange exchange) override;
  void on_timer() override;

  /// Hands answers that are not over to the log.
  void close();

private:
  /// An answer on its way.
  struct answer {
    openai_answer text;
    answer_shape shape;
    answer_record record;
    bool include_usage = false;
    int next = 0;         ///< event that comes next
    int64_t ready_ns = 0; ///< of the first event, or of the whole answer
    std::string pieces;   ///< what is left of a slow answer
  };
  struct due_answer {
    int64_t at_ns;
    http_exchange exchange;
    bool operator<(const due_answer& o) const { return at_ns > o.at_ns; }
  };

  void generate(http_exchange exchange, http_request& request, openai_endpoint endpoint);
  void begin(http_exchange exchange, answer& a);
  void wake(http_exchange exchange, answer& a, int64_t at_ns);
  void step();
  void feed_sockets();
  bool emit(http_exchange exchange, answer& a, int64_t scheduled_ns);
  bool fail_midway(http_exchange exchange, answer& a);
  void respond_whole(http_exchange exchange, answer& a, int64_t scheduled_ns);
  void send_piece(http_exchange exchange, answer& a, int64_t at_ns);
  bool refuse_as_planned(http_exchange exchange, fault_kind fault);
  void over(http_exchange exchange, std::string_view how);
  token_usage usage_of(const answer& a) const;
  void arm();

  const server_settings& settings_;
  answer_log& log_;
  http_server* server_ = nullptr;
  openai_reader reader_;
  openai_request request_;
  std::unordered_map<http_exchange, answer> answers_;
  std::priority_queue<due_answer> due_;
  std::vector<http_exchange> stepping_; ///< streams that take part in every step, or that take what sockets take
  int64_t origin_ns_;
  int64_t step_at_ns_; ///< next step; passed while nothing streams
  uint64_t steps_ = 0;
  std::string event_;
};

} // namespace sextant::null_server
