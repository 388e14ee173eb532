#include "adapters/kubernetes/kubernetes_host.hpp"

#include "adapters/kubernetes/cluster.hpp"
#include "adapters/kubernetes/kubernetes_life.hpp"

namespace sextant {

namespace {

class kubernetes_host final : public threaded_host {
public:
  kubernetes_host(std::shared_ptr<kubernetes::cluster_link> link, kubernetes_settings settings)
      : link_(std::move(link)), settings_(std::move(settings)),
        keeper_(kubernetes::session_keeper::start(link_, settings_.name_space, settings_.session)) {}
  ~kubernetes_host() override { end_all(); }

  std::string kind() const override { return "kubernetes"; }

private:
  std::shared_ptr<engine_life> make_life(const std::string& key, const deploy_engine& what, ready_handler ready,
                                         failed_handler failed) override {
    return std::make_shared<kubernetes::kubernetes_life>(link_, settings_, key, what, std::move(ready), std::move(failed));
  }

  std::shared_ptr<kubernetes::cluster_link> link_;
  const kubernetes_settings settings_;
  std::unique_ptr<kubernetes::session_keeper> keeper_;
};

} // namespace

std::unique_ptr<engine_host> make_kubernetes_host(std::shared_ptr<kubernetes::cluster_link> link,
                                                  const kubernetes_settings& settings) {
  return std::make_unique<kubernetes_host>(std::move(link), settings);
}

} // namespace sextant
