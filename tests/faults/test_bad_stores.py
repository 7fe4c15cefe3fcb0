"""A store that cannot be opened, read or written is told in words, and left as it is."""

import contextlib
import ctypes
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dendro_local.errors import StoreDamaged, StoreError, StoreTooNew
from dendro_local.local_hub import LocalHub
from dendro_local.store import SCHEMA_VERSION
from tests.faults.asking import check_whole, hello, refused, run

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a store that has completed a job and keeps others, which nobody opens."""
    folder = tmp_path_factory.mktemp("made") / "store"
    code = """
from tests.faults.asking import *
run(hello())
for _ in range(40):
    hello(target_compute_client_ids=["of another machine"])
"""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DENDRO_")}
    environment = {**kept, "DENDRO_LOCAL_DIR": str(folder)}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    return folder


@pytest.fixture
def made_store(made_once: Path, store_folder: Path) -> Path:
    """A copy of it as the default store of this test."""
    shutil.copytree(made_once, store_folder, symlinks=True)
    return store_folder


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def test_a_store_of_a_later_version_is_refused_with_both_versions(made_store: Path) -> None:
    with contextlib.closing(sqlite3.connect(made_store / "store.db")) as connection:
        connection.execute(f"pragma user_version = {SCHEMA_VERSION + 1}")

    with refused(StoreTooNew, str(made_store), f"schema {SCHEMA_VERSION + 1}", "Upgrade"):
        hello()

    with contextlib.closing(sqlite3.connect(made_store / "store.db")) as connection:
        connection.execute(f"pragma user_version = {SCHEMA_VERSION}")
    check_whole(made_store)


def test_another_programs_database_is_refused_and_left_as_it_is(store_folder: Path) -> None:
    store_folder.mkdir()
    with contextlib.closing(sqlite3.connect(store_folder / "store.db")) as connection:
        connection.execute("create table songs (title text)")
    before = files_of(store_folder)

    with refused(StoreDamaged, "another program", "DENDRO_LOCAL_DIR"):
        hello()

    assert files_of(store_folder) == before
    assert [entry.name for entry in store_folder.iterdir()] == ["store.db"]


@pytest.mark.parametrize("content", [b"garbage" * 1000, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_database_of_garbage_is_refused_and_a_new_store_can_take_its_place(
    store_folder: Path, content: bytes
) -> None:
    store_folder.mkdir()
    database = store_folder / "store.db"
    database.write_bytes(content)

    with refused(StoreDamaged, str(database), "move the file away"):
        hello()

    assert database.read_bytes() == content
    database.rename(store_folder / "store.db.damaged")
    check_whole(store_folder)


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9])
def test_a_database_that_was_cut_off_is_refused_and_a_new_store_can_take_its_place(
    made_store: Path, kept: float
) -> None:
    database = made_store / "store.db"
    os.truncate(database, int(database.stat().st_size * kept))

    with refused(StoreDamaged, str(database), "Restore a backup"):
        hello()

    database.rename(made_store / "store.db.damaged")
    check_whole(made_store)


def test_a_page_that_was_overwritten_is_told_when_it_is_read(made_store: Path) -> None:
    database = made_store / "store.db"
    size = database.stat().st_size
    with database.open("r+b") as stream:
        stream.seek(4096)  # behind the schema, which opening reads
        stream.write(os.urandom(size - 4096))

    with refused(StoreDamaged, str(database), "not a whole store"):
        hello()


def test_a_path_that_is_a_file_cannot_be_a_store(store_folder: Path) -> None:
    store_folder.write_text("something else")

    with refused(StoreError, str(store_folder), "DENDRO_LOCAL_DIR"):
        hello()

    assert store_folder.read_text() == "something else"


def test_an_empty_file_becomes_a_store(store_folder: Path) -> None:
    store_folder.mkdir()
    (store_folder / "store.db").touch()

    check_whole(store_folder)


def test_folders_of_a_store_that_somebody_removed_are_made_again(made_store: Path) -> None:
    for name in ("blobs", "jobs", "outputs", "wake", "clients", "sdk"):
        shutil.rmtree(made_store / name)

    check_whole(made_store)
    assert run(hello()).status == "completed"


PR_CAPBSET_DROP = 24
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER = 1, 2, 3


def obey_permissions() -> None:
    """Give up root's right to pass over permissions, for the program that starts next."""
    if os.geteuid() != 0:
        return
    # The user stays root where that can be: the interpreter may lie in root's own folder.
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is None:
        os.setuid(65534)
        return
    for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER):
        assert prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0


@contextlib.contextmanager
def without(folder: Path, right: int) -> Iterator[None]:
    """A block in which a folder, with all that is in it, lacks a right for everybody."""
    paths = [folder, *folder.rglob("*")]
    modes = {path: stat.S_IMODE(path.lstat().st_mode) for path in paths if not path.is_symlink()}
    for path, mode in modes.items():
        path.chmod(mode & ~right)
    try:
        yield
    finally:
        for path, mode in modes.items():
            path.chmod(mode)


def error_of(code: str) -> str:
    """The kind and message of the error that a script ends with, which obeys permissions."""
    script = f"""
from dendro_local import DendroError
from tests.faults.asking import *
try:
    {code}
except DendroError as error:
    print(type(error).__name__, error)
"""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        preexec_fn=obey_permissions,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_a_store_that_may_only_be_read_says_so(made_store: Path) -> None:
    with without(made_store, 0o222):
        error = error_of("hello()")

    assert error.startswith("StoreError"), error
    assert f"{made_store} cannot be written" in error
    assert "Check its permissions, or set DENDRO_LOCAL_DIR" in error
    check_whole(made_store)


def test_a_store_that_may_not_be_entered_says_so(made_store: Path) -> None:
    with without(made_store, 0o777):
        error = error_of("hello()")

    assert error.startswith("StoreError"), error
    assert str(made_store) in error
    assert "Check its permissions, or set DENDRO_LOCAL_DIR" in error
    check_whole(made_store)


def test_a_store_cannot_be_made_where_nothing_may_be_written(
    store_folder: Path, tmp_path: Path
) -> None:
    with without(tmp_path, 0o222):
        error = error_of("hello()")

    assert error.startswith("StoreError"), error
    assert str(store_folder) in error
    assert "DENDRO_LOCAL_DIR" in error


@pytest.mark.parametrize("name", ["blobs", "jobs", "clients"])
def test_a_folder_of_the_store_that_may_not_be_written_is_told_to_who_waits(
    made_store: Path, name: str
) -> None:
    with without(made_store / name, 0o222):
        error = error_of("job = hello().wait_until_done(); print(job.error)")

    assert "Permission denied" in error
    assert str(made_store) in error
    check_whole(made_store)


def test_an_output_can_still_be_found_when_its_store_was_copied(
    made_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = run(hello("a copy"))
    LocalHub(made_store).close()
    copy = tmp_path / "copy"
    shutil.copytree(made_store, copy, symlinks=True)

    monkeypatch.setenv("DENDRO_LOCAL_DIR", str(copy))

    assert hello("a copy").jobId == job.jobId
    assert hello("a copy").get_output("output").read_text() == "Hello, a copy!"
