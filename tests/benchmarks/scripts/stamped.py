"""Run a fresh trivial job as a script does, and print when each part of it was over.

``python -m tests.benchmarks.scripts.stamped NAME``
"""

import time

stamps = {"python": time.time()}

from tests.benchmarks.scripts.submit import submit  # noqa: E402 - what is measured

stamps["import"] = time.time()

import contextlib  # noqa: E402
import functools  # noqa: E402
import io  # noqa: E402
import json  # noqa: E402
import sys  # noqa: E402
from collections.abc import Callable  # noqa: E402
from typing import Any  # noqa: E402

from dendro_local.client.default_hub import default_hub  # noqa: E402
from dendro_local.compute.app_process import AppProcess  # noqa: E402
from dendro_local.local_hub import LocalHub  # noqa: E402


def stamp_after(owner: type, method: str, part: str) -> None:
    """Note the first time that a method has returned something."""
    original: Callable[..., Any] = getattr(owner, method)

    @functools.wraps(original)
    def stamped(*arguments: Any, **options: Any) -> Any:
        given = original(*arguments, **options)
        if given is not None:
            stamps.setdefault(part, time.time())
        return given

    setattr(owner, method, stamped)


def main() -> None:
    """Run the job, then print the stamps."""
    stamp_after(LocalHub, "claim_next", "claim")
    stamp_after(AppProcess, "wait", "run")
    stamps["set up"] = time.time()
    default_hub()
    stamps["open"] = time.time()
    job = submit("hello_world_1", sys.argv[1])
    stamps["submit"] = time.time()
    with contextlib.redirect_stdout(io.StringIO()):
        job.wait_until_done()
    stamps["record"] = time.time()
    if job.status != "completed":
        sys.exit(job.error)
    print(json.dumps(stamps))


if __name__ == "__main__":
    main()
