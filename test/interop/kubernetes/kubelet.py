"""Plays the kubelet for the pods of agent.Agent: containers are processes of this machine, with Dynamo's real frontend and, in
place of every worker, its real mocker. Status, restarts, out-of-memory kills and logs follow what the processes do."""
import http.server
import json
import os
import pathlib
import re
import signal
import ssl
import subprocess
import threading
import time
import urllib.request

import agent

NODE = "played"
RESTART_S = 1.0
OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "DYN_SELF_HOST_METADATA": "0"}
LOCAL = {"DYN_DISCOVERY_BACKEND": "file", "DYN_REQUEST_PLANE": "tcp", "DYN_EVENT_PLANE": "zmq", "DYN_TCP_RPC_HOST": "127.0.0.1",
         "DYN_TCP_RESPONSE_STREAM_HOST": "127.0.0.1", "DYN_EVENT_PLANE_HOST": "127.0.0.1"}


class Container:
    """One process, started again when it ends, as a kubelet does."""

    def __init__(self, command, environment, log):
        self.command, self.environment, self.log = command, environment, log
        self.restarts, self.last, self.ended = 0, None, None
        self.start()

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command, env=self.environment, stdout=log, stderr=log, start_new_session=True)

    def look(self):
        """Starts what ended again after its back-off; the container's state for its pod."""
        code = self.process.poll()
        if code is None:
            return {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
        if self.ended is None:
            self.ended = time.monotonic()
            self.restarts += 1
            killed = code == -signal.SIGKILL
            self.last = {"terminated": {"exitCode": 137 if killed else abs(code), "reason": "OOMKilled" if killed else "Error"}}
        if time.monotonic() - self.ended > RESTART_S * 2 ** self.restarts:
            self.ended = None
            self.start()
        return {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off restarting failed container=main"}}

    def end(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()


class Logs(http.server.BaseHTTPRequestHandler):
    """What the API server asks a kubelet for `pods/log`."""

    def do_GET(self):
        name = re.match(r"/containerLogs/[^/]+/([^/?]+)/", self.path)
        path = self.server.folder / f"{name.group(1)}.log" if name else None
        text = path.read_bytes() if path and path.is_file() else b""
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


class DynamoAgent(agent.Agent):
    """`python` has ai-dynamo; `model` is a directory with a tokenizer; `spoil(pod, command)` may change a worker's command."""

    def __init__(self, api, namespace, folder, python, model, spoil=lambda pod, command: command):
        super().__init__(api, namespace, None)
        self.folder, self.python, self.model, self.spoil = pathlib.Path(folder), python, model, spoil
        self.folder.mkdir(parents=True, exist_ok=True)
        self.containers, self.shown, self.frontends, self.answered = {}, {}, {}, set()
        self.serve_logs()

    def serve_logs(self):
        key, certificate = self.folder / "kubelet.key", self.folder / "kubelet.crt"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=played", "-keyout", key, "-out",
                        certificate, "-days", "2"], check=True, capture_output=True)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Logs)
        self.server.folder = self.folder
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.api.call("POST", "/api/v1/nodes", {"metadata": {"name": NODE, "labels": {
            "nvidia.com/gpu.product": "NVIDIA-H200", "nvidia.com/gpu.count": "2", "nvidia.com/gpu.memory": "143771"}}})
        self.patch(f"/api/v1/nodes/{NODE}", {"status": {
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}], "conditions": [{"type": "Ready", "status": "True"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": self.server.server_address[1]}}}})

    def make_pods(self, name, deployment):
        model = self.model_name(deployment)
        pair = any(spec.get("subComponentType") == "prefill" for spec in deployment["spec"]["services"].values())
        for service, spec in deployment["spec"]["services"].items():
            kind = spec.get("componentType", "worker")
            if kind == "planner":
                continue
            for number in range(spec.get("replicas", 1)):
                self.run_pod(name, f"{name}-{service.lower()}-{number}", kind, spec, model, pair)

    @staticmethod
    def arguments(spec):
        container = spec.get("extraPodSpec", {}).get("mainContainer", {})
        return [str(a) for a in container.get("args", [])]

    def model_name(self, deployment):
        for spec in deployment["spec"]["services"].values():
            words = self.arguments(spec)
            for flag in ("--served-model-name", "--model-name", "--model"):
                if flag in words:
                    return words[words.index(flag) + 1]
        return "unknown"

    def command_of(self, kind, spec, address, model, pair):
        if kind == "frontend":
            return [self.python, "-m", "dynamo.frontend", "--http-host", address, "--http-port", "8000", "--router-mode", "round-robin"]
        words, role = self.arguments(spec), spec.get("subComponentType")
        command = [self.python, "-m", "dynamo.mocker", "--model-path", self.model, "--model-name", model, "--max-model-len", "8192"]
        for flag in ("--num-gpu-blocks-override", "--max-num-seqs", "--max-num-batched-tokens"):
            if flag in words:
                command += [flag, words[words.index(flag) + 1]]
        if "--no-enable-prefix-caching" in words:
            command.append("--no-enable-prefix-caching")
        return [*command, "--disaggregation-mode", role] if pair else command

    def run_pod(self, deployment, pod, kind, spec, model, pair):
        address = "127.0.0.1"
        if kind == "frontend":
            self.addresses += 1
            address = f"127.78.{self.addresses // 250}.{self.addresses % 250 + 1}"
            self.frontends[deployment] = f"http://{address}:8000"
        image = spec.get("extraPodSpec", {}).get("mainContainer", {}).get("image", "none")
        self.api.call("POST", self.pods_path, {
            "metadata": {"name": pod, "labels": {agent.NAME_LABEL: deployment, agent.TYPE_LABEL: kind}},
            "spec": {"nodeName": NODE, "containers": [{"name": "main", "image": image}]}})
        environment = {**os.environ, **OFFLINE, **LOCAL, "DYN_FILE_KV": str(self.folder / f"{deployment}.kv"),
                       "XDG_CACHE_HOME": str(self.folder / "cache")}
        command = self.command_of(kind, spec, address, model, pair)
        if kind != "frontend":
            command = self.spoil(pod, command)
        self.containers[pod] = (deployment, address, Container(command, environment, self.folder / f"{pod}.log"))

    def turn(self):
        super().turn()
        states = {}
        for pod, (deployment, address, container) in list(self.containers.items()):
            state = container.look()
            good = "running" in state and (pod in self.answered or self.answers(pod, deployment, address))
            states.setdefault(deployment, []).append(good)
            now = (state, container.restarts, good)
            if self.shown.get(pod) == now:
                continue
            self.shown[pod] = now
            self.patch(f"{self.pods_path}/{pod}", {"status": {
                "phase": "Running", "podIP": address, "podIPs": [{"ip": address}],
                "conditions": [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": str(good)}],
                "containerStatuses": [{"name": "main", "image": "x", "imageID": "x", "ready": good, "state": state,
                                       "restartCount": container.restarts, "lastState": container.last or {}}]}})
        for name, goods in states.items():
            now = ("successful" if all(goods) else "pending", len(goods), sum(goods))
            if self.shown.get(("deployment", name)) == now:
                continue
            self.shown["deployment", name] = now
            self.patch(f"{self.deployments_path}/{name}", {"status": {
                "state": now[0], "services": {"all": {"replicas": now[1], "readyReplicas": now[2]}}, "conditions": [
                    {"type": "Ready", "status": str(all(goods)), "reason": "pods", "message": f"{now[2]} of {now[1]} pods are ready",
                     "lastTransitionTime": "2026-01-01T00:00:00Z"}]}})

    def answers(self, pod, deployment, address):
        """A frontend's readiness probe: it lists a model. Workers have none."""
        if self.frontends.get(deployment) != f"http://{address}:8000":
            return True
        try:
            with urllib.request.urlopen(f"http://{address}:8000/v1/models", timeout=1) as answer:
                if json.loads(answer.read())["data"]:
                    self.answered.add(pod)
        except (OSError, ValueError):
            pass
        return pod in self.answered

    def end(self, pod):
        self.answered.discard(pod)
        if entry := self.containers.pop(pod, None):
            entry[2].end()
        self.shown.pop(pod, None)
        super().end(pod)

    def stop(self):
        super().stop()
        for _, _, container in self.containers.values():
            container.end()
        self.server.shutdown()
