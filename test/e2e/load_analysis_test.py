"""Record files of `sextant load`: read with numpy, summarised again, compared; runs that end when enough was seen."""
import http.server
import json
import threading
import unittest

import numpy as np

from null_server import NullServerTest
from sextant import EXIT_BAD_INPUT, EXIT_FAILED


class LoadAnalysis(NullServerTest):

    def play(self, folder, *flags, requests=120, **more):
        return self.load("--streaming", "--isl", 64, "--osl", 8, "--concurrency", 8, "--request-count", requests,
                         "--artifact-dir", folder, *flags, **more)

    def test_a_record_file_is_read_by_numpy_and_agrees_with_the_summary(self):
        self.serve("--ttft-ms", 30, "--itl-ms", 3, "--pattern", "staggered")
        self.play("out", "--warmup-request-count", 4)
        z = np.load(self.folder / "out/profile_export_records.npz")
        ttft_ms = (z["token_ns"][z["token_begin"][:-1]] - z["sent_ns"])[z["warmup"] == 0] / 1e6
        summary = self.summary("out")
        self.assertEqual(len(ttft_ms), 120)
        self.assertAlmostEqual(ttft_ms.mean(), summary["time_to_first_token"]["avg"], places=9)
        self.assertAlmostEqual(np.percentile(ttft_ms, 99), summary["time_to_first_token"]["p99"], places=9)
        self.assertEqual(z["warmup"].sum(), 4)
        self.assertTrue((np.diff(z["token_begin"]) == 8).all())
        self.assertTrue((z["fault"] == 0).all())
        facts = json.loads(bytes(z["facts"]))
        self.assertEqual((facts["model"], facts["concurrency"], facts["planned_requests"]), ("null", 8, 120))
        page = (self.folder / "out/report.html").read_text()
        self.assertIn("Time to First Token", page)
        self.assertEqual(page.count("data:image/svg+xml;base64,"), 6)
        self.assertNotIn("pictures are missing", page)
        for check in summary["sextant"]["checks"]:
            self.assertNotEqual(check["result"], "failed", check)

    def test_a_stored_run_is_summarised_again_with_other_levels(self):
        self.serve("--ttft-ms", 30, "--itl-ms", 3, "--pattern", "staggered")
        self.play("out")
        again = json.loads(self.run_to_end("load", "--summarise", "out", "--json", "--goodput", "time_to_first_token:1",
                                           "--goodput-set", "request_latency:10000", "--sla",
                                           "time_to_first_token:p90:10000").stdout)
        summary = self.summary("out")
        self.assertEqual(again["time_to_first_token"], summary["time_to_first_token"])
        self.assertEqual([g["good"] for g in again["sextant"]["goodput"]], [0, 120])
        self.assertEqual(again["sextant"]["verdicts"][0]["decision"], "pass")
        both = self.run_to_end("load", "--summarise", "out", "out").stdout
        self.assertIn("240 requests answered", both)
        wrong = self.run_to_end("load", "--summarise", "nowhere", "--sla", "time_to_first_tokem:p90:1", expect=EXIT_BAD_INPUT)
        self.assertIn("did you mean 'time_to_first_token'?", wrong.stderr)
        self.assertIn("nowhere", wrong.stderr)

    def test_a_slower_server_is_called_worse_and_the_same_one_is_not(self):
        for folder, ttft in (("a", 30), ("b", 30), ("c", 45)):
            self.serve("--ttft-ms", ttft, "--itl-ms", 3, "--pattern", "staggered")
            self.play(folder)
        same = json.loads(self.run_to_end("load", "--compare", "a", "b", "--compare-margin", "0.2", "--json").stdout)
        self.assertNotEqual(same["verdict"], "worse")
        worse = self.run_to_end("load", "--compare", "a", "c", "--json", expect=EXIT_FAILED)
        answer = json.loads(worse.stdout)
        ttft = next(m for m in answer["metrics"] if (m["metric"], m["statistic"]) == ("time_to_first_token", "mean"))
        self.assertEqual((answer["verdict"], ttft["verdict"], ttft["method"]), ("worse", "worse", "paired requests"))
        self.assertTrue(ttft["interval"][0] < 1.5 * 1.03 and ttft["interval"][1] > 1.5 * 0.97, ttft)
        self.assertIn("B is worse", self.run_to_end("load", "--compare", "a", "c", expect=EXIT_FAILED).stdout)
        self.run_to_end("load", "--compare", "a", expect=EXIT_BAD_INPUT)

    def test_metrics_pages_are_read_during_the_run(self):
        self.serve("--ttft-ms", 30, "--itl-ms", 3, "--pattern", "staggered")
        looks = []

        class Page(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                looks.append(self.path)
                n = 10 * len(looks)
                text = ("# TYPE vllm:time_to_first_token_seconds histogram\n"
                        f'vllm:time_to_first_token_seconds_bucket{{le="0.025"}} 0\n'
                        f'vllm:time_to_first_token_seconds_bucket{{le="0.035"}} {n}\n'
                        f'vllm:time_to_first_token_seconds_bucket{{le="+Inf"}} {n}\n'
                        f"vllm:time_to_first_token_seconds_sum {0.03 * n}\nvllm:time_to_first_token_seconds_count {n}\n"
                        f"vllm:num_requests_running 8\nvllm:generation_tokens_total {100 * n}\n").encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *arguments):
                pass

        page = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
        threading.Thread(target=page.serve_forever, daemon=True).start()
        try:
            self.play("out", "--server-metrics", f"127.0.0.1:{page.server_port}/metrics", "--server-metrics-interval", "0.05")
        finally:
            page.shutdown()
            page.server_close()
        self.assertGreater(len(looks), 4)
        self.assertEqual(set(looks), {"/metrics"})
        server = self.summary("out")["sextant"]["server"]
        both = server["latencies"][0]
        self.assertAlmostEqual(both["server_mean_ms"], 30, places=6)
        self.assertAlmostEqual(both["server_p50_ms"], 30, places=6)
        self.assertEqual(both["metric"], "time_to_first_token")
        export = json.loads((self.folder / "out/server_metrics_export.json").read_text())
        running = export["metrics"]["vllm:num_requests_running"]
        self.assertEqual((running["type"], running["series"][0]["stats"]["avg"]), ("gauge", 8))
        self.assertIn("What the server says", (self.folder / "out/report.html").read_text())
        # A page that is not there is told where it was asked for, and no loss where it was not.
        gone = self.play("gone", "--server-metrics", "127.0.0.1:1/metrics")
        self.assertIn("were not read", gone.stdout)

    def test_a_run_ends_when_the_wanted_precision_is_reached(self):
        self.serve("--ttft-ms", 20, "--ttft-cv", 0.2, "--itl-ms", 2, "--pattern", "staggered")
        self.play("out", "--stop-precision", "0.1", requests=5000)
        got = self.summary("out")["sextant"]
        self.assertTrue(got["stop"]["early"], got["stop"])
        self.assertGreater(got["requests"]["never_started"], 1000)
        self.assertEqual(got["requests"]["sent"] + got["requests"]["never_started"], 5000)


if __name__ == "__main__":
    unittest.main()
