"""A job as a script sees it."""

from pathlib import Path

import pytest

import dendro_local
from dendro_local import (
    DendroJobDefinition,
    DendroJobInputFile,
    DendroJobOutputFile,
    get_job,
    submit_job,
)
from dendro_local.client import handle, notebook
from dendro_local.client.default_hub import default_hub
from dendro_local.errors import Conflict, JobFailed, OutputNotFound
from dendro_local.local_hub import LocalHub
from tests.client.conftest import RESOURCES, Submitter
from tests.conftest import AppMaker
from tests.hub.conftest import Worker


def test_a_job_runs_while_the_script_waits_for_it(
    submit: Submitter, capsys: pytest.CaptureFixture[str]
) -> None:
    job = submit("hello_world_1", name="Ada")

    job.wait_until_done()

    assert (job.status, job.error, job.console()) == ("completed", None, "Hello, Ada!\n")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"dendro:{job.jobId} pending"
    assert lines[-1] == f"dendro:{job.jobId} completed"


def test_a_job_that_has_started_since_it_was_submitted_is_told_to_have_been_pending(
    submit: Submitter, capsys: pytest.CaptureFixture[str]
) -> None:
    job = submit("hello_world_1", name="Ada")
    get_job(job.jobId).wait_until_done()
    capsys.readouterr()

    job.wait_until_done()

    lines = capsys.readouterr().out.splitlines()
    assert lines == [f"dendro:{job.jobId} pending", f"dendro:{job.jobId} completed"]


def test_an_output_is_read_as_bytes_text_and_path(submit: Submitter) -> None:
    output = submit("hello_world_2", name="Ada").wait_until_done().get_output("output")

    assert output.read_text() == "Hello, Ada!"
    assert output.read_bytes() == b"Hello, Ada!"
    assert output.path().name == "output.txt"
    assert output.size == len(b"Hello, Ada!")


def test_an_output_is_the_input_of_another_job(submit: Submitter) -> None:
    first = submit("hello_world_2", name="Ada")
    file = DendroJobInputFile(
        name="input", fileBaseName="input.txt", url=first.get_output("output")
    )

    second = submit("count_characters", inputs=[file]).wait_until_done()

    assert second.get_output("output").json() == {"num_characters": len("Hello, Ada!")}
    assert second.jobDependencies == [first.jobId]
    assert first.refresh().status == "completed"


def test_the_output_object_of_a_definition_serves_as_an_input_too(submit: Submitter) -> None:
    wanted = DendroJobOutputFile(name="output", fileBaseName="output.txt")
    first = submit("hello_world_2", outputs=[wanted], name="Ada")
    by_object = DendroJobInputFile(name="input", fileBaseName="input.txt", url=wanted)
    by_handle = DendroJobInputFile(
        name="input", fileBaseName="input.txt", url=first.get_output("output")
    )

    assert (
        submit("count_characters", inputs=[by_object]).jobId
        == submit("count_characters", inputs=[by_handle]).jobId
    )


def test_an_output_of_a_job_that_was_not_submitted_is_refused(submit: Submitter) -> None:
    loose = DendroJobOutputFile(name="output", fileBaseName="output.txt")
    file = DendroJobInputFile(name="input", fileBaseName="input.txt", url=loose)

    with pytest.raises(dendro_local.DendroError, match="Submit that job first"):
        submit("count_characters", inputs=[file])


def test_the_fields_of_the_record_are_attributes(submit: Submitter) -> None:
    job = submit("hello_world_1", more={"tags": ["a", "b"]}, name="Ada")

    assert job.tags == ["a", "b"]
    assert job.serviceName == "hello_world_service"
    assert job.requiredResources.numCpus == 1
    with pytest.raises(AttributeError):
        _ = job.nothing


def test_a_job_is_found_by_its_id_later(submit: Submitter) -> None:
    job = submit("hello_world_1", name="Ada")

    assert get_job(job.jobId[:8]).jobId == get_job(job.job_url).jobId == job.jobId


def test_a_wait_ends_when_its_time_is_up(submit: Submitter) -> None:
    job = submit("hello_world_1", name="Ada", more={"target_compute_client_ids": ["nobody"]})

    job.wait_until_done(wait_sec=0.1)

    assert job.status == "pending"


