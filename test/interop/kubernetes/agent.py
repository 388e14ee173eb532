"""Plays what a bare API server lacks: Dynamo's operator (deployments to pods to status), and scheduler and kubelet for their
pods, whose engines are real processes on loopback addresses of their own. Not Dynamo: it only moves objects as Dynamo does.
"""
import json
import os
import shutil
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.request

GROUP = "/apis/nvidia.com/v1alpha1"
NAME_LABEL = "nvidia.com/dynamo-graph-deployment-name"
TYPE_LABEL = "nvidia.com/dynamo-component-type"

# What a real kubelet, scheduler or registry reports.
OUTCOMES = {
    "image": {"containerStatuses": {"waiting": {"reason": "ImagePullBackOff", "message":
              'Back-off pulling image "registry.example/none:1": ErrImagePull: rpc error: code = NotFound desc = failed to '
              'resolve reference "registry.example/none:1": not found'}}},
    "crash": {"restarts": 2, "containerStatuses": {"waiting": {"reason": "CrashLoopBackOff", "message":
              "back-off 20s restarting failed container=main"}},
              "last": {"terminated": {"exitCode": 1, "reason": "Error"}}},
    "oom": {"restarts": 1, "containerStatuses": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}},
            "last": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}},
    "secret": {"containerStatuses": {"waiting": {"reason": "CreateContainerConfigError", "message":
               'secret "hf-token-secret" not found'}}},
    "unschedulable": {"unschedulable": "0/2 nodes are available: 2 Insufficient nvidia.com/gpu. preemption: 0/2 nodes are "
                                       "available: 2 No preemption victims found for incoming pod."},
    "mount": {"event": ("FailedMount", 'MountVolume.SetUp failed for volume "cache" : configmap "no-such-map" not found'),
              "containerStatuses": {"waiting": {"reason": "ContainerCreating"}}},
    "quota": {"no_pod": True, "event": ("FailedCreate", 'Error creating: pods "x" is forbidden: exceeded quota: gpus, '
                                        "requested: requests.nvidia.com/gpu=8, used: requests.nvidia.com/gpu=8, limited: "
                                        "requests.nvidia.com/gpu=8")},
}


class Api:
    """Calls with an administrator's token."""

    def __init__(self, folder):
        self.url = (folder / "url").read_text().strip()
        self.token = (folder / "token").read_text().strip()
        self.context = ssl.create_default_context(cafile=str(folder / "ca.crt"))

    def call(self, method, path, body=None, kind="application/json"):
        """Status and object; never raises for an HTTP status."""
        request = urllib.request.Request(self.url + path, method=method, data=None if body is None else json.dumps(body).encode(),
                                         headers={"Authorization": f"Bearer {self.token}", "Content-Type": kind})
        try:
            with urllib.request.urlopen(request, context=self.context, timeout=20) as answer:
                return answer.status, json.loads(answer.read() or b"{}")
        except urllib.error.HTTPError as error:
            text = error.read()
            return error.code, json.loads(text) if text.startswith(b"{") else {}

    def items(self, path):
        return self.call("GET", path)[1].get("items", [])

    def wait(self, path, seconds=20):
        end = time.monotonic() + seconds
        while self.call("GET", path)[0] != 200:
            if time.monotonic() > end:
                raise TimeoutError(path)
            time.sleep(0.05)


