"""Starting apps in containers."""

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from dendro_local.compute.containers.container import Container, Mount, container_name
from dendro_local.compute.containers.engine import Engine
from dendro_local.compute.containers.hub_socket import HubSocket
from dendro_local.compute.gpus import gpu_environment
from dendro_local.compute.job_folder import JobFolder
from dendro_local.compute.memory_limit import limit_bytes
from dendro_local.compute.original_sdk import OriginalApps
from dendro_local.compute.process_runtime import environment_for_apps
from dendro_local.compute.runtime import RunningApp, RuntimeUnable, Starter, thread_environment
from dendro_local.errors import ContainerFailed, InvalidApp
from dendro_local.hub import ClaimedApp, FetchedInput
from dendro_local.model import Job

__all__ = ["ContainerRuntime"]

RECHECK_SEC = 30.0
"""How often to look whether an engine that did not work does so now."""

_PACKAGE = Path(__file__).parents[2]
SDK_PLACE = Path("/opt/dendro-local-sdk")
HUB_PLACE = Path("/opt/dendro-local-hub")
"""Where a container sees the SDK, and the socket of the hub that apps of another SDK ask."""


class ContainerRuntime:
    """Starts each app in a container of its image. Safe for use by many threads."""

    def __init__(self, engine: Engine) -> None:
        self.name = engine.name
        self._engine = engine
        self._lock = threading.Lock()
        self._fault: str | None = None
        self._next_check = 0.0
        self._original_apps = OriginalApps()
        self._hub_socket: HubSocket | None = None

    def unable(self) -> str | None:
        """Why the engine can run nothing now; None if it can."""
        with self._lock:
            if time.monotonic() >= self._next_check:
                self._check()
            return self._fault

    def _check(self) -> None:
        try:
            self._engine.check()
        except ContainerFailed as error:
            self._fault = str(error)
            self._next_check = time.monotonic() + RECHECK_SEC
        else:
            self._fault = None
            self._next_check = float("inf")  # until a job finds it otherwise

    def make_ready(
        self, app: ClaimedApp, tell: Callable[[str], None], should_stop: Callable[[], bool]
    ) -> ClaimedApp | None:
        """Fetch the app's image if it is not here; None if that was stopped.

        Raises:
            InvalidApp: it names none.
            ContainerFailed: it cannot be had.
            RuntimeUnable: the engine does not work any more.
        """
        if not app.image:
            raise InvalidApp(
                f"The app names no container image, so that {self.name} cannot run it. Give its "
                "processors `image=...`, or run `dendro-local work` without --container."
            )
        try:
            image = self._engine.image(app.image, tell, should_stop)
        except ContainerFailed:
            with self._lock:
                self._check()
                fault = self._fault
            if fault is None:
                raise
            raise RuntimeUnable(fault) from None
        if image is None:
            return None
        paths = filter(None, (str(SDK_PLACE), image.python_path))
        return msgspec.structs.replace(
            app, image=image.name, image_uri=image.uri, python_path=":".join(paths)
        )

    def prepare(
        self,
        app: ClaimedApp,
        num_cpus: int,
        gpu_ids: Sequence[str],
        *,
        is_wanted: Callable[[], bool],
    ) -> Starter:
        """As `prepare_cold`: every job has a container of its own."""
        return self.prepare_cold(app, num_cpus, gpu_ids)

    def prepare_cold(
        self, app: ClaimedApp, num_cpus: int, gpu_ids: Sequence[str] | None
    ) -> Starter:
        """Get ready to start an app in a container.

        Args:
            app: what to start, as `make_ready` gave it.
            num_cpus: how many CPUs it may use.
            gpu_ids: the GPUs that it sees; none if None.
        """
        gpus = gpu_ids or ()

        def start(folder: JobFolder, job: Job, inputs: Mapping[str, FetchedInput]) -> RunningApp:
            container = self._container(app, folder, job, inputs, num_cpus, gpus)
            if app.sdk == "dendro_local":
                return self._start(container, folder)
            return self._original_apps.start_by(
                lambda hub: self._start(self._with_hub(container, hub), folder),
                executable=container.command[-1],
                folder=folder,
                job=job,
                inputs=inputs,
                secrets=app.secrets,
            )

        return start

    def distrust(self, app: ClaimedApp) -> None:
        """Nothing: every app is started cold."""

    def keep_only(self, folder: Path, state: str) -> None:
        """Nothing: no state of an app is kept."""

    def close_idle(self) -> None:
        """Nothing: nothing is kept."""

    def close(self) -> None:
        """Serve no app that asks for its job; containers go on."""
        self._original_apps.close()
        with self._lock:
            hub_socket, self._hub_socket = self._hub_socket, None
        if hub_socket is not None:
            hub_socket.close()

    def _start(self, container: Container, folder: JobFolder) -> RunningApp:
        return self._engine.start(container, folder, environment_for_apps())

    def _container(
        self,
        app: ClaimedApp,
        folder: JobFolder,
        job: Job,
        inputs: Mapping[str, FetchedInput],
        num_cpus: int,
        gpu_ids: Sequence[str],
    ) -> Container:
        main = app.executable if app.folder is None else str(app.folder / "main.py")
        # An engine that gives a container its GPUs alone counts them anew there.
        sees_its_own = bool(gpu_ids) and self._engine.numbers_gpus_anew
        return Container(
            name=container_name(folder.root),
            job_id=job.jobId,
            image=app.image,
            command=["python", main] if main.endswith(".py") else [main],
            mounts=list(_mounts(app, folder, inputs)),
            environment={
                **thread_environment(num_cpus),
                **({} if sees_its_own else gpu_environment(gpu_ids)),
                "PYTHONPATH": app.python_path,
                "JOB_ID": job.jobId,
                "DENDRO_JOB_FOLDER": str(folder.root),
                "PYTHONUNBUFFERED": "1",
                "TMPDIR": str(folder.temporary),
            },
            work=folder.work,
            temporary=folder.temporary,
            user_id=os.getuid(),
            group_id=os.getgid(),
            has_network=_needs_network(app, job, inputs),
            num_cpus=num_cpus,
            memory_bytes=limit_bytes(job.requiredResources),
            gpu_ids=gpu_ids,
        )

    def _with_hub(self, container: Container, hub: Mapping[str, str]) -> Container:
        """The container of an app that asks a hub of this process for its job.

        It needs no network for that: what it asks at a port of its own is passed on to a socket.
        """
        with self._lock:
            if self._hub_socket is None:
                self._hub_socket = HubSocket(hub["DENDRO_API_URL"])
            socket = self._hub_socket
        secrets = {name: hub[name] for name in ("JOB_PRIVATE_KEY", "DENDRO_API_URL")}
        told = {name: value for name, value in hub.items() if name not in secrets}
        # By its file and apart from all else, so that any Python will do.
        relay = ["python", "-I", str(SDK_PLACE / "dendro_local" / "sdk" / "relay.py")]
        return msgspec.structs.replace(
            container,
            command=[
                *relay,
                str(HUB_PLACE / socket.file.name),
                str(socket.port),
                *container.command,
            ],
            mounts=[*container.mounts, Mount(source=socket.file.parent, destination=HUB_PLACE)],
            environment={**container.environment, **told},
            secrets={**container.secrets, **secrets},
        )


def _mounts(
    app: ClaimedApp, folder: JobFolder, inputs: Mapping[str, FetchedInput]
) -> Iterator[Mount]:
    """What a container sees of this machine, each at its own place but for the SDK."""
    yield Mount(source=folder.root, destination=folder.root, is_writable=True)
    yield Mount(source=_PACKAGE, destination=SDK_PLACE / "dendro_local")
    if app.folder is not None:
        yield Mount(source=app.folder, destination=app.folder)
    for path in dict.fromkeys(fetched.path for fetched in inputs.values()):
        if path is not None:
            yield Mount(source=path, destination=path)


def _needs_network(app: ClaimedApp, job: Job, inputs: Mapping[str, FetchedInput]) -> bool:
    """Whether the app asks for a network, or the job names what is to be read or put elsewhere."""
    return (
        app.needs_network
        or any(fetched.path is None for fetched in inputs.values())
        or any(file.urlDeterminedAtRuntime is True for file in job.jobDefinition.outputFiles)
    )
