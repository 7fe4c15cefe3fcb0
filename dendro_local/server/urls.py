"""URLs of files in requests and replies: a hub's own outside, the stable ones inside."""

from collections.abc import Sequence

from msgspec.structs import replace

from dendro_local.file_urls import public_url, stable_url
from dendro_local.model import Job, JobDefinition

__all__ = ["Urls"]


class Urls:
    """Translates between stable URLs and those of one hub.

    Args:
        base: where the hub is served for whoever asks.
        bases: where it is or was served for anybody.
    """

    __slots__ = ("_bases", "base")

    def __init__(self, base: str, bases: Sequence[str]) -> None:
        self.base = base
        self._bases = bases

    def stable(self, url: str) -> str:
        """A URL of a request as the store knows it."""
        return stable_url(url, [self.base, *self._bases])

    def public(self, url: str) -> str:
        """A URL of the store as a reply has it."""
        return public_url(url, self.base)

    def upload(self, token: str) -> str:
        """Where the file, or part, is to be put for which a token was given out."""
        return f"{self.base}/u/{token}"

    def stable_definition(self, definition: JobDefinition) -> JobDefinition:
        """A definition of a request as the store knows it."""
        if not definition.inputFiles:
            return definition
        files = [replace(file, url=self.stable(file.url)) for file in definition.inputFiles]
        return replace(definition, inputFiles=files)

    def public_job(self, job: Job, private_key: str | None = None) -> Job:
        """A job's record as a reply has it: with no secret, and a key only where one is given."""
        public = self.public
        definition = job.jobDefinition
        if definition.inputFiles:
            files = [replace(file, url=public(file.url)) for file in definition.inputFiles]
            definition = replace(definition, inputFiles=files)
        others = job.otherFileOutputs
        return replace(
            job,
            jobPrivateKey=private_key,
            secrets=None,
            jobDefinition=definition,
            inputFileUrlList=[public(url) for url in job.inputFileUrlList],
            outputFileUrlList=[public(url) for url in job.outputFileUrlList],
            outputFileResults=[
                replace(each, url=public(each.url)) for each in job.outputFileResults
            ],
            otherFileOutputs=[replace(each, url=public(each.url)) for each in others]
            if isinstance(others, list)
            else others,
            consoleOutputUrl=public(job.consoleOutputUrl),
            resourceUtilizationLogUrl=public(job.resourceUtilizationLogUrl),
        )
