// load_run.cpp: One load test: wait, calibrate, play, summarise.
#include <algorithm>
#include <cstdio>
#include <random>
#include <thread>

#include <nlohmann/json.hpp>

#include "actors/artifacts/files.hpp"
#include "actors/load/calibration.hpp"
#include "actors/load/health_json.hpp"
#include "actors/load/stream_event.hpp"
#include "actors/load/traffic/parts.hpp"
#include "actors/metrics/statistics/summarise.hpp"
#include "adapters/aiperf/load_export.hpp"
#include "adapters/http/client.hpp"
#include "tools/sextant/load.hpp"
#include "tools/sextant/load_gpus.hpp"
#include "tools/sextant/load_judging.hpp"
#include "tools/sextant/load_processes.hpp"
#include "tools/sextant/load_server.hpp"

namespace sextant {

namespace {

using load::payload;
using load::traffic_phase;
using std::chrono::milliseconds;

constexpr int64_t second_ns = 1'000'000'000;
constexpr milliseconds look_again{100};

/// Control requests to the first endpoint: readiness and calibration.
class endpoint_control {
public:
  explicit endpoint_control(const load_options& options) : timeout_ns_{to_ns(std::min(options.request_timeout_s, 60.0))} {
    url_ = parse_http_url(options.urls[0], error);
    settings_.ca_file = options.ca_file;
    if (url_ && url_->tls)
      error = tls_settings_error(settings_);
  }

  std::string error;

  std::string authority() const { return url_ ? url_->authority : std::string{}; }

  http_outcome post(const payload& content, int64_t timeout_ns = 0) const {
    return http_fetch(*url_, "POST", content.path, content.body, timeout_ns > 0 ? timeout_ns : timeout_ns_, content.headers,
                      settings_);
  }
  http_outcome get(const std::string& path, const payload& like, int64_t timeout_ns) const {
    return http_fetch(*url_, "GET", path, "", timeout_ns, like.headers, settings_);
  }
  static int64_t to_ns(double seconds) { return static_cast<int64_t>(seconds * 1e9); }

private:
  std::optional<http_url> url_;
  http_client_settings settings_;
  const int64_t timeout_ns_;
};

load::calibration_answer answer_of(const http_outcome& outcome) {
  load::calibration_answer out;
  out.status = outcome.end == http_end::complete ? outcome.status : 0;
  if (out.status == 200)
    out.prompt_tokens = load::read_plain_answer(outcome.body).prompt_tokens;
  else
    out.error = outcome.end == http_end::complete ? outcome.body.substr(0, 200) : outcome.detail;
  return out;
}

int64_t unix_now_ns() {
  return std::chrono::nanoseconds{std::chrono::system_clock::now().time_since_epoch()}.count();
}

std::string new_benchmark_id() {
  std::random_device device;
  std::string entropy;
  for (int i = 0; i < 8; ++i)
    entropy += std::to_string(device()) + ' ';
  return stable_uuid(entropy);
}

const char* arrivals_of(const load_run& run) {
  const auto& o = run.options;
  if (run.fixed)
    return "fixed_schedule";
  if (o.user_rate > 0)
    return "user_centric";
  if (o.profiling.rate == 0 && o.rate_series_file.empty())
    return "concurrency";
  static constexpr const char* names[] = {"constant", "poisson", "gamma", "concurrency"};
  return names[static_cast<int>(o.profiling.pattern)];
}

load_facts facts_of(const load_run& run, const std::string& benchmark_id) {
  const auto& o = run.options;
  static constexpr const char* endpoints[] = {"chat", "completions", "embeddings", "raw"};
  load_facts f;
  f.benchmark_id = benchmark_id;
  f.model = o.models[0];
  f.endpoint_type = endpoints[static_cast<int>(o.endpoint)];
  f.endpoint_path = o.custom_path;
  f.urls = o.urls;
  f.streaming = o.streaming;
  f.seed = run.schedule.seed;
  f.command = run.command;
  f.arrivals = arrivals_of(run);
  f.concurrency = run.schedule.concurrency;
  f.prefill_concurrency = run.schedule.prefill_concurrency;
  f.request_rate = (o.profiling.rate > 0 ? o.profiling.rate : o.user_rate) / o.parts;
  f.concurrency_ramp_ns = run.schedule.concurrency_ramp_ns;
  f.duration_ns = run.schedule.duration_ns;
  f.grace_ns = std::max<int64_t>(0, run.schedule.grace_ns);
  if (o.input_file.empty()) {
    f.isl = o.lengths[0].isl.mean;
    f.isl_stddev = o.lengths[0].isl.stddev;
  }
  f.osl = o.lengths[0].osl.mean;
  f.osl_stddev = o.lengths[0].osl.stddev;
  f.warmup_requests = static_cast<int>(std::count_if(run.schedule.requests.begin(), run.schedule.requests.end(),
                                                     [](const auto& r) { return r.phase == traffic_phase::warmup; }));
  f.warmup_concurrency = f.warmup_requests > 0 ? run.schedule.warmup_concurrency : 0;
  f.planned_requests = run.schedule.requests.size() - static_cast<size_t>(f.warmup_requests);
  f.input_file = o.input_file;
  nlohmann::ordered_json extra;
  for (const auto& text : o.extra_inputs)
    if (const auto object = nlohmann::ordered_json::parse(text, nullptr, false); object.is_object())
      extra.update(object);
  f.extra_inputs = extra.is_null() ? "" : extra.dump();
  f.remarks = run.remarks;
  return f;
}

/// Names the boot whose CLOCK_MONOTONIC the stamps are of.
std::string boot_id() {
  std::string error;
  const auto text = read_file("/proc/sys/kernel/random/boot_id", error);
  return text.substr(0, text.find('\n'));
}

/// Metrics that do not exist were refused before.
statistics::summary_options judged(const load_run& run) {
  std::vector<document_error> none;
  return judging_options(run.options, run.analysis, none);
}

/// Everything of one run while it goes on.
class playing_load {
public:
  playing_load(const load_run& run, event_queue& signals)
      : run_{run}, signals_{signals}, control_{run.options}, benchmark_id_{new_benchmark_id()}, judging_{judged(run)},
        stop_{run.analysis, judging_, facts_of(run, benchmark_id_)} {
    context_.system_text = run.inputs.system_text;
    context_.tools = run.inputs.tools;
    context_.api_key = run.inputs.api_key;
    context_.benchmark_id = benchmark_id_;
    context_.run_key = std::hash<std::string>{}(benchmark_id_);
    out_.records.facts = facts_of(run, benchmark_id_);
    out_.run_key = context_.run_key;
  }

