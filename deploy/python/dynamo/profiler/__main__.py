"""`python -m dynamo.profiler`: the job of operators from 1.0 on."""
import sys

from sextant_profiler import jobs, run

if __name__ == "__main__":
    sys.exit(run.main(jobs.profiler))
