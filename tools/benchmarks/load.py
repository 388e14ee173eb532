#!/usr/bin/env python3
"""Prints every bar of the load generator beside what was measured, AIPerf's own client against the same server next to it.

run: tools/bench load [--only PART ...] [--no-aiperf]
"""
import argparse
import concurrent.futures
import os
import pathlib
import sys
import tempfile
import time

import numpy as np

from clients import (PINNED_CPU, ROOT, Joined, NullServer, aiperf, busy_cores, sextant, used_by_others)

mean, p99 = np.mean, lambda values: np.percentile(values, 99)
STREAMS = (64, 256, 1024)


class Bench:
    """The table, and the two clients against servers of one kind."""

    def __init__(self, binary, folder, with_aiperf):
        self.binary, self.folder, self.with_aiperf = pathlib.Path(binary), pathlib.Path(folder), with_aiperf
        self.null_server = self.binary.parent / "null_server"
        self.count, self.missed = 0, []

    def server(self, *flags, **more):
        return NullServer(self.null_server, self.folder, *flags, **more)

    def place(self):
        self.count += 1
        return self.folder / f"run-{self.count}"

    def title(self, text):
        print(f"\n{text}   [{100 * used_by_others():.0f} % of the machine was in use before]", flush=True)
        print(f"  {'':<66}{'bar':>14}{'sextant':>12}{'aiperf':>12}{'':>9}")

    def row(self, what, bar, ours, theirs=None, met=None, ratio=None, form="{:.1f}"):
        shown = [form.format(v) if isinstance(v, (int, float)) and not isinstance(v, bool) else v or "-" for v in (ours, theirs)]
        verdict = "" if met is None else "met" if met else "MISSED"
        if met is False:
            self.missed.append(what)
        print(f"  {what:<66}{bar:>14}{shown[0]:>12}{shown[1]:>12}{verdict:>9}{'' if ratio is None else f'   {ratio}'}", flush=True)

    def both(self, server_flags, client_flags, cpu=None, patience_s=240, busy=False):
        """The same requests by both clients, each against a fresh server: [(run, joined, server)]; AIPerf's may be missing."""
        results = []
        clients = [lambda *a, **k: sextant(self.binary, *a, **k)] + ([aiperf] if self.with_aiperf else [])
        for client in clients:
            with self.server(*server_flags, priority=-10 if busy else 0) as server, busy_cores(busy):
                run = client(server.url, self.place(), *client_flags, cpu=cpu).wait(patience_s)
            results.append((run, Joined(run, server), server))
        return results + [(None, None, None)] * (2 - len(results))


# -- the parts ----------------------------------------------------------------------------------------


def start(bench):
    """From the start of the process to the first request at the server."""
    bench.title("start-up, median of 7")
    first, measured, whole = [], [], []
    for _ in range(7):
        with bench.server("--pattern", "unpaced") as server:
            run = sextant(bench.binary, server.url, bench.place(), "--concurrency", 1, "--request-count", 1, "--osl", 1).wait()
        times = sorted(r["received_ns"] for r in server.lines)
        first.append((times[0] - run.began_ns) / 1e6)
        measured.append((times[-1] - run.began_ns) / 1e6)
        whole.append(1e3 * run.wall_s)
    bench.row("process start to first request of any kind, ms", "<= 100", np.median(first), met=np.median(first) <= 100)
    bench.row("process start to first measured request, ms", "<= 100", np.median(measured), met=np.median(measured) <= 100)
    bench.row("a whole run of one request: all that is beyond its traffic, ms", "", np.median(whole))


def short(bench):
    """CPU of a short run."""
    bench.title("a run of 256 requests, 64 streams of 100 tokens")
    (ours, _, _), (theirs, _, _) = bench.both([], ["--concurrency", 64, "--request-count", 256, "--osl", 100])
    ratio = theirs and theirs.cpu_s / ours.cpu_s
    bench.row("CPU of client, user + system, s", "<= 1/50", ours.cpu_s, theirs and theirs.cpu_s, ratio and ratio >= 50,
              ratio and f"1/{ratio:.0f}", "{:.3f}")
    bench.row("wall, s", "", ours.wall_s, theirs and theirs.wall_s)
    bench.row("memory of the first process, MB", "", ours.rss_mb, theirs and theirs.rss_mb)