  load_outcome go() {
    out_.error = control_.error;
    if (out_.error.empty())
      wait_for_model();
    if (out_.error.empty())
      calibrate();
    if (out_.error.empty())
      play();
    return std::move(out_);
  }

private:
  bool signalled(milliseconds patience) {
    envelope none;
    return signals_.next(patience, none) == wake::signal;
  }

  /// For requests that are no part of the run: their ids are none of its.
  load::payload_context control_context() const {
    auto out = context_;
    out.benchmark_id = stable_uuid(benchmark_id_ + " control");
    return out;
  }

  /// A short request that shows whether the endpoint answers.
  payload short_request() const {
    auto options = run_.options;
    options.streaming = false;
    options.exact_osl = false;
    load::traffic_schedule schedule;
    schedule.requests.emplace_back();
    schedule.requests[0].isl = 8;
    schedule.requests[0].osl = 1;
    if (run_.options.endpoint == load_endpoint::raw) {
      schedule = run_.schedule;
      return load::payload_maker{run_.options, schedule, run_.inputs.data, load::assumed_shape(options), control_context()}
          .make(schedule.requests[0], {});
    }
    static const load::dataset synthetic;
    return load::payload_maker{options, schedule, synthetic, load::assumed_shape(options), control_context()}.make(
        schedule.requests[0], {});
  }

  std::string readiness_problem(const payload& request, int64_t timeout_ns) const {
    const auto& mode = run_.options.wait_for_model_mode;
    if (mode != "inference") {
      const auto listed = control_.get("/v1/models", request, timeout_ns);
      if (listed.end != http_end::complete || listed.status != 200)
        return listed.status > 0 ? "/v1/models answers with HTTP " + std::to_string(listed.status) : listed.detail;
      const auto models = load::listed_models(listed.body);
      if (std::find(models.begin(), models.end(), run_.options.models[0]) == models.end())
        return "/v1/models does not list " + run_.options.models[0];
    }
    if (mode != "models") {
      const auto said = answer_of(control_.post(request, timeout_ns));
      if (said.status != 200)
        return said.status > 0 ? "a request is answered with HTTP " + std::to_string(said.status) + ": " + said.error
                               : said.error;
    }
    return {};
  }

