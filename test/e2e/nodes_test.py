"""Many nodes: a serve without GPUs and agents, each its own process; the answer of one node alone, whoever dies."""
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

    def agent(self, name, gpus=4):
        agent = self.start("agent", "--nats", self.url, "--gpus", gpus, "--node-name", name, "--log-file", self.folder / f"{name}.log")
        self.assertTrue(wait_until(lambda: f"node {name} offers" in agent.stderr or not agent.running(), 20))
        self.assertTrue(agent.running(), agent.stderr)
        return agent

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

    def test_bad_numbers_of_gpus_are_refused_at_once(self):
        refused = self.start("agent", "--nats", self.url, "--gpus", "0")
        self.assertEqual(refused.wait(10), 2)
        self.assertIn("1 to 65536", refused.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
