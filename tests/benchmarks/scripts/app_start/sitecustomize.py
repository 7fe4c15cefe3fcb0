"""Notes when the Python of a job's app is up: it imports this before anything of the app."""

import os

if "DENDRO_JOB_FOLDER" in os.environ:
    import time

    with open(os.environ["BENCHMARK_APP_START"], "w", encoding="ascii") as stream:  # noqa: PTH123 - pathlib would cost what is measured
        stream.write(repr(time.time()))
