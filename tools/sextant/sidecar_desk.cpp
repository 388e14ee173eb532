#include "tools/sextant/sidecar_desk.hpp"

#include <cstdio>

#include "actors/artifacts/curves_npz.hpp"
#include "actors/artifacts/files.hpp"
#include "actors/load/driver.hpp"
#include "actors/load/stream_event.hpp"
#include "actors/metrics/summary.hpp"
#include "actors/sidecar/bounds.hpp"
#include "adapters/backends/dgd.hpp"
#include "adapters/http/client.hpp"

namespace sextant {

namespace {

using namespace sidecar;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr seconds connect_again{30};
constexpr int64_t list_timeout_ns = 5'000'000'000;

attempt_failed refusal(const measure_point& wanted, failure_class kind, std::string why) {
  attempt_failed out;
  out.engine = wanted.engine;
  out.engine_attempt = wanted.engine_attempt;
  out.point = wanted.plan.point;
  out.attempt = wanted.attempt;
  out.error.kind = kind;
  out.error.detail = std::move(why);
  return out;
}

/// The work with the first model that the endpoint lists, if it names none.
measure_point with_model(measure_point work) {
  std::string error;
  const auto url = parse_http_url(work.endpoint, error);
  if (!work.served_model.empty() || !url)
    return work;
  const auto got = http_fetch(*url, "GET", "/v1/models", "", list_timeout_ns);
  if (const auto models = load::listed_models(got.body); !models.empty())
    work.served_model = models.front();
  return work;
}

/// Ends a measurement that takes too long.
class time_limit {
public:
  explicit time_limit(std::atomic<bool>& cancel) : cancel_{cancel}, thread_{[this] { wait(); }} {}
  ~time_limit() {
    over_ = true;
    thread_.join();
  }
  time_limit(const time_limit&) = delete;
  time_limit& operator=(const time_limit&) = delete;

private:
  void wait() {
    const auto end = steady_clock::now() + seconds{most_seconds};
    while (!over_ && steady_clock::now() < end)
      std::this_thread::sleep_for(std::chrono::milliseconds{50});
    if (!over_)
      cancel_ = true;
  }