def test_who_waits_is_told_once_that_the_environment_of_the_app_is_prepared(
    submit: Submitter,
    hub: LocalHub,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(handle, "TELL_WHY_SEC", 0)
    worker = Worker(hub, tmp_path / "worker")
    job = submit("hello_world_2", name="Ada")
    claim = worker.claim()
    claim.folder.mkdir(parents=True)
    job.wait_until_done(wait_sec=0.1)
    assert "environment" not in capsys.readouterr().err

    (claim.folder / "preparation.txt").write_text("installing numpy")
    job.wait_until_done(wait_sec=0.1)

    told = capsys.readouterr().err
    assert told.startswith("The environment of app 'hello_world' is prepared first")
    assert told.count("environment") == 1


def test_a_canceled_job_has_failed_and_says_so(submit: Submitter) -> None:
    job = submit("hello_world_2", name="Ada").cancel()

    assert (job.status, job.error) == ("failed", "canceled")
    with pytest.raises(Conflict):
        job.cancel()
    with pytest.raises(JobFailed, match="canceled"):
        job.get_output("output").read_text()


def test_an_unknown_output_names_those_that_there_are(submit: Submitter) -> None:
    with pytest.raises(OutputNotFound, match="It has: output"):
        submit("hello_world_2", name="Ada").get_output("outptu")


def test_other_jobs_of_the_script_run_while_it_waits_for_one(submit: Submitter) -> None:
    others = [submit("hello_world_1", name=str(number)) for number in range(3)]

    others[-1].wait_until_done()
    for job in others:
        job.wait_until_done(wait_sec=30)

    assert [job.status for job in others] == ["completed"] * 3


def test_why_tells_how_a_job_ended(submit: Submitter) -> None:
    job = submit("hello_world_1", name="Ada")

    assert "No compute client is running" in job.why()
    assert job.wait_until_done().why().startswith("Completed on ")


def test_a_notebook_shows_status_console_and_outputs_and_nothing_of_them_is_markup(
    submit: Submitter,
) -> None:
    job = submit("hello_world_2", name="<b>Ada</b>").wait_until_done()
    printed = submit("hello_world_1", name="<b>Ada</b>").wait_until_done()

    html = job._repr_html_() + printed._repr_html_()

    assert "✓ completed" in html
    assert "output.txt" in html
    assert "Hello, &lt;b&gt;Ada&lt;/b&gt;!" in html
    assert "<b>" not in html


def test_a_file_that_the_app_added_is_read_and_a_figure_is_shown(
    store_folder: Path, make_app: AppMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawing = """
    import pathlib
    from dendro_local.sdk import upload_additional_job_output

    @app.processor
    def draw():
        '''Draws.'''
        for name in ("a.png", "a.csv"):
            pathlib.Path(name).write_bytes(b"drawn")
            upload_additional_job_output(name, f"figures/{name}")
    """
    default_hub().add_app(str(make_app("artist", drawing)), "lab")
    definition = DendroJobDefinition(
        appName="artist", processorName="draw", inputFiles=[], outputFiles=[], parameters=[]
    )
    job = submit_job(
        service_name="lab", job_definition=definition, required_resources=RESOURCES
    ).wait_until_done()

    figure = job.get_output("figures/a.png")

    assert (figure.fileBaseName, figure.read_bytes()) == ("a.png", b"drawn")
    assert figure.url == f"dendro:f/lab/artist/draw/{job.jobId}/other/figures/a.png"
    html = job._repr_html_()
    assert '<img alt="figures/a.png" src="data:image/png;base64,ZHJhd24=">' in html
    assert "other/figures/a.csv" in html
    with monkeypatch.context() as smaller:
        smaller.setattr(notebook, "MOST_IMAGE_BYTES", len(b"drawn") - 1)
        assert "<img" not in job._repr_html_()
    assert "<img" in job._repr_html_()
    figure.path().resolve().unlink()
    assert "<img" not in job._repr_html_()


def test_public_names_are_sorted_and_there(store_folder: Path) -> None:
    assert list(dendro_local.__all__) == sorted(dendro_local.__all__)
    for name in dendro_local.__all__:
        assert getattr(dendro_local, name) is not None
    assert set(dir(dendro_local)) == set(dendro_local.__all__)
