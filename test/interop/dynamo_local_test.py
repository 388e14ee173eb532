"""The real Dynamo frontend and mocker, on CPU, deployed by the local host: a whole adaptive profile, its truth, its ends."""
import os
import pathlib
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))

from sextant import ROOT, SextantTest, wait_until  # noqa: E402
from tiny_model import write_model  # noqa: E402

PYTHON = ROOT / "build" / "python" / "dynamo" / "bin" / "python"

REQUEST = """
apiVersion: nvidia.com/v1alpha1
kind: DynamoGraphDeploymentRequest
metadata: {name: tiny}
spec:
  model: %(model)s
  backend: vllm
  useMocker: true
  profilingConfig:
    profilerImage: nvcr.io/nvidia/ai-dynamo/vllm-runtime:0.9.0
    config:
      sla: {isl: 1000, osl: 50, ttft: 100, itl: 20}
      engine: {maxContextLength: 4096}
      hardware: {gpuType: h200_sxm, numGpusPerNode: 2, maxNumGpusPerEngine: 1}
      sweep: {prefillInterpolationGranularity: 4, decodeInterpolationGranularity: 2}
"""

# A small KV cache keeps the number of requests in flight to what a test machine can play.
BASE = """
apiVersion: nvidia.com/v1alpha1
kind: DynamoGraphDeployment
metadata: {name: tiny}
spec:
  services:
    Frontend: {componentType: frontend}
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


class DynamoLocal(SextantTest):

    @classmethod
    def setUpClass(cls):
        made = subprocess.run([ROOT / "tools" / "python_env", "dynamo"], check=False)
        if made.returncode != 0:
            print("skipped: the real Dynamo cannot be installed (no network?)", file=sys.stderr)
            sys.exit(77)

    def setUp(self):
        super().setUp()
        self.model = write_model(self.folder / "model")
        self.request = self.folder / "request.yaml"
        self.request.write_text(REQUEST % {"model": self.model})
        self.base = self.folder / "base.yaml"
        self.base.write_text(BASE)
        self.out = self.folder / "out"
        # Frontends keep what they read of models; not in the home of whoever runs the tests.
        os.environ["XDG_CACHE_HOME"] = str(self.folder / "cache")

    def arguments(self, *more):
        return ("profile", self.request, "--config", self.base, "--host", "local", "--python", PYTHON, "--gpus", "2",
                "--output-dir", self.out, *more)

    def services(self):
        """Dynamo's processes of this test."""
        found = []
        for pid in self.processes():
            try:
                words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if any(word.startswith(b"dynamo.") for word in words):
                found.append(pid)
        return found

    def test_whole_profile_of_mockers(self):
        began = time.monotonic()
        program = self.run_to_end(*self.arguments(), seconds=100)
        self.assertLess(time.monotonic() - began, 60)
        result = self.result(self.out)
        self.assertTrue(result["feasible"])
        self.assertTrue(result["simulated"])
        self.assertIn("mocked", program.stdout)
        self.assertIn("together", program.stdout)
        self.assertEqual(result["max_kv_tokens"], 512 * 64)
        self.assertGreaterEqual(len(result["prefill_curve"]), 5)
        for name in ("selected_prefill_interpolation/raw_data.npz", "selected_decode_interpolation/raw_data.npz",
                     "config_with_planner.yaml", "report.html", "planner-profile-data.yaml"):
            self.assertTrue((self.out / name).is_file(), name)
        # The mocker plays the performance model's times; the frontend adds a few milliseconds to the first token.
        points = {p["point"]: p for p in result["predictions"]}
        for id, point in points.items():
            if id.startswith("prefill"):
                self.assertGreater(point["measured_ms"], 0.8 * point["predicted_ms"], id)
                self.assertLess(point["measured_ms"], point["predicted_ms"] + 30, id)
        # The recommended pair was deployed disaggregated and measured.
        pair = result["confirmations"][-1]
        self.assertEqual(pair["engine"], "pair-TP1-TP1")
        self.assertGreater(pair["ttft_ms"], 0)
        self.assertGreater(pair["itl_ms"], 0)
        self.assertGreater(pair["requests_per_s"], 0)
        self.assertIn("Confirmation", (self.out / "report.html").read_text())
        self.assertTrue(list(self.out.glob("engines/*/pair-TP1-TP1_1/VllmPrefillWorker-0.log")))
        # Every engine left its logs.
        self.assertTrue(list(self.out.glob("engines/*/decode-TP1_1/Frontend.log")))
        self.assertTrue(list(self.out.glob("engines/*/decode-TP1_1/VllmDecodeWorker-0.log")))

    def test_kill_leaves_no_process(self):
        program = self.start(*self.arguments())
        self.assertTrue(wait_until(lambda: len(self.services()) >= 2, 30))
        program.signal(signal.SIGKILL)
        program.wait(10)
        self.assertTrue(wait_until(lambda: not self.processes(), 10), "processes survive their owner")

    def test_interrupt_ends_engines_in_order(self):
        program = self.start(*self.arguments())
        self.assertTrue(wait_until(lambda: len(self.services()) >= 2, 30))
        program.signal(signal.SIGINT)
        program.wait(30)
        self.assertEqual(self.processes(), {})

    def test_killed_worker_is_measured_again(self):
        program = self.start(*self.arguments("--json-events"))

        def decode_worker():
            for pid in self.services():
                if b"dynamo.mocker" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes() and "decode-TP1" in os.readlink(
                        f"/proc/{pid}/cwd"):
                    return pid
            return None
        self.assertTrue(wait_until(lambda: any(p.startswith("decode") for p in program.measured()), 60))
        os.kill(decode_worker(), signal.SIGKILL)
        self.assertEqual(program.wait(100), 0)
        result = self.result(self.out)
        self.assertTrue(result["feasible"])
        self.assertGreaterEqual(result["attempts_failed"], 1)

    def test_environment_without_dynamo_is_refused(self):
        program = self.run_to_end("profile", self.request, "--host", "local", "--python", sys.executable, "--output-dir", self.out,
                                  expect=2)
        self.assertIn("--python", program.stderr)
        self.assertIn("has no Dynamo", program.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
