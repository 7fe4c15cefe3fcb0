"""A page of another site, in a real browser, shows the outputs of the apps as Neurosift does.

What it reads of a LINDI file by ranges of bytes is what the field's own tools read of it, so that
the two know nothing of each other nor of how the apps write: see ``lindi_tar.js``.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Request

from dendro_local import DendroJob
from dendro_local.local_hub import LocalHub
from tests.apps.conftest import RunJob
from tests.apps.nwb_outputs import NwbOutput, ReadNwb, sorting_reference
from tests.apps.test_sorting_chain import run_chain
from tests.server.test_browser import (  # noqa: F401 - fixtures
    ASK,
    LOAD_FILM,
    PLAY,
    SEEK,
    browser,
    elsewhere,
    open_page,
    page,
)
from tests.server.v1.conftest import Live

pytestmark = [pytest.mark.process, pytest.mark.timeout(1200)]

READABLE = {"blosc", "gzip", "qfc", None}
"""What Neurosift unpacks, beside HDF5's filters."""

RAW = "acquisition/ElectricalSeries"

IS_RED_AT_THE_TOP = """() => {
    const video = document.querySelector("video")
    const canvas = document.createElement("canvas")
    Object.assign(canvas, {width: video.videoWidth, height: video.videoHeight})
    const context = canvas.getContext("2d")
    context.drawImage(video, 0, 0)
    const [red, green, blue] = context.getImageData(video.videoWidth / 2, 3, 1, 1).data
    return red > 200 && green < 60 && blue < 60
}"""
"""Whether the film's bar, which grows to the right, has come to the middle."""

ReadOutput = Callable[[DendroJob], dict[str, Any]]


@pytest.fixture
def live(store_of_apps: LocalHub) -> Iterator[Live]:
    """The hub over the store of the apps, on a port."""
    live = Live(store_of_apps)
    yield live
    live.close()


@pytest.fixture
def ranges(page: Page) -> list[str | None]:  # noqa: F811
    """The ranges that the page has asked for, in order."""
    found: list[str | None] = []

    def note(request: Request) -> None:
        if request.method == "GET" and "/f/" in request.url:
            found.append(request.headers.get("range"))

    page.on("request", note)
    return found


def output_url(page: Page, live: Live, job: DendroJob) -> str:  # noqa: F811
    """Where the page is told that the output of a job is."""
    assert job.error is None
    body = {"type": "getJobRequest", "jobId": job.jobId, "includePrivateKey": False}
    _, reply = page.evaluate(ASK, [f"{live.server.url}/api/getJob", "", body])
    urls: dict[str, str] = {each["name"]: each["url"] for each in reply["job"]["outputFileResults"]}
    assert urls["output"].startswith(live.server.url)
    return urls["output"]


@pytest.fixture
def read_in_page(page: Page, live: Live, ranges: list[str | None]) -> ReadOutput:  # noqa: F811
    """What the page finds in the LINDI file that a job gave."""
    for script in ("lindi_tar.js", "lindi_codecs.js"):
        page.add_script_tag(content=Path(__file__).with_name(script).read_text())

    def read(job: DendroJob) -> dict[str, Any]:
        url = output_url(page, live, job)
        found: dict[str, Any] = page.evaluate("url => everythingIn(url)", url)
        assert ranges[0] == "bytes=0-1535"
        assert None not in ranges
        return found

    return read


def assert_same(found: dict[str, Any], output: NwbOutput) -> None:
    """What the page found is what lindi finds: shapes, texts, and each byte of what is exact."""
    for name, array in found["arrays"].items():
        is_scalar = output.shape(name) == []
        assert array["shape"] == ([1] if is_scalar else output.shape(name)), name
        assert array["compressor"] in READABLE, name
        if "summary" in array:
            smallest, means = output.smallest_and_means(name)
            assert array["summary"]["min"] == pytest.approx(smallest, rel=1e-4), name
            assert array["summary"]["means"] == pytest.approx(means, abs=1e-3), name
        elif "sha256" in array:
            assert array["sha256"] == output.sha256(name), name
        elif all(isinstance(text, str) for text in array["texts"]):  # else they are references
            texts = output.values(name)
            assert array["texts"] == ([texts] if is_scalar else texts), name


SUMMARIES: dict[str, dict[str, Any]] = {
    "units_summary_1": {},
    "ephys_summary_1": {
        "electrical_series_path": RAW,
        "segment_start_time_sec": 0,
        "segment_duration_sec": 5,
    },
    "multiscale_spike_density": {"units_path": "units"},
}
DATASETS = {
    "units_summary_1": ("autocorrelograms",),
    "ephys_summary_1": (
        "estimated_channel_firing_rates",
        "channel_power_spectra/freq",
        "channel_power_spectra/ps",
    ),
    "multiscale_spike_density": ("spike_counts",),
}


