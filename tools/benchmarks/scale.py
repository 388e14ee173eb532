#!/usr/bin/env python3
"""What the control plane costs: real processes on this machine (one message server, serves without GPUs, agents with simulated
engines played in virtual time), so that nothing is measured but messages and decisions. Prints memory per agent and per waiting
request, points per second, messages and bytes per point, submit to first deployment, hand-over to another serve, what the server
stores, and how each grows from a few requests to many: what grows first breaks first.

run: tools/bench scale [--agents N] [--requests N]
"""
import argparse
import asyncio
import json
import os
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

import nats

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SAMPLE = (ROOT / "deploy" / "samples" / "qwen3-32b.yaml").read_text()
SERVER = shutil.which("nats-server") or "/usr/sbin/nats-server"


class Installation:
    """The processes of one measurement; all end with it."""

    def __init__(self, binary, folder):
        self.binary, self.folder, self.processes = binary, folder, []
        self.server = self.spawn([SERVER, "-js", "-sd", folder / "nats", "-a", "127.0.0.1", "-p", "-1", "-m", "-1", "--ports_file_dir", folder])
        ports = folder / f"nats-server_{self.server.pid}.ports"
        self.wait(lambda: ports.is_file() and ports.read_text().strip().endswith("}"), "the message server")
        told = json.loads(ports.read_text())
        self.url, self.monitor = told["nats"][0], told["monitoring"][0]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
        for process in reversed(self.processes):
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    @staticmethod
    def wait(condition, what, seconds=60):
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                sys.exit(f"{what} did not come in {seconds} s")
            time.sleep(0.01)

    def spawn(self, words, log=None):
        out = open(log, "wb") if log else subprocess.DEVNULL
        process = subprocess.Popen(list(map(str, words)), stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                   env={**os.environ, "SEXTANT_CONFIG_FILE": "none", "SEXTANT_TABLES": "none"})
        self.processes.append(process)
        return process

    def serve(self, name):
        log = self.folder / f"{name}.said"
        process = self.spawn([self.binary, "serve", "--nats", self.url, "--gpus", "0", "--node-name", name, "--output-dir", self.folder / "out",
                              "--log-level", "warn"], log)
        self.wait(lambda: b"serving" in log.read_bytes(), name)
        return process

    def agents(self, count, gpus=8):
        started = []
        for i in range(count):
            log = self.folder / f"node-{i}.said"
            started.append((self.spawn([self.binary, "agent", "--nats", self.url, "--gpus", gpus, "--node-name", f"node-{i}", "--output-dir",
                                        self.folder / f"node-{i}", "--log-level", "warn"], log), log))
        for process, log in started:
            self.wait(lambda log=log: b"offers" in log.read_bytes(), "an agent", 120)
        return [process for process, _ in started]

    def traffic(self):
        """Messages and bytes through the server so far, both ways."""
        told = json.load(urllib.request.urlopen(self.monitor + "/varz", timeout=10))
        return told["in_msgs"] + told["out_msgs"], told["in_bytes"] + told["out_bytes"]

    def stored(self):
        told = json.load(urllib.request.urlopen(self.monitor + "/jsz", timeout=10))
        return told["memory"] + told["storage"]


def memory_mib(process):
    """What a process does not share with others of its kind (PSS would hide what a node alone needs)."""
    text = pathlib.Path(f"/proc/{process.pid}/smaps_rollup").read_text()
    return sum(int(re.search(rf"{kind}:\s+(\d+)", text).group(1)) for kind in ("Private_Clean", "Private_Dirty")) / 1024


def cpu_s(process):
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def submission(name):
    return json.dumps({"v": 1, "kind": "submit_request", "id": name, "request": name, "time": "2026-11-24T00:00:00Z",
                       "body": {"document": SAMPLE, "options": {"simulation": "virtual", "max-num-gpus-per-engine": "2", "confirm": "false",
                                                                "prefill-interpolation-granularity": "4", "decode-interpolation-granularity": "3"}}}).encode()


def quantile(values, q):
    values = sorted(values)
    return values[min(len(values) - 1, int(q * len(values)))]


class Watch:
    """Times of what happens to every request, from subscriptions made before the first submission."""

    def __init__(self):
        self.submitted, self.answered, self.deployed, self.finished, self.points, self.last_point = {}, {}, {}, {}, 0, 0.0

    async def attach(self, client):
        async def deploy(message):
            self.deployed.setdefault(json.loads(message.data)["request"], time.monotonic())

        async def result(message):
            if b'"kind":"point_measured"' in message.data[:200]:
                self.points += 1
                self.last_point = time.monotonic()

        async def event(message):
            told = json.loads(message.data)
            if told["kind"] in ("profile_finished", "profile_failed"):
                if told["kind"] == "profile_failed":
                    sys.exit(f"{told['request']}: {told['body']}")
                self.finished.setdefault(told["request"], time.monotonic())
        await client.subscribe("sextant.v1.work.deploy.>", cb=deploy)
        await client.subscribe("sextant.v1.result.*", cb=result)
        await client.subscribe("sextant.v1.event.*", cb=event)
        await client.flush()

    async def submit(self, client, name):
        self.submitted[name] = time.monotonic()
        answer = json.loads((await client.request("sextant.v1.request.submit", submission(name), timeout=60)).data)
        if answer["kind"] != "request_accepted":
            sys.exit(f"{name}: {answer}")
        self.answered[name] = time.monotonic()

    async def until(self, condition, what, seconds):
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                return print(f"  given up after {seconds} s: {what}")
            await asyncio.sleep(0.02)


