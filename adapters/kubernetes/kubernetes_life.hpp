// kubernetes_life.hpp: The life of one engine in a cluster, from create to gone. Private to this folder.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "adapters/kubernetes/kubernetes_host.hpp"
#include "adapters/kubernetes/verdict.hpp"
#include "adapters/simulation/threaded_host.hpp"

namespace sextant::kubernetes {

/// One engine. Everything but `wake` happens in its own thread.
class kubernetes_life final : public engine_life {
public:
  kubernetes_life(std::shared_ptr<cluster_link> link, const kubernetes_settings& settings, std::string key,
                  const deploy_engine& what, engine_host::ready_handler ready, engine_host::failed_handler failed);

private:
  void run() override;
  void wake() override { cancelled_ = true; }

  // -- starting -------------------------------------------------------------------------------------
  bool create();
  bool is_ours();
  bool wait_until_ready(hosted_engine& about);
  bool look_at_start(bool& ready);
  bool scale_up_announced(const std::string& pod);
  std::vector<std::string> addresses() const;
  bool answers(hosted_engine& about);

  // -- serving --------------------------------------------------------------------------------------
  void read_capacity(hosted_engine& about);
  void watch();

  // -- both -----------------------------------------------------------------------------------------
  bool mirrors_work();
  std::vector<pod_view> pods() const;
  std::vector<event_view> events() const;
  std::optional<deployment_view> deployment() const;
  void tell(symptom s);
  std::vector<std::string> pod_log(const std::string& pod, const std::string& container, bool previous, size_t lines);
  http_outcome ask(const http_url& url, std::string_view method, std::string_view path, std::string_view body,
                   int64_t timeout_ns);

  void remove();
  bool gone() const;

  std::shared_ptr<cluster_link> link_;
  const kubernetes_settings settings_;
  const std::string key_;
  std::atomic<bool> cancelled_{false}; ///< the end is wanted
  std::atomic<bool> removing_{false};  ///< what ended the engine must not end its removal
  bool made_ = false;                  ///< there may be an object of ours
  std::unique_ptr<api_client> client_;
  deployment_document document_;
  std::unique_ptr<object_mirror> deployments_, pods_, events_;
  patience patience_;
  std::string trouble_; ///< why the frontend does not answer yet
};

} // namespace sextant::kubernetes
