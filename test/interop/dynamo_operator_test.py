"""The whole way in a cluster: a request is applied, the operator profiles real Dynamo mockers in pods, deploys the result, and the
deployment serves. The API server, the frontend and the mocker are real; Dynamo's operator and the kubelet are played."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE / "kubernetes"))

import yaml  # noqa: E402

import agent  # noqa: E402
import cluster  # noqa: E402
import kubelet  # noqa: E402
from tiny_model import write_model  # noqa: E402

SKIPPED = 77
SEXTANT = pathlib.Path(os.environ["SEXTANT"])
PYTHON = ROOT / "build" / "python" / "dynamo" / "bin" / "python"
MODEL = "Qwen/Qwen3-0.6B"

# A small KV cache keeps the number of requests in flight to what a test machine can play.
BASE = """
apiVersion: nvidia.com/v1alpha1
kind: DynamoGraphDeployment
metadata: {name: tiny}
spec:
  services:
    Frontend: {componentType: frontend, extraPodSpec: {mainContainer: {image: "registry/vllm-runtime:0.9.0"}}}
    VllmPrefillWorker:
      subComponentType: prefill
      resources: {limits: {gpu: "1"}}
      extraPodSpec:
        mainContainer: {command: [python3, -m, dynamo.vllm], args: [--is-prefill-worker, --num-gpu-blocks-override, "512"]}
    VllmDecodeWorker:
      subComponentType: decode
      resources: {limits: {gpu: "1"}}
      extraPodSpec:
        mainContainer: {command: [python3, -m, dynamo.vllm], args: [--num-gpu-blocks-override, "512"]}
"""

REQUEST = {
    "apiVersion": "nvidia.com/v1alpha1", "kind": "DynamoGraphDeploymentRequest", "metadata": {"name": "tiny"},
    "spec": {"model": MODEL, "backend": "vllm", "autoApply": True,
             "profilingConfig": {"profilerImage": "registry/vllm-runtime:0.9.0", "configMapRef": {"name": "base"}, "config": {
                 "sla": {"isl": 1000, "osl": 50, "ttft": 500, "itl": 50}, "engine": {"maxContextLength": 4096},
                 "hardware": {"maxNumGpusPerEngine": 1},
                 "sweep": {"prefillInterpolationGranularity": 4, "decodeInterpolationGranularity": 2}}}}}


class WholeWay(unittest.TestCase):
    def test_from_a_request_to_a_deployment_that_serves(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = pathlib.Path(folder.name)
        server = cluster.Cluster(path)
        self.addCleanup(server.stop)
        api = agent.Api(path)
        agent.prepare(api, "dyn", HERE / "kubernetes")
        crd = yaml.safe_load((ROOT / "deploy" / "kubernetes" / "crd.yaml").read_text())
        api.call("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd)
        requests = "/apis/nvidia.com/v1alpha1/namespaces/dyn/dynamographdeploymentrequests"
        api.wait(requests)
        player = kubelet.DynamoAgent(api, "dyn", path / "pods", PYTHON, write_model(path / "model"))
        player.start()
        self.addCleanup(player.stop)
        api.call("POST", "/api/v1/namespaces/dyn/configmaps", {"metadata": {"name": "base"}, "data": {"disagg.yaml": BASE}})
        operator = subprocess.Popen([SEXTANT, "operator", "--kubeconfig", server.kubeconfig, "--namespace", "dyn", "--output-dir",
                                     path / "out"], stderr=subprocess.DEVNULL)
        self.addCleanup(operator.wait)
        self.addCleanup(operator.terminate)
        code, answer = api.call("POST", requests, REQUEST)
        self.assertEqual(code, 201, answer)
        stages, status = [], {}
        for _ in agent.moments(240):
            status = api.call("GET", requests + "/tiny")[1].get("status", {})
            stage = status.get("profilingPhase")
            if stage and stage not in stages:
                stages.append(stage)
            if status.get("phase") in ("Deployed", "Failed"):
                break
        self.assertEqual((status.get("state"), status.get("phase")), ("Ready", "Deployed"), json.dumps(status)[-3000:])
        self.assertIn("SweepingDecode", stages)
        # Engines of the profile are gone, the result is there and answers.
        self.assertEqual([d["metadata"]["name"] for d in api.items(player.deployments_path)], ["tiny-dgd"])
        question = {"model": MODEL, "prompt": [1001, 1002, 1003], "max_tokens": 4}
        ask = urllib.request.Request(player.frontends["tiny-dgd"] + "/v1/completions", json.dumps(question).encode(),
                                     {"Content-Type": "application/json"})
        with urllib.request.urlopen(ask, timeout=20) as answered:
            self.assertEqual(json.loads(answered.read())["usage"]["completion_tokens"], 4)
        # The GPU is what the node's labels say.
        result = json.loads(next((path / "out").glob("dgdr-*/sextant_result.json")).read_text())
        self.assertIn("h200_sxm", json.dumps(result))
        workers = [d for d in player.seen if "-pair-" in d["metadata"]["name"]]
        self.assertEqual(len(workers), 1)


if __name__ == "__main__":
    if not cluster.program():
        sys.exit(SKIPPED)
    if subprocess.run([ROOT / "tools" / "python_env", "dynamo"], check=False).returncode != 0:
        print("skipped: the real Dynamo cannot be installed (no network?)", file=sys.stderr)
        sys.exit(SKIPPED)
    unittest.main()
