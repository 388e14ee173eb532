"""`python -m benchmarks.profiler.profile_endpoint`: the curves of an endpoint that is already running."""
import sys

from sextant_profiler import jobs, run

if __name__ == "__main__":
    sys.exit(run.main(jobs.profile_endpoint))
