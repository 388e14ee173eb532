#include "actors/operator/decide.hpp"

#include <algorithm>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

namespace sextant::operating {

namespace {

using nlohmann::json;
using states = profile_news::states;

const std::string now = "2026-11-24T10:00:00Z";
const std::string then = "2026-11-24T10:05:00Z";

json alpha_object() {
  return json::parse(R"({"apiVersion": "nvidia.com/v1beta1", "kind": "DynamoGraphDeploymentRequest",
    "metadata": {"name": "r", "namespace": "n", "uid": "u", "resourceVersion": "7", "generation": 1},
    "spec": {"model": "m", "backend": "vllm", "profilingConfig": {"config": {"sla": {"isl": 10, "ttft": 200, "itl": 20}}}}})");
}

json beta_object() {
  auto o = alpha_object();
  o["spec"] = json::parse(R"({"model": "m", "sla": {"ttft": 200}, "hardware": {"gpuSku": "h200_sxm"}})");
  return o;
}

request_view view_of(const json& object) {
  return read_request_object(object.dump()).value();
}

/// The view after a change was written, as the server would show it.
request_view after(request_view view, const change& c) {
  view.status = c.status;
  return view;
}

request_view held(request_view view) {
  view.finalizers.push_back(marks::finalizer);
  return view;
}

request_view running() {
  const auto view = held(after(view_of(alpha_object()), admitted(view_of(alpha_object()), now)));
  return after(view, profile_started(view, now));
}

request_view answered(bool auto_apply = false) {
  auto view = running();
  view.auto_apply = auto_apply;
  return after(view, spec_generated(view, {"r-dgd", R"({"kind": "DynamoGraphDeployment"})", "well"}, now));
}

std::string reason(const request_view& view, const char* type) {
  const auto* c = view.status.find(type);
  return c ? c->status + "/" + c->reason : "";
}

profile_news news(states state) {
  profile_news n;
  n.state = state;
  return n;
}

} // namespace

TEST_CASE("both shapes are read, whatever version they are served in", "[operator]") {
  const auto alpha = view_of(alpha_object()), beta = view_of(beta_object());
  CHECK(alpha.shape == request_shape::v1alpha1);
  CHECK_FALSE(alpha.auto_apply);
  CHECK(alpha.thorough);
  CHECK(alpha.itl_ms == 20);
  CHECK(json::parse(alpha.document)["apiVersion"] == "nvidia.com/v1alpha1");
  CHECK(beta.shape == request_shape::v1beta1);
  CHECK(beta.auto_apply); // when nothing is said
  CHECK_FALSE(beta.thorough);
  CHECK(beta.names_gpu);
  CHECK(beta.backend == "auto");
  CHECK_FALSE(read_request_object("{}"));
  CHECK_FALSE(read_request_object("no json"));
}

TEST_CASE("only what changes no measurement keeps the fingerprint", "[operator]") {
  auto object = alpha_object();
  const auto before = view_of(object).fingerprint;
  object["spec"]["autoApply"] = true;
  object["spec"]["profilingConfig"]["config"]["sla"]["itl"] = 5;
  CHECK(view_of(object).fingerprint == before);
  object["spec"]["profilingConfig"]["config"]["sla"]["isl"] = 11;
  CHECK(view_of(object).fingerprint != before);
}

TEST_CASE("a request goes from new to answered, one step at a time", "[operator]") {
  auto view = view_of(alpha_object());
  CHECK(next_step(view, {}, true) == step::admit);
  view = after(view, admitted(view, now));
  CHECK(view.status.phase == phases::pending);
  CHECK(next_step(view, {}, false) == step::nothing);
  CHECK(next_step(view, {}, true) == step::hold);
  view = held(view);
  CHECK(next_step(view, {}, true) == step::start_profile);
  view = after(view, profile_started(view, now));
  CHECK(view.status.stage == "Initializing");
  CHECK(next_step(view, news(states::running), true) == step::tell_progress);
  profile_news moved = news(states::running);
  moved.stage = "SweepingDecode";
  view = after(view, profile_moved(view, moved, then));
  CHECK(reason(view, "Profiling") == "False/SweepingDecode");
  CHECK(view.status.find("Profiling")->since == now); // the status of the condition did not change
  CHECK(next_step(view, news(states::finished), true) == step::write_outputs);
  view = after(view, spec_generated(view, {"r-dgd", "{}", "well"}, then));
  CHECK(view.status.phase == phases::ready);
  CHECK(view.status.stage.empty());
  CHECK(reason(view, "Succeeded") == "True/SpecGenerated");
  CHECK(next_step(view, news(states::finished), true) == step::nothing);
}

TEST_CASE("an operator that was started again goes on where the status stands", "[operator]") {
  CHECK(next_step(running(), {}, true) == step::start_profile);
  CHECK(profile_started(running(), then).events.empty()); // for people it is the same profile
  CHECK(next_step(running(), {}, false) == step::nothing);
  CHECK(next_step(answered(true), {}, true) == step::deploy);
}

