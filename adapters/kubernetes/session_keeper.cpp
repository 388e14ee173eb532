// session_keeper.cpp: A Lease says that a session is alive.
#include <condition_variable>
#include <ctime>
#include <mutex>
#include <thread>

#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>

#include "adapters/kubernetes/cluster.hpp"
#include "adapters/kubernetes/labels.hpp"
#include "adapters/kubernetes/lease_time.hpp"

namespace sextant::kubernetes {

namespace {

using nlohmann::json;

constexpr int renew_s = 10;
constexpr int lease_s = 45; ///< outlasts a slow API server; an API server that is away for longer ends nothing by itself

class lease_keeper final : public session_keeper {
public:
  lease_keeper(std::shared_ptr<cluster_link> link, std::string name_space, std::string session)
      : link_(std::move(link)), session_(std::move(session)),
        collection_("/apis/coordination.k8s.io/v1/namespaces/" + name_space + "/leases"), name_("sextant-" + session_),
        thread_([this] { run(); }) {}

  ~lease_keeper() override {
    {
      const std::lock_guard guard{mutex_};
      ending_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

private:
  void run() {
    std::string error;
    const auto client = make_api_client(
        link_, [this] { return false; }, error);
    while (client && renew(*client)) {
      std::unique_lock lock{mutex_};
      if (changed_.wait_for(lock, std::chrono::seconds{renew_s}, [this] { return ending_; }))
        break;
    }
    if (client && made_)
      client->call({"delete lease " + name_, "DELETE", collection_ + "/" + name_, {}, 5});
  }

  /// False when it makes no sense to go on.
  bool renew(api_client& client) {
    const json spec{
        {"holderIdentity", own_holder_name()}, {"leaseDurationSeconds", lease_s}, {"renewTime", lease_time_now()}};
    json object{
        {"apiVersion", "coordination.k8s.io/v1"},
        {"kind", "Lease"},
        {"metadata", {{"name", name_}, {"labels", {{labels::managed_by, labels::manager}, {labels::session, session_}}}}},
        {"spec", spec}};
    const auto old = client.call({"get lease " + name_, "GET", collection_ + "/" + name_, {}, 5});
    api_answer answer;
    if (old.ok) {
      object = json::parse(old.body, nullptr, false);
      if (!object.is_object())
        return true;
      object["spec"] = spec;
      answer = client.call({"update lease " + name_, "PUT", collection_ + "/" + name_, object.dump(), 5});
    } else {
      answer = old;
      if (old.error.status == 404)
        answer = client.call({"create lease " + name_, "POST", collection_, object.dump(), 5});
    }
    made_ = made_ || answer.ok;
    if (answer.error.status == 403) {
      spdlog::warn("no-lease: {}; other runs cannot tell that this one is alive", answer.problem);
      return false;
    }
    return true; // everything else passes
  }

  std::shared_ptr<cluster_link> link_;
  std::string session_, collection_, name_;
  bool made_ = false;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool ending_ = false;
  std::thread thread_;
};

} // namespace

std::string lease_time_now() {
  timespec t{};
  clock_gettime(CLOCK_REALTIME, &t);
  tm parts{};
  gmtime_r(&t.tv_sec, &parts);
  char text[64];
  const auto n = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  snprintf(text + n, sizeof text - n, ".%06ldZ", t.tv_nsec / 1000);
  return text;
}

std::unique_ptr<session_keeper> session_keeper::start(std::shared_ptr<cluster_link> link, const std::string& name_space,
                                                      const std::string& session) {
  return std::make_unique<lease_keeper>(std::move(link), name_space, session);
}

} // namespace sextant::kubernetes