  std::atomic<bool>& cancel_;
  std::atomic<bool> over_{false};
  std::thread thread_;
};

} // namespace

sidecar_desk::sidecar_desk(const sidecar_options& options, std::optional<planner_curves> curves, event_queue& queue)
    : options_{options}, curves_{std::move(curves)}, queue_{queue}, prefill_{phase::prefill, options.tolerance},
      decode_{phase::decode, options.tolerance} {
}

sidecar_desk::~sidecar_desk() {
  stop_ = true;
  if (measuring_.joinable())
    measuring_.join();
  subscriptions_.clear();
  if (link_) {
    link_->flush(std::chrono::milliseconds{500});
    link_->close();
  }
}

void sidecar_desk::connect() {
  const auto now = steady_clock::now();
  if (options_.nats.empty() || link_ || now < next_try_)
    return;
  next_try_ = now + connect_again;
  command_line server;
  server.options["nats"] = options_.nats;
  link_ = connect_from(server);
  if (!link_)
    return;
  listen("correct");
  listen("measure");
}

void sidecar_desk::listen(const char* what) {
  subscriptions_.push_back(
      link_->subscribe(serving_subject(subjects{options_.prefix}, options_.name, what), [this](bus_message m) {
        std::vector<codec_error> errors;
        auto message = decode_envelope(m.body, errors);
        {
          const std::lock_guard guard{mutex_};
          questions_.push_back({message.value_or(envelope{}), m.reply});
        }
        queue_.push({});
      }));
}

template <class T>
void sidecar_desk::tell(const char* what, const T& message) {
  const auto text = encode_message(options_.name + "-" + std::to_string(++told_), "", message);
  if (options_.json)
    printf("%s\n", text.c_str());
  if (link_)
    link_->publish(serving_subject(subjects{options_.prefix}, options_.name, what), text);
}

template <class T>
void sidecar_desk::reply(const question& asked, const T& message) {
  if (!asked.reply.empty())
    link_->publish(asked.reply, encode_message(asked.message.id + "-answer", asked.message.request, message));
}

void sidecar_desk::note(serving_observed& window) {
  window.sidecar = options_.name;
  const bool own_traffic = measured_lately_ || busy_;
  measured_lately_ = busy_;
  if (curves_)
    expect(window, *curves_, {options_.prefill_replicas, options_.decode_replicas});
  if (own_traffic)
    window.remarks.emplace_back("a measurement of this sidecar ran in this window: it is not compared");
  tell("observed", window);
  if (!curves_ || own_traffic)
    return;
  for (auto* watch : {&prefill_, &decode_}) {
    watch->add(window);
    auto news = watch->news();
    if (!news)
      continue;
    news->sidecar = options_.name;
    tell("drift", *news);
    if (!options_.json)
      printf("%s\n", news->text.c_str());
  }
}

void sidecar_desk::answer_questions() {
  std::vector<question> asked;
  {
    const std::lock_guard guard{mutex_};
    asked.swap(questions_);
  }
  for (const auto& q : asked)
    answer(q);
}

void sidecar_desk::answer(const question& asked) {
  if (const auto wanted = message_as<correct_curves>(asked.message))
    reply(asked, correct(wanted->directory.empty() ? options_.corrected : wanted->directory));
  else if (const auto point = message_as<measure_point>(asked.message))
    measure(asked, *point);
  else
    reply(asked, refusal({}, failure_class::permanent, "accepted are correct_curves and measure_point"));
}

curves_corrected sidecar_desk::correct(const std::string& directory) const {
  curves_corrected out;
  out.sidecar = options_.name;
  out.directory = directory;
  const auto ttft = prefill_.verdict(), itl = decode_.verdict();
  const auto enough = [](const curves_drifted& v) { return v.windows >= static_cast<int>(least_windows); };
  if (!curves_)
    out.error = "there are no curves: the sidecar was started without --curves";
  else if (directory.empty())
    out.error = "no directory was named, neither in the question nor by --corrected";
  else if (!enough(ttft) && !enough(itl))
    out.error = "too few windows could be compared: " + ttft.text + "; " + itl.text;
  if (!out.error.empty())
    return out;
  out.ttft_ratio = enough(ttft) ? ttft.ratio : 1;
  out.itl_ratio = enough(itl) ? itl.ratio : 1;
  const auto better = corrected(*curves_, out.ttft_ratio, out.itl_ratio);
  profile_request request;
  request.kubernetes_namespace = options_.kubernetes_namespace;
  profile_result result;
  result.prefill_curve = better.prefill;
  result.decode_grid = better.decode;
  result.max_kv_tokens = better.max_kv_tokens;
  const std::pair<std::string, std::string> files[] = {
      {"selected_prefill_interpolation/raw_data.npz", prefill_npz(result, {})},
      {"selected_decode_interpolation/raw_data.npz", decode_npz(result, {})},
      {"planner-profile-data.yaml", planner_configmap(request, result)},
  };
  for (const auto& [name, content] : files) {
    if (out.error.empty() && !content.empty())
      out.error = write_file(directory + "/" + name, content);
    if (out.error.empty() && !content.empty())
      out.files.push_back(name);
  }
  return out;
}

void sidecar_desk::measure(const question& asked, const measure_point& wanted) {
  if (const auto why = too_much(wanted.plan); !why.empty())
    return reply(asked, refusal(wanted, failure_class::permanent, why));
  if (busy_)
    return reply(asked, refusal(wanted, failure_class::transient, "another measurement is running"));
  if (measuring_.joinable())
    measuring_.join();
  auto work = wanted;
  work.endpoint = options_.frontend;
  work.simulated = false; // played at the speed that it has
  if (work.served_model.empty())
    work.served_model = options_.model;
  busy_ = measured_lately_ = true;
  measuring_ = std::thread{[this, asked, work] {
    drive_outcome outcome;
    {
      const time_limit limit{stop_};
      outcome = drive_measurement(options_.name, with_model(work), stop_);
    }
    stop_ = false;
    auto result = outcome.ok ? summarise(outcome.records) : std::variant<point_measured, failure>{outcome.error};
    if (const auto* point = std::get_if<point_measured>(&result)) {
      reply(asked, *point);
    } else {
      auto refused = refusal(work, failure_class::transient, "");
      refused.error = std::get<failure>(result);
      reply(asked, refused);
    }
    busy_ = false;
  }};
}

} // namespace sextant
