"""What the tests share: fresh stores, apps in fresh folders, and ways to run them."""

import signal
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from dendro_local.local_hub import LocalHub

AppMaker = Callable[..., Path]

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell in the background lets what it starts ignore Ctrl-C, and so would what tests start.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The same examples on every machine, however busy it is. `--hypothesis-profile=default` has others
# at each run.
settings.register_profile(
    "dendro",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("dendro")


@pytest.fixture
def store_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a fresh store, which is the default one for this test."""
    folder = tmp_path / "store"
    monkeypatch.setenv("DENDRO_LOCAL_DIR", str(folder))
    for variable in (
        "DENDRO_API_URL",
        "DENDRO_SERVICE_NAME",
        "DENDRO_MAX_ATTEMPTS",
        "CONTAINER_METHOD",
    ):
        monkeypatch.delenv(variable, raising=False)
    return folder


@pytest.fixture
def hub(store_folder: Path) -> Iterator[LocalHub]:
    """A hub over the fresh store."""
    hub = LocalHub(store_folder)
    yield hub
    hub.close()


@pytest.fixture
def make_app(tmp_path: Path) -> AppMaker:
    """Write an app's folder: ``make_app('name', body)``, the body defining processors on `app`."""

    def make(name: str, body: str, *, version: str | None = None) -> Path:
        folder = tmp_path / "apps" / name
        folder.mkdir(parents=True, exist_ok=True)
        declared = "" if version is None else f", version={version!r}"
        (folder / "main.py").write_text(
            "from dendro_local.sdk import App, InputFile, OutputFile\n\n"
            f"app = App({name!r}, description='For a test'{declared})\n\n"
            f"{textwrap.dedent(body)}\n\napp.run()\n",
            encoding="utf-8",
        )
        return folder

    return make
