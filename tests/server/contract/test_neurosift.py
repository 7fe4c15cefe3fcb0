"""What Neurosift asks a hub for is there in a fresh store, under the names that it uses."""

from typing import Any

import pytest

from dendro_local.app_source import BUNDLED_APPS
from tests.server.conftest import OWNER, SERVICE, Served

NWB_URL = "https://api.dandiarchive.org/api/assets/37ca1798-b14c-4224-b8f0-037e27725336/download/"

Row = tuple[str, str, dict[str, Any], dict[str, str]]

REQUESTS: list[Row] = [
    (
        "hello_neurosift",
        "units_summary_1",
        {
            "units_path": "/units",
            "correlogram_window_size_msec": 100,
            "correlogram_bin_size_msec": 1,
        },
        {"output": "units_summary.lindi.tar"},
    ),
    (
        "hello_neurosift",
        "ephys_summary_1",
        {
            "electrical_series_path": "/acquisition/ElectricalSeries",
            "segment_start_time_sec": 0,
            "segment_duration_sec": 60,
        },
        {"output": "ephys_summary.lindi.tar"},
    ),
    (
        "hello_neurosift",
        "avi_to_mp4",
        {"duration_sec": 10},
        {"output": "output.mp4", "info": "info.json"},
    ),
    (
        "hello_neurosift",
        "image_series_to_mp4",
        {"image_series_path": "/acquisition/Video", "duration_sec": 10},
        {"output": "output.mp4"},
    ),
    (
        "hello_neurosift",
        "multiscale_spike_density",
        {"units_path": "/units", "bin_size_msec": 20},
        {"output": "output.lindi.tar"},
    ),
    (
        "hello_rastermap",
        "rastermap",
        {
            "units_path": "/units",
            "n_clusters": 0,
            "n_PCs": 64,
            "locality": 0.1,
            "grid_upsample": 10,
        },
        {"output": "output.json"},
    ),
    (
        "hello_cebra",
        "cebra_nwb_embedding_6",
        {
            "max_iterations": 1000,
            "batch_size": 1000,
            "bin_size_msec": 20,
            "output_dimensions": 10,
            "units_path": "/units",
        },
        {"output": "output.nwb.lindi.tar"},
    ),
    (
        "hello_neurosift",
        "prepare_ephys_spike_sorting_dataset",
        {
            "electrical_series_path": "/acquisition/ElectricalSeries",
            "duration_sec": 300,
            "electrode_indices": [0, 1, 2, 3],
            "freq_min": 300,
            "freq_max": 6000,
            "compression_ratio": 12,
            "output_electrical_series_name": "ElectricalSeries_pre",
        },
        {"output": "pre.nwb.lindi.tar"},
    ),
    (
        "hello_neurosift",
        "mountainsort5",
        {
            "electrical_series_path": "/acquisition/ElectricalSeries_pre",
            "output_units_name": "units_mountainsort5",
            "detect_threshold": 5.5,
            "channel_radius": 100,
        },
        {"output": "output.nwb.lindi.tar"},
    ),
    (
        "hello_kilosort4",
        "kilosort4",
        {
            "electrical_series_path": "/acquisition/ElectricalSeries_pre",
            "output_units_name": "units_kilosort4",
        },
        {"output": "output.nwb.lindi.tar"},
    ),
    (
        "hello_neurosift",
        "spike_sorting_post_processing",
        {
            "electrical_series_path": "/acquisition/ElectricalSeries_pre",
            "units_path": "/processing/ecephys/units_mountainsort5",
        },
        {"output": "post.nwb.lindi.tar"},
    ),
]


def request(row: Row) -> dict[str, Any]:
    """The body of a createJob, as Neurosift makes it."""
    app, processor, parameters, outputs = row
    return {
        "serviceName": SERVICE,
        "userId": "",
        "batchId": "",
        "tags": ["neurosift"],
        "jobDefinition": {
            "appName": app,
            "processorName": processor,
            "inputFiles": [{"name": "input", "fileBaseName": "input.nwb", "url": NWB_URL}],
            "outputFiles": [
                {"name": name, "fileBaseName": file_name} for name, file_name in outputs.items()
            ],
            "parameters": [{"name": name, "value": value} for name, value in parameters.items()],
        },
        "requiredResources": {"numCpus": 4, "numGpus": 0, "memoryGb": 8, "timeSec": 3600},
        "secrets": [{"name": "DANDI_API_KEY", "value": "a key"}],
        "jobDependencies": [],
        "targetComputeClientIds": ["*"],
        "skipCache": False,
        "rerunFailing": True,
        "deleteFailing": True,
    }


@pytest.mark.parametrize("row", REQUESTS, ids=lambda row: row[1])
def test_a_fresh_hub_takes_what_neurosift_submits(row: Row, served: Served) -> None:
    key = served.key_of(OWNER)

    job = served.get("createJob", request(row), key)["job"]
    again = served.get("createJob", request(row), key)["job"]

    assert (job["status"], job["isRunnable"]) == ("pending", True)
    assert job["inputFileUrlList"] == [NWB_URL]
    assert again["jobId"] == job["jobId"]


def test_every_app_that_comes_with_the_package_is_registered_and_no_environment_is_built(
    served: Served,
) -> None:
    apps = served.get("getServiceApps", {"serviceName": SERVICE})["serviceApps"]

    assert {app["appName"] for app in apps} == set(BUNDLED_APPS)
    assert not served.hub.store.folder.environments.exists()
