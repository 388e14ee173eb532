"""`sextant load` and `sextant profile-endpoint` against an endpoint whose times are known."""
import json
import re
import signal
import unittest
import urllib.request

from null_server import NullServerTest
from sextant import EXIT_BAD_INPUT, EXIT_FAILED, EXIT_INTERRUPTED, wait_until


class Load(NullServerTest):

    def between(self, value, low, high):
        """Times on a machine that may be busy with something else: never early, and not much too late."""
        self.assertGreaterEqual(value, low)
        self.assertLessEqual(value, high)

    def test_a_run_reports_the_times_of_the_server(self):
        self.serve("--ttft-ms", 40, "--itl-ms", 5, "--pattern", "staggered")
        done = self.load("--streaming", "--isl", 100, "--osl", 12, "--concurrency", 4, "--request-count", 40,
                         "--warmup-request-count", 4, "--artifact-dir", "out", "--goodput", "time_to_first_token:1000")
        self.assertIn("40 requests answered, 0 failed", done.stdout)
        got = self.summary("out")
        self.between(got["time_to_first_token"]["min"], 39.9, 60)
        self.between(got["inter_token_latency"]["p50"], 4.5, 8)
        # Words: the server makes tokens of bytes, so lengths hold on average only.
        self.assertAlmostEqual(got["input_sequence_length"]["avg"], 100, delta=3)
        self.assertEqual(got["output_sequence_length"]["avg"], 12)
        self.assertEqual(got["request_count"]["avg"], 40)
        self.assertEqual(got["good_request_count"]["avg"], 40)
        self.assertEqual(got["error_summary"], [])
        records = [json.loads(line) for line in (self.folder / "out/profile_export.jsonl").read_text().splitlines()]
        phases = [r["metadata"]["benchmark_phase"] for r in records]
        self.assertEqual((phases.count("warmup"), phases.count("profiling")), (4, 40))
        inputs = json.loads((self.folder / "out/inputs.json").read_text())["data"]
        self.assertEqual(len(inputs), 40)
        self.assertEqual(sorted(p.name for p in (self.folder / "out").iterdir() if p.suffix in (".json", ".csv", ".jsonl")),
                         ["inputs.json", "profile_export.jsonl", "profile_export_aiperf.csv", "profile_export_aiperf.json",
                          "server_metrics_export.json"])

    def test_a_plan_sends_the_same_again(self):
        self.serve("--ttft-ms", 5, "--itl-ms", 1)
        common = ("--streaming", "--endpoint-type", "completions", "--isl", 50, "--isl-stddev", 10, "--osl", 4)
        self.load(*common, "--request-rate", 100, "--request-count", 30, "--export-plan", "plan.jsonl", "--artifact-dir", "one")
        self.run_to_end("load", "--model", "null", "--url", self.url, *common, "--plan", "plan.jsonl", "--artifact-dir", "two")

        def prompts(folder):
            data = json.loads((self.folder / folder / "inputs.json").read_text())["data"]
            return [payload["prompt"] for session in data for payload in session["payloads"]]

        self.assertEqual(len(prompts("one")), 30)
        self.assertEqual(prompts("one"), prompts("two"))

    def records(self, folder):
        return [json.loads(line) for line in (self.folder / folder / "profile_export.jsonl").read_text().splitlines()]

    def test_several_processes_play_one_plan(self):
        self.serve("--ttft-ms", 20, "--itl-ms", 2)
        done = self.load("--streaming", "--isl", 20, "--osl", 4, "--concurrency", 6, "--request-count", 41, "--random-seed", 3,
                         "--warmup-request-count", 3, "--processes", 3, "--artifact-dir", "together")
        self.assertIn("41 requests answered, 0 failed", done.stdout)
        measured = [r for r in self.records("together") if r["metadata"]["benchmark_phase"] == "profiling"]
        self.assertEqual(sorted(r["metadata"]["session_num"] for r in measured), list(range(3, 44)))
        begins = sorted(r["metadata"]["request_start_ns"] for r in measured)
        self.assertLess(begins[5] - begins[0], 1e9)  # six slots, two of each process, begin together
        self.assertGreaterEqual(self.summary("together")["time_to_first_token"]["min"], 19.9)
        refused = self.load("--concurrency", 2, "--request-count", 9, "--processes", 3, expect=EXIT_BAD_INPUT)
        self.assertIn("at most 2", refused.stderr)

    def test_parts_of_a_plan_are_put_together(self):
        self.serve("--ttft-ms", 5, "--itl-ms", 1)
        common = ("--streaming", "--isl", 20, "--osl", 4, "--request-rate", 200, "--request-count", 30, "--random-seed", 3)
        for part in (1, 2):
            self.load(*common, "--part", f"{part}/2", "--artifact-dir", f"part{part}")
        seen = [r["metadata"]["session_num"] for part in (1, 2) for r in self.records(f"part{part}")]
        self.assertEqual(sorted(seen), list(range(30)))
        done = self.run_to_end("load", "--summarise", "part1", "part2", "--json")
        self.assertEqual(json.loads(done.stdout)["request_count"]["avg"], 30)

    def test_a_sweep_has_a_folder_for_each_value(self):
        self.serve("--ttft-ms", 2, "--itl-ms", 1)
        self.load("--isl", 10, "--osl", 2, "--concurrency", "1,3", "--request-count", 6, "--artifact-dir", "sweep")
        self.assertEqual({p.name for p in (self.folder / "sweep").iterdir()}, {"concurrency_1", "concurrency_3"})

    def test_all_requests_failed_is_a_failure(self):
        self.serve("--fault", "http-500")
        done = self.load("--streaming", "--request-count", 5, "--osl", 2, "--artifact-dir", "out", expect=EXIT_FAILED)
        self.assertIn("5 failed", done.stdout)
        self.assertEqual(sum(e["count"] for e in self.summary("out")["error_summary"]), 5)

    def test_nobody_there_and_wrong_words(self):
        self.url = "http://127.0.0.1:9"
        done = self.load("--streaming", "--artifact-dir", "out", expect=EXIT_FAILED)
        self.assertIn("refused", done.stderr.lower())
        self.assertFalse((self.folder / "out").exists())
        done = self.load("--concurency", 4, "--request-count", 0, "--input-file", "missing", expect=EXIT_BAD_INPUT)
        for part in ("did you mean '--concurrency'?", "--request-count", "nothing was started"):
            self.assertIn(part, done.stderr)

    def test_an_interrupted_run_keeps_what_it_has(self):
        self.serve("--ttft-ms", 10, "--itl-ms", 1)
        program = self.start("load", "--model", "null", "--url", self.url, "--streaming", "--osl", 5, "--concurrency", 2,
                             "--benchmark-duration", 60, "--artifact-dir", "out")
        self.assertTrue(wait_until(lambda: self.answered() > 60, 20))
        program.signal(signal.SIGINT)
        self.assertEqual(program.wait(20), EXIT_INTERRUPTED)
        got = self.summary("out")
        self.assertTrue(got["was_cancelled"])
        self.assertGreater(got["request_count"]["avg"], 5)

    def answered(self):
        """Requests that the server has answered, those of the calibration among them."""
        with urllib.request.urlopen(self.url + "/metrics") as page:
            counts = re.findall(rb'(?m)^dynamo_frontend_requests_total.*status="success"} (\d+)', page.read())
        return sum(map(int, counts))

    def test_secrets_are_nowhere(self):
        self.serve("--fault", "http-400=0.5", "--ttft-ms", 1, "--itl-ms", 1)
        secret = "sk-verysecret-0815"
        done = self.load("--streaming", "--osl", 2, "--request-count", 10, "--artifact-dir", "out", "--header",
                         "X-Api-Key:" + secret, "--api-key", secret + "2")
        texts = [done.stdout, done.stderr] + [p.read_text(errors="replace") for p in (self.folder / "out").iterdir()]
        for text in texts:
            self.assertNotIn(secret, text)

    def test_the_curves_of_an_endpoint(self):
        self.serve("--ttft-ms", 20, "--itl-ms", 4, "--pattern", "staggered")
        self.run_to_end("profile-endpoint", "--mode", "prefill", "--url", self.url, "--max_context_length", 2048,
                        "--interpolation_granularity", 4, "--work_dir", "prefill")
        self.run_to_end("profile-endpoint", "--mode", "decode", "--url", self.url, "--max-context-length", 2048,
                        "--interpolation-granularity", 2, "--max-kv-tokens", 6000, "--work-dir", "decode")
        import numpy
        prefill = numpy.load(self.folder / "prefill/raw_data.npz")
        self.assertEqual(prefill["prefill_isl"].tolist(), [100, 459, 818, 1177])
        self.between(prefill["prefill_ttft"].min(), 19.9, 30)
        decode = numpy.load(self.folder / "decode/raw_data.npz")
        self.between(numpy.median(decode["z_itl"]), 3.8, 6)
        self.assertEqual(decode["max_kv_tokens"].tolist(), [6000])
        for picture in ("prefill/prefill_ttft_interpolation.png", "decode/decode_itl_interpolation.png"):
            self.assertGreater((self.folder / picture).stat().st_size, 5000)


if __name__ == "__main__":
    unittest.main()
