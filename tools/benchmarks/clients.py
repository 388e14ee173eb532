"""What the load benchmarks are made of: the null server, runs of Sextant and of AIPerf against it, and records joined with
the server's own times."""
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SERVER_CPU = 0
PINNED_CPU = 1  # of a client that is to have one core and no more


def on_cpu(cpu, command):
    return ["taskset", "-c", str(cpu), *command] if os.cpu_count() > 1 else command


def unix_minus_monotonic_ns():
    """Offset between the clocks, from the tightest of a few readings."""
    best = None
    for _ in range(200):
        before, unix, after = time.monotonic_ns(), time.time_ns(), time.monotonic_ns()
        if best is None or after - before < best[0]:
            best = (after - before, unix - (before + after) // 2)
    return best[1]


class NullServer:
    """A null server in a process of its own on the first core; `records` by request id are there after the end."""

    def __init__(self, binary, folder, *flags, priority=0):
        self.log = pathlib.Path(folder) / f"server-{time.monotonic_ns()}.jsonl"
        self.command = on_cpu(SERVER_CPU, [str(binary), "--log", str(self.log), *map(str, flags)])
        self.priority = priority

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True)
        self.privileged = True
        if self.priority:
            try:
                os.setpriority(os.PRIO_PROCESS, self.process.pid, self.priority)
            except PermissionError:
                self.privileged = False
        line = self.process.stdout.readline()
        if not line.startswith("null_server: http"):
            sys.exit(f"the null server did not start: {' '.join(self.command)}")
        self.url = line.split()[1]
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        _, status, usage = os.wait4(self.process.pid, 0)
        self.process.returncode = status
        self.cpu_s = usage.ru_utime + usage.ru_stime
        lines = [json.loads(line) for line in self.log.read_text().splitlines()]
        self.records = {r["request_id"]: r for r in lines}
        self.lines = lines
        self.log.unlink()
        return False


class Run:
    """One run of a client: what it cost, and its records."""

    def __init__(self, name, command, folder, cpu=None):
        self.name, self.folder = name, pathlib.Path(folder)
        self.rss_mb, self.ended = 0, threading.Event()
        self.output = self.folder.with_suffix(".out")
        self.began_ns = time.monotonic_ns()
        with open(self.output, "wb") as output:
            self.process = subprocess.Popen(on_cpu(cpu, command) if cpu is not None else command, stdin=subprocess.DEVNULL,
                                            stdout=output, stderr=subprocess.STDOUT, process_group=0)

    def wait(self, patience_s=240):
        """Ends a run that hangs; that is an error of the benchmark, not a number."""
        watch = threading.Timer(patience_s, lambda: os.killpg(self.process.pid, signal.SIGKILL))
        watch.start()
        sampler = threading.Thread(target=self.sample_memory)
        sampler.start()
        _, status, usage = os.wait4(self.process.pid, 0)
        watch.cancel()
        self.ended.set()
        self.process.returncode = os.waitstatus_to_exitcode(status)
        self.wall_s = (time.monotonic_ns() - self.began_ns) / 1e9
        self.cpu_s = usage.ru_utime + usage.ru_stime
        sampler.join()
        if self.process.returncode != 0:
            sys.exit(f"{self.name} ended with {self.process.returncode}:\n{self.output.read_text(errors='replace')[-3000:]}")
        return self

    def sample_memory(self):
        """Peak of the process itself; the one that `wait4` tells is at least that of this program, from which it was forked."""
        while not self.ended.wait(0.1):
            with contextlib.suppress(OSError):
                for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
                    if line.startswith("VmHWM:"):
                        self.rss_mb = max(self.rss_mb, int(line.split()[1]) / 1024)

    def records(self):
        with open(self.folder / "profile_export.jsonl", encoding="utf-8") as file:
            lines = [json.loads(line) for line in file]
        return [r for r in lines if r["metadata"]["benchmark_phase"] == "profiling"]

    def summary(self):
        return json.loads((self.folder / "profile_export_aiperf.json").read_text())


def sextant(binary, url, folder, *flags, cpu=None):
    """Starts `sextant load` with AIPerf's flags; prompts are short, so that the answers are what is measured."""
    command = [str(binary), "load", "--no-auto-plot", "--model", "mock-model", "--url", url, "--endpoint-type", "completions", "--streaming",
               "--isl", "32", "--use-server-token-count", "--artifact-dir", str(folder), "--ui", "none", *map(str, flags)]
    return Run("sextant load", command, folder, cpu=cpu)


