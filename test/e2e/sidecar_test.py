"""`sextant sidecar` beside a frontend whose counters follow a script, with a real message server; and beside the null server, which
answers requests."""
import asyncio
import http.server
import json
import pathlib
import re
import subprocess
import threading
import time
import unittest

import nats
import numpy

from null_server import NullServerTest
from sextant import EXIT_BAD_INPUT, EXIT_OK, wait_until
from serving import SERVER as NATS_SERVER

RATE, ISL, OSL = 20, 400, 40  # requests per second of the script, tokens
CURVES = {
    "prefill_raw_data.json": {"prefill_isl": [100, 400, 800, 1600, 3200], "prefill_ttft": [1.0, 4.0, 8.0, 16.0, 32.0],
                              "prefill_thpt_per_gpu": [1e5] * 5},
    "decode_raw_data.json": {"x_kv_usage": [0.1, 0.9, 0.1, 0.9], "y_context_length": [100, 100, 2000, 2000],
                             "z_itl": [5.0, 5.0, 5.0, 5.0], "z_thpt_per_gpu": [100.0] * 4, "max_kv_tokens": 100000},
}
EXPECTED_TTFT = 4.0 * (1 + 0.08 / (2 * 0.92))  # service time of the curve, and waiting at 8 % use


class ScriptedFrontend:
    """Counters that grow with the clock; latencies are the curves' times a factor."""

    def __init__(self, port=0):
        self.ttft_factor = self.itl_factor = 1.0
        self.last, self.sums = time.monotonic(), dict.fromkeys(("requests", "ttft", "itl"), 0.0)
        script = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                text = script.page().encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def page(self):
        now = time.monotonic()
        requests = RATE * (now - self.last)
        self.last = now
        self.sums["requests"] += requests
        self.sums["ttft"] += requests * EXPECTED_TTFT / 1e3 * self.ttft_factor
        self.sums["itl"] += requests * (OSL - 1) * 5e-3 * self.itl_factor
        n = self.sums["requests"]
        values = {"time_to_first_token_seconds": (self.sums["ttft"], n), "inter_token_latency_seconds": (self.sums["itl"], n * (OSL - 1)),
                  "input_sequence_tokens": (n * ISL, n), "output_sequence_tokens": (n * OSL, n)}
        lines = [f'dynamo_frontend_{k}_{p}{{model="m"}} {v:.9f}' for k, pair in values.items() for p, v in zip(("sum", "count"), pair)]
        return "\n".join(["# TYPE dynamo_frontend_inflight_requests gauge", *lines, 'dynamo_frontend_inflight_requests{model="m"} 4',
                          'vllm:kv_cache_usage_perc{model_name="m"} 0.25']) + "\n"

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Sidecar(NullServerTest):

    def setUp(self):
        super().setUp()
        self.frontend = ScriptedFrontend()
        self.broker = self.start_broker(self.folder / "nats")
        self.curves = self.folder / "curves"
        self.curves.mkdir()
        for name, content in CURVES.items():
            (self.curves / name).write_text(json.dumps(content))

    def tearDown(self):
        self.frontend.stop()
        self.broker.kill()
        self.broker.wait(10)
        super().tearDown()

    def start_broker(self, folder, port=-1):
        folder.mkdir(exist_ok=True)
        broker = subprocess.Popen([NATS_SERVER, "-js", "-sd", folder, "-a", "127.0.0.1", "-p", str(port), "--ports_file_dir", folder],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        ports = pathlib.Path(folder) / f"nats-server_{broker.pid}.ports"
        self.assertTrue(wait_until(lambda: ports.is_file() and re.search(r"nats://[\d.:]+", ports.read_text()), 10))
        self.nats_url = re.search(r"nats://[\d.:]+", ports.read_text()).group(0)
        return broker

    def sidecar(self, *more, url=None):
        url = url or f"127.0.0.1:{self.frontend.port}"
        return self.start("sidecar", "--frontend", url, "--worker-metrics", url, "--name", "side", "--curves", self.curves,
                          "--interval", "0.5", "--nats", self.nats_url, "--json-events", *more)

    def events(self, program, kind):
        return [e["body"] for e in program.events() if e["kind"] == kind]

    def ask(self, what, kind, body, timeout=30):
        async def asking():
            client = await nats.connect(self.nats_url)
            try:
                message = {"v": 1, "kind": kind, "id": "q", "request": "", "time": "2026-11-24T00:00:00Z", "body": body}
                answer = await client.request(f"sextant.v1.serving.side.{what}", json.dumps(message).encode(), timeout=timeout)
                return json.loads(answer.data)
            finally:
                await client.close()
        return asyncio.run(asking())

    def listen(self, seconds):
        """Events that come over the message server."""
        async def listening():
            client = await nats.connect(self.nats_url)
            seen = []

            async def note(message):
                seen.append((message.subject, json.loads(message.data)["kind"]))
            await client.subscribe("sextant.v1.serving.side.*", cb=note)
            await asyncio.sleep(seconds)
            await client.close()
            return seen
        return asyncio.run(listening())

    def test_a_deployment_that_slows_down_is_told_and_its_curves_are_corrected(self):
        side = self.sidecar()
        self.assertTrue(wait_until(lambda: len(self.events(side, "serving_observed")) >= 6, 20), side.stderr)
        window = self.events(side, "serving_observed")[-1]
        for key, value in (("request_rate", RATE), ("isl", ISL), ("osl", OSL), ("ttft_ms", EXPECTED_TTFT), ("itl_ms", 5), ("kv_usage", 0.25),
                           ("expected_ttft_ms", EXPECTED_TTFT), ("expected_itl_ms", 5), ("in_flight", 4)):
            # A rate is per wall second: on a busy machine half a second is not known to 5 %.
            self.assertAlmostEqual(window[key], value, delta=(0.3 if key == "request_rate" else 0.05) * value, msg=key)
        self.assertIn(("sextant.v1.serving.side.observed", "serving_observed"), self.listen(1.2))
        told = {e["curve"]: e for e in self.events(side, "curves_drifted")}
        self.assertEqual({curve: e["drifted"] for curve, e in told.items()}, {"prefill": False, "decode": False})

        changed = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
        self.frontend.ttft_factor, self.frontend.itl_factor = 1.5, 1.25
        self.assertTrue(wait_until(lambda: sum(e["drifted"] for e in self.events(side, "curves_drifted")) == 2, 20))
        for drift in self.events(side, "curves_drifted")[-2:]:
            self.assertAlmostEqual(drift["ratio"], 1.5 if drift["curve"] == "prefill" else 1.25, delta=0.05)
            self.assertLessEqual(drift["low"], drift["ratio"])
            self.assertGreaterEqual(drift["since"][:19], changed)

        answer = self.ask("correct", "correct_curves", {"directory": str(self.folder / "better")})
        self.assertEqual((answer["kind"], answer["body"].get("error", "")), ("curves_corrected", ""))
        with numpy.load(self.folder / "better/selected_prefill_interpolation/raw_data.npz") as prefill:
            numpy.testing.assert_allclose(prefill["prefill_ttft"], numpy.array([1, 4, 8, 16, 32]) * answer["body"]["ttft_ratio"], rtol=1e-6)
        with numpy.load(self.folder / "better/selected_decode_interpolation/raw_data.npz") as decode:
            numpy.testing.assert_allclose(decode["z_itl"], 5 * answer["body"]["itl_ratio"], rtol=1e-6)
        self.assertIn("name: planner-profile-data", (self.folder / "better/planner-profile-data.yaml").read_text())

    def test_peers_may_die_and_come_back(self):
        side = self.sidecar()
        seen = lambda: len(self.events(side, "serving_observed"))  # noqa: E731
        self.assertTrue(wait_until(lambda: seen() >= 2, 20), side.stderr)
        port = self.frontend.port
        self.frontend.stop()
        self.assertTrue(wait_until(lambda: "trying again" in side.stderr, 10))
        self.broker.kill()
        self.broker.wait(10)
        self.frontend = ScriptedFrontend(port)
        before = seen()
        self.assertTrue(wait_until(lambda: seen() >= before + 2, 20), side.stderr)
        self.assertIn("is back", side.stderr)
        self.broker = self.start_broker(self.folder / "nats", self.nats_url.rsplit(":", 1)[1])
        self.assertTrue(wait_until(lambda: self.listen(1), 30), "published again")
        side.signal(15)
        self.assertEqual(side.wait(10), EXIT_OK)

    def test_a_sidecar_starts_without_its_peers(self):
        port = self.frontend.port
        self.frontend.stop()
        side = self.sidecar("--duration", "3", "--nats", "nats://127.0.0.1:9", "--corrected", "c")
        time.sleep(1.8)
        self.frontend = ScriptedFrontend(port)
        self.assertEqual(side.wait(20), 1)  # asked for corrected curves with too few windows
        self.assertIn("too few windows", side.stderr)
        self.assertGreaterEqual(len(self.events(side, "serving_observed")), 1)

    def test_a_small_measurement_on_request(self):
        self.serve("--ttft-ms", 40, "--itl-ms", 5)
        side = self.sidecar(url=self.url)
        self.assertTrue(wait_until(lambda: self.events(side, "serving_observed"), 20), side.stderr)
        plan = {"point": "asked/1", "kind": "ttft", "isl": 100, "osl": 8, "concurrency": 2, "requests": 6}
        work = {"engine": "any", "engine_attempt": 1, "attempt": 1, "endpoint": "", "plan": plan}
        measured = self.ask("measure", "measure_point", work)
        self.assertEqual(measured["kind"], "point_measured", measured)
        self.assertAlmostEqual(measured["body"]["ttft"]["mean"], 40, delta=8)
        refused = self.ask("measure", "measure_point", {**work, "plan": {**plan, "requests": 100000}})
        self.assertEqual(refused["kind"], "attempt_failed")
        self.assertIn("256 requests", refused["body"]["error"]["detail"])
        self.assertTrue(wait_until(lambda: any("not compared" in r for w in self.events(side, "serving_observed")
                                               for r in w.get("remarks", ())), 10))

    def test_bad_input_is_told_at_once(self):
        errors = self.run_to_end("sidecar", "--frontend", "ftp://x", "--curves", self.folder / "nothing", "--interval", "0",
                                 expect=EXIT_BAD_INPUT).stderr
        for part in ("--frontend", "--curves", "--interval", "3 errors"):
            self.assertIn(part, errors)


if __name__ == "__main__":
    unittest.main()
