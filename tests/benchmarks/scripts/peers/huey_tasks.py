"""The task as huey wants it: importable by its consumer. The folder comes by the environment."""

import os
from pathlib import Path

from huey import SqliteHuey  # type: ignore[import-not-found]  # it has a Python of its own

huey = SqliteHuey("bench", filename=str(Path(os.environ["HUEY_FOLDER"], "huey.db")))


@huey.task()  # type: ignore[untyped-decorator]  # as above
def greet(name: str) -> str:
    """A greeting."""
    return f"Hello, {name}!"
