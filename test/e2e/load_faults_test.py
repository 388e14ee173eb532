"""`sextant load` against every fault of a server: each request is told of once, in its class, and nothing hangs."""
import collections
import json
import os
import re
import subprocess
import time
import unittest

from sextant import EXIT_FAILED, EXIT_OK, SextantTest

SERVER = os.environ.get("NULL_SERVER", "null_server")
TIMEOUT_S = 2.5

# What a record says about each fault of the server; None: the request is fine.
CLASSES = {
    "none": None,
    "slow": None,
    "hang-up": "ConnectionResetError",
    "reset": "ConnectionResetError",
    "half-close": "ConnectionResetError",
    "stall": "TimeoutError",
    "bad-chunk": "MalformedResponseError",
    "bad-json": "MalformedResponseError",
    "wrong-count": "WrongLengthError",
    "error-event": "ServerError",
    "http-400": "ClientError",
    "http-500": "ServerError",
    "http-429-retry-after": "RateLimitedError",
}
FAULTS = [name for name in CLASSES if name != "none"]


class Faults(SextantTest):

    def play(self, faults, requests, *flags, expect):
        """The run's records and summary, the server's log, and the seconds that it took."""
        log = self.folder / "server.jsonl"
        server = subprocess.Popen([SERVER, "--ttft-ms", "5", "--itl-ms", "1", "--slow-piece-ms", "0.05", "--log", str(log), *faults],
                                  stdout=subprocess.PIPE, text=True)
        try:
            url = re.search(r"http://\S+", server.stdout.readline()).group(0)
            begin = time.monotonic()
            self.run_to_end("load", "--model", "null", "--url", url, "--endpoint-type", "completions", "--isl", 20, "--osl", 8,
                            "--exact-osl", "--calibrate", "off", "--concurrency", 25, "--request-count", requests,
                            "--request-timeout-seconds", TIMEOUT_S, "--artifact-dir", "out", *flags, expect=expect)
            took = time.monotonic() - begin
        finally:
            server.terminate()
            server.wait(10)
            server.stdout.close()
        records = [json.loads(line) for line in (self.folder / "out/profile_export.jsonl").read_text().splitlines()]
        summary = json.loads((self.folder / "out/profile_export_aiperf.json").read_text())
        entries = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
        return records, summary, entries, took

    def check(self, records, summary, entries, requests):
        """Holds every record against what the server did with that request."""
        ids = [r["metadata"]["x_request_id"] for r in records]
        self.assertEqual(len(ids), requests)
        self.assertEqual(len(set(ids)), requests, "a request was told of twice")
        done = {}
        for entry in entries:  # in the order of their ends; a request that met a closed connection is sent once more
            done[entry["request_id"]] = entry["fault"]
        wrong = []
        for r in records:
            fault = done[r["metadata"]["x_request_id"]]
            said = r["error"]["type"] if r.get("error") else None
            if said != CLASSES[fault]:
                wrong.append((fault, said, r.get("error")))
        self.assertEqual(wrong, [])
        failed = collections.Counter(r["error"]["type"] for r in records if r.get("error"))
        told = collections.Counter()
        for error in summary["error_summary"]:
            told[error["error_details"]["type"]] += error["count"]
        self.assertEqual(told, failed)
        self.assertEqual(summary["request_count"]["avg"] if failed.total() < requests else 0, requests - failed.total())

    def test_every_fault_alone(self):
        for name in FAULTS:
            for streaming in (["--streaming"], []):
                with self.subTest(fault=name, streaming=bool(streaming)):
                    good = CLASSES[name] is None
                    records, summary, entries, took = self.play(["--fault", name], 25, *streaming,
                                                                expect=EXIT_OK if good else EXIT_FAILED)
                    self.check(records, summary, entries, 25)
                    # All requests at once, at most until their time-out, and the program itself.
                    self.assertLess(took, TIMEOUT_S + 5)

    def test_all_faults_mixed(self):
        faults = [word for name in FAULTS for word in ("--fault", f"{name}=0.07")]
        records, summary, entries, _ = self.play(faults, 300, "--streaming", expect=EXIT_OK)
        self.check(records, summary, entries, 300)
        self.assertEqual({e["fault"] for e in entries}, set(CLASSES))

    def test_silence_has_a_limit_of_its_own(self):
        records, _, _, took = self.play(["--fault", "stall"], 25, "--streaming", "--stall-timeout-seconds", 0.3, expect=EXIT_FAILED)
        self.assertEqual([r["error"]["type"] for r in records], ["StalledError"] * 25)
        self.assertLess(took, TIMEOUT_S)

    def test_refused_connections(self):
        records, summary, _, took = self.play(["--fault", "refuse"], 40, "--streaming", expect=EXIT_FAILED)
        self.assertEqual([r["error"]["type"] for r in records], ["ConnectionRefusedError"] * 40)
        self.assertEqual([e["count"] for e in summary["error_summary"]], [40])
        self.assertLess(took, 5)


if __name__ == "__main__":
    unittest.main()
