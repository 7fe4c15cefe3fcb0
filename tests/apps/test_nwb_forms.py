"""The forms that an NWB file can have, and the places where it can lie."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dendro_local import DendroJob, get_job
from dendro_local.hub import NewJob
from dendro_local.local_hub import LocalHub
from dendro_local.model import RequiredResources, Secret
from tests.apps.conftest import SERVICE, PythonOf, RunJob
from tests.apps.lindi_tar import open_lindi_tar
from tests.apps.recordings import make_input, reference
from tests.apps.web_files import WebFiles

pytestmark = [pytest.mark.process, pytest.mark.timeout(600)]

OUTPUTS = {"output": "units_summary.lindi.tar"}
KEY = "a-key-of-the-tests"
RATES_HZ: list[float] = reference("ephys_summary_1")["estimated_channel_firing_rates"]


def row_sums(job: DendroJob) -> list[int]:
    assert job.error is None
    output = open_lindi_tar(job.get_output("output").path())
    return [sum(row) for row in output.array("autocorrelograms").rows()]


def summarize(run_job: RunJob, nwb: Path | str) -> DendroJob:
    return run_job("hello_neurosift", "units_summary_1", nwb, OUTPUTS)


def summarize_channels(run_job: RunJob, nwb: Path | str) -> DendroJob:
    return run_job(
        "hello_neurosift",
        "ephys_summary_1",
        nwb,
        {"output": "ephys_summary.lindi.tar"},
        electrical_series_path="/acquisition/ElectricalSeries",
        segment_start_time_sec=0,
        segment_duration_sec=5,
    )


def rates_hz(job: DendroJob) -> list[float]:
    assert job.error is None
    output = open_lindi_tar(job.get_output("output").path())
    return output.array("estimated_channel_firing_rates").values


@pytest.fixture(scope="module")
def web_of_the_module(tiny_nwb: Path) -> Iterator[WebFiles]:
    with WebFiles() as files:
        files.add(tiny_nwb)
        yield files


@pytest.fixture
def recording_on_the_web(web_of_the_module: WebFiles) -> WebFiles:
    """The server to which the LINDI files lead."""
    web_of_the_module.requests.clear()
    return web_of_the_module


@pytest.fixture(scope="module")
def lindi_files(
    python_of: PythonOf, web_of_the_module: WebFiles, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """LINDI files of the recording on the web, made by lindi."""
    folder = tmp_path_factory.mktemp("lindi")
    url = f"{web_of_the_module.base_url}/ephys_tiny.nwb"
    make_input(python_of("hello_neurosift"), "lindi", url, folder)
    return folder


@pytest.fixture
def expected() -> list[int]:
    sums: list[int] = reference("units_summary_1")["row_sums"]
    return sums


def test_of_a_file_on_the_web_only_what_is_needed_is_fetched(
    run_job: RunJob, web_files: WebFiles, tiny_nwb: Path, expected: list[int]
) -> None:
    job = summarize(run_job, web_files.add(tiny_nwb))

    assert row_sums(job) == expected
    assert web_files.bytes_sent < 0.5 * tiny_nwb.stat().st_size
    assert all(wanted is not None for _, wanted, _ in web_files.requests)
    assert f"Fetched {web_files.bytes_sent / 1e6:.1f} of 1.9 MB" in job.console()


def test_a_recording_on_the_web_is_fetched_once(
    run_job: RunJob, web_files: WebFiles, tiny_nwb: Path
) -> None:
    job = summarize_channels(run_job, web_files.add(tiny_nwb))

    assert rates_hz(job) == pytest.approx(RATES_HZ)
    assert web_files.bytes_sent <= tiny_nwb.stat().st_size


def test_a_server_without_ranges_is_asked_for_the_whole_file(
    run_job: RunJob, web_files: WebFiles, tiny_nwb: Path, expected: list[int]
) -> None:
    web_files.knows_ranges = False

    job = summarize(run_job, web_files.add(tiny_nwb))

    assert row_sums(job) == expected
    assert "Downloading it" in job.console()


def test_a_file_that_is_not_on_the_web_fails_the_job_with_its_url(
    run_job: RunJob, web_files: WebFiles
) -> None:
    url = f"{web_files.base_url}/nowhere.nwb"

    job = summarize(run_job, url)

    assert f"{url} cannot be read: HTTP status 404" in (job.error or "")


@pytest.mark.parametrize("form", ["json", "tar"])
@pytest.mark.parametrize("place", ["here", "web"])
def test_a_lindi_file_leads_to_what_is_on_the_web(
    run_job: RunJob, recording_on_the_web: WebFiles, lindi_files: Path, form: str, place: str
) -> None:
    file = lindi_files / f"all.nwb.lindi.{form}"

    job = summarize_channels(run_job, file if place == "here" else recording_on_the_web.add(file))

    assert rates_hz(job) == pytest.approx(RATES_HZ)
    fetched = {path for path, wanted, _ in recording_on_the_web.requests if wanted is not None}
    assert fetched == {"/ephys_tiny.nwb"} | ({f"/{file.name}"} if place == "web" else set())


def test_a_lindi_file_can_link_to_an_array_of_many_chunks(
    run_job: RunJob, lindi_files: Path
) -> None:
    file = lindi_files / "linked.nwb.lindi.json"
    assert "_EXTERNAL_ARRAY_LINK" in file.read_text()

    assert rates_hz(summarize_channels(run_job, file)) == pytest.approx(RATES_HZ)


def test_a_lindi_file_that_names_a_file_of_the_machine_is_refused(
    run_job: RunJob, recording_on_the_web: WebFiles, lindi_files: Path, tmp_path: Path
) -> None:
    text = (lindi_files / "all.nwb.lindi.json").read_text()
    file = tmp_path / "local.nwb.lindi.json"
    file.write_text(text.replace(recording_on_the_web.base_url, ""))

    job = summarize_channels(run_job, file)

    assert "can refer to files on the web only" in (job.error or "")


def test_what_is_neither_hdf5_nor_lindi_is_refused(run_job: RunJob, tmp_path: Path) -> None:
    file = tmp_path / "notes.nwb"
    file.write_text("not a recording")

    job = summarize(run_job, file)

    assert "input.nwb is neither an HDF5 file nor a LINDI file" in (job.error or "")


class TestDandi:
    """An asset of DANDI: its URL leads to another place, for whoever may read it."""

    @pytest.fixture
    def storage(self) -> Iterator[WebFiles]:
        with WebFiles() as files:
            yield files

    @pytest.fixture
    def asset(
        self,
        web_files: WebFiles,
        storage: WebFiles,
        tiny_nwb: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> str:
        """The URL of an embargoed asset, on a stand-in of DANDI's API."""
        signed = storage.add(tiny_nwb) + "?signature=of-some-minutes"
        path = "/api/assets/1234/download/"
        web_files.redirects[path] = lambda key: signed if key == f"token {KEY}" else None
        monkeypatch.setenv("DENDRO_DANDI_API_URL", f"{web_files.base_url}/api")
        return web_files.base_url + path

    def test_is_read_where_dandi_says_and_only_dandi_is_shown_the_key(
        self,
        run_job: RunJob,
        storage: WebFiles,
        asset: str,
        expected: list[int],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("DANDI_API_KEY", KEY)

        job = summarize(run_job, asset)

        assert row_sums(job) == expected
        assert storage.requests
        assert {authorization for _, _, authorization in storage.requests} == {None}
        everything = job.console() + job.get_output("output").read_bytes().decode("latin-1")
        assert KEY not in everything
        assert "signature" not in everything

    def test_is_read_with_the_secret_of_the_job(
        self,
        run_job: RunJob,
        store_of_apps: LocalHub,
        asset: str,
        expected: list[int],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.delenv("DANDI_API_KEY", raising=False)
        definition = summarize(run_job, asset).jobDefinition
        wanted = NewJob(
            serviceName=SERVICE,
            jobDefinition=definition,
            requiredResources=RequiredResources(numCpus=1, numGpus=0, memoryGb=4, timeSec=600),
            rerunFailing=True,
            secrets=[Secret(name="DANDI_API_KEY", value=KEY)],
        )

        (record,) = store_of_apps.submit([wanted])
        job = get_job(record.jobId).wait_until_done()

        assert row_sums(job) == expected

    def test_is_refused_without_the_key_with_what_to_do(
        self, run_job: RunJob, asset: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("DANDI_API_KEY", raising=False)

        job = summarize(run_job, asset)

        assert "give the job the secret DANDI_API_KEY" in (job.error or "")

    def test_is_asked_for_anew_when_the_place_does_not_answer_any_more(
        self,
        run_job: RunJob,
        web_files: WebFiles,
        storage: WebFiles,
        asset: str,
        expected: list[int],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("DANDI_API_KEY", KEY)
        signatures = iter(["first", "second"])
        web_files.redirects["/api/assets/1234/download/"] = lambda _: (
            f"{storage.base_url}/ephys_tiny.nwb?{next(signatures)}"
        )
        first_time = iter([""])
        storage.redirects["/ephys_tiny.nwb?first"] = lambda _: next(first_time, None)

        job = summarize(run_job, asset)

        assert row_sums(job) == expected
        assert len(web_files.requests) == 2
