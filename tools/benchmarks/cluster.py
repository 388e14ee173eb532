"""What Sextant costs a cluster and how fast it is there: calls and bytes of a profile at the API server, time from ready pods to an
engine in use and to its first result, time until a doomed deployment is given up. The API server is real, its operator and the
kubelet are played (test/interop/kubernetes), engines are our own test server. Aim: 10 s for everything that is doomed."""
import json
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLAYED = ROOT / "test" / "interop" / "kubernetes"
SAMPLE = ROOT / "deploy" / "samples" / "qwen3-32b.yaml"
SMALL = ["--isl", "256", "--osl", "16", "--max-context-length", "1024", "--prefill-interpolation-granularity", "4",
         "--decode-interpolation-granularity", "2", "--max-num-gpus-per-engine", "1"]
AIM_S = 10.0


def profile(binary, proxy, out, *more):
    """Events of one profile with the wall second of each."""
    command = [binary, "profile", SAMPLE, "--host", "kubernetes", "--kubeconfig", proxy.kubeconfig, "--namespace", "dyn",
               "--output-dir", out, "--json-events", *SMALL, *more]
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    events = [(time.monotonic(), json.loads(line)) for line in process.stdout if line.startswith("{")]
    process.wait()
    return events


def first(events, what, engine=None):
    return next((t for t, e in events if e["body"].get("what") == what and engine in (None, e["body"].get("engine"))), None)


def good(binary, agent, api, proxy, folder):
    player = agent.Agent(api, "dyn", agent.null_engine(binary.with_name("null_server")))
    player.start()
    events = profile(binary, proxy, folder / "good")
    player.stop()
    calls, watches, engines = proxy.counts[False], proxy.counts[True], len(player.born)
    print(f"one profile, {engines} deployments: {calls} calls, {watches} watches, {proxy.bytes_in} bytes in, {proxy.bytes_out} bytes out")
    ready, result = [], []
    for uid, deployment in zip(player.born, player.seen):
        engine = deployment["metadata"]["annotations"]["sextant.dev/engine"].split("/")[1].split("#")[0]
        if used := first(events, "engine_ready", engine):
            ready.append(used - player.readied[uid])
            if measured := first(events, "point_measured", engine):
                result.append(measured - player.readied[uid])
    print("(our test server tells no KV capacity: of the times below 10 s are the wait for gauges that come late with real engines)")
    for what, values in (("pods ready to engine in use (a first request was answered)", ready), ("pods ready to first result", result)):
        if values:
            print(f"{what}: {min(values):.2f} to {max(values):.2f} s over {len(values)} engines")


def doomed(binary, agent, api, proxy, folder):
    slowest = 0.0
    for outcome in agent.OUTCOMES:
        player = agent.Agent(api, "dyn", agent.null_engine(binary.with_name("null_server")), lambda _, o=outcome: o)
        player.start()
        profile(binary, proxy, folder / outcome)
        player.stop()
        took = [player.died[uid] - born for uid, born in player.born.items() if uid in player.died]
        slowest = max(slowest, *took)
        print(f"doomed by {outcome:<14} created to removed: {min(took):5.2f} to {max(took):5.2f} s over {len(took)} deployments")
    print(f"slowest {slowest:.2f} s (aim: {AIM_S:.0f} s)")
    return slowest <= AIM_S


def bench(binary, folder):
    sys.path.insert(0, str(PLAYED))
    import agent
    import cluster
    import faults
    if not cluster.program():
        return True
    server = cluster.Cluster(folder)
    try:
        api = agent.Api(folder)
        agent.prepare(api, "dyn", PLAYED)
        proxy = faults.Proxy(folder)
        good(binary, agent, api, proxy, folder)
        return doomed(binary, agent, api, proxy, folder)
    finally:
        server.stop()
