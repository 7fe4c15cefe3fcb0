"""Wake-ups across processes, and locks that end with their process."""

import subprocess
import sys
from pathlib import Path

import pytest

from dendro_local.store import Listener, Store
from dendro_local.store.locks import HeldLock, is_held
from dendro_local.store.wake import wake_all

LIMIT_SEC = 60


def test_a_commit_wakes_a_listener_of_another_process(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    listener = store.listen()
    code = "import sys; from pathlib import Path; from dendro_local.store import Store\n"
    code += "store = Store(Path(sys.argv[1]))\nwith store.transaction(): store.set_meta('a', 'b')"

    subprocess.run([sys.executable, "-c", code, str(store.folder.root)], check=True)

    assert listener.wait(LIMIT_SEC)
    listener.close()


def test_who_listens_for_work_hears_only_of_what_gives_some(tmp_path: Path) -> None:
    for_work, for_all = Listener(tmp_path, for_work=True), Listener(tmp_path)

    wake_all(tmp_path, gives_work=False)
    assert for_all.wait(LIMIT_SEC)
    assert not for_work.wait(0.01)

    wake_all(tmp_path)
    assert for_all.wait(LIMIT_SEC)
    assert for_work.wait(LIMIT_SEC)
    for_work.close()
    for_all.close()


def test_without_a_change_a_wait_ends_when_its_time_is_up(tmp_path: Path) -> None:
    listener = Listener(tmp_path)

    assert not listener.wait(0.01)
    listener.close()


def test_a_wait_that_follows_a_change_does_not_lose_it(tmp_path: Path) -> None:
    listener = Listener(tmp_path)
    wake_all(tmp_path)

    assert listener.wait(LIMIT_SEC)
    listener.close()


def test_a_folder_with_a_long_name_works_too(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 30)
    folder.mkdir()
    listener = Listener(folder)
    wake_all(folder)

    assert listener.wait(LIMIT_SEC)
    listener.close()


def test_what_a_dead_process_left_is_cleared_away(tmp_path: Path) -> None:
    code = "import sys, os; from pathlib import Path; from dendro_local.store import Listener\n"
    code += "listener = Listener(Path(sys.argv[1])); os._exit(0)"
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    assert len(list(tmp_path.iterdir())) == 1

    wake_all(tmp_path)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.process
def test_a_lock_ends_with_its_process_however_it_ends(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from dendro_local.store.locks import HeldLock\n"
    code += "lock = HeldLock(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
    file = tmp_path / "run.lock"
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with process:
        assert process.stdout is not None
        process.stdout.readline()
        assert is_held(file)
        process.kill()
        process.wait()
        assert not is_held(file)


def test_a_released_lock_leaves_no_file(tmp_path: Path) -> None:
    lock = HeldLock(tmp_path / "run.lock")

    lock.release()

    assert list(tmp_path.iterdir()) == []
