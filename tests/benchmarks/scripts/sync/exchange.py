"""Pulls or pushes once: ``python exchange.py pull|push STORE REMOTE none|lazy|eager``."""

import sys
from pathlib import Path
from typing import get_args

from dendro_local.local_hub import LocalHub
from dendro_sync import pull, push
from dendro_sync.options import Outputs
from tests.benchmarks.scripts.sync.measured import measured, told


def main() -> None:
    """Do what the command line says, and print what it took."""
    direction, folder, remote, outputs = sys.argv[1:]
    hub = LocalHub(Path(folder))
    which: Outputs = next(each for each in get_args(Outputs) if each == outputs)
    with measured() as figures:
        if direction == "pull":
            report = pull(hub, remote, outputs=which)
        else:
            report = push(hub, remote, outputs=which)
    hub.close()
    if report.refused or report.left_out:
        sys.exit(f"not all was moved: {[*report.refused, *report.left_out][:3]}")
    told(**figures, new=report.new, files=report.files, requests=report.requests)


if __name__ == "__main__":
    main()