class Agent(threading.Thread):
    """Moves the deployments of one namespace. `engine` makes the command of an engine from its address; `outcome` names what
    becomes of a deployment's workers: a key of OUTCOMES, or nothing for a good end."""

    def __init__(self, api, namespace, engine, outcome=lambda deployment: None):
        super().__init__(daemon=True)
        self.api, self.namespace, self.engine, self.outcome = api, namespace, engine, outcome
        self.pods_path = f"/api/v1/namespaces/{namespace}/pods"
        self.deployments_path = f"{GROUP}/namespaces/{namespace}/dynamographdeployments"
        self.processes, self.addresses = {}, 0
        self.born, self.died, self.readied, self.seen = {}, {}, {}, []  # by uid, monotonic seconds; every object
        self.stopping = False

    def run(self):
        while not self.stopping:
            try:
                self.turn()
            except (OSError, ValueError) as error:
                print("agent:", error)
            time.sleep(0.05)
        for process in self.processes.values():
            process.kill()

    def stop(self):
        self.stopping = True
        self.join()

    def turn(self):
        deployments = {d["metadata"]["name"]: d for d in self.api.items(self.deployments_path)}
        alive = {d["metadata"]["uid"] for d in deployments.values()}
        for uid in set(self.born) - alive - set(self.died):
            self.died[uid] = time.monotonic()
        for name, deployment in deployments.items():
            uid = deployment["metadata"]["uid"]
            if uid not in self.born:
                self.born[uid] = time.monotonic()
                self.seen.append(deployment)
                self.make_pods(name, deployment)
                self.readied[uid] = time.monotonic()
        for pod in self.api.items(self.pods_path):
            if pod["metadata"].get("labels", {}).get(NAME_LABEL) not in deployments:
                self.end(pod["metadata"]["name"])

    def make_pods(self, name, deployment):
        state = self.outcome(deployment)
        ready = True
        for service, spec in deployment["spec"]["services"].items():
            kind = spec.get("componentType", "worker")
            if kind == "planner":
                continue
            bad = OUTCOMES.get(state, {}) if kind != "frontend" else {}
            for number in range(spec.get("replicas", 1)):
                self.make_pod(name, f"{name}-{service.lower()}-{number}", kind, spec, bad)
            ready = ready and not bad
        status = {"state": "successful" if ready else "pending", "conditions": [
            {"type": "Ready", "status": str(ready), "reason": "all_resources_are_ready" if ready else "some_resources_are_not_ready",
             "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}
        self.patch(f"{self.deployments_path}/{name}", {"status": status})

    def patch(self, path, body):
        code, answer = self.api.call("PATCH", path + "/status", body, "application/merge-patch+json")
        if code not in (200, 404):
            raise ValueError(f"{path}: {answer}")

    def make_pod(self, deployment, name, kind, spec, bad):
        if event := bad.get("event"):
            about = ("ReplicaSet", name) if bad.get("no_pod") else ("Pod", name)
            self.api.call("POST", f"/api/v1/namespaces/{self.namespace}/events", {
                "metadata": {"generateName": name + "."}, "type": "Warning", "reason": event[0], "message": event[1], "count": 3,
                "involvedObject": {"kind": about[0], "name": about[1], "namespace": self.namespace}})
        if bad.get("no_pod"):
            return
        container = spec.get("extraPodSpec", {}).get("mainContainer", {})
        image = container.get("image", "none")
        self.api.call("POST", self.pods_path, {
            "metadata": {"name": name, "labels": {NAME_LABEL: deployment, TYPE_LABEL: kind}},
            "spec": {"schedulerName": "played", "containers": [{"name": "main", "image": image}]}})
        if message := bad.get("unschedulable"):
            self.patch(f"{self.pods_path}/{name}", {"status": {"phase": "Pending", "conditions": [
                {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}]}})
            return
        address = "127.0.0.1"
        if kind == "frontend":
            self.addresses += 1
            address = f"127.77.{self.addresses // 250}.{self.addresses % 250 + 1}"
            self.processes[name] = subprocess.Popen(self.engine(address), stdout=subprocess.DEVNULL)
        state = bad.get("containerStatuses") or {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
        good = not bad
        self.patch(f"{self.pods_path}/{name}", {"status": {
            "phase": "Running" if good else "Pending", "podIP": address, "podIPs": [{"ip": address}],
            "conditions": [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": str(good)}],
            "containerStatuses": [{"name": "main", "image": image, "imageID": image, "ready": good,
                                   "restartCount": bad.get("restarts", 0), "state": state, "lastState": bad.get("last", {})}]}})

    def end(self, pod):
        if process := self.processes.pop(pod, None):
            process.terminate()
            process.wait(10)
        self.api.call("DELETE", f"{self.pods_path}/{pod}?gracePeriodSeconds=0")


def prepare(api, namespace, root):
    """Namespace and the CRD of deployments, once."""
    api.call("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
    api.call("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", json.loads((root / "dgd_crd.json").read_text()))
    api.wait(f"{GROUP}/namespaces/{namespace}/dynamographdeployments")


def null_engine(program):
    """Engines with known times, from our own test server."""
    return lambda address: [os.fspath(program), "--host", address, "--port", "8000", "--model", "played", "--ttft-ms", "40",
                            "--itl-ms", "4", "--pattern", "staggered"]


def no_engine(_address):
    """For deployments that nobody asks anything."""
    return ["sleep", "3600"]


def kubectl():
    """Whether there is one on this machine."""
    return shutil.which("kubectl") is not None


def moments(seconds):
    """Yields now and then until the time is over."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
        time.sleep(0.05)
