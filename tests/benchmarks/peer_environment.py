"""A Python that has huey and redun, apart from ours, which would need 40 packages more."""

import hashlib

from uv import find_uv_bin

from tests.benchmarks.processes import ROOT, SCRIPTS, run

__all__ = ["peer_python"]

FOLDER = ROOT / ".venv" / "peers"
REQUIREMENTS = SCRIPTS / "peers" / "requirements.txt"


def peer_python() -> str:
    """The Python that runs the scripts of the peers; installed when it is asked for first.

    Raises:
        ProcessFailed: it cannot be installed, such as for want of a network.
    """
    python = FOLDER / "bin" / "python"
    made_from = FOLDER / "made-from"
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    if not made_from.exists() or made_from.read_text(encoding="ascii") != wanted:
        uv = find_uv_bin()
        run([uv, "venv", "--clear", "--python", "3.11", str(FOLDER)])
        target = ["--python", str(python)]
        run([uv, "pip", "sync", "--require-hashes", *target, str(REQUIREMENTS)])
        made_from.write_text(wanted, encoding="ascii")
    return str(python)
