#!/usr/bin/env python3
"""Curves of a real Dynamo frontend and mocker whose engine is known: how long `sextant profile-endpoint` takes, and how near it
comes to the truth. The reference profiler's script took 484 s (decode) and 85 s (prefill) for the same points.

run: tools/bench endpoint
"""
import argparse
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "test" / "interop"))
from tiny_model import write_model  # noqa: E402

CONTEXT = 32768
KV_TOKENS = 20000  # of the decode grid: contexts of up to 33 requests
REFERENCE_S = {"decode": 484, "prefill": 85}
FRONTEND_MS = 3  # its own part of a TTFT


def true_ttft(isl):
    return 5 + 0.1 * isl


def true_itl(kv_tokens, context):
    return 8 + 0.3 * np.maximum(kv_tokens / context, 1) + 2e-4 * kv_tokens


def write_truth(path):
    """The mocker interpolates linearly between nodes: a geometric grid leaves no error worth mentioning."""
    isl = np.unique(np.concatenate([[1.0], np.geomspace(16, CONTEXT, 120).round()]))
    kv, context = np.geomspace(16, 1 << 20, 160), np.geomspace(16, CONTEXT, 120)
    np.savez(path, prefill_isl=isl, prefill_ttft_ms=true_ttft(isl), decode_active_kv_tokens=kv, decode_context_length=context,
             decode_itl=true_itl(kv[:, None], context[None, :]))
    return path


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Dynamo:
    """Frontend and mocker with file discovery, on loopback."""

    def __init__(self, folder, python=sys.executable, system_port=-1):
        self.folder = pathlib.Path(folder)
        self.python = python
        self.system_port = system_port  # of the mocker's own /metrics; negative: none
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self, name, *arguments):
        environment = {**os.environ, "DYN_DISCOVERY_BACKEND": "file", "DYN_FILE_KV": str(self.folder / "kv"),
                       "DYN_REQUEST_PLANE": "tcp", "DYN_EVENT_PLANE": "zmq", "DYN_TCP_RPC_HOST": "127.0.0.1",
                       "DYN_TCP_RESPONSE_STREAM_HOST": "127.0.0.1", "DYN_EVENT_PLANE_HOST": "127.0.0.1",
                       "DYN_SELF_HOST_METADATA": "0", "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1",
                       "DYN_SYSTEM_PORT": str(self.system_port if name == "mocker" else -1)}
        with open(self.folder / f"{name}.log", "wb") as log:
            return subprocess.Popen([self.python, "-m", f"dynamo.{name}", *map(str, arguments)], stdout=log, stderr=log,
                                    stdin=subprocess.DEVNULL, env=environment, start_new_session=True)

    def __enter__(self):
        (self.folder / "kv").mkdir()
        model = write_model(self.folder / "model", CONTEXT)
        self.processes = [self.start("frontend", "--http-host", "127.0.0.1", "--http-port", self.port),
                          self.start("mocker", "--model-path", model, "--model-name", "mock", "--max-model-len", CONTEXT,
                                     "--planner-profile-data", write_truth(self.folder / "truth.npz"))]
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                with urllib.request.urlopen(self.url + "/v1/models", timeout=2) as page:
                    if b'"mock"' in page.read():
                        return self
            except OSError:
                pass
            if any(p.poll() is not None for p in self.processes):
                break
            time.sleep(0.1)
        self.__exit__()
        sys.exit("Dynamo did not start:\n" + (self.folder / "mocker.log").read_text()[-2000:])

    def __exit__(self, *_):
        for p in self.processes:
            try:
                os.killpg(p.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            p.wait()
        return False


def profile(binary, dynamo, mode, steps, out):
    begin = time.monotonic()
    subprocess.run([binary, "profile-endpoint", "--mode", mode, "--url", dynamo.url, "--max-context-length", "4096",
                    "--interpolation-granularity", str(steps), "--max-kv-tokens", str(KV_TOKENS), "--work-dir", out], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.monotonic() - begin, np.load(pathlib.Path(out) / "raw_data.npz")


def verdict(met):
    return "met" if met else "MISSED"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=str(ROOT / "build" / "release" / "sextant"))
    binary = parser.parse_args().binary
    missed = 0
    with tempfile.TemporaryDirectory(prefix="sextant-bench-") as folder, Dynamo(folder) as dynamo:
        seconds, d = profile(binary, dynamo, "decode", 3, pathlib.Path(folder) / "decode")
        kv = d["x_kv_usage"] * d["max_kv_tokens"][0]
        context, itl = d["y_context_length"], d["z_itl"]
        truth = true_itl(kv, context)
        print("decode: context  in flight  ITL ms   truth   error %")
        for row in zip(context, kv / context, itl, truth, 100 * (itl / truth - 1)):
            print("        {:>8.0f}{:>11.1f}{:>8.3f}{:>8.3f}{:>+10.2f}".format(*row))
        worst = np.max(np.abs(itl / truth - 1))
        rows = [(f"decode, {len(itl)} points, s", REFERENCE_S["decode"] / 10, seconds), ("ITL, largest error, %", 0.5, 100 * worst)]
        seconds, p = profile(binary, dynamo, "prefill", 6, pathlib.Path(folder) / "prefill")
        above = p["prefill_ttft"] - true_ttft(p["prefill_isl"])
        print("prefill: ISL   TTFT ms    truth   above ms")
        for row in zip(p["prefill_isl"], p["prefill_ttft"], true_ttft(p["prefill_isl"]), above):
            print("       {:>6.0f}{:>9.2f}{:>9.2f}{:>+10.2f}".format(*row))
        rows += [(f"prefill, {len(above)} points, s", REFERENCE_S["prefill"] / 10, seconds),
                 (f"TTFT, largest distance from truth + {FRONTEND_MS} ms, ms", 3, np.max(np.abs(above - FRONTEND_MS)))]
    print(f"\n{'':<52}{'at most':>10}{'measured':>10}")
    for what, bar, got in rows:
        missed += got > bar
        print(f"{what:<52}{bar:>10.1f}{got:>10.2f}  {verdict(got <= bar)}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
