"""Stands in for Docker, Podman and Apptainer, by the name under which it is called.

It takes their command lines as far as they are used, refuses any option that it does not know, and
runs a container as a process: with the environment of the container alone, in a session of its
own, and with paths of the image or of its mounts put in the place of where they really are. What it
knows lies in the folder that `DENDRO_STAND_IN` names:

    images/NAME/     an image that is here, with its files
    registry/NAME/   an image that can be pulled
    containers/NAME  a container, as JSON
    calls.jsonl      what it was called with
    down             there if the engine is not to work
    out_of_memory    there if containers are to count as ended for their memory
"""

import json
import os
import re
import signal
import sys
import time
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from subprocess import Popen
    from typing import NoReturn

STATE = Path(os.environ["DENDRO_STAND_IN"])
NAME = Path(sys.argv[0]).name
FLAGS = {"--cleanenv", "--contain", "--net", "--nv", "--force", "--volumes"}
OPTIONS = {
    *("--name", "--label", "--pull", "--log-driver", "--security-opt", "--user", "--userns"),
    *("--network", "--cpus", "--memory", "--memory-swap", "--shm-size", "--gpus", "--device"),
    *("--mount", "--workdir", "--env", "--pwd", "--home", "--format", "-t"),
}


def fail(words: str, exit_code: int = 125) -> "NoReturn":
    sys.stderr.write(f"{words}\n")
    sys.exit(exit_code)


def parsed(words: list[str]) -> tuple[dict[str, list[str]], list[str]]:
    """The options by name, and the rest from the first word on that is none."""
    options: dict[str, list[str]] = {}
    words = list(words)
    while words and words[0].startswith("-"):
        option = words.pop(0)
        if option in FLAGS:
            options[option] = []
        elif option in OPTIONS:
            options.setdefault(option, []).append(words.pop(0))
        else:
            fail(f"unknown flag: {option}")
    return options, words


def image_folder(name: str) -> Path:
    return STATE / "images" / name.replace("/", "%2F")


def container_file(name: str) -> Path:
    return STATE / "containers" / name


def pull(name: str, target: Path) -> None:
    import shutil

    source = STATE / "registry" / name.removeprefix("docker://").replace("/", "%2F")
    print(f"Trying to pull {name}...", flush=True)
    while (STATE / "slow").exists():
        time.sleep(0.01)
    if not source.exists():
        fail(f"Error: {name}: manifest unknown", 1)
    shutil.copytree(source, target)


def start(
    image: Path,
    command: list[str],
    environment: dict[str, str],
    mounts: "Iterable[str]",
    work: str,
    root: Path,
) -> "Popen[bytes]":
    """Start a container's process."""
    import subprocess

    for mount in mounts:
        fields = dict(field.partition("=")[::2] for field in mount.split(","))
        if not Path(fields["src"]).exists():
            fail(f"Error: statfs {fields['src']}: no such file or directory")
        if fields["dst"].startswith("/proc/"):
            fail(f"Error: {fields['dst']} is inside /proc: unable to start container process")
        if fields["dst"].startswith("/opt/"):
            place = root / fields["dst"].lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(fields["src"])

    def real(text: str) -> str:
        if text.startswith("/opt/dendro-"):
            return f"{root}{text}"
        return f"{image}{text}" if text.startswith("/app/") else text

    words = [sys.executable if word == "python" else real(word) for word in command]
    found = {name: real(value) for name, value in environment.items()}
    try:
        return subprocess.Popen(words, env=found, cwd=work, start_new_session=NAME != "apptainer")
    except FileNotFoundError:
        fail(f"Error: exec: {words[0]!r}: executable file not found in $PATH", 127)


def run(words: list[str]) -> int:
    options, (image, *command) = parsed(words)
    if not image_folder(image).exists():
        fail(f"Error: {image}: image not known")
    [name] = options["--name"]
    file = container_file(name)
    if file.exists():
        fail(f"the container name {name!r} is already in use")
    file.write_text(json.dumps({"pid": 0, "exit": 0}))
    environment: dict[str, str] = {}
    for given in options["--env"]:
        key, has_value, value = given.partition("=")
        environment[key] = value if has_value else os.environ[key]
    process = start(
        image_folder(image),
        command,
        environment,
        options["--mount"],
        options["--workdir"][0],
        STATE / "roots" / name,
    )
    file.write_text(json.dumps({"pid": process.pid, "exit": 0}))
    exit_code = process.wait()
    exit_code = exit_code if exit_code >= 0 else 128 - exit_code
    if file.exists():
        file.write_text(json.dumps({"pid": process.pid, "exit": exit_code}))
    return exit_code


