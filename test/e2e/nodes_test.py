"""Many nodes: a serve without GPUs and agents, each its own process; the answer of one node alone, whoever dies."""
import json
import re
import signal
import time
import unittest

from sextant import EXIT_FAILED, EXIT_OK, SAMPLES, wait_until
from serving import ServingTest

SAMPLE = SAMPLES / "qwen3-32b.yaml"
VIRTUAL = ("--simulation", "virtual")
FITS_A_NODE = ("--max-num-gpus-per-engine", "4")
# A KV cache of a few requests keeps runs against the clock short.
LIGHT = ("--vram-mb", "78000", "--max-num-gpus-per-engine", "1", "--max-context-length", "4096", "--ttft", "2000", "--itl", "40")


class Nodes(ServingTest):
    """The serve of these tests has no GPUs of its own."""

    gpus = 0

    def agent(self, name, *options, gpus=4):
        agent = self.start("agent", "--nats", self.url, "--gpus", gpus, "--node-name", name, *options, "--log-file", self.folder / f"{name}.log")
        self.assertTrue(wait_until(lambda: f"node {name} offers" in agent.stderr or not agent.running(), 20))
        self.assertTrue(agent.running(), agent.stderr)
        return agent

    def load_agent(self, name, *options):
        agent = self.start("agent", "--nats", self.url, "--roles", "load,metrics", "--node-name", name, *options,
                           "--log-file", self.folder / f"{name}.log", "--log-level", "debug")
        self.assertTrue(wait_until(lambda: "load,metrics for zone" in agent.stderr or not agent.running(), 20))
        self.assertTrue(agent.running(), agent.stderr)
        return agent

    def client(self, command, *arguments, **more):
        return self.run_to_end(command, *arguments, "--nats", self.url, **more)

    def submit_and_watch(self, name, *more):
        self.run_to_end("submit", SAMPLE, "--id", name, "--nats", self.url, *more)
        return self.start("watch", name, "--json-events", "--nats", self.url)

    def alone(self, *more):
        out = self.folder / "alone"
        self.run_to_end("profile", SAMPLE, *VIRTUAL, "--gpus", 8, "--output-dir", out, *more)
        return self.choice(out)

    def test_two_agents_come_to_the_answer_of_one_node(self):
        self.agent("one")
        self.agent("two")
        watcher = self.submit_and_watch("spread", *VIRTUAL, *FITS_A_NODE)
        self.assertEqual(watcher.wait(120), EXIT_OK, watcher.stderr)
        self.assertEqual(self.choice(self.out / "spread"), self.alone(*FITS_A_NODE))
        for name in ("one", "two"):
            self.assertIn("engine-starting", (self.folder / f"{name}.log").read_text(), f"{name} ran nothing")

    def test_load_runs_on_its_own_nodes_and_its_results_come_together(self):
        for name in ("one", "two"):
            self.agent(name, "--roles", "deployment", "--zone", "rack")
        loads = [self.load_agent(name, "--zone", "rack") for name in ("near", "nearer")]
        watcher = self.submit_and_watch("split", *VIRTUAL, *FITS_A_NODE)
        self.assertTrue(wait_until(lambda: len(watcher.measured()) >= 2, 60), watcher.stderr)
        loads[0].kill()
        self.assertEqual(watcher.wait(120), EXIT_OK, watcher.stderr)
        self.assertEqual(self.choice(self.out / "split"), self.alone(*FITS_A_NODE))
        logs = {name: (self.folder / f"{name}.log").read_text() for name in ("one", "two", "near", "nearer")}
        self.assertTrue("engine-starting" in logs["one"] and "measuring:" in logs["nearer"])
        self.assertFalse("measuring:" in logs["one"] + logs["two"] or "engine-starting" in logs["near"] + logs["nearer"])

    def test_an_agent_killed_in_the_middle_changes_nothing_but_the_record(self):
        agents = {name: self.agent(name) for name in ("one", "two")}
        watcher = self.submit_and_watch("shaken", *LIGHT)
        self.assertTrue(wait_until(lambda: len(watcher.measured()) >= 2, 60), watcher.stderr)
        # The one that runs an engine now: its log says so last.
        busy = max(agents, key=lambda name: (self.folder / f"{name}.log").read_text().count("engine-starting"))
        agents[busy].kill()
        self.assertEqual(watcher.wait(170), EXIT_OK, watcher.stderr)
        measured = watcher.measured()
        self.assertEqual(len(measured), len(set(measured)), "a finished point was measured again")
        self.assertEqual(self.choice(self.out / "shaken"), self.alone(*LIGHT))
        failures = [f for c in self.result(self.out / "shaken")["candidates"] for f in c.get("failures", [])]
        self.assertIn(("node_lost", "transient"), {(f["cause"], f["class"]) for f in failures})

    def test_a_name_has_one_process_and_is_free_again_when_that_is_killed(self):
        first = self.agent("twin")
        second = self.start("agent", "--nats", self.url, "--node-name", "twin")
        self.assertEqual(second.wait(30), EXIT_FAILED)
        self.assertIn("belongs to another process", second.stderr)
        first.kill()
        self.agent("twin")

    def test_nodes_are_listed_and_a_drained_one_takes_nothing(self):
        for name in ("one", "two"):
            self.agent(name)
        listed = json.loads(self.client("nodes", "--json").stdout)["nodes"]
        self.assertEqual({n["node"]: (n["gpus"], n["gpus_free"], n["pool"]) for n in listed},
                         {name: (4, 4, "default") for name in ("one", "two")})
        self.assertIn("takes no more engines", self.client("drain", "one").stdout)
        self.assertRegex(self.client("nodes").stdout, r"(?m)^one .* draining .*-$")
        watcher = self.submit_and_watch("beside", *VIRTUAL, *FITS_A_NODE)
        self.assertEqual(watcher.wait(120), EXIT_OK, watcher.stderr)
        self.assertNotIn("engine-starting", (self.folder / "one.log").read_text())
        self.assertIn("takes engines again", self.client("drain", "one", "--undo").stdout)
        top = self.client("top").stdout
        self.assertIn("2 nodes (0 draining), 0 of 8 GPUs in use", top)
        self.assertIn("0 requests running, 0 waiting, 1 known", top)
        self.client("drain", "nobody", expect=EXIT_FAILED)

    def test_work_goes_to_the_node_that_is_large_enough(self):
        self.agent("small", gpus=1)
        self.agent("large", gpus=8)
        watcher = self.submit_and_watch("sorted", *VIRTUAL)
        self.assertEqual(watcher.wait(120), EXIT_OK, watcher.stderr)
        self.assertEqual(self.choice(self.out / "sorted"), self.alone())
        started = re.findall(r"engine-starting: \S+ on (\d+) GPUs", (self.folder / "small.log").read_text())
        self.assertLessEqual(set(started), {"1"})

    def test_bad_numbers_of_gpus_are_refused_at_once(self):
        refused = self.start("agent", "--nats", self.url, "--gpus", "0")
        self.assertEqual(refused.wait(10), 2)
        self.assertIn("1 to 65536", refused.stderr)


