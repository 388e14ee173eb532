// local_life.cpp: An engine's processes.
#include "adapters/local/local_life.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>

#include <poll.h>

#include "adapters/backends/dgd.hpp"
#include "adapters/local/frontend_answers.hpp"
#include "adapters/local/mocked_engine.hpp"
#include "adapters/local/verdicts.hpp"
#include "adapters/process/descriptor.hpp"
#include "adapters/simulation/engine_metrics.hpp"

namespace sextant::local {

namespace {

namespace fs = std::filesystem;
using clock = std::chrono::steady_clock;

constexpr double look_s = 0.05;                     ///< between looks at an engine that starts
constexpr int64_t answer_ns = 2'000'000'000;        ///< for a question about the engine
constexpr int64_t first_answer_ns = 60'000'000'000; ///< for the first request: some back ends still compile then
constexpr double gauges_s = 3;                      ///< for the gauges of a ready engine to appear
constexpr int watch_ms = 200;
constexpr size_t tail_bytes = 32'768, tail_count = 40;
constexpr size_t start_bytes = 4 << 20; ///< of a log that is searched for the KV capacity

double seconds_since(clock::time_point begin) {
  return std::chrono::duration<double>(clock::now() - begin).count();
}

} // namespace

local_life::local_life(const local_settings& settings, local_resources& resources, std::string directory,
                       const deploy_engine& what, engine_host::ready_handler ready, engine_host::failed_handler failed)
    : engine_life(what, std::move(ready), std::move(failed)), settings_(settings), resources_(resources),
      directory_(std::move(directory)) {
}

void local_life::run() {
  std::string error;
  const auto plan = plan_services(what_.dgd, what_.backend, error);
  if (!plan)
    return fail(failure_class::permanent, failure_cause::unsupported, error);
  const auto begin = clock::now();
  if (start(*plan) && wait_until_ready(*plan)) {
    auto about = describe(*plan, seconds_since(begin));
    if (about.kv_tokens <= 0) {
      fail(failure_class::permanent, failure_cause::capacity_unknown,
           "KV capacity is neither in metrics nor in the log, and the memory model has no answer");
    } else {
      ready_(std::move(about));
      watch();
    }
  }
  end_processes();
}

// -- starting -------------------------------------------------------------------------------------------

uint16_t local_life::take_port() {
  const auto port = resources_.port();
  if (port != 0)
    ports_.push_back(port);
  return port;
}

std::vector<int> local_life::take_gpus(int count) {
  const auto end = gpus_left_.begin() + std::min<std::ptrdiff_t>(count, static_cast<std::ptrdiff_t>(gpus_left_.size()));
  std::vector<int> taken{gpus_left_.begin(), end};
  gpus_left_.erase(gpus_left_.begin(), end);
  return taken;
}

bool local_life::start(const service_plan& plan) {
  std::error_code code;
  fs::create_directories(directory_ + "/discovery", code);
  if (code) {
    fail(failure_class::transient, failure_cause::internal, directory_ + " cannot be created: " + code.message());
    return false;
  }
  auto leased = resources_.lease(plan.gpus);
  if (!leased) {
    fail(failure_class::transient, failure_cause::internal,
         "needs " + std::to_string(plan.gpus) + " GPUs; fewer are free on this machine");
    return false;
  }
  gpus_ = gpus_left_ = std::move(*leased);
  engine_place place;
  place.python = settings_.python;
  place.directory = directory_;
  place.loopback = settings_.interface_names ? "lo" : "127.0.0.1";
  place.http_port = take_port();
  place.offline = fs::is_directory(plan.model_path, code);
  url_.host = "127.0.0.1";
  url_.port = place.http_port;
  url_.authority = url_.host + ":" + std::to_string(place.http_port);
  return std::all_of(plan.processes.begin(), plan.processes.end(),
                     [&](const service_process& process) { return start_service(process, place); });
}

/// Lets a mocker play what the deployment describes; an error text or nothing.
std::string local_life::complete_mocked(service_process& process) {
  const bool prefill_of_pair = process.role == phase::prefill && what_.prefill_layout.gpus > 0;
  const engine_shape shape{what_.model, what_.gpu, what_.backend, prefill_of_pair ? what_.prefill_layout : what_.layout};
  const auto path = directory_ + "/" + process.name + ".timing.npz";
  const auto bytes = complete_mocker(process, shape, what_.max_context, path);
  if (bytes.empty())
    return {};
  std::ofstream file{path, std::ios::binary};
  file << bytes;
  return file.flush() ? std::string{} : path + " cannot be written";
}

bool local_life::start_service(service_process process, const engine_place& place) {
  process_place own;
  std::string error;
  if (!process.frontend) {
    own.gpus = take_gpus(process.gpus);
    own.system_port = take_port();
    own.bootstrap_port = take_port();
    own.transfer_port = take_port();
    if (process.mocked)
      error = complete_mocked(process);
  }
  settle(process, place, own);
  process_settings settings;
  settings.arguments = process.arguments;
  settings.environment = process.environment;
  std::error_code code;
  settings.directory = fs::is_directory(process.directory, code) ? process.directory : directory_;
  settings.log_path = directory_ + "/" + process.name + ".log";
  settings.grace_s = settings_.grace_s;
  std::unique_ptr<kept_process> started;
  if (error.empty())
    started = kept_process::start(settings, error);
  if (!started) {
    fail(failure_class::permanent, failure_cause::unsupported, process.name + " cannot be started: " + error);
    return false;
  }
  services_.push_back({std::move(process), std::move(settings.log_path), std::move(started)});
  return true;
}

/// Until the model is listed, every worker is registered, and a first request is answered. False when a process ended,
/// which is told, or when the end is wanted.
bool local_life::wait_until_ready(const service_plan& plan) {
  while (wait_for(look_s)) {
    if (const auto* service = ended_service()) {
      tell_end(*service, false);
      return false;
    }
    if (answers(plan))
      return true;
  }
  fail(failure_class::transient, failure_cause::cancelled, "removed while starting");
  return false;
}

bool local_life::answers(const service_plan& plan) {
  const auto models = ask("GET", "/v1/models", {}, answer_ns);
  if (models.status != 200 || !lists_model(models.body, plan.served_model))
    return false;
  const auto workers = static_cast<int>(
      std::count_if(plan.processes.begin(), plan.processes.end(), [](const service_process& p) { return !p.frontend; }));
  const auto health = ask("GET", "/health", {}, answer_ns);
  const int known = generating_workers(health.body);
  if (health.end != http_end::complete || (known >= 0 && known < workers))
    return false;
  const auto first = ask("POST", "/v1/completions", first_request(plan.served_model), first_answer_ns);
  if (first.status != 200 && first.end == http_end::complete)
    print({"first request: HTTP " + std::to_string(first.status) + ": " + error_text(first.body)});
  return first.status == 200;
}

// -- serving --------------------------------------------------------------------------------------------

http_outcome local_life::ask(std::string_view method, std::string_view path, std::string_view body, int64_t timeout_ns) {
  http_client_settings settings;
  settings.cancelled = &cancelled_;
  settings.kept_body_bytes = 1 << 20;
  return http_fetch(url_, method, path, body, timeout_ns, {{"Content-Type", "application/json"}}, settings);
}

std::vector<std::string> local_life::worker_lines() const {
  std::vector<std::string> lines;
  for (const auto& service : services_)
    if (!service.about.frontend)
      for (auto& line : last_lines(file_tail(service.log_path, tail_bytes), tail_count))
        lines.push_back(service.about.name + ": " + line);
  return lines;
}

hosted_engine local_life::describe(const service_plan& plan, double startup_s) {
  hosted_engine about;
  about.endpoint = "http://" + url_.authority;
  about.served_model = plan.served_model;
  about.startup_s = startup_s;
  about.simulated = plan.mocked;
  read_capacity(about, plan.disaggregated);
  about.log = worker_lines();
  print(about.log);
  return about;
}

/// The frontend's gauges first, what the back end printed second, the memory model last. The gauges do not tell prefill and
/// decode workers apart.
void local_life::read_capacity(hosted_engine& about, bool disaggregated) {
  const int ranks = what_.layout.attention_data_parallel();
  about.kv_source = "metrics";
  const auto begin = clock::now();
  while (!disaggregated) {
    const auto page = ask("GET", "/metrics", {}, answer_ns).body;
    about.kv_tokens = kv_tokens_from_metrics(page, ranks);
    const bool may_appear = page.find("dynamo_frontend_") != std::string::npos && seconds_since(begin) < gauges_s;
    if (about.kv_tokens > 0 || !may_appear || !wait_for(look_s))
      break;
  }
  if (about.kv_tokens > 0)
    return;
  about.kv_source = "log";
  for (const auto& service : services_)
    if (!service.about.frontend && service.about.role != phase::prefill)
      about.kv_tokens = std::max(
          about.kv_tokens,
          kv_tokens_from_log(what_.backend, last_lines(file_tail(service.log_path, start_bytes), start_bytes), ranks));
  if (about.kv_tokens > 0)
    return;
  about.kv_source = "memory model";
  about.kv_tokens =
      plan_memory({what_.model, what_.gpu, what_.backend, what_.layout}, std::max(1, what_.max_context)).kv_tokens;
}

const running_service* local_life::ended_service() {
  for (const auto& service : services_)
    if (service.process->ended())
      return &service;
  return nullptr;
}

void local_life::tell_end(const running_service& service, bool was_ready) {
  const auto lines = last_lines(file_tail(service.log_path, tail_bytes), tail_count);
  print(lines);
  failed_(judge_end(service.about.name, *service.process->ended(), was_ready, lines));
}

void local_life::watch() {
  std::vector<pollfd> ends;
  for (const auto& service : services_)
    ends.push_back({service.process->end_fd(), POLLIN, 0});
  while (!cancelled_) {
    if (::poll(ends.data(), ends.size(), watch_ms) <= 0)
      continue;
    if (const auto* service = ended_service(); service && !cancelled_)
      tell_end(*service, true);
    return wait_for_end();
  }
}

void local_life::end_processes() {
  // All at once: what one waits for may be another's end.
  for (const auto& service : services_)
    service.process->ask_to_end();
  services_.clear();
  std::error_code code;
  fs::remove_all(directory_ + "/discovery", code);
  resources_.give_back(gpus_);
  for (const auto port : ports_)
    resources_.give_back(port);
}

} // namespace sextant::local
