"""`sextant sidecar` beside the real Dynamo frontend and a mocker whose engine is known, under a small load."""
import json
import pathlib
import socket
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
for place in (HERE.parent / "e2e", HERE.parent.parent / "tools"):
    sys.path.insert(0, str(place))

from benchmarks.endpoint import Dynamo, true_itl, true_ttft  # noqa: E402
from sextant import EXIT_OK, ROOT, SextantTest  # noqa: E402

PYTHON = ROOT / "build" / "python" / "dynamo" / "bin" / "python"
CAPACITY = 16384 * 64  # tokens of the mocker's KV cache, its default


def port_below(limit):
    """A free port that many systems do not hand out by themselves."""
    for port in range(limit - 1, 20000, -7):
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise RuntimeError("no free port")


class DynamoSidecar(SextantTest):

    @classmethod
    def setUpClass(cls):
        if subprocess.run([ROOT / "tools" / "python_env", "dynamo"], check=False).returncode != 0:
            print("skipped: the real Dynamo cannot be installed (no network?)", file=sys.stderr)
            sys.exit(77)

    def write_curves(self, itl_factor):
        """The mocker's truth as planner's data, with ITL off by a factor."""
        folder = self.folder / "curves"
        folder.mkdir()
        isl = [50, 100, 200, 400, 1000]
        grid = [(kv / CAPACITY, context) for context in (100, 300, 1000) for kv in (context, 4 * context, 16 * context, 64 * context)]
        (folder / "prefill_raw_data.json").write_text(json.dumps(
            {"prefill_isl": isl, "prefill_ttft": [true_ttft(i) for i in isl], "prefill_thpt_per_gpu": [1.0] * len(isl)}))
        (folder / "decode_raw_data.json").write_text(json.dumps(
            {"x_kv_usage": [x for x, _ in grid], "y_context_length": [y for _, y in grid], "z_thpt_per_gpu": [1.0] * len(grid),
             "z_itl": [itl_factor * float(true_itl(x * CAPACITY, y)) for x, y in grid], "max_kv_tokens": CAPACITY}))
        return folder

    def test_metrics_of_a_real_frontend_and_curves_that_are_off(self):
        system_port = port_below(32768)  # Dynamo reads DYN_SYSTEM_PORT as a signed 16-bit number
        with Dynamo(self.folder, PYTHON, system_port) as dynamo:
            side = self.start("sidecar", "--frontend", dynamo.url, "--worker-metrics", f"127.0.0.1:{system_port}", "--interval", 1,
                              "--curves", self.write_curves(itl_factor=0.5), "--json-events")
            self.run_to_end("load", "--model", "mock", "--url", dynamo.url, "--streaming", "--isl", 200, "--osl", 32, "--request-rate", 8,
                            "--request-count", 120, "--random-seed", 3)
            side.signal(15)
            self.assertEqual(side.wait(10), EXIT_OK)
        events = side.events()
        windows = [e["body"] for e in events if e["kind"] == "serving_observed"]
        busy = [w for w in windows if w["requests"] >= 3][1:]  # the first one has the calibration of the load
        self.assertGreaterEqual(len(busy), 6)
        self.assertTrue(all(w["model"] == "mock" and w["workers"] == 1 for w in windows))
        self.assertTrue(all(abs(w["isl"] - 200) <= 4 for w in busy), [w["isl"] for w in busy])
        self.assertTrue(all(0 <= w["kv_usage"] <= 1 for w in windows))
        # Prompts share their first blocks in part, so the curve is asked for what the prefix cache did not hold.
        self.assertTrue(all(0.7 < w["ttft_ms"] / w["expected_ttft_ms"] < 6 for w in busy),
                        [(w["ttft_ms"], w["expected_ttft_ms"], w.get("cached_share")) for w in busy])
        drifts = [e["body"] for e in events if e["kind"] == "curves_drifted" and e["body"]["curve"] == "decode" and e["body"]["drifted"]]
        self.assertTrue(drifts, "ITL is twice what these curves say")
        self.assertAlmostEqual(drifts[-1]["ratio"], 2, delta=0.3)


if __name__ == "__main__":
    unittest.main()
