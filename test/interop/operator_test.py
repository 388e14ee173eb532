"""`sextant operator` against a real Kubernetes API server: requests of both shapes, refusals, changes, deletion, restarts, a
thousand objects. What the server lacks is played by kubernetes/agent.py. Exit code 77: there is no Go to build the server."""
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "kubernetes"))

import yaml  # noqa: E402

import agent  # noqa: E402
import cluster  # noqa: E402
import faults  # noqa: E402

SKIPPED = 77
SEXTANT = pathlib.Path(os.environ["SEXTANT"])
DEPLOY = HERE.parents[1] / "deploy" / "kubernetes"
FINALIZER = "sextant.dev/profile"
VIRTUAL = {"simulation": "virtual"}
SWEEP = {"prefillInterpolationGranularity": 4, "decodeInterpolationGranularity": 2}


def alpha(name, options=None, **spec):
    """A v1alpha1 request that is answered in about a second; `spec` replaces parts of it."""
    config = {"sla": {"isl": 3000, "osl": 150, "ttft": 300, "itl": 20}, "hardware": {"maxNumGpusPerEngine": 2}, "sweep": SWEEP}
    return {"apiVersion": "nvidia.com/v1alpha1", "kind": "DynamoGraphDeploymentRequest",
            "metadata": {"name": name, "annotations": {"sextant.dev/options": json.dumps({**VIRTUAL, **(options or {})})}},
            "spec": {"model": "Qwen/Qwen3-32B", "backend": "vllm",
                     "profilingConfig": {"profilerImage": "registry/vllm-runtime:0.8.1", "config": config}, **spec}}


def beta(name, **spec):
    return {"apiVersion": "nvidia.com/v1beta1", "kind": "DynamoGraphDeploymentRequest", "metadata": {"name": name},
            "spec": {"model": "Qwen/Qwen3-8B", "backend": "vllm", "image": "nvcr.io/nvidia/ai-dynamo/dynamo-planner:1.3.0",
                     "hardware": {"gpuSku": "h200_sxm", "totalGpus": 8, "numGpusPerNode": 8},
                     "workload": {"isl": 3000, "osl": 150}, "sla": {"ttft": 300, "itl": 20}, "searchStrategy": "rapid", **spec}}