class Owners(ServingTest):
    """Two serves: a request has one owner, and another when that one dies or is out of reach."""

    gpus = 0

    def setUp(self):
        super().setUp()
        self.serves = [self.serving, self.start_serving("--node-name", "other", "--log-file", self.folder / "other.log")]
        agent = self.start("agent", "--nats", self.url, "--gpus", 8, "--node-name", "node", "--log-file", self.folder / "node.log")
        self.assertTrue(wait_until(lambda: "node node offers" in agent.stderr or not agent.running(), 20), agent.stderr)

    def owner(self):
        """The serve that works on the only request: its log tells of engines."""
        logs = [self.out / "serve.log", self.folder / "other.log"]
        told = [log.read_text().count("engine_ready:") for log in logs]
        self.assertEqual(sum(n > 0 for n in told), 1, f"owners: {told}")
        return self.serves[told.index(max(told))], logs[1 - told.index(max(told))]

    def run_disturbed(self, disturb):
        """A request against the clock, its owner disturbed after two points; seconds until the other told of a point."""
        self.run_to_end("submit", SAMPLE, "--id", "one", "--nats", self.url, *LIGHT)
        watcher = self.start("watch", "one", "--json-events", "--nats", self.url)
        self.assertTrue(wait_until(lambda: len(watcher.measured()) >= 2, 60), watcher.stderr)
        owner, heir_log = self.owner()
        disturb(owner)
        begin = time.monotonic()
        taken = lambda: "request_started" in heir_log.read_text()
        self.assertTrue(wait_until(taken, 30), "nobody took over")
        seconds = time.monotonic() - begin
        self.assertEqual(watcher.wait(170), EXIT_OK, watcher.stderr)
        measured = watcher.measured()
        self.assertEqual(len(measured), len(set(measured)), "a finished point was told of twice")
        out = self.folder / "alone"
        self.run_to_end("profile", SAMPLE, *VIRTUAL, "--gpus", 8, "--output-dir", out, *LIGHT)
        self.assertEqual(self.choice(self.out / "one"), self.choice(out))
        return seconds

    def test_a_killed_owner_is_replaced_within_five_seconds(self):
        self.assertLess(self.run_disturbed(lambda owner: owner.kill()), 5.5)  # and what a loaded machine needs to write a line

    def test_an_owner_that_hung_publishes_nothing_when_it_comes_back(self):
        stopped = []

        def stop(owner):
            owner.signal(signal.SIGSTOP)
            stopped.append(owner)

        try:
            self.assertLess(self.run_disturbed(stop), 5.5)
        finally:
            stopped[0].signal(signal.SIGCONT)
        self.assertTrue(wait_until(lambda: re.search(r"(?m)^one\s+finished\b", self.run_to_end("list", "--nats", self.url).stdout), 20))
        for _ in range(4):  # whoever answers
            results = json.loads(self.run_to_end("results", "one", "--json", "--nats", self.url).stdout)
            self.assertEqual(results["kind"] if "kind" in results else "profile_finished", "profile_finished")


if __name__ == "__main__":
    unittest.main(verbosity=2)
