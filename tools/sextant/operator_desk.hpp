// operator_desk.hpp: Serves the requests of one namespace: keeps the mirrors, asks `decide.hpp` what to do, and does it.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/operator/decide.hpp"
#include "actors/operator/objects.hpp"
#include "adapters/kubernetes/api_client.hpp"
#include "adapters/kubernetes/object_mirror.hpp"
#include "adapters/nats/bus.hpp"
#include "messages/profile.hpp"
#include "messages/subjects.hpp"
#include "tools/sextant/waiting.hpp"

namespace sextant {

/// How a desk works.
struct operator_settings {
  std::string name_space;
  operating::jurisdiction ours;
  int parallel = 4;                          ///< profiles at the same time
  std::vector<std::string> request_versions; ///< of DynamoGraphDeploymentRequests that the cluster serves, preferred first
  std::vector<std::string> deployment_versions;  ///< of DynamoGraphDeployments
  std::map<std::string, std::string> options;    ///< that every request gets
  std::map<std::string, std::string> discovered; ///< ... and those it gets where its document says nothing
  std::string results;                           ///< directory of the results of all requests; empty: elsewhere
};

/// Lives in one thread. What it knows is in the cluster and in the streams: a new desk goes on where another stopped.
class operator_desk {
public:
  operator_desk(operator_settings settings, std::unique_ptr<kubernetes::api_client> client, std::shared_ptr<bus> link,
                subjects names, event_queue& queue);
  ~operator_desk();

  /// Waits a moment for news of the cluster, then does for every request what is next. Error text when it cannot go on.
  std::string turn();
  /// News of a profile from the queue.
  void take(const envelope& event);

private:
  using clock = std::chrono::steady_clock;

  /// What this process knows of one profile.
  struct profile_track {
    operating::profile_news news;
    std::optional<profile_result> result;
    subscription_ptr events;
    std::string told_stage, told_text;
    clock::time_point told_at, cancelled_at;
    int refusals = 0; ///< of cancelling
  };
  /// One request, parsed once per version of it.
  struct request_entry {
    std::string text;
    operating::request_view view;
    clock::time_point not_before; ///< after a call that failed
  };

  void read_mirror();
  void act(request_entry& entry);
  void admit(request_entry& entry);
  void start(request_entry& entry);
  void tell(request_entry& entry, profile_track& track);
  void write_outputs(request_entry& entry);
  void pick_again(request_entry& entry);
  void generate(request_entry& entry, const profile_request& request, const profile_result& result);
  void deploy(request_entry& entry);
  void follow(request_entry& entry);
  void cancel(request_entry& entry);
  bool set_finalizer(request_entry& entry, bool on);

  std::optional<submit_request> submission_for(const operating::request_view& view, std::string& error);
  std::optional<profile_request> request_of(const operating::request_view& view, std::string& error);
  std::string missing_objects(const operating::request_view& view);
  std::vector<std::string> taken_maps(const operating::request_view& view, const operating::serving_objects& objects,
                                      bool& known);
  int running() const;

  kubernetes::api_answer call(const std::string& asked, const std::string& method, const std::string& path,
                              const std::string& body = {});
  /// Creates an object or, if it is there and ours, replaces it.
  kubernetes::api_answer put(const operating::request_view& view, const std::string& what, const std::string& collection,
                             const operating::cluster_object& object);
  /// Writes a status and tells its events; false when the entry has to be tried again later.
  bool write(request_entry& entry, const operating::change& change);
  void adopt(request_entry& entry, const std::string& object);
  void later(request_entry& entry, const std::string& why);
  std::string path(const std::string& plural) const;
  std::string request_path(const operating::request_view& view) const;
  std::string request_api() const { return "nvidia.com/" + settings_.request_versions.front(); }

  operator_settings settings_;
  std::unique_ptr<kubernetes::api_client> client_;
  std::shared_ptr<bus> link_;
  subjects names_;
  event_queue& queue_;
  kubernetes::object_mirror requests_, deployments_;
  uint64_t seen_requests_ = 0;
  std::string trouble_;                           ///< why something that a request refers to could not be looked up
  std::map<std::string, request_entry> entries_;  ///< by name
  std::map<std::string, profile_track> profiles_; ///< by request id
};

} // namespace sextant
