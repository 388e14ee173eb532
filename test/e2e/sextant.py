"""What the end-to-end tests share: running the program, reading what it leaves behind, finding what it should have ended."""
import json
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time
import unittest
import uuid

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SAMPLES = ROOT / "deploy" / "samples"
BINARY = os.environ.get("SEXTANT", str(ROOT / "build" / "release" / "sextant"))

EXIT_OK, EXIT_FAILED, EXIT_BAD_INPUT, EXIT_INFEASIBLE, EXIT_INTERRUPTED = 0, 1, 2, 3, 130


def wait_until(condition, seconds, step=0.02):
    """Whether `condition` came true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(step)
    return bool(condition())


class Program:
    """One start of the program, with its output in files and a mark by which every descendant is found."""

    def __init__(self, arguments, folder, mark, environment=None):
        self.out = folder / f"{uuid.uuid4().hex[:8]}.out"
        self.err = self.out.with_suffix(".err")
        env = {**os.environ, "SEXTANT_TEST_MARK": mark, **(environment or {})}
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            self.process = subprocess.Popen([BINARY, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                            env=env, cwd=folder)

    def wait(self, seconds=120):
        return self.process.wait(seconds)

    def running(self):
        return self.process.poll() is None

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        if self.running():
            self.process.kill()
        self.process.wait(10)

    @property
    def stdout(self):
        return self.out.read_text(encoding="utf-8")

    @property
    def stderr(self):
        return self.err.read_text(encoding="utf-8")

    def events(self):
        """Complete lines of `--json-events` so far."""
        return [json.loads(line) for line in self.stdout.splitlines(keepends=True) if line.endswith("\n")]

    def measured(self):
        """Ids of the points that this start reported as measured, in order."""
        return [e["body"]["point"] for e in self.events() if e["kind"] == "progress" and e["body"]["what"] == "point_measured"]


class SextantTest(unittest.TestCase):
    """A folder and a mark for each test; at its end nothing that carries the mark may be alive."""

    def setUp(self):
        self._folder = tempfile.TemporaryDirectory(prefix="sextant-e2e-")
        self.folder = pathlib.Path(self._folder.name)
        self.mark = uuid.uuid4().hex
        self.programs = []

    def tearDown(self):
        for program in self.programs:
            program.kill()
        left = self.processes()
        gone = wait_until(lambda: not self.processes(), 5)
        for pid in self.processes():
            os.kill(pid, signal.SIGKILL)
        self._folder.cleanup()
        self.assertTrue(gone, f"processes were left behind: {left}")

    def start(self, *arguments, **more):
        program = Program(arguments, self.folder, self.mark, **more)
        self.programs.append(program)
        return program

    def run_to_end(self, *arguments, seconds=150, expect=EXIT_OK, **more):
        program = self.start(*arguments, **more)
        code = program.wait(seconds)
        self.assertEqual(code, expect, f"{arguments}\n--- stdout\n{program.stdout[-3000:]}\n--- stderr\n{program.stderr[-3000:]}")
        return program

    def processes(self, name=None):
        """Living processes that carry this test's mark, by pid; `name` narrows by program name."""
        found = {}
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                stat = (entry / "stat").read_text()
                command = stat[stat.index("(") + 1:stat.rindex(")")]
                if stat[stat.rindex(")") + 2] in "ZX":
                    continue
                environment = (entry / "environ").read_bytes()
            except OSError:
                continue
            if f"SEXTANT_TEST_MARK={self.mark}".encode() in environment and (name is None or command == name):
                found[int(entry.name)] = command
        return found

    def result(self, directory):
        """The answer that was written into an output directory."""
        stored = json.loads((directory / "sextant_result.json").read_text())
        return stored.get("result", stored.get("body", {}).get("result"))

    def choice(self, directory):
        """What must not change between two runs of the same request: engines and the point they were chosen by."""
        result = self.result(directory)
        return {
            "feasible": result["feasible"],
            **{role: (result[role]["engine"], result[role]["concurrency"], result[role]["meets_target"])
               for role in ("prefill", "decode")},
        }

    def points(self, directory):
        """Every stored result of a point."""
        lines = (directory / "points.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]


def sample_with(text_changes, folder, name="qwen3-32b.yaml"):
    """A copy of a shipped sample with regular expressions replaced; every one must match."""
    text = (SAMPLES / name).read_text()
    for pattern, replacement in text_changes.items():
        text, count = re.subn(pattern, replacement, text)
        assert count, f"{pattern} is not in {name}"
    path = folder / name
    path.write_text(text)
    return path
