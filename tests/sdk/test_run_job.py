"""How the run of a job ends, and what it leaves in its folder."""

import json
from pathlib import Path
from typing import Any

import pytest

from dendro_local.sdk import App, OutputFile
from dendro_local.sdk.run_job import run_job
from tests.sdk.job_runs import JobRun, make_job_folder, run_app

HEADER = """
import os
import sys
from typing import Annotated

from dendro_local.sdk import App, InputFile, OutputFile, upload_additional_job_output

app = App("ending", description="")


def write(text="x", name="out.txt"):
    with open(name, "w") as file:
        file.write(text)
    return name


@app.processor
def end(output: OutputFile):
"""


def run_body(
    body: str, tmp_path: Path, *, processor: str = "end", outputs: Any = ("output",)
) -> JobRun:
    source = HEADER + "".join(f"    {line}\n" for line in body.splitlines()) + "\napp.run()\n"
    return run_app(source, make_job_folder(tmp_path / "job", processor, outputs=outputs))


@pytest.mark.process
def test_a_job_completes_when_its_outputs_are_there(tmp_path: Path) -> None:
    run = run_body("output.upload(write('some text'))", tmp_path)

    assert run.exit_code == 0
    assert run.console == ""
    assert run.result == {
        "formatVersion": 1,
        "status": "completed",
        "error": None,
        "traceback": None,
        "outputs": {"output": {"path": "outputs/output"}},
        "otherOutputs": {},
    }
    assert run.output_text() == "some text"
    assert sorted(path.name for path in run.folder.glob("**/*") if path.is_file()) == [
        "job.json",
        "main.py",
        "output",
        "result.json",
    ]


@pytest.mark.process
def test_an_exception_fails_the_job_and_is_shown_without_our_own_frames(tmp_path: Path) -> None:
    run = run_body("raise ValueError('boom')", tmp_path)

    assert run.exit_code == 1
    assert run.result["status"] == "failed"
    assert run.result["error"] == "ValueError: boom"
    assert run.result["outputs"] == {}
    traceback = run.result["traceback"]
    assert traceback.startswith("Traceback (most recent call last):\n")
    assert "main.py" in traceback
    assert "dendro_local" not in traceback
    assert run.console == traceback


@pytest.mark.process
def test_an_exception_from_the_sdk_ends_at_the_line_of_the_app(tmp_path: Path) -> None:
    run = run_body("output.upload('missing.txt')", tmp_path)

    assert run.result["error"].startswith(
        "FileNotFoundError: Output 'output': there is no file 'missing.txt' in "
    )
    assert "output.upload('missing.txt')" in run.result["traceback"]
    assert "keep_file" not in run.result["traceback"]


@pytest.mark.process
def test_the_cause_of_an_exception_is_shown_too(tmp_path: Path) -> None:
    body = """
try:
    output.upload('missing.txt')
except OSError as error:
    raise RuntimeError('no result') from error
"""
    run = run_body(body, tmp_path)

    assert run.result["error"] == "RuntimeError: no result"
    assert "FileNotFoundError" in run.result["traceback"]
    assert "keep_file" not in run.result["traceback"]


@pytest.mark.process
@pytest.mark.parametrize("call", ["sys.exit()", "sys.exit(0)", "raise SystemExit(None)"])
def test_leaving_with_code_0_is_a_normal_end(call: str, tmp_path: Path) -> None:
    run = run_body(f"output.upload(write())\n{call}", tmp_path)

    assert run.result["status"] == "completed"
    assert run.exit_code == 0


@pytest.mark.process
@pytest.mark.parametrize("code", ["3", "'no data'"])
def test_leaving_with_another_code_fails_the_job(code: str, tmp_path: Path) -> None:
    run = run_body(f"output.upload(write())\nsys.exit({code})", tmp_path)

    assert run.result["error"] == f"the app called sys.exit({code})"
    assert run.result["outputs"] == {"output": {"path": "outputs/output"}}
    assert run.exit_code == 1


