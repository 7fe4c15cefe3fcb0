"""What Docker and Podman are asked for, word by word, and what their answers mean."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest

from dendro_local.compute.containers.container import Container, Mount, mount_options, of_process
from dendro_local.compute.containers.docker_commands import (
    DockerCommands,
    DockerFacts,
    PodmanCommands,
)

JOB = Path("/store/jobs/TR4Gr2HPFe3JcHFlkZjP.1")
CONTAINER = Container(
    name="dendro-TR4Gr2HPFe3JcHFlkZjP.1",
    job_id="TR4Gr2HPFe3JcHFlkZjP",
    image="lab/mine:1",
    command=["python", "/app/main.py"],
    mounts=[
        Mount(source=JOB, destination=JOB, is_writable=True),
        Mount(source=Path("/package"), destination=Path("/opt/dendro-local-sdk/dendro_local")),
    ],
    environment={"JOB_ID": "TR4Gr2HPFe3JcHFlkZjP"},
    secrets={"JOB_PRIVATE_KEY": "secret"},
    work=JOB / "work",
    temporary=JOB / "tmp",
    user_id=1000,
    group_id=100,
    has_network=False,
    num_cpus=2,
    memory_bytes=1 << 30,
    gpu_ids=(),
)
PLAIN = DockerFacts()
ROOTLESS = DockerFacts(is_rootless=True)


def words(commands: DockerCommands, facts: DockerFacts = PLAIN, **changes: object) -> str:
    container = msgspec.structs.replace(CONTAINER, **changes)
    return " ".join(commands.run(container, facts, machine_cpus=8))


def test_docker_is_asked_for_a_container() -> None:
    assert words(DockerCommands()) == (
        "docker run --name dendro-TR4Gr2HPFe3JcHFlkZjP.1 "
        "--label dendro-local.job=TR4Gr2HPFe3JcHFlkZjP --pull never --log-driver none "
        "--security-opt label=disable --security-opt no-new-privileges "
        "--user 1000:100 --network none "
        "--cpus 2 --memory 1073741824b --memory-swap 1073741824b --shm-size 1073741824b "
        "--mount type=bind,src=/package,dst=/opt/dendro-local-sdk/dendro_local,ro "
        f"--mount type=bind,src={JOB},dst={JOB} "
        f"--workdir {JOB}/work "
        f"--env JOB_ID=TR4Gr2HPFe3JcHFlkZjP --env HOME={JOB}/tmp --env JOB_PRIVATE_KEY "
        "lab/mine:1 python /app/main.py"
    )


def test_podman_is_asked_for_a_container_of_a_user() -> None:
    assert words(PodmanCommands(), ROOTLESS) == (
        "podman run --name dendro-TR4Gr2HPFe3JcHFlkZjP.1 "
        "--label dendro-local.job=TR4Gr2HPFe3JcHFlkZjP --pull never --log-driver none "
        "--security-opt label=disable --security-opt no-new-privileges "
        "--userns keep-id --user 1000:100 --network none "
        "--cpus 2 --memory 1073741824b --memory-swap 1073741824b --shm-size 1073741824b "
        "--mount type=bind,src=/package,dst=/opt/dendro-local-sdk/dendro_local,ro "
        f"--mount type=bind,src={JOB},dst={JOB} "
        f"--workdir {JOB}/work "
        f"--env JOB_ID=TR4Gr2HPFe3JcHFlkZjP --env HOME={JOB}/tmp --env JOB_PRIVATE_KEY "
        "lab/mine:1 python /app/main.py"
    )


@pytest.mark.parametrize(
    ("commands", "facts", "user"),
    [
        (DockerCommands(), DockerFacts(remaps_users=True), "--userns host --user 1000:100"),
        (DockerCommands(), ROOTLESS, "--user 0:0"),
        (PodmanCommands(), DockerFacts(), "--user 1000:100"),
    ],
)
def test_files_belong_to_the_user_however_the_engine_is_set_up(
    commands: DockerCommands, facts: DockerFacts, user: str
) -> None:
    assert f"no-new-privileges {user} --network none" in words(commands, facts)


def test_the_network_is_the_engines_own_where_there_is_to_be_one() -> None:
    assert "--network" not in words(DockerCommands(), has_network=True)


def test_each_engine_gives_gpus_in_its_own_way() -> None:
    assert ' --gpus "device=0,2" ' in words(DockerCommands(), gpu_ids=("0", "2"))
    assert " --device nvidia.com/gpu=0 --device nvidia.com/gpu=2 " in words(
        PodmanCommands(), gpu_ids=("0", "2")
    )


def test_limits_that_the_engine_cannot_keep_are_not_asked_for() -> None:
    found = words(PodmanCommands(), DockerFacts(limits_cpus=False, limits_memory=False))

    assert "--cpus" not in found
    assert "--memory" not in found


def test_no_more_cpus_are_asked_for_than_the_machine_has() -> None:
    assert "--cpus 8 " in words(DockerCommands(), num_cpus=64)


def test_a_job_that_says_nothing_of_memory_is_not_limited() -> None:
    found = words(DockerCommands(), memory_bytes=None)

    assert "--memory" not in found
    assert "--shm-size" not in found


@pytest.mark.parametrize("commands", [DockerCommands(), PodmanCommands()])
def test_a_container_is_ended_and_removed_by_its_name(commands: DockerCommands) -> None:
    program = commands.program

    assert commands.stop("x") == [program, "stop", "-t", "1", "x"]
    assert commands.kill("x") == [program, "kill", "x"]
    assert commands.remove("x") == [program, "rm", "--force", "--volumes", "x"]
    assert commands.inspect("x") == [
        *(program, "container", "inspect", "--format", "{{json .State}}", "x")
    ]


def test_mounts_take_any_path_and_outer_folders_come_first() -> None:
    mounts = [Mount(source=Path(path), destination=Path(path)) for path in ("/a/b", "/a", "/a,b")]
    quoted = Mount(source=Path('/say "x"'), destination=Path("/y:z"), is_writable=True)

    assert mount_options([*mounts, quoted])[1::2] == [
        "type=bind,src=/a,dst=/a,ro",
        "type=bind,src=/a/b,dst=/a/b,ro",
        'type=bind,"src=/a,b","dst=/a,b",ro',
        'type=bind,"src=/say ""x""",dst=/y:z',
    ]


