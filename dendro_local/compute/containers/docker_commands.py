"""The command lines of Docker and Podman, and what they answer. Pure."""

from collections.abc import Sequence

import msgspec

from dendro_local.compute.containers.container import Container, Image, mount_options

__all__ = ["ContainerState", "DockerCommands", "DockerFacts", "PodmanCommands"]

STOP_SEC = 1
"""How long an app may take to end after it was asked to."""


class DockerFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What matters of how an engine is set up."""

    is_rootless: bool = False
    """Whether the engine itself runs as this user."""
    remaps_users: bool = False
    """Whether users in a container are others outside, by default."""
    limits_cpus: bool = True
    limits_memory: bool = True


class ContainerState(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """What an engine says of a container."""

    exit_code: int
    was_out_of_memory: bool = msgspec.field(name="OOMKilled", default=False)
    running: bool = False
    started_at: str = ""

    @property
    def was_started(self) -> bool:
        """Whether the command in it was ever started."""
        return not self.started_at.startswith("0001-") and self.started_at != ""


class _DockerInfo(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    server_version: str = ""
    security_options: list[str] | None = None
    cpu_cfs_quota: bool = True
    memory_limit: bool = True


class _PodmanSecurity(msgspec.Struct, frozen=True, kw_only=True):
    rootless: bool = False


class _PodmanHost(msgspec.Struct, frozen=True, kw_only=True):
    security: _PodmanSecurity = _PodmanSecurity()
    controllers: list[str] = msgspec.field(name="cgroupControllers", default_factory=list)


class _PodmanInfo(msgspec.Struct, frozen=True, kw_only=True):
    host: _PodmanHost | None = None


class _Config(msgspec.Struct, frozen=True, kw_only=True):
    env: list[str] | None = msgspec.field(name="Env", default=None)


class _InspectedImage(msgspec.Struct, frozen=True, kw_only=True):
    config: _Config | None = msgspec.field(name="Config", default=None)
    digest: str | None = msgspec.field(name="Digest", default=None)
    """Podman's, also of an image that was never in a registry."""
    repo_digests: list[str] | None = msgspec.field(name="RepoDigests", default=None)


_docker_info = msgspec.json.Decoder(_DockerInfo).decode
_podman_info = msgspec.json.Decoder(_PodmanInfo).decode
_states = msgspec.json.Decoder(ContainerState)
_images = msgspec.json.Decoder(list[_InspectedImage])