class Operator(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.path = pathlib.Path(cls.folder.name)
        cls.cluster = cluster.Cluster(cls.path)
        cls.api = agent.Api(cls.path)
        cls.spaces = 0

    @classmethod
    def tearDownClass(cls):
        cls.cluster.stop()
        cls.folder.cleanup()

    def setUp(self):
        """Every test has a namespace of its own."""
        Operator.spaces += 1
        self.space = f"space{self.spaces}"
        self.output = self.path / self.space
        agent.prepare(self.api, self.space, HERE / "kubernetes")
        self.api.call("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", yaml.safe_load((DEPLOY / "crd.yaml").read_text()))
        self.requests = f"/apis/nvidia.com/v1beta1/namespaces/{self.space}/dynamographdeploymentrequests"
        self.deployments = f"{agent.GROUP}/namespaces/{self.space}/dynamographdeployments"
        self.maps = f"/api/v1/namespaces/{self.space}/configmaps"
        self.api.wait(self.requests)

    def command(self, *more, kubeconfig=None, space=None):
        return [SEXTANT, "operator", "--kubeconfig", kubeconfig or self.cluster.kubeconfig, "--namespace", space or self.space,
                "--output-dir", self.output, "--host", "simulated", "--log-level", "debug", *more]

    def serve(self, *more):
        process = subprocess.Popen(self.command(*more), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process, number=signal.SIGTERM):
        if process.poll() is None:
            process.send_signal(number)
        if process.stderr.closed:
            return ""
        return process.communicate(timeout=60)[1]

    def create(self, request):
        version = request["apiVersion"].split("/")[1]
        code, answer = self.api.call("POST", self.requests.replace("v1beta1", version), request)
        self.assertEqual(code, 201, answer)

    def get(self, name):
        return self.api.call("GET", f"{self.requests}/{name}")[1]

    def status(self, name):
        return self.get(name).get("status", {})

    def wait_for(self, what, seconds=40):
        for _ in agent.moments(seconds):
            if found := what():
                return found
        log = self.output / "operator.log"
        self.fail((log.read_text()[-3000:] if log.is_file() else "") + json.dumps(self.api.items(self.requests))[-3000:])

    def wait_for_phase(self, name, *phases, seconds=40):
        return self.wait_for(lambda: (s := self.status(name)).get("phase") in phases and s, seconds)

    def reasons(self, name):
        events = self.api.items(f"/api/v1/namespaces/{self.space}/events")
        return [e["reason"] for e in events if e["involvedObject"]["name"] == name]

    def conditions(self, name):
        return {c["type"]: (c["status"], c["reason"]) for c in self.status(name).get("conditions", [])}

    def test_a_request_of_each_shape(self):
        self.serve()
        self.create(alpha("older"))
        self.create(beta("newer", autoApply=False))
        older = self.wait_for_phase("older", "Ready", "Failed")
        newer = self.wait_for_phase("newer", "Ready", "Failed")
        self.assertEqual([older["state"], newer["phase"]], ["Ready", "Ready"], [older, newer])
        self.assertEqual(older["profilingResults"], "configmap/dgdr-output-older")
        self.assertEqual(older["generatedDeployment"]["metadata"]["name"], "older-dgd")
        self.assertEqual(newer["profilingResults"]["selectedConfig"]["kind"], "DynamoGraphDeployment")
        self.assertNotIn("profilingPhase", newer)
        for name in ("older", "newer"):
            self.assertEqual(self.conditions(name)["Succeeded"], ("True", "SpecGenerated"))
            self.assertEqual(self.conditions(name)["Profiling"], ("True", "Completed"))
            self.assertEqual(set(self.reasons(name)), {"Initialized", "ProfilingJobCreated", "SpecGenerated"})
            output = self.api.call("GET", f"{self.maps}/dgdr-output-{name}")[1]
            self.assertEqual(output["metadata"]["ownerReferences"][0]["uid"], self.get(name)["metadata"]["uid"])
            self.assertIn("status: success", output["data"]["profiler_status.yaml"])
        self.assertIn("final_config.yaml", self.api.call("GET", f"{self.maps}/dgdr-output-newer")[1]["data"])
        self.assertEqual(self.api.items(self.deployments), [])
        table = subprocess.run(["kubectl", "--kubeconfig", self.cluster.kubeconfig, "-n", self.space, "get", "dgdr"],
                               capture_output=True, text=True, check=False) if agent.kubectl() else None
        if table:
            self.assertRegex(table.stdout, r"NAME +MODEL +BACKEND +PHASE +PROFILING +REASON +MESSAGE +DGD +AGE")
            self.assertRegex(table.stdout, r"older +Qwen/Qwen3-32B +vllm +Ready +SpecGenerated .*older-dgd")

    def test_what_is_invalid_is_refused_with_every_error(self):
        self.serve()
        broken = alpha("broken")
        broken["spec"]["profilingConfig"]["config"]["sla"] = {"ttft": "soon", "itt": 5}
        self.create(broken)
        self.create(alpha("mapless", profilingConfig={"profilerImage": "x", "config": {"sla": {}}, "configMapRef": {"name": "lost"}}))
        self.api.call("POST", self.maps, {"metadata": {"name": "bad"}, "data": {"disagg.yaml": "kind: [", "other": "kind: Pod"}})
        for key, name in {"disagg.yaml": "malformed", "other": "podlike", "none": "keyless"}.items():
            self.create(alpha(name, profilingConfig={"profilerImage": "x", "config": {"sla": {}}, "configMapRef": {
                "name": "bad", "key": key}}))
        claim = beta("claimless", modelCache={"pvcName": "lost"})
        self.create(claim)
        message = self.wait_for_phase("broken", "Failed")["conditions"][0]["message"]
        self.assertIn("ttft", message)
        self.assertIn("itt", message)
        self.assertIn("ValidationFailed", self.wait_for(lambda: self.reasons("broken")))
        for name, text in {"mapless": "ConfigMap lost not found", "claimless": "model cache PVC lost not found", "malformed": "ConfigMap bad:1:",
                           "podlike": "DynamoGraphDeployment", "keyless": "key none not found in ConfigMap bad"}.items():
            self.assertIn(text, self.wait_for_phase(name, "Failed")["conditions"][0]["message"])

    def test_deployed_changed_by_hand_and_deleted(self):
        self.serve()
        player = agent.Agent(self.api, self.space, agent.no_engine)
        player.start()
        self.addCleanup(player.stop)
        self.create(alpha("online", autoApply=True))
        status = self.wait_for_phase("online", "Deployed", "Failed")
        self.assertEqual((status["state"], status["deployment"]["state"]), ("Ready", "successful"), status)
        self.assertEqual(self.conditions("online")["DeploymentReady"], ("True", "DeploymentReady"))
        deployment = self.api.call("GET", f"{self.deployments}/online-dgd")[1]
        self.assertEqual(deployment["metadata"]["labels"]["dgdr.nvidia.com/name"], "online")
        self.assertNotIn("ownerReferences", deployment["metadata"])
        self.assertEqual(self.api.call("GET", f"{self.maps}/planner-profile-data")[0], 200)
        self.create(alpha("second", autoApply=True))  # its planner's data must not be those of the first
        self.wait_for_phase("second", "Deployed", "Failed")
        self.assertIn("second-dgd", [d["metadata"]["name"] for d in self.api.items(self.deployments)])
        own = [m["metadata"]["name"] for m in self.api.items(self.maps) if m["metadata"]["name"].startswith("planner-profile-data-")]
        self.assertEqual(len(own), 1)
        self.assertIn(own[0], json.dumps(self.status("second")["generatedDeployment"]))
        self.api.call("DELETE", f"{self.deployments}/online-dgd")
        self.assertEqual(self.wait_for_phase("online", "Failed")["state"], "DeploymentDeleted")
        self.api.call("DELETE", f"{self.requests}/second")
        self.wait_for(lambda: self.get("second").get("code") == 404)
        self.assertEqual(self.api.call("GET", f"{self.deployments}/second-dgd")[0], 200)  # it serves on

    def test_a_new_target_is_picked_without_a_new_profile(self):
        self.serve()
        self.create(alpha("target"))
        first = self.wait_for_phase("target", "Ready")
        patch = {"spec": {"profilingConfig": {"config": {"sla": {"itl": 5, "ttft": 4000}}}}}
        self.api.call("PATCH", f"{self.requests}/target", patch, "application/merge-patch+json")
        again = self.wait_for(lambda: (s := self.status("target")).get("observedGeneration") == 2 and s)
        self.assertEqual(self.reasons("target").count("ProfilingJobCreated"), 1)
        self.assertNotEqual(first["sextant"], again["sextant"])
        patch = {"spec": {"profilingConfig": {"config": {"sla": {"isl": 100}}}}}
        self.api.call("PATCH", f"{self.requests}/target", patch, "application/merge-patch+json")
        self.wait_for(lambda: "SpecChangeRejected" in self.reasons("target"))
        self.assertEqual(self.status("target")["observedGeneration"], 2)
        self.api.call("PATCH", f"{self.requests}/target", {"spec": {"autoApply": True}}, "application/merge-patch+json")
        self.wait_for_phase("target", "Deploying")

    def test_deleted_while_it_runs(self):
        self.serve()
        self.create(alpha("gone", {"simulation": "live"}))
        self.wait_for_phase("gone", "Profiling")
        self.api.call("DELETE", f"{self.requests}/gone")
        self.wait_for(lambda: self.get("gone").get("code") == 404)

    def test_killed_and_started_again(self):
        first = self.serve("--parallel", "1")
        for name in ("one", "two"):
            self.create(alpha(name))
        self.wait_for_phase("one", "Profiling", "Ready")
        self.end(first, signal.SIGKILL)
        self.serve("--parallel", "1")
        for name in ("one", "two"):
            self.assertEqual(self.wait_for_phase(name, "Ready", "Failed", seconds=60)["phase"], "Ready")

    def test_killed_in_every_phase_the_answer_is_the_same(self):
        player = agent.Agent(self.api, self.space, agent.no_engine)
        player.start()
        self.addCleanup(player.stop)
        process = self.serve()
        self.create(alpha("calm"))
        calm = self.wait_for_phase("calm", "Ready")
        self.create(alpha("shaken", {"simulation": "live"}, autoApply=True))
        seen, end = [], time.monotonic() + 150
        while time.monotonic() < end:
            status = self.status("shaken")
            now = (status.get("phase"), status.get("profilingPhase"))
            if now[0] in ("Deployed", "Failed"):
                break
            if now[0] and now not in seen:
                seen.append(now)
                self.end(process, signal.SIGKILL)
                process = self.serve()
            time.sleep(0.02)
        print("killed in", seen)
        self.assertGreaterEqual(len(seen), 3)
        shaken = self.status("shaken")
        self.assertEqual(shaken["phase"], "Deployed", shaken)
        self.assertEqual(self.reasons("shaken").count("DeploymentCreated"), 1)
        self.assertEqual([d["metadata"]["name"] for d in self.api.items(self.deployments)], ["shaken-dgd"])
        workers = [[s["generatedDeployment"]["spec"]["services"][w]["resources"] for w in ("VllmPrefillWorker", "VllmDecodeWorker")]
                   for s in (calm, shaken)]
        self.assertEqual(workers[0], workers[1])

    def test_other_classes_and_other_operators_are_left_alone(self):
        theirs = alpha("theirs")
        theirs["metadata"]["annotations"]["sextant.dev/class"] = "nvidia"
        self.create(theirs)
        self.create(alpha("running"))
        self.api.call("PATCH", f"{self.requests}/running/status", {"status": {"phase": "Profiling"}}, "application/merge-patch+json")
        self.serve()
        self.create(alpha("ours"))
        self.wait_for_phase("ours", "Ready")
        self.assertEqual(self.status("theirs"), {})
        self.assertEqual(self.status("running"), {"phase": "Profiling"})
        second = self.serve("--output-dir", self.path / "second")
        time.sleep(4)
        self.end(second)
        self.assertIsNotNone(second.returncode)

    def test_a_thousand_requests(self):
        bad = alpha("x")
        bad["spec"]["profilingConfig"]["config"]["sla"] = {"ttft": -1}
        for i in range(1000):
            request = alpha(f"n{i}") if i < 3 else {**bad, "metadata": {"name": f"n{i}"}}
            self.create(request)
        process = self.serve()
        started = time.monotonic()
        self.wait_for(lambda: all(r.get("status", {}).get("phase") in ("Ready", "Failed") for r in self.api.items(self.requests)), 120)
        took = time.monotonic() - started
        phases = [r["status"]["phase"] for r in self.api.items(self.requests)]
        self.assertEqual([phases.count("Ready"), phases.count("Failed")], [3, 997])
        self.end(process)
        calls = int((self.output / "operator.log").read_text().split("calls: ")[1].split()[0])
        print(f"1000 requests: {took:.1f} s, {calls} calls")
        self.assertLess(calls, 2 * 1000 + 300)  # a status and an event each, lists in pages, watches

    def proxy(self, *fault):
        made = faults.Proxy(self.path, *fault)
        self.addCleanup(made.stop)
        return made

    def test_the_same_answer_through_a_bad_network(self):
        def fault(watch, path, number):
            if watch:
                return ("cut", "gone", "stall", 429, 500)[number % 5]
            return (None, None, 429, None, 500, None, None)[number % 7] if "leases" not in path and number > 30 else None
        proxy = self.proxy(fault)
        self.serve("--kubeconfig", proxy.kubeconfig)
        player = agent.Agent(self.api, self.space, agent.no_engine)
        player.start()
        self.addCleanup(player.stop)
        self.create(alpha("rough", autoApply=True))
        rough = self.wait_for_phase("rough", "Deployed", "Failed", seconds=90)
        self.assertEqual(rough["phase"], "Deployed", rough)
        self.create(alpha("again"))
        again = self.wait_for_phase("again", "Ready", "Failed", seconds=90)
        services = [s["generatedDeployment"]["spec"]["services"] for s in (rough, again)]
        for name in ("VllmPrefillWorker", "VllmDecodeWorker"):
            self.assertEqual(services[0][name], services[1][name])
        self.assertEqual({str(f) for f in proxy.done} & {"cut", "gone"}, {"cut", "gone"})
        self.assertEqual(self.reasons("rough").count("ProfilingJobCreated"), 1)

    def test_the_server_is_away_for_longer_than_the_lease_lasts(self):
        proxy = self.proxy()
        first = self.serve("--kubeconfig", proxy.kubeconfig)
        self.create(alpha("patient", {"simulation": "live"}))
        self.wait_for_phase("patient", "Profiling")
        proxy.down = True
        first.wait(60)  # a leader that cannot renew its lease must not act any more: its pod starts again
        self.assertEqual(first.returncode, 1)
        proxy.down = False
        self.serve("--kubeconfig", proxy.kubeconfig)
        self.assertEqual(self.wait_for_phase("patient", "Ready", "Failed", seconds=120)["phase"], "Ready")
        self.assertEqual(self.reasons("patient").count("ProfilingJobCreated"), 1)

    def test_bad_input(self):
        def refused(*more, **how):
            done = subprocess.run(self.command(*more, **how), capture_output=True, text=True, timeout=60, check=False)
            self.assertEqual(done.returncode, 2, done.stderr)
            return done.stderr
        self.assertIn("--kubeconfig", refused(kubeconfig=self.path / "lost"))
        self.assertIn("which the cluster does not have", refused(space="nowhere"))
        self.assertIn("does not accept the credentials", refused(kubeconfig=self.cluster.write_kubeconfig("expired", "no-such-token")))
        less = refused(kubeconfig=self.cluster.limited)
        self.assertIn("no permission to patch dynamographdeploymentrequests/status.nvidia.com", less)

    def test_the_manifest_grants_what_is_needed(self):
        rules = []
        for file in ("rbac.yaml", "operator.yaml"):
            rules += [r for d in yaml.safe_load_all((DEPLOY / file).read_text()) if d["kind"] == "Role" for r in d["rules"]]
        roles = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{self.space}/"
        self.api.call("POST", roles + "roles", {"metadata": {"name": "limited"}, "rules": rules})
        self.api.call("POST", roles + "rolebindings", {
            "metadata": {"name": "limited"}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "limited"},
            "subjects": [{"kind": "User", "name": "limited", "apiGroup": "rbac.authorization.k8s.io"}]})
        process = subprocess.Popen(self.command(kubeconfig=self.cluster.limited), stderr=subprocess.PIPE, text=True)
        self.addCleanup(self.end, process)
        self.create(alpha("granted", autoApply=True))
        self.wait_for_phase("granted", "Deploying")
        self.assertNotIn("orbidden", (self.output / "operator.log").read_text().replace("no-discovery", "").split("nodes")[-1])


if __name__ == "__main__":
    if not cluster.program():
        sys.exit(SKIPPED)
    unittest.main()
