"""Exchanges in a process that can be killed: ``python -m tests.sync.exchanger pull STORE``."""

import sys
from pathlib import Path

from dendro_local.local_hub import LocalHub
from dendro_sync import pull, push


def main(direction: str, folder: str) -> None:
    hub = LocalHub(Path(folder))
    print("begins", flush=True)
    if direction == "pull":
        pull(hub, "r")
    else:
        push(hub, "r")
    print("ended", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