TEST_CASE("a request that failed stays failed and keeps the sub-phase in its reason", "[operator]") {
  auto view = running();
  view.status.stage = "SweepingPrefill";
  CHECK(next_step(view, news(states::failed), true) == step::give_up);
  view = after(view, given_up(view, "no image", then));
  CHECK(view.status.phase == phases::failed);
  CHECK(reason(view, "Profiling") == "False/SweepingPrefillFailed");
  CHECK(view.status.find("Succeeded")->message == "no image");
  for (const auto state : {states::none, states::running, states::finished})
    CHECK(next_step(view, news(state), true) == step::nothing);
}

TEST_CASE("a deployment is made once and followed", "[operator]") {
  auto view = answered(true);
  CHECK(view.status.phase == phases::deploying);
  view = after(view, deployment_made(view, now));
  CHECK(next_step(view, {}, true) == step::follow_deployment);
  kubernetes::deployment_view deployment;
  deployment.state = "pending";
  view = after(view, deployment_seen(view, &deployment, now));
  CHECK(reason(view, "DeploymentReady") == "False/DeploymentInProgress");
  deployment.state = "successful";
  view = after(view, deployment_seen(view, &deployment, now));
  CHECK(view.status.phase == phases::deployed);
  CHECK(deployment_seen(view, &deployment, then).events.empty());
  deployment.state = "pending";
  view = after(view, deployment_seen(view, &deployment, then));
  CHECK(reason(view, "DeploymentReady") == "False/DeploymentDegraded");
  CHECK(view.status.phase == phases::deploying);
  view = after(view, deployment_seen(view, nullptr, then));
  CHECK(view.status.phase == phases::failed);
  CHECK(next_step(view, {}, true) == step::nothing); // it is not made again
  const auto patch = json::parse(status_patch({}, view.status, view.shape, "n"))["status"];
  CHECK(patch["state"] == "DeploymentDeleted");
  CHECK(patch["deployment"]["state"] == "Deleted");
}

TEST_CASE("a new target is picked, another change is refused once and leaves the generation behind", "[operator]") {
  auto view = answered();
  view.generation = 2;
  view.itl_ms = 5;
  CHECK(next_step(view, {}, true) == step::pick_again);
  auto made = after(view, deployment_made(view, now));
  CHECK(next_step(made, {}, true) == step::reject_change); // it serves already
  view.fingerprint = "other";
  CHECK(next_step(view, {}, true) == step::reject_change);
  view = after(view, change_rejected(view, "no"));
  CHECK(view.status.observed_generation == 1);
  CHECK(next_step(view, {}, true) == step::nothing);
  view.generation = 3;
  CHECK(next_step(view, {}, true) == step::reject_change);
  auto busy = running();
  busy.generation = 2;
  CHECK(next_step(busy, news(states::running), true) == step::reject_change);
}

TEST_CASE("a deleted request is let go when its profile is over", "[operator]") {
  auto view = running();
  view.deleting = true;
  CHECK(next_step(view, news(states::running), true) == step::cancel_profile);
  CHECK(next_step(view, news(states::failed), true) == step::let_go);
  CHECK(next_step(view, {}, true) == step::cancel_profile); // an earlier process may have left it running
  auto unheld = view_of(alpha_object());
  unheld.deleting = true;
  CHECK(next_step(unheld, {}, true) == step::nothing);
}

TEST_CASE("requests of other classes and of other operators are not ours", "[operator]") {
  auto view = view_of(alpha_object());
  CHECK_FALSE(foreign(view, {}));
  CHECK(foreign(view, {"special"}));
  view.request_class = "special";
  CHECK(foreign(view, {}));
  CHECK_FALSE(foreign(view, {"special"}));
  auto theirs = running();
  theirs.finalizers.clear();
  CHECK(foreign(theirs, {}));
  CHECK_FALSE(foreign(running(), {}));
}

TEST_CASE("a status survives being written and read, in both shapes", "[operator]") {
  for (const auto& object : {alpha_object(), beta_object()}) {
    auto view = view_of(object);
    view = after(view, admitted(view, now));
    view = after(view, spec_generated(view, {"r-dgd", R"({"kind":"DynamoGraphDeployment"})", "well"}, now));
    view = after(view, deployment_made(view, now));
    auto stored = object;
    stored.merge_patch(json::parse(status_patch({}, view.status, view.shape, "n")));
    const auto again = read_status(stored.dump());
    CHECK(status_patch(view.status, again, view.shape, "n").empty());
    CHECK(again.selected == view.status.selected);
    CHECK(again.fingerprint == view.fingerprint);
    CHECK(again.output_map == "dgdr-output-r");
    CHECK(again.created);
  }
}

TEST_CASE("a patch tells only what changed, and removes what is gone", "[operator]") {
  const auto before = running().status;
  auto next = before;
  CHECK(status_patch(before, next, request_shape::v1alpha1, "n").empty());
  next.stage.clear();
  CHECK(json::parse(status_patch(before, next, request_shape::v1alpha1, "n"))
        == json::parse(R"({"status": {"profilingPhase": null}})"));
}

} // namespace sextant::operating