def known(name: str) -> tuple[int, int]:
    """The process and the exit code of a container."""
    if not container_file(name).exists():
        fail(f"No such container: {name}", 1)
    found = json.loads(container_file(name).read_text())
    return found["pid"], found["exit"]


def signal_container(name: str, *numbers: int) -> None:
    """Send signals one after another, each if the one before did not end it."""
    pid, _ = known(name)
    for number in numbers:
        for _ in range(100):
            if not is_alive(pid):
                return
            try:
                os.killpg(pid, number)
            except ProcessLookupError:
                return
            time.sleep(0.01)


def is_alive(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return pid != 0 and stat.rpartition(")")[2].split()[0] not in "ZX"


def info(words: list[str]) -> int:
    host = {"cgroupControllers": ["cpu", "memory"], "security": {"rootless": False}}
    print(json.dumps({"ServerVersion": "1", "host": host}))
    return 0


def inspect_image(words: list[str]) -> int:
    _, name = words
    if not image_folder(name).exists():
        fail(f"Error: No such image: {name}", 1)
    print(json.dumps([{"Id": "1", "Digest": f"sha256:{'0' * 64}", "Config": {}}]))
    return 0


def pull_image(words: list[str]) -> int:
    [name] = words
    pull(name, image_folder(name))
    return 0


def stop(words: list[str]) -> int:
    _, _, name = words
    signal_container(name, signal.SIGTERM, signal.SIGKILL)
    return 0


def kill(words: list[str]) -> int:
    [name] = words
    signal_container(name, signal.SIGKILL)
    return 0


def inspect_container(words: list[str]) -> int:
    name = words[-1]
    pid, exit_code = known(name)
    state = {
        "Running": is_alive(pid),
        "ExitCode": exit_code,
        "OOMKilled": (STATE / "out_of_memory").exists(),
        "StartedAt": "2026-01-01T00:00:00Z" if pid else "0001-01-01T00:00:00Z",
    }
    print(json.dumps(state))
    return 0


def remove(words: list[str]) -> int:
    _, [name] = parsed(words)
    if container_file(name).exists():
        signal_container(name, signal.SIGKILL)
        container_file(name).unlink(missing_ok=True)
    return 0


DOCKER = {
    "info": info,
    "image": inspect_image,
    "pull": pull_image,
    "run": run,
    "stop": stop,
    "kill": kill,
    "container": inspect_container,
    "rm": remove,
}


def docker(words: list[str]) -> int:
    return DOCKER[words[0]](words[1:])


def as_of_shell(value: str) -> str:
    """What a shell makes of a value between double quotes."""
    return re.sub(r"\\([\\$`])", r"\1", value.replace("${PYTHONPATH:+:$PYTHONPATH}", ""))


def apptainer(words: list[str]) -> int:
    match words:
        case ["--version"]:
            print("stand-in version 1")
        case ["pull", file, source]:
            pull(source, Path(file))
        case ["exec", *rest]:
            # --workdir is a folder for temporary files here, and not that of the command.
            options, (image, *command) = parsed(rest)
            prefix = f"{NAME.upper()}ENV_"
            environment = {
                key.removeprefix(prefix): as_of_shell(value)
                for key, value in os.environ.items()
                if key.startswith(prefix)
            }
            environment["HOME"] = options["--home"][0]
            root = STATE / "roots" / str(os.getpid())
            process = start(
                Path(image), command, environment, options["--mount"], options["--pwd"][0], root
            )
            exit_code = process.wait()
            return exit_code if exit_code >= 0 else 128 - exit_code
        case _:
            fail(f"unknown command: {words}")
    return 0


def main() -> int:
    with (STATE / "calls.jsonl").open("a") as file:
        file.write(json.dumps([NAME, *sys.argv[1:]]) + "\n")
    if (STATE / "down").exists():
        fail(f"Cannot connect to {NAME}. Is it running?", 1)
    return (docker if NAME in ("docker", "podman") else apptainer)(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