class DockerCommands:
    """Those of Docker."""

    program = "docker"

    def info(self) -> list[str]:
        """Asks how the engine is set up; `facts` reads the answer."""
        return [self.program, "info", "--format", "{{json .}}"]

    def facts(self, answer: bytes) -> DockerFacts | None:
        """What `info` answered; None if the engine did not answer, whatever the exit code was.

        Raises:
            ValueError: it is not what an engine answers.
        """
        said = _docker_info(answer)
        if not said.server_version:
            return None  # what was printed is of the client alone
        options = " ".join(said.security_options or ())
        return DockerFacts(
            is_rootless="name=rootless" in options,
            remaps_users="name=userns" in options,
            limits_cpus=said.cpu_cfs_quota,
            limits_memory=said.memory_limit,
        )

    def image_names(self, image: str) -> list[str]:
        """The names under which the engine may have an image; the last is the one to pull."""
        return [image]

    def inspect_image(self, name: str) -> list[str]:
        """Asks for an image; `image` reads the answer."""
        return [self.program, "image", "inspect", name]

    def image(self, name: str, answer: bytes) -> Image:
        """What `inspect_image` answered.

        Raises:
            ValueError: it is not what an engine answers.
        """
        found = _images.decode(answer)[0]
        digest = found.digest or _digest_of(name, found.repo_digests or ())
        variables = (found.config and found.config.env) or ()
        paths = (
            each.removeprefix("PYTHONPATH=") for each in variables if each[:11] == "PYTHONPATH="
        )
        return Image(
            name=name,
            uri=name if digest is None or "@" in name else f"{name}@{digest}",
            python_path=next(paths, ""),
        )

    def pull(self, name: str) -> list[str]:
        """Fetches an image."""
        return [self.program, "pull", name]

    def run(self, container: Container, facts: DockerFacts, *, machine_cpus: int) -> list[str]:
        """Runs a container until it has ended, with what it prints as what this prints.

        Args:
            container: what to run. Its secrets are to be in the environment of this command.
            facts: how the engine is set up.
            machine_cpus: Docker refuses more CPUs than there are, which a slot may promise.
        """
        memory = container.memory_bytes
        limits: list[str] = []
        if facts.limits_cpus:
            limits += ["--cpus", str(min(max(1, container.num_cpus), machine_cpus))]
        if memory is not None and facts.limits_memory:
            limits += ["--memory", f"{memory}b", "--memory-swap", f"{memory}b"]
        if memory is not None:
            limits += ["--shm-size", f"{memory}b"]  # else 64 MB, and it is part of the memory
        variables = {**container.environment, "HOME": str(container.temporary)}
        return [
            *(self.program, "run", "--name", container.name),
            *("--label", f"dendro-local.job={container.job_id}"),
            *("--pull", "never", "--log-driver", "none"),
            # Where SELinux is on, a container could not use the mounts, whose labels are not ours
            # to change.
            *("--security-opt", "label=disable", "--security-opt", "no-new-privileges"),
            *self._user(container, facts),
            *(() if container.has_network else ("--network", "none")),
            *limits,
            *self._gpus(container.gpu_ids),
            *mount_options(container.mounts),
            *("--workdir", str(container.work)),
            *_options("--env", [f"{name}={value}" for name, value in variables.items()]),
            *_options("--env", list(container.secrets)),
            container.image,
            *container.command,
        ]

    def stop(self, name: str) -> list[str]:
        """Asks what runs in a container to end, and ends it if it does not."""
        return [self.program, "stop", "-t", str(STOP_SEC), name]

    def inspect(self, name: str) -> list[str]:
        """Asks for the state of a container; `state` reads the answer."""
        return [self.program, "container", "inspect", "--format", "{{json .State}}", name]

    def state(self, answer: bytes) -> ContainerState:
        """What `inspect` answered.

        Raises:
            ValueError: it is not what an engine answers.
        """
        return _states.decode(answer)

    def remove(self, name: str) -> list[str]:
        """Removes a container, ending what still runs in it."""
        return [self.program, "rm", "--force", "--volumes", name]

    def kill(self, name: str) -> list[str]:
        """Ends what runs in a container at once, as removing it need not."""
        return [self.program, "kill", name]

    def _user(self, container: Container, facts: DockerFacts) -> list[str]:
        """Lets the files that the app makes be this user's."""
        if facts.is_rootless:
            return ["--user", "0:0"]  # who is this user outside
        apart = ["--userns", "host"] if facts.remaps_users else []
        return [*apart, "--user", f"{container.user_id}:{container.group_id}"]

    def _gpus(self, ids: Sequence[str]) -> list[str]:
        return ["--gpus", f'"device={",".join(ids)}"'] if ids else []


class PodmanCommands(DockerCommands):
    """Those of Podman, as far as they differ."""

    program = "podman"

    def info(self) -> list[str]:
        """Asks how the engine is set up; `facts` reads the answer."""
        return [self.program, "info", "--format", "json"]

    def facts(self, answer: bytes) -> DockerFacts | None:
        """What `info` answered; None if it says nothing of this machine.

        Raises:
            ValueError: it is not what an engine answers.
        """
        host = _podman_info(answer).host
        if host is None:
            return None
        return DockerFacts(
            is_rootless=host.security.rootless,
            limits_cpus="cpu" in host.controllers,
            limits_memory="memory" in host.controllers,
        )

    def image_names(self, image: str) -> list[str]:
        """The names under which the engine may have an image; the last is the one to pull.

        Specs name images of Docker Hub as Docker does, without saying that they are there.
        """
        first, slash, _ = image.partition("/")
        has_registry = slash and (any(each in first for each in ".:") or first == "localhost")
        if has_registry:
            return [image]
        return [image, f"docker.io/{image}" if slash else f"docker.io/library/{image}"]

    def _user(self, container: Container, facts: DockerFacts) -> list[str]:
        apart = ["--userns", "keep-id"] if facts.is_rootless else []
        return [*apart, "--user", f"{container.user_id}:{container.group_id}"]

    def _gpus(self, ids: Sequence[str]) -> list[str]:
        return _options("--device", [f"nvidia.com/gpu={each}" for each in ids])


def _options(option: str, values: Sequence[str]) -> list[str]:
    return [word for value in values for word in (option, value)]


def _digest_of(name: str, repo_digests: Sequence[str]) -> str | None:
    """The digest under which a registry has the image; None if none is known to."""
    repository = name.rpartition(":")[0] or name
    own = [each for each in repo_digests if each.partition("@")[0].endswith(repository)]
    found = [*own, *repo_digests]
    return found[0].partition("@")[2] if found else None
