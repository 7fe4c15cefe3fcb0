"""What an app does when it is started, and what is wrong about an app as a whole."""

from pathlib import Path

import pytest

import dendro_local.sdk
from dendro_local.sdk import App
from tests.sdk.job_runs import start_app

APP = """
from dendro_local.sdk import App

app = App("small", description="")


@app.processor
def wave() -> None: ...


app.run()
"""


def nothing() -> None: ...


@pytest.mark.process
def test_an_app_that_is_started_by_hand_says_how_to_use_it(tmp_path: Path) -> None:
    main = tmp_path / "main.py"
    main.write_text(APP)

    process = start_app(main, environment={}, cwd=tmp_path)

    assert process.returncode == 2
    assert f"dendro-local apps add {tmp_path}" in process.stdout
    assert "dendro-local submit" in process.stdout
    assert "wave" in process.stdout


@pytest.mark.process
def test_a_spec_and_a_job_at_once_are_refused(tmp_path: Path) -> None:
    main = tmp_path / "main.py"
    main.write_text(APP)

    process = start_app(
        main,
        environment={
            "SPEC_OUTPUT_FILE": str(tmp_path / "spec.json"),
            "DENDRO_JOB_FOLDER": str(tmp_path),
        },
        cwd=tmp_path,
    )

    assert process.returncode == 1
    assert "SPEC_OUTPUT_FILE and DENDRO_JOB_FOLDER are both set" in process.stdout
    assert not (tmp_path / "spec.json").exists()


@pytest.mark.process
def test_a_spec_that_cannot_be_made_leaves_no_file(tmp_path: Path) -> None:
    main = tmp_path / "main.py"
    main.write_text(APP.replace("wave()", "wave(height)"))

    process = start_app(
        main, environment={"SPEC_OUTPUT_FILE": str(tmp_path / "spec.json")}, cwd=tmp_path
    )

    assert process.returncode == 1
    assert "Processor 'wave', field 'height' has no annotation" in process.stdout
    assert not (tmp_path / "spec.json").exists()


def test_two_processors_of_one_name_are_refused() -> None:
    app = App("an_app", description="")
    app.processor(nothing)

    with pytest.raises(ValueError, match="App 'an_app' has two processors named 'nothing'"):
        app.processor(name="nothing")(nothing)


def test_a_description_has_at_most_200_characters() -> None:
    app = App("an_app", description="x" * 300)
    app.processor(description="x" * 201)(nothing)

    with pytest.raises(ValueError, match="'nothing': its description has 201 characters"):
        app.get_spec()


def test_the_version_is_declared_once() -> None:
    app = App("an_app", description="", version="1.0")
    app.processor(attributes={"app_version": "1.1"})(nothing)

    with pytest.raises(ValueError, match="'nothing': the attribute 'app_version'"):
        app.get_spec()


def test_an_attribute_that_json_cannot_hold_is_named() -> None:
    app = App("an_app", description="")
    app.processor(attributes={"since": {1, 2}})(nothing)

    with pytest.raises(TypeError, match="'nothing', attribute 'since'"):
        app.get_spec()


def test_the_public_names_are_sorted() -> None:
    assert dendro_local.sdk.__all__ == sorted(dendro_local.sdk.__all__)
    assert all(hasattr(dendro_local.sdk, name) for name in dendro_local.sdk.__all__)


def test_an_app_or_one_of_its_processors_may_ask_for_a_network() -> None:
    asking = App("small", description="", needs_network=True)
    asking.processor(nothing)
    with_one = App("small", description="")
    with_one.processor(attributes={"needs_network": True})(nothing)

    for app in (asking, with_one):
        [processor] = app.get_spec()["processors"]
        assert processor["attributes"] == [{"name": "needs_network", "value": True}]
