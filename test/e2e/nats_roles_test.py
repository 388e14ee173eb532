"""The shipped server configurations against the program: every kind of process can do its work as its own user and nothing else,
two installations do not see each other, and a cluster of three loses a server without losing a run."""
import json
import os
import re
import socket
import subprocess
import time
import unittest

from serving import SERVER
from sextant import EXIT_FAILED, ROOT, SAMPLES, SextantTest, wait_until

SECRET = "s3cret-Zq81kf-of-this-test"
CONF = ROOT / "deploy" / "nats"
SAMPLE = SAMPLES / "qwen3-32b.yaml"
LIGHT = ("--simulation", "virtual", "--max-num-gpus-per-engine", "2")


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def user(name):
    return {"NATS_USER": name, "NATS_PASSWORD": SECRET}


class NatsRoles(SextantTest):
    def setUp(self):
        super().setUp()
        self.servers = []

    def tearDown(self):
        for server in self.servers:
            server.kill()
            server.wait(10)
        for file in self.folder.rglob("*"):
            if file.is_file() and file.suffix in (".out", ".err", ".log", ".json", ".yaml", ".jsonl", ".html"):
                self.assertNotIn(SECRET, file.read_text(errors="replace"), file)
        super().tearDown()

    def start_server(self, conf, port, **variables):
        """A server with a shipped configuration, moved to this test's ports and folder."""
        folder = self.folder / f"nats-{port}"
        folder.mkdir()
        text = re.sub(r'(?m)^listen: .*', f'listen: "127.0.0.1:{port}"', conf)
        text = text.replace('"/var/lib/nats", max_file_store: 64GB', f'"{folder}", max_file_store: 1GB')
        (folder / "server.conf").write_text(text)
        (folder / "roles.conf").write_text((CONF / "roles.conf").read_text())
        secrets = {f"{name}_PASSWORD": SECRET for name in ("SERVE", "AGENT", "CLIENT", "OBSERVER", "SERVE_TWO", "AGENT_TWO", "CLIENT_TWO", "ROUTE")}
        with open(folder / "server.log", "wb") as log:
            server = subprocess.Popen([SERVER, "-c", folder / "server.conf"], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                      env={**os.environ, **secrets, **variables})
        self.servers.append(server)
        self.assertTrue(wait_until(lambda: "Server is ready" in (folder / "server.log").read_text(), 15), (folder / "server.log").read_text())
        return server

    def start_process(self, command, who, ready, *options):
        process = self.start(command, "--nats", self.url, *options, environment=user(who))
        self.assertTrue(wait_until(lambda: ready in process.stderr or not process.running(), 30), process.stderr)
        self.assertTrue(process.running(), process.stderr)
        return process

    def installation(self, end="", out="served", *options):
        """A serve without GPUs and an agent, each as its own user."""
        self.start_process("serve", "serve" + end, "serving", "--gpus", "0", "--output-dir", self.folder / out, *options)
        return self.start_process("agent", "agent" + end, "offers", "--gpus", "4", "--node-name", "node" + end, "--output-dir",
                                  self.folder / f"agent{end}")

    def ask(self, who, command, *arguments, expect=0):
        return self.run_to_end(command, *arguments, "--nats", self.url, expect=expect, seconds=60, environment=user(who))

    def one_server(self):
        port, = free_ports(1)
        self.url = f"nats://127.0.0.1:{port}"
        self.start_server((CONF / "server.conf").read_text(), port)

    def publish(self, who, subject, message):
        """What the server says to a plain publish of a user: nothing, or why not."""
        host, port = self.url.removeprefix("nats://").split(":")
        with socket.create_connection((host, int(port)), 5) as s:
            body = message.encode()
            s.sendall(b"CONNECT " + json.dumps({"verbose": False, "user": who, "pass": SECRET}).encode() + b"\r\n"
                      + f"PUB {subject} {len(body)}\r\n".encode() + body + b"\r\nPING\r\n")
            said = b""
            while b"PONG" not in said:
                part = s.recv(4096)
                if not part:
                    break
                said += part
        return re.search(r"-ERR '(.*?)'", said.decode()).group(1) if b"-ERR" in said else ""

    def test_each_role_does_its_work_and_nothing_else(self):
        self.one_server()
        self.installation()
        self.ask("client", "submit", SAMPLE, "--id", "r1", "--wait", *LIGHT)
        self.assertIn("FEASIBLE", self.ask("observer", "results", "r1").stdout)
        self.assertIn("node", self.ask("observer", "nodes").stdout)
        self.ask("client", "drain", "node")
        for log in (self.folder / "served" / "serve.log", self.folder / "agent" / "agent.log"):
            self.assertNotRegex(log.read_text(), "Violation|may not", "something that it needs is forbidden")
        # Everybody's forbidden things: refused by the server, and said at once.
        for who in ("agent", "observer"):
            begun = time.monotonic()
            for command in (("submit", SAMPLE, "--id", "r2"), ("cancel", "r1")):
                said = self.ask(who, *command, expect=EXIT_FAILED).stderr
                self.assertIn("may not publish to sextant.v1.request.", said)
            self.assertLess(time.monotonic() - begun, 4, "a refusal must not look like a server that does not answer")
        self.assertIn("may not publish", self.ask("observer", "drain", "node", expect=EXIT_FAILED).stderr)
        forbidden = {
            "client": ("result.r1", "event.r1", "work.deploy.default.1", "records.z.r.1", "engine.r1.release", "request.accepted.r9", "request.r1.wants"),
            "agent": ("request.submit", "request.new", "request.accepted.r9", "request.r1.cancel", "event.r1", "engine.r1.release", "work.write"),
            "observer": ("request.submit", "request.new", "request.r1.cancel", "result.r1", "event.r1"),
        }
        for who, subjects in forbidden.items():
            for subject in subjects:
                self.assertIn("Permissions Violation", self.publish(who, "sextant.v1." + subject, "{}"), f"{who}: {subject}")
            for subject in ("$KV.sextant_v1_leases.r1", "$JS.API.STREAM.DELETE.sextant_v1_results", "$JS.API.STREAM.PURGE.sextant_v1_requests",
                            "$JS.API.STREAM.MSG.DELETE.sextant_v1_results", "$JS.API.STREAM.CREATE.sextant_v1_mine"):
                self.assertIn("Permissions Violation", self.publish(who, subject, "{}"), f"{who}: {subject}")
        for who, subject in (("client", "request.new"), ("agent", "result.none"), ("serve", "event.none")):
            self.assertEqual(self.publish(who, "sextant.v1." + subject, "{}"), "", "what is refused above is not just everything")
        self.assertEqual([r["id"] for r in json.loads(self.ask("client", "list", "--json").stdout)["requests"]], ["r1"])

    def test_installations_in_two_accounts_do_not_see_each_other(self):
        self.one_server()
        self.installation()
        self.installation("_two", "served_two")
        self.ask("client", "submit", SAMPLE, "--id", "mine", "--wait", *LIGHT)
        listed = lambda who: [r["id"] for r in json.loads(self.ask(who, "list", "--json").stdout)["requests"]]
        self.assertEqual((listed("client"), listed("client_two")), (["mine"], []))
        nodes = lambda who: self.ask(who, "nodes").stdout
        self.assertTrue("node_two" not in nodes("client") and "node_two" in nodes("client_two"))
        self.ask("client_two", "results", "mine", expect=EXIT_FAILED)

    def test_a_cluster_of_three_loses_a_server_and_no_run(self):
        ports, routes = free_ports(3), free_ports(3)
        conf = (CONF / "cluster.conf").read_text()
        for i, name in enumerate("abc"):
            own = re.sub(r'(?m)^  listen: .*', f'  listen: "127.0.0.1:{routes[i]}"', conf)
            own = re.sub(r"(?m)^  routes: .*", "  routes: [ " + ", ".join(f'"nats://route:{SECRET}@127.0.0.1:{p}"' for p in routes) + " ]", own)
            self.start_server(own, ports[i], SERVER_NAME=name)
        self.url = ",".join(f"nats://127.0.0.1:{p}" for p in ports)
        self.installation("", "served", "--stream-replicas", "3")
        submitted = self.ask("client", "submit", SAMPLE, "--id", "r1", "--vram-mb", "78000", "--max-num-gpus-per-engine", "1",
                             "--max-context-length", "4096", "--ttft", "2000", "--itl", "40", "--decode-interpolation-granularity", "3")
        self.assertIn("r1", submitted.stdout)
        watcher = self.start("watch", "r1", "--json-events", "--nats", self.url, environment=user("client"))
        self.assertTrue(wait_until(lambda: watcher.measured(), 90), watcher.stderr)
        self.servers[0].kill()
        self.assertEqual(watcher.wait(200), 0, watcher.stderr)
        measured = watcher.measured()
        self.assertEqual(len(measured), len(set(measured)), "a finished point was measured again")


if __name__ == "__main__":
    unittest.main()
