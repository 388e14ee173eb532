"""Runs a job: starts `sextant`, hands signals and output through, and turns its end into what an operator understands."""
import collections
import os
import signal
import subprocess
import sys
import tempfile
import types

from sextant_profiler import jobs, outcome

INFEASIBLE = 3  # an answer that misses the target: the files are there, the message says so, the job has done its work


def program(environment):
    return environment.get("SEXTANT_BINARY", "sextant")


def run_child(command):
    """Exit code (negative for a signal) and the last lines of stderr, which goes on to our own stderr."""
    last = collections.deque(maxlen=50)
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, errors="replace") as child:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda number, _frame: child.send_signal(number))
        for line in child.stderr:
            sys.stderr.write(line)
            sys.stderr.flush()
            last.append(line)
        return child.wait(), list(last)


def run_profile(job, environment):
    with tempfile.NamedTemporaryFile("w", prefix="request-", suffix=".json", encoding="utf-8") as request:
        request.write(jobs.document_text(job))
        request.flush()
        code, stderr = run_child([program(environment), job.command, request.name, "--output-dir", job.output_dir, *job.words])
    if code in (0, INFEASIBLE):
        return 0
    outcome.leave_failure(job, outcome.error_of(stderr, code).replace(request.name, "request"))
    return code if code > 0 else 128 - code


def main(translate, argv=None, environment=None):
    """Entry of every module: translates, runs, returns the exit code. A pod is told 0 for every answer."""
    environment = os.environ if environment is None else environment
    argv = sys.argv[1:] if argv is None else argv
    try:
        job = translate(argv, environment)
    except jobs.BadJob as error:
        print(error, file=sys.stderr)
        # Nothing is known of the command line then: the status goes where side-cars look.
        outputs = ("config_with_planner.yaml",) if translate is jobs.profile_sla else ()
        outcome.leave_failure(types.SimpleNamespace(output_dir=jobs.default_output_dir(), outputs=outputs),
                              f"Config validation failed - {error}")
        return 2
    if job.document is None:
        os.execvp(program(environment), [program(environment), job.command, *job.words])
    try:
        return run_profile(job, environment)
    except OSError as error:
        print(error, file=sys.stderr)
        outcome.leave_failure(job, str(error))
        return 1
