"""A load test against the null server: an endpoint whose times are known."""
import json
import os
import pathlib
import re
import subprocess

from sextant import BINARY, EXIT_OK, SextantTest

SERVER = os.environ.get("NULL_SERVER", str(pathlib.Path(BINARY).with_name("null_server")))


class NullServerTest(SextantTest):

    def setUp(self):
        super().setUp()
        self.server = None

    def tearDown(self):
        self.stop()
        super().tearDown()

    def stop(self):
        if self.server:
            self.server.kill()
            self.server.wait()
            self.server.stdout.close()
            self.server = None

    def serve(self, *flags):
        self.stop()
        self.server = subprocess.Popen([SERVER, *map(str, flags)], stdout=subprocess.PIPE, text=True)
        self.url = re.search(r"http://\S+", self.server.stdout.readline()).group(0)

    def load(self, *flags, expect=EXIT_OK, **more):
        return self.run_to_end("load", "--model", "null", "--url", self.url, "--random-seed", 5, *flags, expect=expect, **more)

    def summary(self, folder):
        return json.loads((self.folder / folder / "profile_export_aiperf.json").read_text())
