"""`python -m benchmarks.profiler.profile_sla`: the job of operators up to 0.9."""
import sys

from sextant_profiler import jobs, run

if __name__ == "__main__":
    sys.exit(run.main(jobs.profile_sla))
