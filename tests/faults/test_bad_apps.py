"""An app that cannot be used is refused, with the reason that helps its author."""

import shutil
from pathlib import Path

import pytest

from dendro_local.client.default_hub import default_hub
from dendro_local.errors import InvalidApp
from tests.conftest import AppMaker
from tests.faults.asking import define, refused, run, submit

pytestmark = pytest.mark.process

SORT = "@app.processor\ndef sort(output: OutputFile) -> None:\n    raise ValueError"


def add(folder: Path | str) -> None:
    default_hub().add_app(str(folder), "lab")


def test_a_folder_that_is_not_there_is_named(whole_store: Path, tmp_path: Path) -> None:
    with refused(InvalidApp, str(tmp_path / "none"), "no folder", "main.py"):
        add(tmp_path / "none")


def test_a_folder_without_a_main_file_is_no_apps(whole_store: Path, tmp_path: Path) -> None:
    with refused(InvalidApp, str(tmp_path), "no main.py", "Give the folder"):
        add(tmp_path)


def test_a_folder_of_thousands_of_files_is_taken_for_the_wrong_one(
    whole_store: Path, make_app: AppMaker
) -> None:
    folder = make_app("sorter", SORT)
    for number in range(2001):
        (folder / f"{number}.txt").touch()

    with refused(InvalidApp, str(folder), "more than 2000 files", "a folder of its own"):
        add(folder)


def test_an_import_that_fails_is_shown_with_the_end_of_its_traceback(
    whole_store: Path, make_app: AppMaker
) -> None:
    folder = make_app("sorter", "import spikes_that_nobody_has")

    with refused(
        InvalidApp,
        str(folder / "main.py"),
        "import spikes_that_nobody_has",
        "ModuleNotFoundError: No module named 'spikes_that_nobody_has'",
    ):
        add(folder)


def test_a_syntax_error_is_shown(whole_store: Path, make_app: AppMaker) -> None:
    with refused(InvalidApp, "main.py", "def sort(", "SyntaxError"):
        add(make_app("sorter", "def sort("))


def test_a_main_file_that_does_not_run_its_app_gives_no_spec(
    whole_store: Path, tmp_path: Path
) -> None:
    (tmp_path / "main.py").write_text("print('hello')")

    with refused(InvalidApp, str(tmp_path / "main.py"), "no spec", "`app.run()`"):
        add(tmp_path)


def test_a_processor_name_that_cannot_be_part_of_a_path_is_refused(
    whole_store: Path, make_app: AppMaker
) -> None:
    with refused(InvalidApp, "'sort/all'", "'/'"):
        add(make_app("sorter", "@app.processor(name='sort/all')\ndef sort() -> None: ..."))


def test_an_app_name_that_cannot_be_part_of_a_path_is_refused(
    whole_store: Path, make_app: AppMaker
) -> None:
    folder = make_app("sorter", "app = App('..', description='')\n" + SORT)

    with refused(InvalidApp, "'..'", "give a name"):
        add(folder)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(b"", ["not an app's spec"], id="empty"),
        pytest.param(b"\x00\xff\xfe", ["not an app's spec"], id="bytes"),
        pytest.param(b'"\xff"', ["not an app's spec"], id="not UTF-8"),
        pytest.param(b"[1, 2]", ["Expected `object`", "got `array`"], id="list"),
        pytest.param(b'{"name": "a"}', ["missing", "description"], id="part of one"),
        pytest.param(
            b'{"name": "a", "description": "", "processors": [], "version": 1}',
            ["unknown field", "version"],
            id="another format",
        ),
        pytest.param(b"[" * 100_000, ["not an app's spec"], id="endless"),
    ],
)
def test_a_spec_file_that_is_no_spec_is_refused(
    whole_store: Path, tmp_path: Path, content: bytes, words: list[str]
) -> None:
    file = tmp_path / "spec.json"
    file.write_bytes(content)

    with refused(InvalidApp, str(file), "Give a folder with main.py, a spec.json", *words):
        add(file)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/spec.json", "http://[x", "file:///no/spec"])
def test_a_spec_that_cannot_be_fetched_is_named(whole_store: Path, url: str) -> None:
    with refused(InvalidApp, url, "cannot be"):
        add(url)


def test_what_is_refused_is_not_registered(whole_store: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidApp):
        add(tmp_path)

    assert [service.serviceName for service in default_hub().services()] == ["hello_world_service"]


def test_a_folder_that_vanished_is_named_at_submit(whole_store: Path, make_app: AppMaker) -> None:
    folder = make_app("sorter", SORT)
    add(folder)
    shutil.rmtree(folder)

    with refused(InvalidApp, str(folder), "no folder", "`dendro-local apps add FOLDER`"):
        submit(define("sort", app="sorter"), service="lab")


def test_a_folder_that_vanished_after_submit_fails_the_job_naming_it(
    whole_store: Path, make_app: AppMaker
) -> None:
    folder = make_app("sorter", SORT)
    add(folder)
    job = submit(define("sort", app="sorter"), service="lab")
    assert "is pending" not in job.why()
    shutil.rmtree(folder)

    run(job)

    assert job.status == "failed"
    assert f"There is no folder {folder}" in str(job.error)


def test_a_folder_that_an_edit_broke_is_refused_at_submit_until_it_is_mended(
    whole_store: Path, make_app: AppMaker
) -> None:
    folder = make_app("sorter", SORT)
    add(folder)
    make_app("sorter", "import spikes_that_nobody_has")
    with refused(InvalidApp, "ModuleNotFoundError"):
        submit(define("sort", app="sorter"), service="lab")

    make_app("sorter", SORT)

    assert submit(define("sort", app="sorter"), service="lab").status == "pending"
