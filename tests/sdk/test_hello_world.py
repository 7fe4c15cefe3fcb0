"""The app in ``apps/hello_world``."""

import json
from pathlib import Path

import pytest

from tests.sdk.job_runs import ROOT, make_job_folder, run_app, spec_of

MAIN = ROOT / "apps" / "hello_world" / "main.py"

pytestmark = pytest.mark.process


def test_its_spec_file_is_what_it_says(tmp_path: Path) -> None:
    spec_file = MAIN.with_name("spec.json")

    assert spec_of(MAIN, tmp_path) == json.loads(spec_file.read_text())
    assert (tmp_path / "spec.json").read_bytes() == spec_file.read_bytes()


def test_it_greets_on_the_console_and_says_nothing_else(tmp_path: Path) -> None:
    folder = make_job_folder(tmp_path / "job", "hello_world_1", parameters={"name": "world"})

    assert run_app(MAIN, folder).console == "Hello, world!\n"


def test_it_greets_in_a_file(tmp_path: Path) -> None:
    folder = make_job_folder(tmp_path / "job", "hello_world_2", outputs=["output"])

    assert run_app(MAIN, folder).output_text() == "Hello, world!"


@pytest.mark.parametrize(("include_whitespace", "count"), [(True, 14), (False, 12)])
def test_it_counts_characters(include_whitespace: bool, count: int, tmp_path: Path) -> None:
    text = tmp_path / "input.txt"
    text.write_text("Hello, wörld!\n", encoding="utf-8")
    folder = make_job_folder(
        tmp_path / "job",
        "count_characters",
        inputs={"input": text},
        outputs=["output"],
        parameters={"include_whitespace": include_whitespace},
    )

    assert json.loads(run_app(MAIN, folder).output_text()) == {"num_characters": count}
