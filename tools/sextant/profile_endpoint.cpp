// profile_endpoint.cpp: `sextant profile-endpoint`: the curves of an endpoint that is already running, without a search.
#include <atomic>
#include <cstdio>
#include <thread>

#include "actors/artifacts/charts.hpp"
#include "actors/artifacts/curves_npz.hpp"
#include "actors/artifacts/files.hpp"
#include "actors/load/driver.hpp"
#include "actors/load/stream_event.hpp"
#include "actors/metrics/summary.hpp"
#include "actors/search/plans.hpp"
#include "adapters/http/client.hpp"
#include "adapters/simulation/engine_metrics.hpp"
#include "config/endpoint_options.hpp"
#include "tools/sextant/process.hpp"

namespace sextant {

namespace {

using namespace searching;

constexpr int64_t control_timeout_ns = 10'000'000'000;
constexpr int probe_osl = 64;             ///< output tokens of a decode point: the reference's 500 say the same, later
constexpr double served_from_cache = 0.9; ///< share of the prompt from which on prefill work is no part of a decode wave

/// What the endpoint says about itself.
struct endpoint_facts {
  std::string model;
  int64_t kv_tokens = 0;
  bool simulated = false;
  std::string error;
};

std::string fetch_text(const http_url& url, const std::string& path, std::string& error) {
  const auto got = http_fetch(url, "GET", path, "", control_timeout_ns);
  if (got.end != http_end::complete || got.status != 200)
    error = path + ": " + (got.end != http_end::complete ? got.detail : "HTTP " + std::to_string(got.status));
  return error.empty() ? got.body : "";
}

endpoint_facts ask_endpoint(const endpoint_options& options) {
  endpoint_facts out;
  out.model = options.model;
  out.kv_tokens = options.max_kv_tokens;
  const auto url = parse_http_url(options.url, out.error);
  if (!url)
    return out;
  const auto models = load::listed_models(fetch_text(*url, "/v1/models", out.error));
  if (!out.error.empty())
    return out;
  if (out.model.empty() && models.empty())
    out.error = "/v1/models lists no model; name one with --model-name";
  else if (out.model.empty())
    out.model = models.front();
  std::string no_metrics;
  const auto metrics = fetch_text(*url, "/metrics", no_metrics);
  out.simulated = metrics.find("\nsextant_simulated 1") != std::string::npos;
  if (out.kv_tokens == 0)
    out.kv_tokens = kv_tokens_from_metrics(metrics, options.attention_dp);
  if (out.kv_tokens <= 0 && !options.prefill && out.error.empty())
    out.error = "the KV capacity is not in " + options.url + "/metrics" + (no_metrics.empty() ? "" : " (" + no_metrics + ")")
                + "; give it as --max-kv-tokens";
  return out;
}

/// Everything of one call.
class endpoint_profile {
public:
  endpoint_profile(const endpoint_options& options, const endpoint_facts& facts) : options_{options}, facts_{facts} {
    request_.id = "endpoint";
    request_.model.name = facts.model;
    request_.gpu.name = options.url;
    request_.seed = options.seed;
    request_.prefill_granularity = request_.decode_granularity = options.granularity;
    request_.max_context = options.max_context;
    request_.sla = {};
    request_.sla.isl = 0; // no target: charts mark none
    layout_.gpus = options.gpus;
    auto& chosen = options.prefill ? result_.prefill : result_.decode;
    chosen.engine = engine_;
    chosen.layout.gpus = 0; // how it is split is not known
    result_.max_kv_tokens = facts.kv_tokens;
    result_.simulated = facts.simulated;
    result_.clock = "live";
  }

  /// Measures every point; false when interrupted or hopeless.
  bool measure(const std::atomic<bool>& cancelled) {
    const auto plans = options_.prefill ? prefill_plans() : decode_plans();
    int number = 0;
    for (const auto& plan : plans) {
      ++number;
      if (!measure_point_of(plan, cancelled)) {
        if (cancelled || ++failed_in_a_row_ >= 2)
          return false;
        continue;
      }
      failed_in_a_row_ = 0;
      const auto& p = points_.back();
      fprintf(stderr, "%d/%zu  ISL %d, %d in flight: %s %.3f ms [%.3f, %.3f], %.1f tokens/s/GPU%s\n", number, plans.size(),
              p.plan.isl, p.plan.concurrency, options_.prefill ? "TTFT" : "ITL", p.value_ms, p.value_low_ms, p.value_high_ms,
              p.throughput_per_gpu, p.valid ? "" : "  (not valid)");
      for (const auto& remark : p.remarks)
        fprintf(stderr, "      %s\n", remark.c_str());
    }
    return true;
  }

  /// Writes `raw_data.npz` and the plots. Returns an error text, or nothing.
  std::string write() {
    const auto npz = options_.prefill ? prefill_npz(result_, points_) : decode_npz(result_, points_);
    if (npz.empty())
      return "fewer than 3 points could be measured: no curve was written";
    auto error = write_file(options_.work_dir + "/raw_data.npz", npz);
    const std::string wanted = options_.prefill ? "selected_prefill_interpolation/" : "selected_decode_interpolation/";
    for (const auto& [file, what] : profile_charts(request_, result_, points_))
      if (error.empty() && file.starts_with(wanted))
        error = draw(what, options_.work_dir + '/' + file.substr(wanted.size()));
    return error;
  }