@pytest.mark.skipif(shutil.which("docker") is None, reason="there is no docker to ask")
@pytest.mark.process
def test_docker_itself_understands_what_it_is_asked_for() -> None:
    command = DockerCommands().run(
        msgspec.structs.replace(CONTAINER, gpu_ids=("0", "1")), DockerFacts(), machine_cpus=8
    )
    nowhere = {**os.environ, "DOCKER_HOST": "unix:///nowhere/docker.sock", "JOB_PRIVATE_KEY": "x"}

    ended = subprocess.run(command, env=nowhere, capture_output=True, text=True, check=False)

    assert "Cannot connect to the Docker daemon" in ended.stderr


# Answers


@pytest.mark.parametrize(
    ("said", "facts"),
    [
        ({"ServerVersion": "28"}, DockerFacts()),
        (
            {
                "ServerVersion": "28",
                "SecurityOptions": ["name=seccomp,profile=builtin", "name=rootless"],
                "MemoryLimit": False,
                "CpuCfsQuota": False,
            },
            DockerFacts(is_rootless=True, limits_memory=False, limits_cpus=False),
        ),
        (
            {"ServerVersion": "28", "SecurityOptions": ["name=userns"]},
            DockerFacts(remaps_users=True),
        ),
        ({"ServerVersion": "", "ClientInfo": {"Version": "28"}}, None),
    ],
)
def test_docker_tells_how_it_is_set_up(said: dict[str, object], facts: DockerFacts | None) -> None:
    assert DockerCommands().facts(json.dumps(said).encode()) == facts


def test_podman_tells_how_it_is_set_up() -> None:
    host = {"cgroupControllers": ["memory", "pids"], "security": {"rootless": True}}

    found = PodmanCommands().facts(json.dumps({"host": host}).encode())

    assert found == DockerFacts(is_rootless=True, limits_cpus=False)


@pytest.mark.parametrize(
    ("image", "names"),
    [
        ("mine", ["mine", "docker.io/library/mine"]),
        ("lab/mine:1", ["lab/mine:1", "docker.io/lab/mine:1"]),
        ("ghcr.io/lab/mine:1", ["ghcr.io/lab/mine:1"]),
        ("localhost/mine", ["localhost/mine"]),
        ("registry:5000/mine", ["registry:5000/mine"]),
    ],
)
def test_podman_finds_images_of_docker_hub_that_are_named_without_it(
    image: str, names: list[str]
) -> None:
    assert PodmanCommands().image_names(image) == names
    assert DockerCommands().image_names(image) == [image]


@pytest.mark.parametrize(
    ("name", "said", "uri"),
    [
        ("lab/mine:1", {"Digest": "sha256:ab"}, "lab/mine:1@sha256:ab"),
        (
            "lab/mine:1",
            {"RepoDigests": ["other@sha256:cd", "lab/mine@sha256:ab"]},
            "lab/mine:1@sha256:ab",
        ),
        ("lab/mine:1", {"RepoDigests": []}, "lab/mine:1"),
        ("lab/mine@sha256:ab", {"RepoDigests": ["lab/mine@sha256:ab"]}, "lab/mine@sha256:ab"),
    ],
)
def test_an_image_is_recorded_with_its_digest(name: str, said: dict[str, object], uri: str) -> None:
    assert DockerCommands().image(name, json.dumps([said]).encode()).uri == uri


def test_an_image_tells_its_own_python_path() -> None:
    said = [{"Config": {"Env": ["PATH=/bin", "PYTHONPATH=/app/lib"]}}]

    assert DockerCommands().image("mine", json.dumps(said).encode()).python_path == "/app/lib"


def test_a_container_tells_how_it_ended() -> None:
    said = {
        "Status": "exited",
        "Running": False,
        "ExitCode": 137,
        "OOMKilled": True,
        "StartedAt": "2026-11-22T19:24:52.242418516Z",
    }

    state = DockerCommands().state(json.dumps(said).encode())

    assert (state.exit_code, state.was_out_of_memory, state.was_started) == (137, True, True)


def test_a_container_that_was_only_made_was_not_started() -> None:
    said = {"ExitCode": 0, "StartedAt": "0001-01-01T00:00:00Z"}

    assert not PodmanCommands().state(json.dumps(said).encode()).was_started


@pytest.mark.parametrize(("told", "exit_code"), [(0, 0), (1, 1), (128, 128), (137, -9), (255, 255)])
def test_a_signal_is_told_by_the_exit_code_of_an_engine(told: int, exit_code: int) -> None:
    assert of_process(told) == exit_code
