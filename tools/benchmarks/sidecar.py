"""What `sextant sidecar` costs beside a frontend under load: processor time, memory, bytes asked. Aims: 1 % of a core, 50 MB."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import time

SECONDS = 30
AIM_PERCENT, AIM_MIB = 1.0, 50.0


def usage(pid):
    """Processor seconds and the largest resident set of a process so far."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), int(re.search(r"VmHWM:\s+(\d+)", status).group(1)) / 1024


def curves(folder):
    """A planner's data of the usual size."""
    isl = list(range(100, 40000, 2500))
    grid = [(x / 10, y) for x in range(1, 7) for y in range(350, 40000, 6743)]
    (folder / "prefill_raw_data.json").write_text(json.dumps(
        {"prefill_isl": isl, "prefill_ttft": [5 + 0.1 * i for i in isl], "prefill_thpt_per_gpu": [9000.0] * len(isl)}))
    (folder / "decode_raw_data.json").write_text(json.dumps(
        {"x_kv_usage": [x for x, _ in grid], "y_context_length": [y for _, y in grid], "z_itl": [8 + 10 * x for x, _ in grid],
         "z_thpt_per_gpu": [100.0] * len(grid), "max_kv_tokens": 500000}))


def bench(binary, folder):
    """One table, windows of 10 s (the default) and of 1 s. Whether the default stays within the aims."""
    curves(folder)
    server = subprocess.Popen([binary.parent / "null_server", "--ttft-ms", "20", "--itl-ms", "2"], stdout=subprocess.PIPE, text=True)
    url = re.search(r"http://\S+", server.stdout.readline()).group(0)
    broker = subprocess.Popen([shutil.which("nats-server") or "/usr/sbin/nats-server", "-js", "-sd", folder, "-a", "127.0.0.1", "-p", "-1",
                               "--ports_file_dir", folder], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    load = subprocess.Popen([binary, "load", "--model", "null", "--url", url, "--streaming", "--isl", "200", "--osl", "50", "--concurrency", "16",
                             "--request-count", "1000000", "--output-artifact-dir", folder / "load"],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)
    good = True
    try:
        ports = folder / f"nats-server_{broker.pid}.ports"
        while not ports.is_file():
            time.sleep(0.05)
        address = re.search(r"nats://[\d.:]+", ports.read_text()).group(0)
        print(f"{'window s':>9}{'processor %':>13}{'peak MiB':>10}   over {SECONDS} s, 16 requests in flight (aims: {AIM_PERCENT} %, {AIM_MIB} MiB)")
        for interval in (10, 1):
            side = subprocess.Popen([binary, "sidecar", "--frontend", url, "--worker-metrics", url, "--nats", address, "--curves", folder,
                                     "--interval", str(interval)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(SECONDS)
            seconds, peak = usage(side.pid)
            side.terminate()
            side.wait()
            percent = 100 * seconds / SECONDS
            good = good and (interval == 1 or (percent <= AIM_PERCENT and peak <= AIM_MIB))
            print(f"{interval:>9}{percent:>13.2f}{peak:>10.1f}")
    finally:
        for process in (load, broker, server):
            process.kill()
            process.wait()
    return good
