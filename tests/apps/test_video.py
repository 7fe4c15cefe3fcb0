"""``avi_to_mp4`` and ``image_series_to_mp4``, of hello_video and of hello_neurosift."""

import json
from pathlib import Path
from typing import Any

import pytest

from dendro_local import DendroJob
from tests.apps.conftest import PythonOf, RunJob
from tests.apps.recordings import look_at, make_input, reference
from tests.apps.web_files import WebFiles

pytestmark = [pytest.mark.process, pytest.mark.timeout(600)]

OUTPUTS = {"output": "output.mp4", "info": "info.json"}


def convert(
    run_job: RunJob, file: Path | str, duration_sec: float | str, app: str = "hello_neurosift"
) -> DendroJob:
    return run_job(app, "avi_to_mp4", file, OUTPUTS, duration_sec=duration_sec)


def looked_at(job: DendroJob, python_of: PythonOf, *source: Path) -> dict[str, Any]:
    assert job.error is None
    return look_at(python_of("hello_neurosift"), "video", job.get_output("output").path(), *source)


class TestAvi:
    @pytest.mark.parametrize(("duration_sec", "key"), [(4, "duration_4"), ("10", "default_10")])
    def test_becomes_what_the_original_makes_of_it(
        self,
        run_job: RunJob,
        python_of: PythonOf,
        video: Path,
        duration_sec: float | str,
        key: str,
    ) -> None:
        expected = reference("avi_to_mp4")[key]

        job = convert(run_job, video, duration_sec)

        found = looked_at(job, python_of, video)
        assert (found["codec"], found["profile"], found["fourcc"]) == ("h264", "High", "avc1")
        assert found["size"] == [320, 240]
        assert found["pix_fmt"] == "yuvj420p"
        assert found["fps"] == 25
        assert found["frames"] == expected["frames"]
        assert found["duration_sec"] == pytest.approx(expected["duration_sec"])
        assert found["sound"] == []
        assert found["psnr_db"] > 40
        assert 10_000 < (job.get_output("output").size or 0) < 400_000
        assert job.get_output("info").json() == reference("avi_to_mp4")["info_json"]
        assert f"Wrote {expected['frames']} frames" in job.console()
        assert [other.name for other in job.otherFileOutputs] == ["stills.png"]

    def test_can_be_played_before_all_of_it_is_there(self, run_job: RunJob, video: Path) -> None:
        content = convert(run_job, video, 4).get_output("output").read_bytes()

        assert 0 < content.index(b"moov") < content.index(b"mdat")

    def test_is_made_by_hello_video_too(self, run_job: RunJob, video: Path) -> None:
        one = convert(run_job, video, 0.4, "hello_video")
        other = convert(run_job, video, 0.4, "hello_neurosift")

        assert one.error is None
        assert one.get_output("output").read_bytes() == other.get_output("output").read_bytes()

    def test_on_the_web_is_fetched_as_far_as_it_is_needed(
        self, run_job: RunJob, web_files: WebFiles, video: Path
    ) -> None:
        job = convert(run_job, web_files.add(video), 1)

        assert job.error is None
        assert web_files.bytes_sent < 0.6 * video.stat().st_size

    @pytest.mark.parametrize(("width", "height"), [(64, 48), (63, 47)])
    def test_of_limited_range_and_any_size_keeps_its_range_and_its_sound(
        self, run_job: RunJob, python_of: PythonOf, tmp_path: Path, width: int, height: int
    ) -> None:
        film = tmp_path / "film.avi"
        options = json.dumps({"width": width, "height": height})
        make_input(python_of("hello_neurosift"), "film", film, options)

        found = looked_at(convert(run_job, film, 2), python_of)

        assert found["pix_fmt"] == "yuv420p"
        assert found["size"] == [width + width % 2, height + height % 2]
        assert found["frames"] == 20
        assert found["brightness"] == pytest.approx([8 * number for number in range(20)], abs=3)
        assert found["sound"] == ["aac"]

    def test_whose_frames_are_stored_out_of_order_keeps_them_all(
        self, run_job: RunJob, python_of: PythonOf, tmp_path: Path
    ) -> None:
        film = tmp_path / "film.avi"
        options = json.dumps({"width": 64, "height": 48, "codec": "libx264"})
        make_input(python_of("hello_neurosift"), "film", film, options)

        found = looked_at(convert(run_job, film, 2), python_of)

        assert found["brightness"] == pytest.approx([8 * number for number in range(20)], abs=3)

    def test_of_no_length_is_refused(self, run_job: RunJob, video: Path) -> None:
        assert "Give a number of seconds" in (convert(run_job, video, "soon").error or "")


class TestImageSeries:
    @pytest.mark.parametrize("shape", [(30, 48, 64), (30, 47, 63, 3)])
    def test_becomes_a_video_in_which_the_brightest_is_white(
        self, run_job: RunJob, python_of: PythonOf, tmp_path: Path, shape: tuple[int, ...]
    ) -> None:
        file = tmp_path / "images.nwb"
        options = json.dumps({"shape": shape, "rate": 10.0})
        make_input(python_of("hello_neurosift"), "images", file, options)

        job = run_job(
            "hello_video",
            "image_series_to_mp4",
            file,
            {"output": "output.mp4"},
            image_series_path="acquisition/movie",
            duration_sec=2,
        )

        found = looked_at(job, python_of)
        assert found["codec"] == "h264"
        assert found["size"] == [64, 48]
        assert found["fps"] == 10
        assert found["frames"] == 20
        # The values rise to 1000 in 30 frames; the brightest of the first 20 is drawn white.
        wanted = [number / 19 * 255 for number in range(20)]
        assert found["brightness"] == pytest.approx(wanted, abs=4)

    def test_with_time_stamps_has_the_rate_that_they_tell(
        self, run_job: RunJob, python_of: PythonOf, tmp_path: Path
    ) -> None:
        file = tmp_path / "images.nwb"
        times = [0.05 * number for number in range(10)]
        options = json.dumps({"shape": (10, 16, 16), "timestamps": times})
        make_input(python_of("hello_neurosift"), "images", file, options)

        job = run_job(
            "hello_neurosift",
            "image_series_to_mp4",
            file,
            {"output": "output.mp4"},
            image_series_path="acquisition/movie",
        )

        found = looked_at(job, python_of)
        assert (found["fps"], found["frames"]) == (20, 10)

    def test_in_another_file_is_refused_with_its_name(
        self, run_job: RunJob, python_of: PythonOf, tmp_path: Path
    ) -> None:
        file = tmp_path / "images.nwb"
        options = json.dumps({"external_file": "movie.avi"})
        make_input(python_of("hello_neurosift"), "images", file, options)

        job = run_job(
            "hello_neurosift",
            "image_series_to_mp4",
            file,
            {"output": "output.mp4"},
            image_series_path="acquisition/movie",
        )

        assert "in movie.avi: convert that with avi_to_mp4" in (job.error or "")
