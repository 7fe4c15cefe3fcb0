"""On Windows everything can be imported, and a store says what is lacking."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.process

# What others import is there already: only our own modules are to meet a system without Unix.
LIKE_WINDOWS = """
import importlib, os, pkgutil, signal, socket, sys
from pathlib import Path
import dendro_local

names = [
    module.name
    for module in pkgutil.walk_packages(dendro_local.__path__, "dendro_local.")
    if not module.name.endswith("__main__")
]
for name in names:
    importlib.import_module(name)
for name in list(sys.modules):
    if name.partition(".")[0] == "dendro_local":
        del sys.modules[name]

sys.platform = "win32"
for module in ("fcntl", "grp", "pwd", "resource", "termios"):
    sys.modules[module] = None
for name in ("fork", "register_at_fork", "killpg", "setsid", "getuid", "geteuid", "getpgid",
             "waitid", "WNOWAIT", "WEXITED", "P_PID", "fchmod", "sched_getaffinity", "sysconf",
             "O_CLOEXEC", "O_DIRECTORY", "waitpid", "WNOHANG", "pidfd_open", "getppid", "wait",
             "waitstatus_to_exitcode", "uname", "statvfs", "setpgid", "set_blocking"):
    if hasattr(os, name):
        delattr(os, name)
for name in ("SIGKILL", "SIGHUP", "SIGCHLD", "SIGALRM", "SIGUSR1", "pthread_sigmask", "SIGSTOP"):
    delattr(signal, name)
for name in ("AF_UNIX", "socketpair", "send_fds", "recv_fds"):
    if hasattr(socket, name):
        delattr(socket, name)

for name in ["dendro_local", *names]:
    importlib.import_module(name)
"""


def run(code: str) -> str:
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", LIKE_WINDOWS + code],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_everything_can_be_imported() -> None:
    assert run("print(len(names) > 50)") == "True\n"


def test_a_definition_can_be_hashed() -> None:
    code = """
from dendro_local import definition_hash
from dendro_local.model import JobDefinition
print(definition_hash(JobDefinition(
    appName="a", processorName="p", inputFiles=[], outputFiles=[], parameters=[]
)))
"""
    assert len(run(code).strip()) == 40


def test_a_store_says_what_is_lacking_and_makes_nothing(tmp_path: Path) -> None:
    code = f"""
from dendro_local.errors import NotSupported
from dendro_local.local_hub import LocalHub
try:
    LocalHub(Path({str(tmp_path / "store")!r}))
except NotSupported as error:
    print(error)
"""
    assert "On Windows, use dendro-local inside WSL" in run(code)
    assert list(tmp_path.iterdir()) == []