@pytest.mark.process
def test_leaving_with_code_0_before_the_output_is_there_fails_the_job(tmp_path: Path) -> None:
    run = run_body("sys.exit(0)", tmp_path)

    assert run.result["error"] == (
        "The processor ended without its output 'output' (upload(file) was not called)."
    )


@pytest.mark.process
def test_an_interrupt_fails_the_job(tmp_path: Path) -> None:
    run = run_body("raise KeyboardInterrupt", tmp_path)

    assert run.result["error"] == "KeyboardInterrupt"
    assert run.exit_code == 1


@pytest.mark.process
def test_a_missing_url_is_named_with_its_call(tmp_path: Path) -> None:
    outputs = [{"name": "output", "fileBaseName": "o", "urlDeterminedAtRuntime": True}]

    run = run_body("pass", tmp_path, outputs=outputs)

    assert run.result["error"] == (
        "The processor ended without its output 'output' (set_url(url) was not called)."
    )
    assert run.result["traceback"] is None
    assert run.console == run.result["error"] + "\n"


@pytest.mark.process
def test_a_url_set_by_the_processor_is_in_the_result(tmp_path: Path) -> None:
    outputs = [{"name": "output", "fileBaseName": "o", "urlDeterminedAtRuntime": True}]

    run = run_body("output.set_url('https://example.org/new.nwb')", tmp_path, outputs=outputs)

    assert run.result["outputs"] == {"output": {"url": "https://example.org/new.nwb"}}


@pytest.mark.process
def test_an_unknown_processor_fails_the_job_and_lists_the_known(tmp_path: Path) -> None:
    run = run_body("pass", tmp_path, processor="begin")

    assert run.result["error"] == "The app has no processor 'begin'. Its processors: 'end'."


@pytest.mark.process
def test_additional_outputs_are_in_the_result_even_from_other_processes(tmp_path: Path) -> None:
    body = """
import subprocess
output.upload(write())
print(upload_additional_job_output(write(name="a.png"), "figs/a.png"))
code = "import dendro_local.sdk as s; s.upload_additional_job_output('a.png', 'b.png')"
subprocess.run([sys.executable, "-c", code], check=True)
"""
    run = run_body(body, tmp_path)

    assert run.result["otherOutputs"] == {
        "b.png": {"path": "other/b.png"},
        "figs/a.png": {"path": "other/figs/a.png"},
    }
    assert run.console == ("dendro:f/a_service/an_app/end/TR4Gr2HPFe3JcHFlkZjP/other/figs/a.png\n")
    assert (run.folder / "other/figs/a.png").read_text() == "x"


@pytest.mark.process
def test_a_process_that_dies_leaves_no_result(tmp_path: Path) -> None:
    run = run_body("output.upload(write())\nos._exit(9)", tmp_path)

    assert run.exit_code == 9
    assert run.result == {}


def test_a_job_runs_in_a_process_that_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DENDRO_JOB_FOLDER", "")  # so that it is restored after the test
    app = App("an_app", description="")

    @app.processor
    def write(output: OutputFile, text: str) -> None:
        path = tmp_path / "text.txt"
        path.write_text(text)
        output.upload(path)

    folders = [
        make_job_folder(tmp_path / text, "write", outputs=["output"], parameters={"text": text})
        for text in ("first", "second")
    ]

    assert [run_job(app.processors, str(folder)) for folder in folders] == [True, True]
    assert [(folder / "outputs/output").read_text() for folder in folders] == ["first", "second"]


def test_a_job_of_another_format_is_refused(tmp_path: Path) -> None:
    folder = make_job_folder(tmp_path / "job", "end")
    job = json.loads((folder / "job.json").read_text())
    (folder / "job.json").write_text(json.dumps({**job, "formatVersion": 2}))

    with pytest.raises(ValueError, match="format 2, and this SDK reads format 1"):
        run_job({}, str(folder))
