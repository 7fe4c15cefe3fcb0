"""A workflow of redun that greets: ``redun run redun_greetings.py greet_all --count JOBS``.

Each call that is made adds a line to the file ``runs``.
"""

from pathlib import Path
from typing import Any

from redun import task  # type: ignore[import-not-found]  # it has a Python of its own

redun_namespace = "bench"


@task()  # type: ignore[untyped-decorator]  # as above
def greet(name: str) -> str:
    """A greeting."""
    with Path("runs").open("a") as runs:
        runs.write("ran\n")
    return f"Hello, {name}!"


@task()  # type: ignore[untyped-decorator]  # as above
def greet_all(count: int) -> list[Any]:
    """A greeting for each."""
    return [greet(f"one of many, {number}") for number in range(count)]
