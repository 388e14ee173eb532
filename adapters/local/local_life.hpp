// local_life.hpp: The life of one engine on this machine: its processes from the first start to the last end. Private to
// this folder.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "adapters/http/client.hpp"
#include "adapters/local/local_host.hpp"
#include "adapters/local/resources.hpp"
#include "adapters/local/services.hpp"
#include "adapters/process/kept_process.hpp"
#include "adapters/simulation/threaded_host.hpp"

namespace sextant::local {

/// A process of an engine with its log.
struct running_service {
  service_process about;
  std::string log_path;
  std::unique_ptr<kept_process> process;
};

/// One engine: starts its processes, waits for readiness, watches them, ends them.
class local_life final : public engine_life {
public:
  /// `directory` is the engine's own; settings and resources are the host's and outlive it.
  local_life(const local_settings& settings, local_resources& resources, std::string directory, const deploy_engine& what,
             engine_host::ready_handler ready, engine_host::failed_handler failed);

private:
  void run() override;
  void wake() override { cancelled_ = true; }

  // -- starting -------------------------------------------------------------------------------------
  bool start(const service_plan& plan);
  bool start_service(service_process process, const engine_place& place);
  std::string complete_mocked(service_process& process);
  bool wait_until_ready(const service_plan& plan);
  bool answers(const service_plan& plan);
  uint16_t take_port();
  std::vector<int> take_gpus(int count);

  // -- serving --------------------------------------------------------------------------------------
  hosted_engine describe(const service_plan& plan, double startup_s);
  void read_capacity(hosted_engine& about, bool disaggregated);
  void watch();
  const running_service* ended_service();
  void tell_end(const running_service& service, bool was_ready);
  http_outcome ask(std::string_view method, std::string_view path, std::string_view body, int64_t timeout_ns);
  std::vector<std::string> worker_lines() const;

  void end_processes();

  const local_settings& settings_;
  local_resources& resources_;
  const std::string directory_;
  std::atomic<bool> cancelled_{false};
  std::vector<running_service> services_;
  std::vector<int> gpus_, gpus_left_; ///< leased; of these not given to a process yet
  std::vector<uint16_t> ports_;
  http_url url_;
};

} // namespace sextant::local
