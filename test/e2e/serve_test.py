"""`sextant serve` with its own thin clients: submit, watch, list, results, cancel, and a restart in the middle."""
import json
import signal
import time
import unittest

from sextant import EXIT_BAD_INPUT, EXIT_FAILED, EXIT_INFEASIBLE, SAMPLES, sample_with, wait_until
from serving import ServingTest

SAMPLE = SAMPLES / "qwen3-32b.yaml"
VIRTUAL = ("--simulation", "virtual")


class Serve(ServingTest):

    def client(self, command, *arguments, **more):
        return self.run_to_end(command, *arguments, "--nats", self.url, **more)

    def test_submit_watch_list_results(self):
        submitted = self.client("submit", SAMPLE, *VIRTUAL, "--id", "first")
        self.assertEqual(submitted.stdout, "first\n")
        watched = self.client("watch", "first", "--json-events")
        self.assertEqual(watched.events()[-1]["kind"], "profile_finished")
        self.assertRegex(self.client("list").stdout, r"(?m)^first\s+finished\b")
        self.assertRegex(self.client("results", "first").stdout, r"FEASIBLE  first .*\n  prefill  TP=\d")
        results = json.loads(self.client("results", "first", "--json").stdout)
        self.assertTrue(results["result"]["feasible"])
        self.assertEqual(json.loads(self.client("list", "--json").stdout)["requests"][0]["id"], "first")
        self.assertTrue((self.out / "first" / "report.html").is_file())
        begin = time.monotonic()
        unknown = self.client("results", "nobody", "--timeout", "1", expect=EXIT_FAILED)
        self.assertIn("sextant list", unknown.stderr)
        self.assertLess(time.monotonic() - begin, 8)
        again = self.client("submit", SAMPLE, *VIRTUAL, "--id", "first")
        self.assertIn("same request", again.stderr)

    def test_refusal_comes_back_with_every_error(self):
        bad = sample_with({r"isl: *\d+": "isl: many", r"osl: *\d+": "osl: -4"}, self.folder)
        refused = self.client("submit", bad, expect=EXIT_BAD_INPUT)
        self.assertIn("many", refused.stderr)
        self.assertIn("-4", refused.stderr)
        self.assertNotIn("many", self.client("list").stdout)

    def test_infeasible_request_ends_its_watcher_with_the_exit_code_of_profile(self):
        watched = self.client("submit", SAMPLE, *VIRTUAL, "--itl", "0.5", "--watch", expect=EXIT_INFEASIBLE)
        self.assertIn("not feasible", watched.stdout)

    def test_cancel_ends_engines_and_says_so(self):
        self.client("submit", SAMPLE, "--id", "long")
        watcher = self.start("watch", "long", "--json-events", "--nats", self.url)
        self.assertTrue(wait_until(lambda: watcher.measured(), 60), watcher.stderr)
        self.client("cancel", "long")
        self.assertEqual(watcher.wait(20), EXIT_FAILED)
        last = watcher.events()[-1]
        self.assertEqual((last["kind"], last["body"]["error"]["cause"]), ("profile_failed", "cancelled"))
        self.assertRegex(self.client("list").stdout, r"(?m)^long\s+cancelled\b")

    def test_two_requests_at_once_share_the_pool(self):
        for name in ("one", "two"):
            self.client("submit", SAMPLE, *VIRTUAL, "--id", name)
        ends = [self.client("watch", name, "--json-events").events()[-1] for name in ("one", "two")]
        self.assertEqual([e["kind"] for e in ends], ["profile_finished"] * 2)
        first, second = (self.choice(self.out / name) for name in ("one", "two"))
        self.assertEqual(first, second)

    def test_killed_in_the_middle_the_next_serve_goes_on(self):
        self.client("submit", SAMPLE, "--id", "survivor")
        watcher = self.start("watch", "survivor", "--json-events", "--nats", self.url)
        self.assertTrue(wait_until(lambda: len(watcher.measured()) >= 3, 60), watcher.stderr)
        self.serving.kill()
        self.serving = self.start_serving()
        self.assertEqual(watcher.wait(170), 0, watcher.stderr)
        measured = watcher.measured()
        self.assertEqual(len(measured), len(set(measured)), "a finished point was measured again")

    def test_signal_ends_it_cleanly(self):
        self.serving.signal(signal.SIGTERM)
        self.assertEqual(self.serving.wait(10), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
