"""The same jobs run on one machine and taken over by another: by us, by redun and by DVC.

Both machines are folders of this one, and what lies between them is a third. Pushes and pulls are
whole commands, as a user types them.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from dendro_local.local_hub import LocalHub
from dendro_sync import add_remote, own_key
from tests.benchmarks.figure import Figure, duration
from tests.benchmarks.peer_environment import peer_python
from tests.benchmarks.processes import ROOT, SCRIPTS, ProcessFailed, python
from tests.benchmarks.stores import Stores

__all__ = ["sync_peers"]


@dataclass(frozen=True, kw_only=True)
class Moved:
    """What the exchange of so many jobs took, and how many of them ran again after it."""

    push_sec: float
    push_cpu_sec: float
    pull_sec: float
    pull_cpu_sec: float
    again_sec: float
    ran_again: int


def sync_peers(stores: Stores) -> Iterator[Figure]:
    """Run, push, pull and ask for all of it again."""
    count = stores.size(200, quick=20)
    ours = _by_dendro(stores.folder("dendro"), count)
    tools = Path(peer_python()).parent
    others = {
        "redun": _by_redun(stores.folder("redun"), count, tools),
        "DVC": _by_dvc(stores.folder("dvc"), count, tools),
    }
    for name, other in others.items():
        yield from _table(count, ours, name, other)


def _table(count: int, ours: Moved, name: str, other: Moved) -> Iterator[Figure]:
    rows: Mapping[str, Callable[[Moved], tuple[float, float | None]]] = {
        f"push of {count} jobs, the command": lambda one: (one.push_sec, one.push_cpu_sec),
        "  pull": lambda one: (one.pull_sec, one.pull_cpu_sec),
        "  the same jobs again, after the pull": lambda one: (one.again_sec, None),
    }
    for what, value in rows.items():
        yield Figure(
            what=what,
            measured=_times(*value(ours)),
            reference=f"{name}: {_times(*value(other))}",
            ratio=f"{value(ours)[0] / value(other)[0]:.2f}x",
        )
    yield Figure(
        what="  of these, hits",
        measured=f"{count - ours.ran_again} of {count}",
        reference=f"{name}: {count - other.ran_again} of {count}",
        budget=f"all {count}",
        is_met=ours.ran_again == 0,
    )


def _times(seconds: float, cpu_sec: float | None) -> str:
    return duration(seconds) + ("" if cpu_sec is None else f", CPU {duration(cpu_sec)}")


def _by_dendro(folder: Path, count: int) -> Moved:
    stores = {name: folder / name for name in ("first", "second")}
    script = python("-m", "tests.benchmarks.scripts.sync.submit_greetings", str(count))

    def run(name: str, command: Sequence[str]) -> "Ended":
        return _run(command, ROOT, {"DENDRO_LOCAL_DIR": str(stores[name])})

    run("first", script)
    with closing(LocalHub(stores["first"])) as first, closing(LocalHub(stores["second"])) as second:
        url = (folder / "between").as_uri()
        add_remote(first, "between", url, kind="bucket")
        add_remote(second, "between", url, kind="bucket", trust=own_key(first).publicKey)
    command = str(Path(sys.executable).with_name("dendro-local"))
    pushed = run("first", [command, "push"])
    pulled = run("second", [command, "pull"])
    again = run("second", script)
    return _moved(pushed, pulled, again, int(again.printed.split()[-1]))


def _by_redun(folder: Path, count: int, tools: Path) -> Moved:
    redun = str(tools / "redun")
    first, second, between = (folder / name for name in ("first", "second", "between"))
    for each in (first, second, between):
        each.mkdir()
        shutil.copy(SCRIPTS / "sync" / "redun_greetings.py", each)
        _run([redun, "init"], each)
    for each in (first, second):
        _run([redun, "repo", "add", "between", str(between / ".redun")], each)
    workflow = [redun, "run", "redun_greetings.py", "greet_all", "--count", str(count)]
    _run(workflow, first)
    pushed = _run([redun, "push", "between"], first)
    pulled = _run([redun, "pull", "between"], second)
    again = _run(workflow, second)
    return _moved(pushed, pulled, again, _runs(second))


def _by_dvc(folder: Path, count: int, tools: Path) -> Moved:
    dvc = str(tools / "dvc")
    first, second, between = (folder / name for name in ("first", "second", "between"))
    first.mkdir()
    between.mkdir()
    _run([dvc, "init", "--no-scm", "--quiet"], first)
    _run([dvc, "remote", "add", "--default", "between", str(between)], first)
    names = "".join(f"      - number-{number}\n" for number in range(count))
    (first / "dvc.yaml").write_text(
        f"stages:\n  greet:\n    foreach:\n{names}    do:\n"
        '      cmd: echo ran >> runs; echo "Hello, ${item}!" > ${item}.txt\n'
        "      outs:\n      - ${item}.txt\n"
    )
    _run([dvc, "repro", "--quiet"], first)
    pushed = _run([dvc, "push", "--run-cache", "--quiet"], first)
    # What a user would have from Git.
    (second / ".dvc").mkdir(parents=True)
    for each in ("dvc.yaml", "dvc.lock", ".dvc/config"):
        shutil.copy(first / each, second / each)
    pulled = _run([dvc, "pull", "--run-cache", "--quiet"], second)
    again = _run([dvc, "repro", "--quiet"], second)
    return _moved(pushed, pulled, again, _runs(second))


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A command that has ended well."""

    seconds: float
    cpu_sec: float
    printed: str


def _run(command: Sequence[str], folder: Path, variables: Mapping[str, str] | None = None) -> Ended:
    before, begun = os.times(), time.perf_counter()
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "DVC_NO_ANALYTICS": "1", **(variables or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    seconds, after = time.perf_counter() - begun, os.times()
    if done.returncode != 0:
        raise ProcessFailed(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr}")
    cpu_sec = after.children_user + after.children_system
    cpu_sec -= before.children_user + before.children_system
    return Ended(seconds=seconds, cpu_sec=cpu_sec, printed=done.stdout)


def _runs(folder: Path) -> int:
    """How often something was run in a folder."""
    runs = folder / "runs"
    return len(runs.read_text().splitlines()) if runs.exists() else 0


def _moved(pushed: Ended, pulled: Ended, again: Ended, ran_again: int) -> Moved:
    return Moved(
        push_sec=pushed.seconds,
        push_cpu_sec=pushed.cpu_sec,
        pull_sec=pulled.seconds,
        pull_cpu_sec=pulled.cpu_sec,
        again_sec=again.seconds,
        ran_again=ran_again,
    )
