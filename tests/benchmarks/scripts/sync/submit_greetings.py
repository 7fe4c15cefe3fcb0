"""Submits jobs that greet and waits for them: ``python submit_greetings.py JOBS``.

Prints how many of them had to be run.
"""

import sys

from dendro_local import submit_jobs
from tests.benchmarks.scripts.submit import RESOURCES, SERVICE, greeting


def main() -> None:
    """Do what the command line says."""
    jobs = submit_jobs(
        [
            {
                "service_name": SERVICE,
                "job_definition": greeting("hello_world_2", f"one of many, {number}"),
                "required_resources": RESOURCES,
            }
            for number in range(int(sys.argv[1]))
        ]
    )
    ran = [job for job in jobs if job.status != "completed"]
    for job in ran:
        if job.wait_until_done().status != "completed":
            sys.exit(f"job {job.jobId} failed: {job.error}")
    print(f"ran {len(ran)}")


if __name__ == "__main__":
    main()
