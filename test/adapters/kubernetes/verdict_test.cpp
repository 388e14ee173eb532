// verdict_test.cpp: Doomed deployments from the objects that clusters write, and what only looks like it.
#include <catch2/catch.hpp>

#include "adapters/kubernetes/verdict.hpp"

using namespace sextant;
using namespace sextant::kubernetes;

namespace {

/// A pod as an API server shows it, with the given parts of its status.
pod_view pod(const std::string& status, const std::string& metadata = {}) {
  return read_pod(R"({"kind":"Pod","metadata":{"name":"d-worker-0","labels":{"nvidia.com/dynamo-component-type":"worker"})"
                  + metadata + R"(},"status":{)" + status + "}}")
      .value();
}

std::string container(const std::string& state, const std::string& last = "{}", int restarts = 0) {
  return R"("phase":"Pending","containerStatuses":[{"name":"main","image":"registry/x:1","ready":false,"restartCount":)"
         + std::to_string(restarts) + R"(,"state":)" + state + R"(,"lastState":)" + last + "}]";
}

std::string waiting(const std::string& reason, const std::string& message = {}) {
  return R"({"waiting":{"reason":")" + reason + R"(","message":")" + message + "\"}}";
}

event_view event(const std::string& kind, const std::string& name, const std::string& reason, const std::string& message) {
  return read_event(R"({"type":"Warning","reason":")" + reason + R"(","message":")" + message
                    + R"(","count":4,"involvedObject":{"kind":")" + kind + R"(","name":")" + name + "\"}}")
      .value();
}

deployment_view deployment(const std::string& state = "pending") {
  return read_deployment(R"({"metadata":{"name":"d"},"status":{"state":")" + state
                         + R"(","conditions":[{"type":"Ready","status":"False","reason":"r","message":"m"}]}})")
      .value();
}

symptom seen(const pod_view& p, const std::vector<event_view>& events = {}) {
  const auto s = starting_symptom(deployment(), {p}, events);
  REQUIRE(s);
  return *s;
}

} // namespace

TEST_CASE("an image that is not there is permanent, with the registry's words") {
  auto s =
      seen(pod(container(waiting("ImagePullBackOff", "Back-off pulling image: ErrImagePull: registry/x:1: not found"))));
  CHECK(s.what.kind == failure_class::permanent);
  CHECK(s.what.cause == failure_cause::image_unavailable);
  CHECK(s.must_last_s == 0);
  CHECK_THAT(s.what.detail, Catch::Contains("image registry/x:1 of d-worker-0 cannot be pulled: ImagePullBackOff")
                                && Catch::Contains("not found"));
  // Older kubelets say why in an event only.
  s = seen(pod(container(waiting("ImagePullBackOff", "Back-off pulling image"))),
           {event("Pod", "d-worker-0", "Failed", "Failed to pull image: unauthorized: authentication required"),
            event("Pod", "d-worker-0", "Failed", "Error: ErrImagePull")});
  CHECK_THAT(s.what.detail, Catch::Contains("unauthorized"));
  CHECK(seen(pod(container(waiting("InvalidImageName", "couldn't parse")))).what.cause == failure_cause::image_unavailable);
}

TEST_CASE("a registry that cannot be reached is another attempt's matter") {
  const auto s = seen(pod(container(waiting("ErrImagePull", "dial tcp: lookup registry: no such host"))));
  CHECK(s.what.kind == failure_class::transient);
  CHECK(s.must_last_s > 0);
}

TEST_CASE("crash loops and memory kills, with whose log tells more") {
  auto s = seen(
      pod(container(waiting("CrashLoopBackOff", "back-off 10s"), R"({"terminated":{"exitCode":2,"reason":"Error"}})", 1)));
  CHECK(s.what.cause == failure_cause::crash_loop);
  CHECK(s.what.kind == failure_class::permanent);
  CHECK((s.pod == "d-worker-0" && s.container == "main" && s.restarted));
  CHECK_THAT(s.what.detail, Catch::Contains("exit code 2"));
  s = seen(pod(container(waiting("CrashLoopBackOff"), R"({"terminated":{"exitCode":137,"reason":"OOMKilled"}})", 1)));
  CHECK(s.what.cause == failure_cause::out_of_memory);
  s = seen(pod(container(R"({"terminated":{"exitCode":137,"reason":"OOMKilled"}})")));
  CHECK(s.what.cause == failure_cause::out_of_memory);
  s = seen(pod(container(R"({"running":{}})", R"({"terminated":{"exitCode":137,"reason":"OOMKilled"}})", 1)));
  CHECK(s.what.cause == failure_cause::out_of_memory);
}

TEST_CASE("a first end may be overcome: other services may not have been there yet") {
  CHECK_FALSE(starting_symptom(deployment(), {pod(container(R"({"terminated":{"exitCode":1,"reason":"Error"}})"))}, {}));
  CHECK_FALSE(starting_symptom(
      deployment(), {pod(container(R"({"running":{}})", R"({"terminated":{"exitCode":1,"reason":"Error"}})", 1))}, {}));
  CHECK(starting_symptom(deployment(), {pod(container(R"({"terminated":{"exitCode":1,"reason":"Error"}})", "{}", 1))}, {}));
}

TEST_CASE("missing secrets and bad commands") {
  auto s = seen(pod(container(waiting("CreateContainerConfigError", "secret \\\"hf-token-secret\\\" not found"))));
  CHECK(s.what.cause == failure_cause::mount_failed);
  CHECK(s.must_last_s > 0);
  s = seen(pod(container(waiting("RunContainerError", "exec: no such command"))));
  CHECK(s.what.cause == failure_cause::unsupported);
}

