"""HTTP and event streams of web servers that others wrote: uvicorn with h11 and with httptools, aiohttp, Node."""
import json
import pathlib
import shutil
import socket
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))

from sextant import EXIT_FAILED, EXIT_OK, ROOT, SextantTest, wait_until  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
PYTHON = ROOT / "build" / "python" / "web" / "bin" / "python"
MANNERS = ("plain", "crlf", "chatty", "lines", "bytes")


class WebServers(SextantTest):

    @classmethod
    def setUpClass(cls):
        if subprocess.run([ROOT / "tools" / "python_env", "web"], check=False).returncode != 0:
            raise unittest.SkipTest("the web servers cannot be installed here")

    def serve(self, *command):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        server = subprocess.Popen([*map(str, command), str(port)], stdout=subprocess.DEVNULL)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)

        def answers():
            with socket.socket() as s:
                return s.connect_ex(("127.0.0.1", port)) == 0
        self.assertTrue(wait_until(answers, 30))
        self.url = f"http://127.0.0.1:{port}"

    def load(self, model, folder, *flags, expect=EXIT_OK):
        return self.run_to_end("load", "--no-auto-plot", "--url", self.url, "--model", model, "--isl", 8, "--osl", 6,
                               "--concurrency", 4, "--request-count", 16, "--random-seed", 1, "--artifact-dir", folder, *flags,
                               expect=expect)

    def records(self, folder):
        return [json.loads(line) for line in (self.folder / folder / "profile_export.jsonl").read_text().splitlines()]

    def check_all(self):
        """Every manner of writing a stream, and answers that are none."""
        for manner in MANNERS:
            for kind in ("chat", "completions"):
                folder = f"{manner}-{kind}"
                done = self.load(manner, folder, "--streaming", "--endpoint-type", kind, "--use-server-token-count")
                self.assertIn("16 requests answered, 0 failed", done.stdout, folder)
                for record in self.records(folder):
                    self.assertEqual(record["metrics"]["output_sequence_length"]["value"], 6, folder)
                    self.assertEqual(len(record["metrics"]["inter_chunk_latency"]["value"]), 5, folder)
                    self.assertGreaterEqual(record["metrics"]["time_to_first_token"]["value"], 19, folder)
                    # A timer of the server may be early by its clock's tick.
                    self.assertGreaterEqual(record["metrics"]["request_latency"]["value"], 19 + 5 * 3, folder)
        for kind in ("chat", "completions", "embeddings"):
            done = self.load("plain", f"whole-{kind}", "--endpoint-type", kind)
            self.assertIn("16 requests answered, 0 failed", done.stdout, kind)
        self.load("broken", "broken", "--streaming", "--endpoint-type", "chat", expect=EXIT_FAILED)
        self.assertIn("fell over", json.dumps(self.records("broken")[0]["error"]))
        self.load("busy", "busy", "--streaming", "--endpoint-type", "chat", "--request-count", 4, expect=EXIT_FAILED)
        self.assertEqual({r["error"]["code"] for r in self.records("busy")}, {429})

    def test_uvicorn_with_h11(self):
        self.serve(PYTHON, HERE / "web_app.py", "h11")
        self.check_all()

    def test_uvicorn_with_httptools(self):
        self.serve(PYTHON, HERE / "web_app.py", "httptools")
        self.check_all()

    def test_aiohttp(self):
        self.serve(PYTHON, HERE / "web_app.py", "aiohttp")
        self.check_all()

    @unittest.skipUnless(shutil.which("node"), "no Node here")
    def test_node(self):
        self.serve("node", HERE / "web_app.js")
        self.check_all()


if __name__ == "__main__":
    unittest.main()