  void print_answer() const {
    for (const auto& remark : cache_remarks())
      printf("note: %s\n", remark.c_str());
    if (!options_.prefill)
      printf("KV capacity %lld tokens (%s)\n", static_cast<long long>(facts_.kv_tokens),
             options_.max_kv_tokens > 0 ? "as given" : "from /metrics");
    printf("%zu points of %s%s in %s\n", points_.size(), facts_.model.c_str(),
           facts_.simulated ? " (a simulated engine)" : "", options_.work_dir.c_str());
  }

private:
  std::vector<point_plan> prefill_plans() {
    request_.policy = search_policy::adaptive;
    std::vector<point_plan> out;
    for (const int isl : prefill_lengths(options_.max_context, options_.granularity))
      out.push_back(finished(prefill_plan(request_, engine_, burst_layout(), point_set::curve, isl)));
    return out;
  }

  /// The reference's places, each with a shorter output around the same mean context.
  std::vector<point_plan> decode_plans() {
    request_.policy = search_policy::adaptive;
    std::vector<point_plan> out;
    for (auto spot : decode_grid(options_.max_context, facts_.kv_tokens, options_.attention_dp, options_.granularity)) {
      spot.isl = static_cast<int>(mean_context(spot)) - probe_osl / 2;
      spot.osl = probe_osl;
      out.push_back(finished(decode_plan(request_, engine_, burst_layout(), point_set::curve, spot)));
    }
    return out;
  }

  mapping burst_layout() const {
    return options_.attention_dp > 1 ? mapping{mapping_method::dep, options_.attention_dp} : layout_;
  }

  point_plan finished(point_plan plan) const {
    plan.gpus = options_.gpus;
    plan.relative_half_width = options_.precision;
    if (options_.precision == 0)
      plan.min_waves = plan.max_waves = 1;
    return plan;
  }

  bool measure_point_of(const point_plan& plan, const std::atomic<bool>& cancelled) {
    measure_point work;
    work.engine = engine_;
    work.endpoint = options_.url;
    work.served_model = facts_.model;
    work.simulated = false; // played at the speed that it has
    work.plan = plan;
    const auto outcome = drive_measurement(request_.id, work, cancelled);
    if (!outcome.ok)
      return refuse(plan, outcome.error);
    const auto summary = summarise(outcome.records);
    if (const auto* problem = std::get_if<failure>(&summary))
      return refuse(plan, *problem);
    auto point = std::get<point_measured>(summary);
    note_sample(point);
    points_.push_back(std::move(point));
    return true;
  }

  static bool refuse(const point_plan& plan, const failure& error) {
    fprintf(stderr, "%s: %s\n", plan.point.c_str(), error.detail.c_str());
    return false;
  }

  void note_sample(const point_measured& p) {
    if (options_.prefill) {
      result_.prefill_curve.push_back({p.plan.isl, p.value_ms, p.throughput_per_gpu});
      return;
    }
    const auto spot = spot_of(p.plan);
    result_.decode_grid.push_back({kv_usage(spot, facts_.kv_tokens), mean_context(spot), p.value_ms, p.throughput_per_gpu});
  }

  /// Whether the prefix cache did what the curve needs: nothing for fresh prompts, everything for warmed ones.
  std::vector<std::string> cache_remarks() const {
    std::vector<std::string> out;
    size_t cached = 0, uncached = 0;
    for (const auto& p : points_) {
      cached += p.cached_share > 1 - served_from_cache;
      const bool quick = p.warmup.ttft_ms.empty() || p.ttft.mean < p.warmup.ttft_ms.front() * 0.7;
      uncached += p.cached_share < served_from_cache && !quick;
    }
    if (options_.prefill && cached > 0)
      out.push_back(std::to_string(cached) + " points were served from the prefix cache in part: their TTFT is too low");
    if (!options_.prefill && uncached > points_.size() / 2)
      out.emplace_back("the endpoint does not seem to reuse prefixes: prefill work is inside these ITLs");
    return out;
  }

  static std::string draw(const chart& what, const std::string& path) {
    std::string error;
    const auto temporary = temporary_beside(path, error);
    if (error.empty())
      error = run_gnuplot(chart_script(what, temporary), 60);
    return error.empty() ? put_in_place(temporary, path) : error;
  }

  const endpoint_options& options_;
  const endpoint_facts& facts_;
  const std::string engine_ = "endpoint";
  profile_request request_;
  mapping layout_;
  profile_result result_;
  std::vector<point_measured> points_;
  int failed_in_a_row_ = 0;
};

} // namespace

int run_profile_endpoint(const std::vector<std::string>& words) {
  std::vector<document_error> errors;
  const auto options = read_endpoint_options(words, errors);
  if (options.help) {
    printf("%s", endpoint_help_text().c_str());
    return exit_ok;
  }
  if (!errors.empty()) {
    print_errors(errors);
    return exit_bad_input;
  }
  for (const auto& remark : options.remarks)
    fprintf(stderr, "note: %s\n", remark.c_str());
  const auto facts = ask_endpoint(options);
  if (!facts.error.empty()) {
    fprintf(stderr, "%s\n", facts.error.c_str());
    return exit_failed;
  }
  endpoint_profile profile{options, facts};
  std::atomic<bool> cancelled{false}, over{false};
  event_queue signals;
  bool complete = false;
  std::thread worker{[&] {
    complete = profile.measure(cancelled);
    over = true;
    signals.push({});
  }};
  while (!over) {
    envelope none;
    if (signals.next(std::chrono::seconds{1}, none) == wake::signal)
      cancelled = true;
  }
  worker.join();
  if (cancelled) {
    fprintf(stderr, "interrupted; nothing was written\n");
    return exit_interrupted;
  }
  const auto error = profile.write();
  if (!error.empty())
    fprintf(stderr, "%s\n", error.c_str());
  else
    profile.print_answer();
  return error.empty() && complete ? exit_ok : exit_failed;
}

} // namespace sextant
