// endpoint_host.cpp: Endpoints as engines.
#include "adapters/local/endpoint_host.hpp"

#include <algorithm>
#include <atomic>

#include "adapters/http/client.hpp"
#include "adapters/local/frontend_answers.hpp"
#include "adapters/simulation/engine_metrics.hpp"
#include "adapters/simulation/step_model.hpp"
#include "adapters/simulation/threaded_host.hpp"

namespace sextant {

namespace {

using namespace local;

constexpr double look_s = 0.5;               ///< between looks at an endpoint that does not list the model
constexpr double patience_s = 20;            ///< until one that does not is given up
constexpr int64_t answer_ns = 5'000'000'000; ///< for one question

/// URLs that no engine has.
class free_urls {
public:
  explicit free_urls(std::vector<std::string> urls) : urls_(std::move(urls)) {}
  std::string take() {
    const std::lock_guard guard{mutex_};
    if (urls_.empty())
      return {};
    auto url = urls_.front();
    urls_.erase(urls_.begin());
    return url;
  }
  void give_back(std::string url) {
    const std::lock_guard guard{mutex_};
    urls_.push_back(std::move(url));
  }

private:
  std::mutex mutex_;
  std::vector<std::string> urls_;
};

class endpoint_life final : public engine_life {
public:
  endpoint_life(free_urls& urls, const deploy_engine& what, engine_host::ready_handler ready,
                engine_host::failed_handler failed)
      : engine_life(what, std::move(ready), std::move(failed)), urls_(urls) {}

private:
  void run() override {
    const auto text = urls_.take();
    if (text.empty())
      return fail(failure_class::transient, failure_cause::internal, "every endpoint is in use");
    std::string error;
    const auto url = parse_http_url(text, error);
    if (!url)
      fail(failure_class::permanent, failure_cause::unsupported, text + ": " + error);
    else if (auto about = look(text, *url)) {
      ready_(std::move(*about));
      wait_for_end();
    }
    urls_.give_back(text);
  }
  void wake() override { cancelled_ = true; }

  http_outcome ask(const http_url& url, std::string_view path) {
    http_client_settings settings;
    settings.cancelled = &cancelled_;
    settings.kept_body_bytes = 1 << 20;
    return http_fetch(url, "GET", path, {}, answer_ns, {}, settings);
  }

  /// Waits until the endpoint lists a model that can be meant; nothing when it does not, which is told.
  std::optional<hosted_engine> look(const std::string& text, const http_url& url) {
    http_outcome answer;
    for (double waited = 0;; waited += look_s) {
      answer = ask(url, "/v1/models");
      const auto models = answer.status == 200 ? listed_models(answer.body) : std::vector<std::string>{};
      const bool named = std::find(models.begin(), models.end(), what_.model.name) != models.end();
      if (named || models.size() == 1)
        return describe(text, url, named ? what_.model.name : models.front());
      if (models.size() > 1) {
        std::string names;
        for (const auto& model : models)
          names += (names.empty() ? "" : ", ") + model;
        fail(failure_class::permanent, failure_cause::unsupported,
             text + " serves " + names + ", but not " + what_.model.name);
        return std::nullopt;
      }
      if (waited >= patience_s || !wait_for(look_s))
        break;
    }
    fail(failure_class::transient, failure_cause::engine_gone,
         text + ": "
             + (answer.end == http_end::complete ? "HTTP " + std::to_string(answer.status) + ", no model is listed"
                                                 : answer.detail));
    return std::nullopt;
  }

  std::optional<hosted_engine> describe(const std::string& text, const http_url& url, const std::string& model) {
    hosted_engine about;
    about.endpoint = text;
    about.served_model = model;
    about.kv_tokens = kv_tokens_from_metrics(ask(url, "/metrics").body, what_.layout.attention_data_parallel());
    about.kv_source = "metrics";
    if (about.kv_tokens <= 0) {
      about.kv_source = "memory model";
      about.kv_tokens =
          plan_memory({what_.model, what_.gpu, what_.backend, what_.layout}, std::max(1, what_.max_context)).kv_tokens;
    }
    if (about.kv_tokens > 0)
      return about;
    fail(failure_class::permanent, failure_cause::capacity_unknown,
         text + " does not tell its KV capacity, and by the memory model the model does not fit");
    return std::nullopt;
  }

  free_urls& urls_;
  std::atomic<bool> cancelled_{false};
};

class endpoint_host final : public threaded_host {
public:
  explicit endpoint_host(std::vector<std::string> urls) : urls_(std::move(urls)) {}
  ~endpoint_host() override { end_all(); }
  std::string kind() const override { return "endpoint"; }

private:
  std::shared_ptr<engine_life> make_life(const std::string&, const deploy_engine& what, ready_handler ready,
                                         failed_handler failed) override {
    return std::make_shared<endpoint_life>(urls_, what, std::move(ready), std::move(failed));
  }

  free_urls urls_;
};

} // namespace

std::unique_ptr<engine_host> make_endpoint_host(const std::vector<std::string>& urls) {
  return std::make_unique<endpoint_host>(urls);
}

} // namespace sextant
