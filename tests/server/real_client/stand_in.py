"""Stands in for the ``docker`` command: runs a container's script as a process.

It takes the command line of the original's compute client, refuses any option that it does not
know, and puts what is mounted, and the files of the image in `DENDRO_STAND_IN_IMAGE`, in the place
of the container's paths.
"""

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

OPTIONS = ("-v", "--workdir", "-e", "--cpus", "--gpus", "--network")


def parsed(words: Sequence[str]) -> tuple[dict[str, list[str]], list[str]]:
    """The options by name, and the image with its command."""
    options: dict[str, list[str]] = {}
    rest = list(words)
    while rest[0].startswith("-"):
        option, value = rest.pop(0), rest.pop(0)
        if option not in OPTIONS:
            sys.exit(f"unknown flag: {option}")
        options.setdefault(option, []).append(value)
    return options, rest


def run(words: Sequence[str]) -> None:
    options, (_, *command) = parsed(words)
    [mount] = options["-v"]
    mounted, _, inside = mount.rpartition(":")
    image = os.environ["DENDRO_STAND_IN_IMAGE"]

    def real(text: str) -> str:
        pattern = rf"(?<![\w/.:-]){inside}(?![\w-])"
        return re.sub(r"(?<![\w/.:-])/app(?=/)", image, re.sub(pattern, mounted, text))

    environment = {"PATH": os.environ["PATH"]}
    for given in options["-e"]:
        name, _, value = given.partition("=")
        environment[name] = real(value)
    # The job's process empties it: it must never be a folder of this machine.
    if environment["DENDRO_JOB_CLEANUP_DIR"] != mounted:
        sys.exit(f"{environment['DENDRO_JOB_CLEANUP_DIR']} is to be emptied")
    shell, script = map(real, command)
    file = Path(script)
    file.write_text(real(file.read_text()))
    os.chdir(real(options["--workdir"][0]))
    os.execve(shell, [shell, script], environment)


if __name__ == "__main__":
    if sys.argv[1] == "run":
        run(sys.argv[2:])
    elif sys.argv[1] != "pull":
        sys.exit(f"unknown command: {sys.argv[1]}")
