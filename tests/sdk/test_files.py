"""Input and output files in the hands of a processor."""

import os
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from dendro_local.sdk import InputFile, OutputFile, job_secret, upload_additional_job_output
from dendro_local.sdk import download as download_module
from dendro_local.sdk.download import DownloadError
from dendro_local.sdk.job_folder import JobFolder, output_path
from dendro_local.sdk.job_secrets import take_secrets
from tests.sdk.job_runs import make_job_folder

CONTENT = b"0123456789" * 1000


class FileHandler(BaseHTTPRequestHandler):
    """Serves ``CONTENT`` in the ways that the path names."""

    def do_GET(self) -> None:
        if self.path.startswith("/missing"):
            self.send_error(404)
            return
        self.send_response(200)
        if self.path.startswith("/short"):
            self.send_header("Content-Length", str(len(CONTENT) + 1))
        elif not self.path.startswith("/unannounced"):
            self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT)

    def log_message(self, format: str, *args: Any) -> None: ...


@pytest.fixture
def base_url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    with ThreadingHTTPServer(("127.0.0.1", 0), FileHandler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory of a processor."""
    path = tmp_path / "work"
    path.mkdir()
    monkeypatch.chdir(path)
    return path


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A file of the user that is an input of the job."""
    path = tmp_path / "source.txt"
    path.write_text("an input")
    return path


@pytest.fixture
def folder(tmp_path: Path, source: Path) -> JobFolder:
    path = make_job_folder(tmp_path / "job", "p", inputs={"input": source}, outputs=["output"])
    return JobFolder(str(path))


@pytest.fixture
def output(folder: JobFolder) -> OutputFile:
    return OutputFile("output", file_base_name="output.txt", folder=folder)


@pytest.fixture
def uploaded(folder: JobFolder) -> Path:
    """Where the output goes."""
    return Path(folder.path) / "outputs" / "output"


class TestUpload:
    def test_the_file_is_moved(self, work: Path, output: OutputFile, uploaded: Path) -> None:
        (work / "out.txt").write_text("result")
        inode = (work / "out.txt").stat().st_ino

        output.upload("out.txt")

        assert uploaded.stat().st_ino == inode
        assert not (work / "out.txt").exists()
        assert (output.was_uploaded, output.size) == (True, 6)

    def test_a_file_that_the_processor_keeps_is_copied(
        self, work: Path, output: OutputFile, uploaded: Path
    ) -> None:
        (work / "out.txt").write_text("result")

        output.upload(work / "out.txt", delete_local_file=False)
        (work / "out.txt").write_text("changed afterwards")

        assert uploaded.read_text() == "result"

    def test_a_file_with_a_second_name_is_copied_and_loses_this_one(
        self, work: Path, output: OutputFile, uploaded: Path
    ) -> None:
        (work / "out.txt").write_text("result")
        (work / "second.txt").hardlink_to(work / "out.txt")

        output.upload("out.txt")
        (work / "second.txt").write_text("changed afterwards")

        assert uploaded.read_text() == "result"
        assert not (work / "out.txt").exists()

    def test_of_a_link_the_file_is_taken_and_the_link_deleted(
        self, work: Path, output: OutputFile, uploaded: Path
    ) -> None:
        (work / "out.txt").write_text("result")
        (work / "link.txt").symlink_to("out.txt")

        output.upload("link.txt")

        assert not uploaded.is_symlink()
        assert uploaded.read_text() == "result"
        assert [path.name for path in work.iterdir()] == ["out.txt"]

    def test_an_input_is_never_moved_or_deleted(
        self, output: OutputFile, uploaded: Path, source: Path
    ) -> None:
        output.upload(source)

        assert source.read_text() == "an input"
        assert uploaded.read_text() == "an input"

    def test_a_file_on_another_device_is_copied_and_deleted(
        self, work: Path, output: OutputFile, uploaded: Path
    ) -> None:
        shared_memory = Path("/dev/shm")
        if not shared_memory.is_dir() or shared_memory.stat().st_dev == work.stat().st_dev:
            pytest.skip("there is no second device here")
        with tempfile.TemporaryDirectory(dir=shared_memory) as elsewhere:
            file = Path(elsewhere) / "out.txt"
            file.write_text("result")

            output.upload(file)

            assert uploaded.read_text() == "result"
            assert not file.exists()

    @pytest.mark.usefixtures("work")
    def test_a_missing_file_is_named(self, output: OutputFile) -> None:
        with pytest.raises(FileNotFoundError, match=r"Output 'output': .* 'none.txt'"):
            output.upload("none.txt")
        assert not output.was_uploaded

    def test_a_directory_is_refused(self, work: Path, output: OutputFile) -> None:
        with pytest.raises(IsADirectoryError, match=r"Output 'output': .* is a directory"):
            output.upload(work)

    def test_a_second_upload_is_refused(self, work: Path, output: OutputFile) -> None:
        (work / "out.txt").touch()
        output.upload("out.txt")
        (work / "out.txt").touch()

        with pytest.raises(RuntimeError, match="Output 'output' was uploaded already"):
            output.upload("out.txt")

    def test_outside_of_a_job_nothing_can_be_uploaded(self, work: Path) -> None:
        (work / "out.txt").touch()

        with pytest.raises(RuntimeError, match="only while its job runs"):
            OutputFile("output").upload("out.txt")

    @pytest.mark.parametrize(
        ("name", "file_name"),
        [
            ("output", "output"),
            ("group.output", "group.output"),
            ("..", "%2E."),
            ("../a", "%2E.%2Fa"),
            ("µ b", "%C2%B5%20b"),
        ],
    )
    def test_any_name_becomes_a_plain_file_name(self, name: str, file_name: str) -> None:
        assert output_path(name) == f"outputs/{file_name}"


class TestUrlDeterminedAtRuntime:
    def test_it_takes_one_url(self) -> None:
        output = OutputFile("output", url_determined_at_runtime=True)

        output.set_url("https://example.org/a")

        assert output.url_was_set
        with pytest.raises(RuntimeError, match=r"set already, to https://example\.org/a"):
            output.set_url("https://example.org/b")

    def test_it_takes_no_file(self) -> None:
        with pytest.raises(RuntimeError, match="call set_url"):
            OutputFile("output", url_determined_at_runtime=True).upload("out.txt")

    def test_other_outputs_take_no_url(self) -> None:
        with pytest.raises(RuntimeError, match="call upload"):
            OutputFile("output").set_url("https://example.org/a")

    def test_a_path_is_no_url(self) -> None:
        with pytest.raises(ValueError, match=r"'out\.txt' is no URL"):
            OutputFile("output", url_determined_at_runtime=True).set_url("out.txt")

    def test_the_key_for_dandi_is_the_jobs_secret(self, tmp_path: Path) -> None:
        output = OutputFile("output", url_determined_at_runtime=True)
        with pytest.raises(RuntimeError, match="without the secret DANDI_API_KEY"):
            output.get_dandi_api_key()
        (tmp_path / "secrets.json").write_text('{"DANDI_API_KEY": "the key"}')

        take_secrets(str(tmp_path))

        assert output.get_dandi_api_key() == "the key"
        assert list(tmp_path.iterdir()) == []
        with pytest.raises(RuntimeError, match="not declared with url_determined_at_runtime"):
            OutputFile("output").get_dandi_api_key()
        take_secrets(str(tmp_path))  # another job's
        assert job_secret("DANDI_API_KEY") is None


class TestLocalInput:
    def test_without_a_destination_nothing_is_copied(self, work: Path, source: Path) -> None:
        file = InputFile("input", local_file_name=str(source), url="dendro:sha256/ab")

        assert file.download() == str(source)
        assert (file.is_local(), file.get_local_file_name()) == (True, str(source))
        assert list(work.iterdir()) == []

    def test_a_destination_gets_a_copy(self, work: Path, source: Path) -> None:
        file = InputFile("input", local_file_name=str(source))

        assert file.download("copy.txt") == "copy.txt"

        (work / "copy.txt").write_text("changed")
        assert source.read_text() == "an input"
        assert file.local_file_name == str(source)

    def test_its_own_place_as_a_destination_is_left_alone(self, source: Path) -> None:
        InputFile("input", local_file_name=str(source)).download(source)

        assert source.read_text() == "an input"

    def test_its_urls_are_the_one_that_identifies_it_and_the_one_to_read(self) -> None:
        file = InputFile("input", url="dendro:f/a", readable_url="http://127.0.0.1/f/a")

        assert (file.url, file.get_url()) == ("dendro:f/a", "http://127.0.0.1/f/a")
        assert InputFile("input", url="https://example.org/a").get_url() == "https://example.org/a"


class TestRemoteInput:
    def test_it_is_fetched_to_the_temporary_folder_with_its_extensions(
        self, base_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("TMPDIR", str(tmp_path))
        file = InputFile("input", url=f"{base_url}/a", file_base_name="a.nwb.lindi.tar")

        path = Path(file.download())

        assert path.read_bytes() == CONTENT
        assert path.parent == tmp_path
        assert path.name.endswith(".nwb.lindi.tar")
        assert file.local_file_name == str(path)

    def test_it_is_fetched_once(self, base_url: str, work: Path) -> None:
        file = InputFile("input", url=f"{base_url}/a")
        file.download("first.txt")
        file.url = "http://127.0.0.1:9/gone"

        file.download("second.txt")

        assert (work / "first.txt").read_bytes() == CONTENT
        assert (work / "second.txt").read_bytes() == CONTENT

    def test_a_server_need_not_announce_the_length(self, base_url: str, work: Path) -> None:
        InputFile("input", url=f"{base_url}/unannounced").download("a.txt")

        assert (work / "a.txt").read_bytes() == CONTENT

    @pytest.mark.parametrize(
        ("path", "message"),
        [
            ("missing?signature=secret", r"/missing: HTTP status 404 Not Found\.$"),
            ("short", r"/short: received 10000 of 10001 bytes\.$"),
        ],
    )
    def test_a_failure_is_explained_and_leaves_nothing(
        self, base_url: str, work: Path, path: str, message: str
    ) -> None:
        file = InputFile("input", url=f"{base_url}/{path}")

        with pytest.raises(DownloadError, match=f"^Cannot download {base_url}{message}"):
            file.download("a.txt")

        assert list(work.iterdir()) == []
        assert not file.is_local()

    def test_a_failure_leaves_nothing_in_the_temporary_folder(
        self, base_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("TMPDIR", str(tmp_path))

        with pytest.raises(DownloadError):
            InputFile("input", url=f"{base_url}/missing").download()

        assert list(tmp_path.iterdir()) == []

    @pytest.mark.usefixtures("base_url")
    def test_a_server_that_is_not_there_is_named(self) -> None:
        with ThreadingHTTPServer(("127.0.0.1", 0), FileHandler) as server:
            port = server.server_port

        with pytest.raises(DownloadError, match=f"127.0.0.1:{port}/a: .*refused"):
            InputFile("input", url=f"http://127.0.0.1:{port}/a").download("a.txt")

    @pytest.mark.parametrize("url", ["file:///etc/hostname", "ftp://example.org/a", "dendro:f/a"])
    def test_only_http_is_read(self, url: str, work: Path) -> None:
        with pytest.raises(DownloadError, match="only http and https"):
            InputFile("input", url=url).download("a.txt")
        assert list(work.iterdir()) == []

    def test_an_input_without_a_place_is_named(self) -> None:
        with pytest.raises(ValueError, match="Input 'input' has neither"):
            InputFile("input").download()

    @pytest.mark.usefixtures("work")
    def test_a_long_download_tells_how_far_it_is(
        self,
        base_url: str,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        monkeypatch.setattr(download_module, "PROGRESS_SEC", 0)
        monkeypatch.setattr(download_module, "CHUNK_BYTES", len(CONTENT))

        InputFile("input", url=f"{base_url}/a", file_base_name="a.nwb").download("a")

        assert capsys.readouterr().out == "Downloading a.nwb: 0 of 0 MB\n"

    @pytest.mark.usefixtures("work")
    def test_a_short_download_says_nothing(
        self, base_url: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        InputFile("input", url=f"{base_url}/a").download("a")

        assert capsys.readouterr().out == ""


class TestAdditionalOutput:
    @pytest.fixture(autouse=True)
    def a_running_job(self, folder: JobFolder, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DENDRO_JOB_FOLDER", folder.path)

    @pytest.mark.parametrize(
        "name", ["a", "a.b.c", "A-1_/b.txt", "1/2/3/4/5/6", "x" * 64, f"a/{'x' * 60}.txt"]
    )
    def test_an_allowed_name(self, name: str, source: Path, folder: JobFolder) -> None:
        url = upload_additional_job_output(source, name)

        assert url == f"dendro:f/a_service/an_app/p/TR4Gr2HPFe3JcHFlkZjP/other/{name}"
        assert (Path(folder.path) / "other" / name).read_text() == "an input"
        assert source.exists()

    @pytest.mark.parametrize(
        "name",
        [
            "",
            "/a",
            "a/",
            "a//b",
            ".a",
            "a.",
            "..",
            "../a",
            "a/./b",
            "a..b",
            "a b",
            "µ",
            "a\\b",
            "1/2/3/4/5/6/7",
            "x" * 65,
        ],
    )
    def test_a_name_that_is_not_allowed(self, name: str, source: Path) -> None:
        with pytest.raises(ValueError, match="cannot be named"):
            upload_additional_job_output(source, name)

    def test_a_name_is_used_once(self, source: Path) -> None:
        upload_additional_job_output(source, "figs/a")

        with pytest.raises(ValueError, match="has an additional output 'figs/a' already"):
            upload_additional_job_output(source, "figs/a")
        with pytest.raises(ValueError, match="has a file 'figs/a' as an additional output"):
            upload_additional_job_output(source, "figs/a/b")

    def test_a_missing_file_is_named(self) -> None:
        with pytest.raises(FileNotFoundError, match=r"Additional output 'a': .* 'none.txt'"):
            upload_additional_job_output("none.txt", "a")

    def test_outside_of_a_job_it_is_refused(
        self, source: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("DENDRO_JOB_FOLDER")

        with pytest.raises(RuntimeError, match="only while a job runs"):
            upload_additional_job_output(source, "a")
