"""What a job leaves behind when it fails: the side-cars read `profiler_status.yaml` with grep, Kubernetes reads a log."""
import os
import pathlib
import re
import time

TERMINATION_LOG = pathlib.Path("/dev/termination-log")
LONGEST = 1000  # characters of an error: Kubernetes keeps 4096 bytes, a ConfigMap's reader one line


def plain_line(text):
    """One line without quotes and backslashes, which stays a plain YAML value: side-cars put it into double quotes."""
    line = " ".join(re.sub(r"[\"'`\\]", "", "".join(c if c.isprintable() else " " for c in text)).split())
    line = line.replace(": ", " - ").replace(" #", " no. ")
    return line.lstrip(" !&*?:,[]{}#|>@%-")[:LONGEST].rstrip(" :")


def failed_status(before, error, now):
    """The status file of a failure. The sub-phase that it happened in is kept: operators name it in their condition."""
    phase = re.search(r"^phase: (\w+)$", before, re.MULTILINE)
    lines = ["status: failed", f"timestamp: {now}", "message: Profiler failed", f"error: {plain_line(error) or 'no reason was given'}"]
    return "\n".join([*lines, f"phase: {phase.group(1) if phase else 'Initializing'}"]) + "\n"


def error_of(stderr_lines, code):
    """The reason in what the program printed last: complaints of the request, else its last line."""
    lines = [line.strip() for line in stderr_lines if line.strip()]
    if lines and re.fullmatch(r"\d+ errors?; nothing was started", lines[-1]):
        return "; ".join(lines[-1 - int(lines[-1].split()[0]):-1])
    if code < 0:
        return f"sextant was ended by signal {-code}" + (f" after: {lines[-1]}" if lines else "")
    return lines[-1] if lines else f"sextant ended with exit code {code}"


def write_whole(path, text):
    """Written beside, then renamed: a reader never sees half a file."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


def leave_failure(job, error):
    """Status file, termination log, and the outputs without which the oldest side-car would wait for ever."""
    folder = pathlib.Path(job.output_dir)
    folder.mkdir(parents=True, exist_ok=True)
    status = folder / "profiler_status.yaml"
    before = status.read_text(encoding="utf-8", errors="replace") if status.is_file() else ""
    write_whole(status, failed_status(before, error, time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())))
    for name in job.outputs:
        write_whole(folder / name, f"# no deployment: the profiler failed: {plain_line(error)}\n")
    try:
        TERMINATION_LOG.write_text(plain_line(error) + "\n", encoding="utf-8")
    except OSError:
        pass  # outside of a pod there is none
