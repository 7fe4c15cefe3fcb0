"""What an error says of what the system said."""

from pathlib import Path

import httpx
import pytest

from dendro_local.reasons import reason_of


def test_what_the_system_says_has_neither_its_number_nor_the_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        (tmp_path / "no").read_bytes()

    assert reason_of(caught.value) == "No such file or directory"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError("no events"), "no events"),
        (ValueError("not TOML (at line 1)"), "not TOML (at line 1)"),
        (httpx.ConnectError("[Errno -2] Name or service not known"), "Name or service not known"),
    ],
)
def test_other_errors_say_what_they_say(error: Exception, words: str) -> None:
    assert reason_of(error) == words