def events(bench):
    """What one more event costs: the difference of two runs that differ in length only."""
    bench.title("one more event at 1,024 streams")
    runs = [bench.both([], ["--concurrency", 1024, "--request-count", 1024, "--osl", osl]) for osl in (50, 250)]
    cost = []
    for one, other in zip(*runs):
        if one[0] is None:
            cost.append(None)
            continue
        cost.append(1e6 * (other[0].cpu_s - one[0].cpu_s) / (other[1].events - one[1].events))
    ratio = cost[1] and cost[1] / cost[0]
    bench.row("CPU of client per event, us", "<= 1/8", cost[0], cost[1], ratio and ratio >= 8, ratio and f"1/{ratio:.0f}", "{:.2f}")


def stamps(bench, busy):
    """Arrival stamps against the times that the server wrote into its log right before each write."""
    bench.title("arrival stamps and latencies" + (", every core busy with something else" if busy else ""))
    if busy:
        print("  (the server has priority -10 there: it is the clients that are to be disturbed)")
    for streams in STREAMS:
        flags = ["--concurrency", streams, "--request-count", 2 * streams, "--osl", 200]
        pairs = bench.both([], flags, busy=busy)
        joined = [j for _, j, _ in pairs]
        ours, theirs = joined

        def values(of):
            return of(ours), theirs and of(theirs)
        median = values(lambda j: float(np.median(j.errors_us)))
        print(f"  {streams} streams; server behind its schedule by {np.median(ours.late_us):.0f} us median, {p99(ours.late_us):.0f} us p99;"
              f" true ITL {mean(ours.true_itl):.2f} ms" + (f" ({mean(theirs.true_itl):.2f} ms with AIPerf)" if theirs else ""))
        bench.row(f"  {streams}: stamp error, median, us", "<= 10", *median, abs(median[0]) <= 10)
        bench.row(f"  {streams}: stamp error, p99, us", "reported", *values(lambda j: float(p99(j.errors_us))))
        for what in ("itl", "ttft"):
            off = values(lambda j, w=what: j.off(w, mean))
            bench.row(f"  {streams}: mean {what.upper()} against the truth", "<= 1 %", *off, abs(off[0]) <= 1, form="{:+.3f} %")
            off = values(lambda j, w=what: j.off(w, p99))
            bench.row(f"  {streams}: p99 {what.upper()} against the truth", "<= 5 %", *off, abs(off[0]) <= 5, form="{:+.3f} %")


def idle_stamps(bench):
    """Arrival stamps on an idle machine."""
    stamps(bench, False)


def busy_stamps(bench):
    """Arrival stamps with every core busy."""
    stamps(bench, True)


def rate(bench):
    """The most events that a client on one core takes."""
    bench.title("largest sustained rate of events, client on one core")
    flags = ["--concurrency", 64, "--request-count", 128]
    with bench.server("--pattern", "unpaced") as server:
        run = sextant(bench.binary, server.url, bench.place(), *flags, "--osl", 8000, cpu=PINNED_CPU).wait()
    unpaced = Joined(run, server)
    theirs = None
    if bench.with_aiperf:
        with bench.server("--pattern", "unpaced") as server:
            run_ = aiperf(server.url, bench.place(), *flags, "--osl", 1000, cpu=PINNED_CPU).wait()
        theirs = Joined(run_, server).events_per_s
    bench.row("64 streams as fast as both can, events/s", ">= 4x", unpaced.events_per_s, theirs,
              theirs and unpaced.events_per_s >= 4 * theirs, theirs and f"{unpaced.events_per_s / theirs:.1f}x", "{:,.0f}")
    best = 0
    for itl_ms in (12, 8, 6.5, 5.5, 4.5):
        with bench.server("--itl-ms", itl_ms) as server:
            run = sextant(bench.binary, server.url, bench.place(), "--concurrency", 1024, "--request-count", 1024, "--osl",
                          int(4000 / itl_ms), cpu=PINNED_CPU).wait()
        joined, client = Joined(run, server), run.summary()["sextant"]["client"]
        # Kept up: nothing waited longer than a step to be read, and every arrival has its own stamp.
        late_us, coalesced = client["stamp_lag"]["p99_us"], client["coalesced"] / client["events"]
        kept_up = late_us <= 1000 * itl_ms and coalesced < 0.01
        true_rate = 1024e3 / mean(joined.true_itl)
        print(f"  1,024 streams, a step each {itl_ms} ms: {true_rate:,.0f}/s sent by the server ({100 * server.cpu_s / run.wall_s:.0f} % of"
              f" its core), client busy {100 * run.cpu_s / joined.traffic_s:.0f} %, read {late_us:.0f} us late (p99),"
              f" {100 * coalesced:.2f} % read together: {'kept up' if kept_up else 'did not keep up'}")
        if not kept_up:
            break
        best = max(best, true_rate)
    bench.row("1,024 streams in bursts, each event read by itself, events/s", "aim 150,000", best, form="{:,.0f}", met=best >= 150e3)


