"""What a script shows that ends with an error which says everything already."""

import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from dendro_local import DendroJobInputFile
from dendro_local.client.handle import DendroJob
from dendro_local.errors import DendroError, HubUnreachable, InputUnavailable
from dendro_sync import pull, push
from tests.client.conftest import Submitter
from tests.sync.conftest import Stores, greeting


@pytest.fixture
def stores(tmp_path: Path, store_folder: Path) -> Iterator[Stores]:
    stores = Stores(tmp_path)
    yield stores
    stores.close()


def shown(error: DendroError) -> str:
    return "".join(traceback.format_exception(error))


def test_a_missing_file_is_told_without_where_it_was_looked_for(
    submit: Submitter, tmp_path: Path
) -> None:
    file = DendroJobInputFile(name="input", path=tmp_path / "missing.nwb")

    with pytest.raises(InputUnavailable) as raised:
        submit("count_characters", inputs=[file])

    text = shown(raised.value)
    assert text.count("Traceback") == 1
    assert "local_files.py" not in text
    assert text.endswith(f"There is no file {tmp_path / 'missing.nwb'}. Check the path.\n")


def test_an_output_on_a_remote_that_is_away_is_told_without_how_it_was_asked(
    stores: Stores,
) -> None:
    stores.complete("a", greeting("x"), b"12345")
    push(stores["a"])
    stores.trust("b", "a")
    pull(stores["b"], outputs="lazy")
    [record] = stores["b"].submit([greeting("x")])
    output = DendroJob(record, stores["b"]).get_output("output")
    Path(stores.url).rename(stores.folder / "taken away")

    with pytest.raises(HubUnreachable) as raised:
        output.read_text()

    text = shown(raised.value)
    assert text.count("Traceback") == 1
    assert "elsewhere.py" not in text
    assert f"{stores.url} is not there" in text