def aiperf(url, folder, *flags, cpu=None):
    """Starts the same with AIPerf."""
    python = ROOT / "build" / "python" / "aiperf" / "bin"
    command = [str(python / "aiperf"), "profile", "--model", "mock-model", "--tokenizer", str(tokenizer(python)), "--url", url,
               "--endpoint-type", "completions", "--streaming", "--isl", "32", "--use-server-token-count", "--extra-inputs",
               "ignore_eos:true", "--artifact-dir", str(folder), "--ui", "none", "--no-server-metrics", *map(str, flags)]
    return Run("aiperf", command, folder, cpu=cpu)


def tokenizer(python):
    """AIPerf wants a tokenizer to make prompts with, and its built-in one needs the network: one token for each byte."""
    folder = python.parent / "byte_tokenizer"
    if not (folder / "tokenizer.json").exists():
        code = """if True:
            import sys
            from tokenizers import Tokenizer, decoders, models, pre_tokenizers
            from transformers import PreTrainedTokenizerFast
            bytes_ = sorted(pre_tokenizers.ByteLevel.alphabet())
            made = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(bytes_)}, merges=[]))
            made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
            made.decoder = decoders.ByteLevel()
            PreTrainedTokenizerFast(tokenizer_object=made).save_pretrained(sys.argv[1])"""
        subprocess.run([python / "python", "-c", code, folder], check=True, stderr=subprocess.DEVNULL)
    return folder


class Joined:
    """A client's records beside the server's: arrays in milliseconds, errors of single arrivals in microseconds."""

    def __init__(self, run, server):
        offset = unix_minus_monotonic_ns()
        ttft, true_ttft, itl, true_itl, errors, late, delivered, last = [], [], [], [], [], [], [], 0
        begun, self.requests, self.events = None, 0, 0
        for r in run.records():
            truth = server.records.get(r["metadata"]["x_request_id"])
            m = r["metrics"]
            if truth is None or "time_to_first_token" not in m:
                continue
            self.requests += 1
            sent = np.array(truth["sent_ns"], dtype=np.int64)
            start = r["metadata"]["request_start_ns"] - offset
            begun = start if begun is None else min(begun, start)
            ttft.append(m["time_to_first_token"]["value"])
            true_ttft.append((sent[0] - truth["received_ns"]) / 1e6)
            gaps = np.atleast_1d(m["inter_chunk_latency"]["value"]) if "inter_chunk_latency" in m else np.array([])
            self.events += len(gaps) + 1
            delivered.append(start + (ttft[-1] + gaps.sum()) * 1e6)
            last = max(last, sent[-1])
            if len(gaps) + 1 != len(sent):
                continue  # events that the client took as one have no arrival of their own
            arrivals = start + np.cumsum(np.concatenate([[ttft[-1]], gaps])) * 1e6
            errors.append((arrivals - sent) / 1e3)
            late.append((sent - np.array(truth["scheduled_ns"])) / 1e3)
            if len(sent) > 1:
                itl.append(m["inter_token_latency"]["value"])
                true_itl.append((sent[-1] - sent[0]) / 1e6 / (len(sent) - 1))
        if not self.requests:
            sys.exit(f"{run.name}: no record could be joined with the server's")
        self.ttft, self.true_ttft, self.itl, self.true_itl = map(np.array, (ttft, true_ttft, itl, true_itl))
        self.errors_us, self.late_us = np.concatenate(errors), np.concatenate(late)
        self.events_per_s = self.events / ((max(delivered) - begun) / 1e9)
        self.traffic_s = (max(delivered) - begun) / 1e9

    def off(self, what, statistic):
        """Relative difference of a reported statistic from the truth's, per cent."""
        reported, truth = (self.ttft, self.true_ttft) if what == "ttft" else (self.itl, self.true_itl)
        return 100 * (statistic(reported) / statistic(truth) - 1)


@contextlib.contextmanager
def busy_cores(wanted):
    """Something else that wants every core, one process each."""
    hogs = []
    if wanted:
        code = "while True: pass"
        hogs = [subprocess.Popen(on_cpu(cpu, [sys.executable, "-c", code])) for cpu in range(os.cpu_count())]
        time.sleep(0.2)
    try:
        yield
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()


def used_by_others(seconds=0.5):
    """Share of this machine's cores that is in use right now, before anything is started."""
    def read():
        numbers = list(map(int, pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]))
        return sum(numbers), numbers[3] + numbers[4]
    all_before, idle_before = read()
    time.sleep(seconds)
    all_after, idle_after = read()
    return 1 - (idle_after - idle_before) / max(1, all_after - all_before)