def lag(bench):
    """How far behind its plan the client sends."""
    bench.title("send lag at 10,000 requests/s, client on one core")
    with bench.server("--pattern", "staggered", "--ttft-ms", 10) as server:
        run = sextant(bench.binary, server.url, bench.place(), "--request-rate", 10000, "--arrival-pattern", "constant",
                      "--request-count", 50000, "--osl", 1, cpu=PINNED_CPU).wait()
    summary = run.summary()
    client = summary["sextant"]["client"]
    values = client["send_lag"]
    achieved = summary["request_throughput"]["avg"]
    bench.row("send lag, median, us", "", values["p50_us"])
    bench.row("send lag, p99, us", "<= 100", values["p99_us"], met=values["p99_us"] <= 100)
    bench.row("achieved rate, requests/s", "", achieved, form="{:,.0f}")
    bench.row("failed requests", "0", summary.get("error_request_count", {}).get("avg", 0), form="{:.0f}")


def open_streams(bench):
    """Memory of twenty thousand streams that are open at once."""
    bench.title("20,000 open streams, two client processes")
    each = 10_000
    flags = ["--concurrency", each, "--request-count", each, "--osl", 6]
    # A server for each client: the usual hard limit of 20,000 descriptors would be the server's.
    with bench.server("--ttft-ms", 6000, "--itl-ms", 1000) as one, bench.server("--ttft-ms", 6000, "--itl-ms", 1000) as other:
        runs = [sextant(bench.binary, server.url, bench.place(), *flags) for server in (one, other)]
        with concurrent.futures.ThreadPoolExecutor() as threads:
            list(threads.map(lambda run: run.wait(), runs))
    spans = [(r["received_ns"], r["sent_ns"][-1]) for r in one.lines + other.lines if r["streamed"] and r["ended"] == "complete"]
    edges = sorted([(begin, 1) for begin, _ in spans] + [(end, -1) for _, end in spans])
    at_once = int(np.max(np.cumsum([step for _, step in edges])))
    memory = sum(run.rss_mb for run in runs)
    errors = sum(run.summary().get("error_request_count", {}).get("avg", 0) for run in runs)
    bench.row("streams open at the same time, by the server's log", "20,000", at_once, met=at_once == 2 * each, form="{:,.0f}")
    bench.row("failed requests", "0", errors, met=errors == 0, form="{:.0f}")
    bench.row("memory of both client processes, MB", "< 1,000", memory, met=memory < 1000)
    bench.row("CPU of both, s", "", sum(run.cpu_s for run in runs))


PARTS = {"start": start, "short": short, "events": events, "stamps": idle_stamps, "busy": busy_stamps, "rate": rate, "lag": lag,
         "streams": open_streams}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=str(ROOT / "build" / "release" / "sextant"))
    parser.add_argument("--only", nargs="+", choices=PARTS, help="these parts only: " + "; ".join(f"{n}: {p.__doc__}" for n, p in PARTS.items()))
    parser.add_argument("--no-aiperf", action="store_true", help="our client only")
    arguments = parser.parse_args()
    with_aiperf = not arguments.no_aiperf and (ROOT / "build/python/aiperf/bin/aiperf").exists()
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="sextant-bench-") as folder:
        bench = Bench(arguments.binary, folder, with_aiperf)
        print(f"load generator on {os.cpu_count()} cores, null server on core 0; "
              + ("AIPerf 0.13.0 beside it" if with_aiperf else "without AIPerf"))
        for name in arguments.only or PARTS:
            PARTS[name](bench)
    print(f"\n{time.monotonic() - begin:.0f} s; " + (f"{len(bench.missed)} missed: " + "; ".join(map(str.strip, bench.missed))
                                                   if bench.missed else "every judged bar is met"))
    return 1 if bench.missed else 0


if __name__ == "__main__":
    sys.exit(main())