  void wait_for_model() {
    const auto& o = run_.options;
    if (o.wait_for_model_s <= 0)
      return;
    const auto request = short_request();
    const int64_t end = monotonic_ns() + endpoint_control::to_ns(o.wait_for_model_s);
    while (true) {
      const int64_t left = end - monotonic_ns();
      const auto problem = readiness_problem(request, std::max(second_ns, std::min(left, 30 * second_ns)));
      if (problem.empty())
        return;
      const auto pause = milliseconds{static_cast<int64_t>(o.wait_for_model_interval_s * 1e3)};
      if (monotonic_ns() + pause.count() * 1'000'000 >= end) {
        out_.error = "the endpoint was not ready within " + std::to_string(static_cast<int64_t>(o.wait_for_model_s))
                     + " s; last seen: " + problem;
        return;
      }
      if (signalled(pause)) {
        out_.interrupted = true;
        out_.error = "interrupted while waiting for the endpoint";
        return;
      }
    }
  }

  void calibrate() {
    auto& shape = out_.shape;
    shape = load::assumed_shape(run_.options);
    if (!load::wants_calibration(run_.options, run_.inputs.data))
      return;
    auto found = load::calibrate_prompts(run_.options, control_context(),
                                         [this](const payload& content) { return answer_of(control_.post(content)); });
    out_.error = found.error.empty() ? "" : "the endpoint at " + control_.authority() + " cannot be used: " + found.error;
    shape = std::move(found.shape);
    auto& facts = out_.records.facts;
    facts.remarks.insert(facts.remarks.end(), found.remarks.begin(), found.remarks.end());
    nlohmann::ordered_json told{{"prompts", shape.ids ? "token ids" : "words"}, {"by_usage", shape.calibrated},
                                {"tokens_per_word", shape.tokens_per_word},     {"overhead_tokens", shape.overhead},
                                {"different_words", shape.words.words.size()},  {"requests", found.asked}};
    facts.own_facts.push_back("calibration=" + told.dump());
  }

  load::endpoint_set endpoints() const {
    load::endpoint_set out;
    out.urls = run_.options.urls;
    out.ca_file = run_.options.ca_file;
    out.reuse = static_cast<load::connection_reuse>(run_.options.reuse);
    return out;
  }

  load::play_settings settings() {
    const auto& requests = run_.schedule.requests;
    load::play_settings s;
    s.threads = run_.options.threads;
    s.request_timeout_ns = endpoint_control::to_ns(run_.options.request_timeout_s);
    s.stall_timeout_ns = endpoint_control::to_ns(run_.options.stall_timeout_s);
    s.keep_answers = std::any_of(requests.begin(), requests.end(), [](const auto& r) { return r.turn > 0; });
    s.check_lengths = run_.options.exact_osl;
    s.progress = &shared_->progress;
    s.cancelled = &shared_->cancelled;
    s.stop_sending = &shared_->stop_sending;
    s.on_record = [this](const request_record& record, traffic_phase phase) {
      if (phase != traffic_phase::profiling)
        return;
      view_->note(record);
      if (stop_.active())
        stop_.take(record);
    };
    return s;
  }

  /// CLOCK_MONOTONIC time of `--start-at`; 0 without.
  int64_t earliest_ns() const {
    const double at_s = run_.options.start_at_s;
    return at_s > 0 ? monotonic_ns() + static_cast<int64_t>(at_s * 1e9) - unix_now_ns() : 0;
  }

  void play() {
    const load::payload_maker maker{run_.options, run_.schedule, run_.inputs.data, out_.shape, context_};
    const auto make = [&maker](const load::planned_request& request, const std::vector<std::string>& answers) {
      auto p = maker.make(request, answers);
      return load::request_content{std::move(p.path), std::move(p.body), std::move(p.headers)};
    };
    const int64_t earliest = earliest_ns();
    std::optional<load_processes> processes; // before anything else has a thread
    if (const int count = run_.options.processes; count > 1)
      processes.emplace(count, *shared_, earliest, [&](int part, std::function<int64_t(traffic_phase)> begin_at) {
        auto s = settings();
        s.on_record = nullptr; // what it would tell is in another process
        s.begin_at = std::move(begin_at);
        return load::play(load::part_of(run_.schedule, part, count), endpoints(), make, s);
      });
    load::play_result played;
    server_watch servers{run_.options, run_.analysis};
    gpu_watch gpus{run_.options, run_.analysis};
    std::atomic<bool> over{false};
    view_ = make_load_view(run_.options.ui, run_);
    std::thread player{[&] {
      if (processes) {
        played = processes->wait();
      } else {
        auto s = settings();
        s.begin_at = [earliest](traffic_phase phase) { return phase == traffic_phase::profiling ? earliest : 0; };
        played = load::play(run_.schedule, endpoints(), make, s);
      }
      over = true;
      signals_.push({}); // wakes the watch
    }};
    watch(over);
    player.join();
    out_.gpus = gpus.stop();
    out_.measured_from_ns = played.began_ns + played.profiling_began_ns;
    out_.measured_to_ns = played.began_ns + played.profiling_ended_ns;
    servers.stop(out_.measured_from_ns, out_.measured_to_ns);
    out_.error = played.error;
    out_.interrupted = signals_seen_ > 0;
    take(std::move(played));
    if (out_.error.empty())
      summarise(servers);
  }