TEST_CASE("a pod that fits nowhere is given up after a moment, unless room is being made") {
  const std::string status =
      R"("phase":"Pending","conditions":[{"type":"PodScheduled","status":"False",)"
      R"("reason":"Unschedulable","message":"0/2 nodes are available: 2 Insufficient nvidia.com/gpu."}])";
  const auto s = seen(pod(status));
  CHECK(s.what.cause == failure_cause::unschedulable);
  CHECK(s.what.kind == failure_class::permanent);
  CHECK((s.must_last_s >= 5 && s.must_last_s < 10));
  CHECK_THAT(s.what.detail, Catch::Contains("2 Insufficient nvidia.com/gpu"));
  CHECK_FALSE(starting_symptom(deployment(), {pod(status + R"(,"nominatedNodeName":"n1")")}, {}));
  CHECK_FALSE(starting_symptom(deployment(), {pod(status)}, {event("Pod", "d-worker-0", "TriggeredScaleUp", "2->3")}));
  CHECK_FALSE(starting_symptom(deployment(), {pod(status, R"(,"deletionTimestamp":"2026-01-01T00:00:00Z")")}, {}));
}

TEST_CASE("volumes that cannot be mounted, while nothing runs yet") {
  const auto mount = event("Pod", "d-worker-0", "FailedMount", "MountVolume.SetUp failed: configmap not found");
  const auto s = seen(pod(container(waiting("ContainerCreating"))), {mount});
  CHECK(s.what.cause == failure_cause::mount_failed);
  CHECK_FALSE(starting_symptom(deployment(), {pod(container(R"({"running":{}})"))}, {mount}));
}

TEST_CASE("pods that a quota forbids, though others were made") {
  const auto refused =
      event("ReplicaSet", "d-worker-5f", "FailedCreate",
            "Error creating: pods d-worker-5f-x is forbidden: exceeded quota: gpus, requested: 8, limited: 8");
  const auto s = starting_symptom(deployment(), {pod(container(R"({"running":{}})"))}, {refused});
  REQUIRE(s);
  CHECK(s->what.cause == failure_cause::quota_exceeded);
  CHECK(s->must_last_s == 0);
}

TEST_CASE("nodes that go away take their pods with them: another attempt") {
  for (const auto* reason : {"Evicted", "NodeLost", "Preempting", "OutOfnvidia.com/gpu"}) {
    const auto s = seen(pod(R"("phase":"Failed","reason":")" + std::string{reason} + R"(","message":"m")"));
    CHECK(s.what.kind == failure_class::transient);
    CHECK(s.what.cause == failure_cause::node_lost);
  }
}

TEST_CASE("what the operator calls failed is believed after a while") {
  const auto s = starting_symptom(deployment("failed"), {}, {});
  REQUIRE(s);
  CHECK(s->must_last_s > 5);
  CHECK_THAT(s->what.detail, Catch::Contains("operator says") && Catch::Contains("m"));
  CHECK_FALSE(starting_symptom(deployment(), {}, {}));
}

TEST_CASE("a running engine is lost when its pods are") {
  const std::string ready = R"("conditions":[{"type":"Ready","status":"True"}],"phase":"Running",)";
  const auto running = [&](const std::string& last) {
    return pod(ready
               + R"("containerStatuses":[{"name":"main","ready":true,"restartCount":0,"state":{"running":{}},"lastState":)"
               + last + "}]");
  };
  CHECK_FALSE(running_symptom({running("{}")}));
  const auto s = running_symptom({running(R"({"terminated":{"exitCode":139}})")});
  REQUIRE(s);
  CHECK(s->what.kind == failure_class::transient);
  CHECK(s->what.cause == failure_cause::engine_gone);
  CHECK(running_symptom({}));
  CHECK(running_symptom({pod(R"("phase":"Running","conditions":[{"type":"Ready","status":"False"}])")})->must_last_s > 10);
}

TEST_CASE("patience waits for what must last, and forgets what went away") {
  patience p;
  auto s = seen(pod(container(waiting("ErrImagePull", "no such host"))));
  s.must_last_s = 5;
  CHECK_FALSE(p.look_again_s());
  CHECK_FALSE(p.judge(s, 100));
  CHECK(p.look_again_s() == 105.0);
  CHECK_FALSE(p.judge(s, 104.9));
  CHECK(p.judge(s, 105));
  CHECK_FALSE(p.judge(std::nullopt, 106));
  CHECK_FALSE(p.judge(s, 107));
  auto other = s;
  other.what.detail = "pod other: x";
  CHECK_FALSE(p.judge(other, 113)); // another trouble starts anew
  s.must_last_s = 0;
  CHECK(p.judge(s, 114));
}

TEST_CASE("events of other deployments do not concern") {
  CHECK(concerns(event("Pod", "d-worker-0", "r", "m"), "d"));
  CHECK(concerns(event("DynamoGraphDeployment", "d", "r", "m"), "d"));
  CHECK_FALSE(concerns(event("Pod", "d2-worker-0", "r", "m"), "d"));
}

TEST_CASE("objects with nothing in them, and none at all") {
  CHECK(read_pod("{}")->name.empty());
  CHECK_FALSE(read_pod("x"));
  CHECK_FALSE(read_event("[]"));
  CHECK(read_pod(R"({"metadata":7,"status":{"conditions":{},"containerStatuses":[1,{"state":[]}]}})")->containers.size()
        == 2);
  CHECK(items_of("nonsense").empty());
}
