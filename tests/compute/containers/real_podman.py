"""Podman itself, with a store of its own and an image made of this machine's programs.

No registry is needed: the image is empty but for an app, and Podman is configured to mount this
machine's programs into every container. Some systems, such as virtual machines in which CI runs,
cannot do all that Podman does by default; what works is found by trying.
"""

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path

from dendro_local.store.locks import exclusive

CONFIGURATIONS = (
    "",
    # Whoever may not raise limits cannot use Podman's.
    'default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]',
    # crun does not run where control groups of version 1 and 2 are in use together; runc does.
    'default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n[engine]\nruntime = "runc"',
)

_LINKED = ("bin", "lib", "lib64", "sbin")
_EMPTY = ("usr", "tmp", "proc", "sys", "dev", "etc", "run", "opt")


class CannotRun(Exception):
    """Podman cannot run a container here; the message has its words."""


def podman_environment(folder: Path, image: str, files: Mapping[str, str]) -> dict[str, str]:
    """The environment variables with which Podman runs containers here and has an image.

    Args:
        folder: keeps what it needs; several processes may share it.
        image: what to call the image.
        files: what is in it, by path, beside this machine's programs.

    Raises:
        CannotRun: it does not work here.
    """
    folder.mkdir(exist_ok=True)
    found = folder / "environment.json"
    with exclusive(folder / "lock"):
        if not found.exists():
            found.write_text(json.dumps(_set_up(folder, image, files)))
    answer: dict[str, str] = json.loads(found.read_text())
    if "fault" in answer:
        raise CannotRun(answer["fault"])
    return answer


def _set_up(folder: Path, image: str, files: Mapping[str, str]) -> dict[str, str]:
    if sys.platform != "linux" or shutil.which("podman") is None:
        return {"fault": "there is no podman"}
    storage = folder / "storage.conf"
    storage.write_text(
        f'[storage]\ndriver = "vfs"\ngraphroot = "{folder}/storage"\nrunroot = "{folder}/run"\n'
    )
    conf = folder / "containers.conf"
    environment = {"CONTAINERS_CONF": str(conf), "CONTAINERS_STORAGE_CONF": str(storage)}
    archive = folder / "image.tar"
    _write_image(archive, files)
    path = f"ENV PATH={Path(sys.executable).parent}:/usr/bin:/bin"
    words = ""
    for configuration in CONFIGURATIONS:
        volumes = json.dumps([f"{place}:{place}:ro" for place in _programs()])
        conf.write_text(f"[containers]\nvolumes = {volumes}\n{configuration}\n")
        _call(environment, "import", "--quiet", "--change", path, str(archive), image)
        tried = ("run", "--rm", "--network", "none", image, "python", "-c", "print(6 * 7)")
        ended = _call(environment, *tried)
        if ended.stdout == "42\n":
            return environment
        words += f"With {configuration or 'nothing'!r} configured: {ended.stderr.strip()} "
    return {"fault": words}


def _call(environment: Mapping[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["podman", *words],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def _programs() -> list[str]:
    """The folders of this machine that are needed to run its Python."""
    places = ["/usr", *(f"/{name}" for name in _LINKED if not Path("/", name).is_symlink())]
    places += [place for place in {sys.base_prefix, sys.prefix} if not place.startswith("/usr/")]
    return [place for place in places if Path(place).exists()]


def _write_image(archive: Path, files: Mapping[str, str]) -> None:
    with tarfile.open(archive, "w") as tar:
        for name in _EMPTY:
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(entry)
        for name in _LINKED:
            if Path("/", name).is_symlink():
                entry = tarfile.TarInfo(name)
                entry.type, entry.linkname = tarfile.SYMTYPE, f"usr/{name}"
                tar.addfile(entry)
        for name, text in files.items():
            entry = tarfile.TarInfo(name.lstrip("/"))
            entry.mode, entry.size = 0o644, len(text.encode())
            tar.addfile(entry, io.BytesIO(text.encode()))
