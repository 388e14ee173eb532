"""A message server and `sextant serve` for tests that talk to it as any client would."""
import os
import pathlib
import re
import shutil
import subprocess

from sextant import SAMPLES, SextantTest, wait_until

SERVER = os.environ.get("SEXTANT_NATS_SERVER") or shutil.which("nats-server") or "/usr/sbin/nats-server"


class ServingTest(SextantTest):
    """Every test has its own server, its own installation and an output directory `self.out`."""

    gpus = 8
    serve_options = ()

    def setUp(self):
        super().setUp()
        self.out = self.folder / "served"
        self.server = self.start_server(self.folder / "nats")
        self.serving = self.start_serving()

    def tearDown(self):
        self.server.kill()
        self.server.wait(10)
        super().tearDown()

    def start_server(self, folder):
        """A server on a port of its own choice; `self.url` says which."""
        folder.mkdir(exist_ok=True)
        server = subprocess.Popen([SERVER, "-js", "-sd", folder, "-a", "127.0.0.1", "-p", "-1", "--ports_file_dir", folder],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        ports = pathlib.Path(folder) / f"nats-server_{server.pid}.ports"
        self.assertTrue(wait_until(lambda: ports.is_file() and re.search(r"nats://[\d.:]+", ports.read_text()), 10))
        self.url = re.search(r"nats://[\d.:]+", ports.read_text()).group(0)
        return server

    def start_serving(self, *more):
        serving = self.start("serve", "--nats", self.url, "--host", "simulated", "--gpus", self.gpus, "--output-dir", self.out,
                             *self.serve_options, *more)
        self.assertTrue(wait_until(lambda: "serving" in serving.stderr or not serving.running(), 20))
        self.assertTrue(serving.running(), serving.stderr)
        return serving


def submission(request, sample="qwen3-32b.yaml", document=None, **options):
    """The JSON message that submits a shipped sample (or `document`), to be played in virtual time."""
    return {
        "v": 1, "kind": "submit_request", "id": request, "request": request, "time": "2026-11-24T00:00:00Z",
        "body": {"document": document or (SAMPLES / sample).read_text(), "options": {"simulation": "virtual", **options}},
    }
