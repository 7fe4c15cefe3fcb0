"""Packages made by hand, so that environments can be built from a folder without any network."""

import base64
import hashlib
import io
import tarfile
import zipfile
from pathlib import Path


def add_wheel(folder: Path, name: str, version: str = "1.0", *, needs: str = "") -> None:
    """Put a wheel into a folder: a module that knows its version, and maybe needs another."""
    described = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": f"version = {version!r}\n",
        f"{described}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        + (f"Requires-Dist: {needs}\n" if needs else ""),
        f"{described}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = [f"{path},{_digest(text)},{len(text)}\n" for path, text in files.items()]
    files[f"{described}/RECORD"] = "".join([*record, f"{described}/RECORD,,\n"])
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)


def add_gated_package(folder: Path, name: str = "gated") -> None:
    """Put a package into a folder whose build tells that it began, and waits until it may end.

    It writes a line with its process id to the file ``$GATE.begun``, waits for the file
    ``$GATE``, and fails if that says so.
    """
    files = {
        "PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        "pyproject.toml": (
            f"[project]\nname = {name!r}\nversion = '1.0'\n"
            "[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.']\n"
        ),
        "backend.py": _BACKEND,
    }
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(folder / f"{name}-1.0.tar.gz", "w:gz") as archive:
        for path, text in files.items():
            content = text.encode()
            entry = tarfile.TarInfo(f"{name}-1.0/{path}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))


def _digest(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return "sha256=" + base64.urlsafe_b64encode(digest).decode().rstrip("=")


_BACKEND = """
import os
import time
import zipfile


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    gate = os.environ["GATE"]
    with open(gate + ".begun", "a") as file:
        file.write(f"{os.getpid()}\\n")
    while not os.path.exists(gate):
        time.sleep(0.01)
    with open(gate) as file:
        if "fail" in file.read():
            raise SystemExit("the gate says no")
    name = "gated-1.0-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(wheel_directory, name), "w") as wheel:
        wheel.writestr("gated.py", "version = '1.0'\\n")
        wheel.writestr(
            "gated-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: gated\\nVersion: 1.0\\n"
        )
        wheel.writestr(
            "gated-1.0.dist-info/WHEEL",
            "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
        )
        wheel.writestr("gated-1.0.dist-info/RECORD", "")
    return name
"""