async def one_by_one(installation, serve, count):
    """Requests that find nothing else to do."""
    client, watch = await nats.connect(installation.url), Watch()
    await watch.attach(client)
    before, cpu, begin = installation.traffic(), cpu_s(serve), time.monotonic()
    for i in range(count):
        await watch.submit(client, f"single-{i}")
        await watch.until(lambda i=i: f"single-{i}" in watch.finished, "one request", 60)
    wall = time.monotonic() - begin
    messages, size = (b - a for a, b in zip(before, installation.traffic()))
    latency = [watch.deployed[n] - watch.submitted[n] for n in watch.submitted]
    print(f"one after the other, {count} requests: submit to first deployment p50 {1e3 * statistics.median(latency):.0f} ms, "
          f"most {1e3 * max(latency):.0f} ms; {wall / count:.2f} s per request")
    print(f"  per point ({watch.points} points): {messages / watch.points:.0f} messages, {size / watch.points / 1024:.1f} KiB through the server, "
          f"{1e3 * (cpu_s(serve) - cpu) / watch.points:.1f} ms of the serve's CPU")
    await client.close()


async def burst(installation, serve, count, rate):
    """Requests at a rate, whether or not they can be worked on."""
    client, watch = await nats.connect(installation.url), Watch()
    await watch.attach(client)
    idle, stored, begin = memory_mib(serve), installation.stored(), time.monotonic()
    sent = []
    for i in range(count):
        await asyncio.sleep(max(0, begin + i / rate - time.monotonic()))
        sent.append(asyncio.ensure_future(watch.submit(client, f"burst-{i}")))
    await asyncio.gather(*sent)
    submitted = time.monotonic() - begin
    answer = [watch.answered[n] - watch.submitted[n] for n in watch.submitted]
    waiting = count - len(watch.finished)
    print(f"{count} requests at {rate}/s: accepted in {submitted:.1f} s; submit to answer p50 {1e3 * statistics.median(answer):.0f} ms, "
          f"p99 {1e3 * quantile(answer, 0.99):.0f} ms")
    print(f"  the serve with {waiting} waiting: {memory_mib(serve):.0f} MiB, {1024 * (memory_mib(serve) - idle) / max(1, waiting):.0f} KiB per request")
    quiet_messages, quiet_cpu = installation.traffic()[0], cpu_s(serve)
    quiet = time.monotonic()
    await asyncio.sleep(3)
    quiet = time.monotonic() - quiet
    print(f"  then {(installation.traffic()[0] - quiet_messages) / quiet:.0f} messages/s, the serve at {100 * (cpu_s(serve) - quiet_cpu) / quiet:.0f} % of a core")
    await watch.until(lambda: len(watch.finished) == count, f"{count - len(watch.finished)} requests are not finished", 240)
    deployed = [watch.deployed[n] - watch.submitted[n] for n in watch.deployed if n in watch.submitted]
    end = max(watch.finished.values(), default=time.monotonic())
    print(f"  submit to first deployment p50 {1e3 * statistics.median(deployed):.0f} ms, p99 {1e3 * quantile(deployed, 0.99):.0f} ms (bar: 250 ms)")
    print(f"  {len(watch.finished)} finished in {end - begin:.1f} s, {watch.points} points, {watch.points / (end - begin):.0f} points/s; "
          f"the server keeps {(installation.stored() - stored) / max(1, watch.points) / 1024:.1f} KiB per point")
    await client.close()


async def hand_over(installation, serve):
    """Kills the owner of a request in the middle; until another serve's first point or deployment."""
    client, watch = await nats.connect(installation.url), Watch()
    await watch.attach(client)
    for i in range(10):
        await watch.submit(client, f"left-{i}")
    await watch.until(lambda: watch.points > 3, "points", 60)
    serve.kill()
    killed, points = time.monotonic(), watch.points
    await asyncio.sleep(0.3)  # what was on its way
    points = watch.points
    await watch.until(lambda: watch.points > points, "a point after the hand-over", 60)
    print(f"hand-over: {watch.last_point - killed:.1f} s from the kill of a serve to the next point (bar: 5 s)")
    await client.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--agents", type=int, default=8)
    parser.add_argument("--requests", type=int, default=80, help="of the larger burst; the smaller is a quarter of it")
    parser.add_argument("--rate", type=int, default=100, help="requests a second of a burst")
    arguments = parser.parse_args()
    print(f"{os.cpu_count()} cores; {arguments.agents} agents with 8 GPUs each, engines simulated in virtual time")
    with tempfile.TemporaryDirectory(prefix="sextant-scale-") as name, Installation(arguments.binary, pathlib.Path(name)) as installation:
        serve = installation.serve("serve-1")
        begin = time.monotonic()
        agents = installation.agents(arguments.agents)
        print(f"agents were ready in {time.monotonic() - begin:.1f} s; {statistics.median(memory_mib(a) for a in agents):.1f} MiB each")
        asyncio.run(one_by_one(installation, serve, 10))
        for count in (arguments.requests // 4, arguments.requests):
            with tempfile.TemporaryDirectory(prefix="sextant-scale-") as other, Installation(arguments.binary, pathlib.Path(other)) as fresh:
                serve_of_burst = fresh.serve("serve-1")
                fresh.agents(arguments.agents)
                asyncio.run(burst(fresh, serve_of_burst, count, arguments.rate))
        installation.serve("serve-2")
        asyncio.run(hand_over(installation, serve))


if __name__ == "__main__":
    main()
