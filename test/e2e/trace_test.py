"""`sextant trace` against a system server that answers as Dynamo's does: POST /engine/{route}, 404 for a route that nobody registered."""
import http.server
import json
import threading
import unittest

from sextant import EXIT_BAD_INPUT, EXIT_FAILED, EXIT_OK, SextantTest


class SystemServer(http.server.BaseHTTPRequestHandler):
    routes, seen = {}, []

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        type(self).seen.append((self.path, body))
        status, answer = self.routes.get(self.path, (404, {"error": "Route not found"}))
        text = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


class Trace(SextantTest):

    def setUp(self):
        super().setUp()
        self.handler = type("Handler", (SystemServer,), {"routes": {}, "seen": []})
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self.handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"127.0.0.1:{self.server.server_port}"

    def tearDown(self):
        self.server.shutdown()
        self.server.server_close()
        super().tearDown()

    def trace(self, *words, expect=EXIT_OK):
        return self.run_to_end("trace", *words, "--url", self.url, expect=expect)

    def test_start_and_stop(self):
        self.handler.routes = {"/engine/start_profile": (200, {"status": "ok", "message": "Profiling started"}),
                               "/engine/stop_profile": (200, {"status": "ok", "message": "Profiling stopped"})}
        self.assertIn("Profiling started", self.trace("start", "--output-dir", "/tmp/traces", "--num-steps", 4).stdout)
        self.assertIn("Profiling stopped", self.trace("stop").stdout)
        self.assertEqual(self.handler.seen, [("/engine/start_profile", {"output_dir": "/tmp/traces", "num_steps": 4}),
                                             ("/engine/stop_profile", {})])

    def test_later_releases_have_the_route_below_control(self):
        self.handler.routes = {"/engine/control/start_profile": (200, {"status": "ok"})}
        self.trace("start")
        self.assertEqual([path for path, _ in self.handler.seen], ["/engine/start_profile", "/engine/control/start_profile"])

    def test_engines_that_cannot_or_will_not(self):
        self.assertIn("no profiling route", self.trace("start", expect=EXIT_FAILED).stderr)
        self.handler.routes = {"/engine/start_profile": (500, {"error": "a trace is running"})}
        self.assertIn("HTTP 500: {\"error\": \"a trace is running\"}", self.trace("start", expect=EXIT_FAILED).stderr)
        self.assertIn("refused", self.run_to_end("trace", "stop", "--url", "127.0.0.1:9", expect=EXIT_FAILED).stderr.lower())

    def test_bad_input_is_told_at_once(self):
        errors = self.run_to_end("trace", "begin", "--url", "ftp://x", "--num-steps", "many", expect=EXIT_BAD_INPUT).stderr
        for part in ("begin", "ftp://x", "many", "3 errors"):
            self.assertIn(part, errors)


if __name__ == "__main__":
    unittest.main()
