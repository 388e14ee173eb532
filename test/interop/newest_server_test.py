"""The newest message server: the bus's contract and losses, a whole profile, and an installation with its permissions. Built once with Go
into the user's cache; exits with 77 (skipped) where there is no Go, or no way to its module proxy."""
import os
import pathlib
import shutil
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve()
sys.path.insert(0, str(HERE.parent.parent / "e2e"))

from sextant import BINARY, SAMPLES, SextantTest  # noqa: E402

SKIPPED = 77
VERSION = "v2.15.2"
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "sextant"


def newest_server():
    """Path of the server, or nothing with the reason printed."""
    folder = CACHE / f"nats-server-{VERSION}"
    if (folder / "nats-server").is_file():
        return folder / "nats-server"
    go = shutil.which("go") or ("/usr/local/go/bin/go" if os.path.exists("/usr/local/go/bin/go") else None)
    if not go:
        print(f"skipped: no Go on this machine to build nats-server {VERSION} with")
        return None
    fresh = folder.with_suffix(".new")
    fresh.mkdir(parents=True, exist_ok=True)
    built = subprocess.run([go, "install", f"github.com/nats-io/nats-server/v2@{VERSION}"], env={**os.environ, "GOBIN": str(fresh)},
                           capture_output=True, text=True, check=False)
    if built.returncode:
        print(f"skipped: nats-server {VERSION} could not be built here:", built.stderr[-500:])
        return None
    fresh.rename(folder)
    return folder / "nats-server"


class NewestServer(SextantTest):
    server = None

    def run_with_it(self, words, seconds):
        ended = subprocess.run(list(map(str, words)), capture_output=True, text=True, timeout=seconds, check=False,
                               env={**os.environ, "SEXTANT_NATS_SERVER": str(self.server)})
        self.assertEqual(ended.returncode, 0, (ended.stdout + ended.stderr)[-3000:])

    def test_it_is_the_newest(self):
        self.assertIn(VERSION, subprocess.run([self.server, "--version"], capture_output=True, text=True, check=True).stdout)

    def test_contract_of_the_bus_and_killed_servers(self):
        self.run_with_it([os.environ["TEST_NATS"], "[bus],[loss]"], 200)

    def test_a_profile_over_it(self):
        out = self.folder / "out"
        self.run_with_it([BINARY, "profile", SAMPLES / "qwen3-32b.yaml", "--simulation", "virtual", "--output-dir", out], 120)
        log = next((out / ".sextant" / "nats").rglob("*.log"))
        self.assertIn(VERSION.removeprefix("v"), log.read_text())

    def test_permissions_accounts_and_clusters(self):
        self.run_with_it([sys.executable, HERE.parent.parent / "e2e" / "nats_roles_test.py"], 300)


if __name__ == "__main__":
    NewestServer.server = newest_server()
    if not NewestServer.server:
        sys.exit(SKIPPED)
    unittest.main(verbosity=2)
