"""What Apptainer is asked for, word by word."""

from pathlib import Path

import msgspec
import pytest

from dendro_local.compute.containers.apptainer_commands import ApptainerCommands
from tests.compute.containers.test_docker_commands import CONTAINER, JOB

APPTAINER = ApptainerCommands("apptainer")


def test_apptainer_is_asked_for_a_container() -> None:
    container = msgspec.structs.replace(CONTAINER, image="/store/images/mine.sif")

    assert " ".join(APPTAINER.run(container)) == (
        f"apptainer exec --cleanenv --contain --workdir {JOB}/tmp --home {JOB}/tmp "
        "--net --network none "
        "--mount type=bind,src=/package,dst=/opt/dendro-local-sdk/dendro_local,ro "
        f"--mount type=bind,src={JOB},dst={JOB} "
        f"--pwd {JOB}/work "
        "/store/images/mine.sif python /app/main.py"
    )


def test_a_network_and_gpus_are_given_where_they_are_asked_for() -> None:
    container = msgspec.structs.replace(CONTAINER, has_network=True, gpu_ids=("0",))

    words = APPTAINER.run(container)

    assert "--net" not in words
    assert "--nv" in words


@pytest.mark.parametrize("program", ["apptainer", "singularity"])
def test_the_environment_is_told_by_the_engines_own(program: str) -> None:
    prefix = f"{program.upper()}ENV_"

    assert ApptainerCommands(program).environment(CONTAINER) == {
        f"{prefix}JOB_ID": "TR4Gr2HPFe3JcHFlkZjP",
        f"{prefix}JOB_PRIVATE_KEY": "secret",
    }


def test_values_are_kept_from_the_shell_by_which_the_engine_reads_them() -> None:
    variables = {"PLACE": "/a/$HOME/`b`\\c", "PYTHONPATH": "/sdk"}
    container = msgspec.structs.replace(CONTAINER, environment=variables, secrets={})

    found = APPTAINER.environment(container)

    assert found["APPTAINERENV_PLACE"] == "/a/\\$HOME/\\`b\\`\\\\c"
    assert found["APPTAINERENV_PYTHONPATH"] == "/sdk${PYTHONPATH:+:$PYTHONPATH}"


@pytest.mark.parametrize(
    ("image", "source"),
    [
        ("lab/mine:1", "docker://lab/mine:1"),
        ("oras://ghcr.io/lab/mine:1", "oras://ghcr.io/lab/mine:1"),
        ("/images/mine.sif", "/images/mine.sif"),
    ],
)
def test_an_image_is_one_of_docker_unless_it_says_otherwise(image: str, source: str) -> None:
    assert APPTAINER.source(image) == source


def test_a_pulled_image_is_a_file_of_its_own() -> None:
    name = APPTAINER.file_name("docker://lab/mine:1")
    file = Path("/store/images") / name

    assert name.startswith("lab_mine_1-")
    assert name.endswith(".sif")
    assert APPTAINER.file_name("docker://lab_mine:1") != name
    assert APPTAINER.pull("docker://lab/mine:1", file) == [
        *("apptainer", "pull", str(file), "docker://lab/mine:1")
    ]