  /// Shows progress, and ends the run for signals and for too many failures.
  void watch(const std::atomic<bool>& over) {
    while (!over) {
      if (signalled(look_again)) {
        ++signals_seen_;
        (signals_seen_ == 1 ? shared_->stop_sending : shared_->cancelled) = true;
        if (signals_seen_ == 1)
          fprintf(stderr, "\nno more requests are sent; again to break off those under way\n");
      }
      if (too_many_failed() && !shared_->stop_sending) {
        out_.records.facts.remarks.emplace_back("ended early: more requests failed than --failed-request-threshold allows");
        shared_->stop_sending = true;
        shared_->cancelled = true;
      }
      if (!shared_->stop_sending && stop_.enough()) {
        stopped_ = true;
        shared_->stop_sending = true;
      }
      view_->refresh(shared_->progress);
    }
    view_->done();
  }

  /// Which of plan, precision and verdict ended the run.
  void tell_stop(load_facts& facts) const {
    if (!stop_.active())
      return;
    if (!stopped_)
      facts.remarks.push_back("the plan ended before the run could: " + stop_.reason());
    const nlohmann::ordered_json told{{"early", stopped_}, {"reason", stop_.reason()}};
    facts.own_facts.push_back("stop=" + told.dump());
  }

  bool too_many_failed() const {
    const double most = run_.options.failed_threshold;
    const auto finished = shared_->progress.finished.load();
    return most >= 0 && finished >= static_cast<uint64_t>(std::max(run_.schedule.concurrency, 10))
           && static_cast<double>(shared_->progress.failed) > most * static_cast<double>(finished);
  }

  void take(load::play_result played) {
    auto& facts = out_.records.facts;
    out_.health = std::move(played.health);
    facts.started_unix_ns = played.began_unix_ns;
    facts.started_monotonic_ns = played.began_ns;
    facts.clock_host = boot_id();
    facts.never_started = played.never_started;
    if (run_.options.processes > 1)
      facts.remarks.push_back("played by " + std::to_string(run_.options.processes)
                              + " processes of this host, on one clock");
    tell_stop(facts);
    facts.was_cancelled = out_.interrupted;
    facts.client_limited = out_.health.client_limited;
    facts.own_facts.push_back("client=" + load::health_json(out_.health));
    for (const auto& reason : out_.health.reasons)
      facts.remarks.push_back("limited by the client: " + reason);
    out_.records.requests = std::move(played.requests);
    out_.records.warming = std::move(played.warmup);
  }

  void summarise(const server_watch& servers) {
    auto& facts = out_.records.facts;
    for (auto& remark : servers.remarks())
      facts.remarks.push_back(std::move(remark));
    out_.summary = statistics::summarise_load(out_.records, judging_);
    if (auto fact = servers.fact(out_.summary); !fact.empty())
      facts.own_facts.push_back(std::move(fact));
    out_.servers = servers.reports();
    if (!out_.gpus.empty())
      facts.own_facts.push_back("telemetry_data=" + gpu_telemetry_json(out_.gpus, telemetry_span_of(out_)));
    for (const auto& page : out_.gpus)
      if (!page.problem.empty())
        facts.remarks.push_back("GPU telemetry of " + page.url + ": " + page.problem);
  }

  const load_run& run_;
  event_queue& signals_;
  const endpoint_control control_;
  const std::string benchmark_id_;
  const statistics::summary_options judging_;
  stop_watcher stop_;
  load::payload_context context_;
  const std::shared_ptr<shared_load> shared_ = make_shared_load();
  std::unique_ptr<load_view> view_;
  int signals_seen_ = 0;
  bool stopped_ = false; ///< because enough was seen
  load_outcome out_;
};

} // namespace

load_outcome play_load(const load_run& run, event_queue& signals) {
  return playing_load{run, signals}.go();
}

} // namespace sextant
