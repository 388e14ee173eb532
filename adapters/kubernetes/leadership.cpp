#include "adapters/kubernetes/leadership.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include <nlohmann/json.hpp>

#include "adapters/kubernetes/lease_time.hpp"
#include "config/time_text.hpp"

namespace sextant::kubernetes {

namespace {

using nlohmann::json;
using steady = std::chrono::steady_clock;

double seconds_since(steady::time_point t) {
  return std::chrono::duration<double>(steady::now() - t).count();
}

class lease_leadership final : public leadership {
public:
  lease_leadership(std::shared_ptr<cluster_link> link, settings how, std::function<void(bool, std::string)> changed)
      : link_(std::move(link)), how_(std::move(how)), changed_(std::move(changed)),
        collection_("/apis/coordination.k8s.io/v1/namespaces/" + how_.name_space + "/leases"), thread_([this] { work(); }) {}

  ~lease_leadership() override {
    {
      const std::lock_guard guard{mutex_};
      ending_ = true;
    }
    ended_.notify_all();
    thread_.join();
  }

private:
  void work() {
    std::string error;
    const auto client = make_api_client(
        link_, [this] { return ending(); }, error);
    if (!client)
      return changed_(false, error);
    while (!ending()) {
      if (!turn(*client))
        return;
      // A leader that cannot renew gives up while its lease still holds.
      if (leads_ && seconds_since(renewed_) > how_.lasts_s - 2 * how_.renew_s)
        tell(false, "the lease " + how_.lease + " could not be renewed in time");
      std::unique_lock lock{mutex_};
      ended_.wait_for(lock, std::chrono::duration<double>(how_.renew_s), [this] { return ending_; });
    }
    if (leads_)
      write(*client, "", "PUT");
  }

  bool ending() {
    const std::lock_guard guard{mutex_};
    return ending_;
  }

  void tell(bool leads, const std::string& problem) {
    if (leads != leads_ || !problem.empty())
      changed_(leads, problem);
    leads_ = leads;
  }

  /// False when it makes no sense to go on.
  bool turn(api_client& client) {
    const auto asked = steady::now();
    const auto got = client.call({"get lease " + how_.lease, "GET", collection_ + "/" + how_.lease, {}, 0});
    lease_reading lease;
    object_ = json::object();
    if (got.ok) {
      object_ = json::parse(got.body, nullptr, false);
      if (!object_.is_object() || !object_.contains("spec"))
        object_ = json::object();
      const auto spec = object_.value("spec", json::object());
      lease = {true, spec.value("holderIdentity", ""), seconds_of(spec.value("renewTime", "")).value_or(0),
               static_cast<double>(spec.value("leaseDurationSeconds", 0))};
    } else if (got.error.status != 404) {
      return got.error.status != 403 || refuse(got.problem);
    }
    if (lease.holder != seen_.holder || lease.renewed_s != seen_.renewed_s) {
      seen_ = lease;
      seen_at_ = asked;
    }
    const auto move = move_for(lease, how_.holder, seconds_since(seen_at_), how_.is_gone && how_.is_gone(lease.holder));
    if (move == lease_move::wait) {
      tell(false, leads_ ? "another process took the lease " + how_.lease : "");
      return true;
    }
    const auto answer = write(client, how_.holder, move == lease_move::create ? "POST" : "PUT");
    if (answer.ok) {
      renewed_ = asked;
      tell(true, "");
    }
    return answer.error.status != 403 || refuse(answer.problem);
  }

  bool refuse(const std::string& problem) {
    tell(false, problem);
    return false;
  }

  /// With the version that was read: of two who take it at once only one is answered with success.
  api_answer write(api_client& client, const std::string& holder, const std::string& method) {
    json object = object_;
    object["apiVersion"] = "coordination.k8s.io/v1";
    object["kind"] = "Lease";
    object["metadata"]["name"] = how_.lease;
    object["spec"]["holderIdentity"] = holder;
    object["spec"]["leaseDurationSeconds"] = static_cast<int>(how_.lasts_s);
    object["spec"]["renewTime"] = lease_time_now();
    return client.call({"take lease " + how_.lease, method, method == "POST" ? collection_ : collection_ + "/" + how_.lease,
                        object.dump(), 0});
  }

  std::shared_ptr<cluster_link> link_;
  const settings how_;
  std::function<void(bool, std::string)> changed_;
  std::string collection_;
  json object_; ///< as read last
  lease_reading seen_;
  steady::time_point seen_at_ = steady::now(), renewed_;
  bool leads_ = false;
  std::mutex mutex_;
  std::condition_variable ended_;
  bool ending_ = false;
  std::thread thread_; ///< last: it uses all of the above
};

} // namespace

lease_move move_for(const lease_reading& lease, const std::string& own, double seen_unchanged_s, bool holder_gone) {
  if (!lease.exists)
    return lease_move::create;
  const bool over = holder_gone || seen_unchanged_s > lease.lasts_s;
  return lease.holder == own || lease.holder.empty() || over ? lease_move::take : lease_move::wait;
}

std::unique_ptr<leadership> leadership::run(std::shared_ptr<cluster_link> link, const settings& how,
                                            std::function<void(bool, std::string)> changed) {
  return std::make_unique<lease_leadership>(std::move(link), how, std::move(changed));
}

} // namespace sextant::kubernetes
