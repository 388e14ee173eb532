"""The `nats` command as a client. Builds it once below build/ with Go; exits with 77 (skipped) where there is no Go to build it."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve()
sys.path.insert(0, str(HERE.parent.parent / "e2e"))

from serving import ServingTest, submission  # noqa: E402
from sextant import wait_until  # noqa: E402

SKIPPED = 77
VERSION = "v0.5.0"
TOOLS = HERE.parent.parent.parent / "build" / "go" / "bin"


def nats_command():
    """Path of the command, or nothing with the reason printed."""
    if found := shutil.which("nats"):
        return found
    if (TOOLS / "nats").is_file():
        return str(TOOLS / "nats")
    go = shutil.which("go") or ("/usr/local/go/bin/go" if os.path.exists("/usr/local/go/bin/go") else None)
    if not go:
        print("skipped: neither `nats` nor `go` is on this machine")
        return None
    TOOLS.mkdir(parents=True, exist_ok=True)
    built = subprocess.run([go, "install", f"github.com/nats-io/natscli/nats@{VERSION}"], env={**os.environ, "GOBIN": str(TOOLS)},
                           capture_output=True, text=True, check=False)
    if built.returncode:
        print(f"skipped: natscli {VERSION} could not be built here:", built.stderr[-500:])
        return None
    return str(TOOLS / "nats")


class NatsCommand(ServingTest):
    command = None

    def nats(self, *arguments, **more):
        return subprocess.run([self.command, "--server", self.url, *arguments], capture_output=True, text=True, check=True,
                              timeout=60, **more).stdout

    def test_request_and_subscribe(self):
        watch = subprocess.Popen([self.command, "--server", self.url, "sub", "--raw", "sextant.v1.event.cli-1"],
                                 stdout=subprocess.PIPE, text=True)
        try:
            answer = json.loads(self.nats("request", "--raw", "sextant.v1.request.submit", json.dumps(submission("cli-1"))))
            self.assertEqual(answer["kind"], "request_accepted")
            last = next(e for e in map(json.loads, filter(str.strip, watch.stdout)) if e["kind"].startswith("profile_"))
            self.assertEqual(last["kind"], "profile_finished")
        finally:
            watch.kill()
            watch.communicate()

    def test_late_watching_and_results(self):
        self.nats("request", "--raw", "sextant.v1.request.submit", json.dumps(submission("cli-3")))
        ended = lambda: json.loads(self.nats("request", "--raw", "sextant.v1.request.cli-3.get", "{}"))
        self.assertTrue(wait_until(lambda: ended()["kind"] == "profile_finished", 60, step=0.2))
        self.assertTrue(ended()["body"]["result"]["feasible"])
        # Whoever comes late reads the same events out of the stream.
        count = json.loads(self.nats("stream", "info", "sextant_v1_events", "--json"))["state"]["messages"]
        late = self.nats("sub", "--raw", "--stream", "sextant_v1_events", "--all", "--count", str(count))
        kinds = [e["kind"] for e in map(json.loads, filter(str.strip, late.splitlines())) if e["request"] == "cli-3"]
        self.assertEqual(kinds[-1], "profile_finished")

    def test_publish_from_a_pipe(self):
        self.nats("pub", "sextant.v1.request.new", input=json.dumps(submission("cli-2")))
        self.assertTrue(wait_until(lambda: (self.out / "cli-2" / "report.html").is_file(), 60, step=0.2))


if __name__ == "__main__":
    NatsCommand.command = nats_command()
    if not NatsCommand.command:
        sys.exit(SKIPPED)
    unittest.main(verbosity=2)