@pytest.mark.parametrize("processor", SUMMARIES)
def test_a_page_reads_a_summary(
    processor: str, run_job: RunJob, tiny_nwb: Path, read_in_page: ReadOutput, read_nwb: ReadNwb
) -> None:
    output = {"output": "output.lindi.tar"}
    job = run_job("hello_neurosift", processor, tiny_nwb, output, **SUMMARIES[processor])

    found = read_in_page(job)

    assert set(DATASETS[processor]) <= set(found["arrays"])
    assert_same(found, read_nwb(job.get_output("output").path(), *found["arrays"]))


def test_a_page_reads_each_file_of_a_sorting_chain(
    run_job: RunJob, tiny_nwb: Path, read_in_page: ReadOutput, read_nwb: ReadNwb
) -> None:
    chain = run_chain(run_job, tiny_nwb)

    found = [read_in_page(job) for job in chain]
    for job, each in zip(chain, found, strict=True):
        assert each["attributes"]["nwb_version"] == "2.7.0"
        assert each["arrays"]["acquisition/pre/data"]["compressor"] == "qfc"
        assert_same(each, read_nwb(job.get_output("output").path(), *each["arrays"]))
    columns = ("spike_times", "waveform_mean", "acg", "acg_bin_edges", "x", "y")
    wanted = {f"processing/ecephys/units_ms5/{name}" for name in columns}
    assert wanted <= set(found[-1]["arrays"])


@pytest.mark.parametrize(
    ("app", "processor", "parameters", "dataset"),
    [
        (
            "hello_cebra",
            "cebra_nwb_embedding_6",
            {"max_iterations": 30},
            "processing/CEBRA/embedding/data",
        ),
        (
            "hello_mountainsort5",
            "mountainsort5_1",
            {
                "electrical_series_path": RAW,
                "segment_start_time_sec": 0,
                "segment_duration_sec": 5,
            },
            "units/spike_times",
        ),
        (
            "hello_neurosift",
            "mountainsort5",
            sorting_reference("mountainsort5")["params"],
            "processing/ecephys/units_ms5/spike_times",
        ),
    ],
    ids=["cebra", "mountainsort5_1", "mountainsort5"],
)
def test_a_page_reads_an_nwb_file_that_an_app_gave(
    app: str,
    processor: str,
    parameters: dict[str, Any],
    dataset: str,
    run_job: RunJob,
    tiny_nwb: Path,
    read_in_page: ReadOutput,
    read_nwb: ReadNwb,
) -> None:
    job = run_job(app, processor, tiny_nwb, {"output": "output.nwb.lindi.tar"}, **parameters)

    found = read_in_page(job)

    assert dataset in found["arrays"]
    assert_same(found, read_nwb(job.get_output("output").path(), *found["arrays"]))


def test_a_page_takes_a_dataset_out_of_a_file_without_reading_the_rest(
    run_job: RunJob,
    tiny_nwb: Path,
    page: Page,  # noqa: F811
    live: Live,
    read_in_page: ReadOutput,
    ranges: list[str | None],
) -> None:
    job = run_chain(run_job, tiny_nwb).measured
    url = output_url(page, live, job)

    shape = page.evaluate(
        "async ([url, name]) => (await (await LindiTar.open(url)).array(name)).shape",
        [url, "processing/ecephys/units_ms5/waveform_mean"],
    )

    assert shape[1:] == [90, 15]
    # The entry, the index, lindi.json, and the one chunk.
    assert len(ranges) == 4
    bounds = [str(each).removeprefix("bytes=").split("-") for each in ranges]
    fetched = sum(int(last) - int(first) + 1 for first, last in bounds)
    assert fetched < job.get_output("output").path().stat().st_size / 2


def test_a_page_plays_the_film_that_avi_to_mp4_gave_and_goes_to_any_place_in_it(
    run_job: RunJob,
    video: Path,
    page: Page,  # noqa: F811
    live: Live,
) -> None:
    outputs = {"output": "output.mp4", "info": "info.json"}
    job = run_job("hello_neurosift", "avi_to_mp4", video, outputs, duration_sec=10)

    duration, seekable, width, height = page.evaluate(LOAD_FILM, output_url(page, live, job))
    has_red: dict[float, bool] = {}
    for second in (8.5, 1.5, 5.5, 4.5):
        page.evaluate(SEEK, second)
        has_red[second] = page.evaluate(IS_RED_AT_THE_TOP)
    page.evaluate(PLAY)

    assert duration == seekable == pytest.approx(10.0, abs=0.1)
    assert (width, height) == (320, 240)
    assert has_red == {8.5: True, 1.5: False, 5.5: True, 4.5: False}
