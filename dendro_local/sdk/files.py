"""The input and output files of a job, as its processor sees them."""

from __future__ import annotations

import os

from dendro_local.sdk.job_folder import output_path
from dendro_local.sdk.job_secrets import job_secret

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from pydantic_core import CoreSchema

    from dendro_local.sdk.job_folder import JobFolder


class JobFile:
    """What input and output files share: both can be fields of a pydantic model.

    Args:
        name: what the definition calls the file, such as ``input`` or ``inputs[0]``.
        file_base_name: its name without a folder, such as ``session1.nwb``.
        job_id: the job it belongs to; None outside of a job.
    """

    def __init__(self, name: str, *, file_base_name: str = "", job_id: str | None = None) -> None:
        self.name = name
        self.file_base_name = file_base_name
        self.job_id = job_id

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> CoreSchema:
        """Tells pydantic 2 that a field of this type holds an instance of it."""
        from pydantic_core import core_schema

        return core_schema.is_instance_schema(cls)

    @classmethod
    def __get_validators__(cls) -> Iterator[Callable[[Any], Any]]:
        """Tells pydantic 1 the same."""

        def validate(value: Any) -> Any:
            if isinstance(value, cls):
                return value
            raise TypeError(f"expected {cls.__name__}, not {type(value).__name__}")

        yield validate


class InputFile(JobFile):
    """A file that the processor reads.

    Args:
        name: what the definition calls the file, such as ``input`` or ``inputs[0]``.
        url: what identifies the file, wherever its bytes are.
        file_base_name: its name without a folder, such as ``session1.nwb``.
        local_file_name: where it is on this machine; None if it is not.
        job_id: the job it belongs to; None outside of a job.
        readable_url: where its bytes can be read now, if not at ``url``.
    """

    def __init__(
        self,
        name: str,
        *,
        url: str | None = None,
        file_base_name: str = "",
        local_file_name: str | None = None,
        job_id: str | None = None,
        readable_url: str | None = None,
    ) -> None:
        super().__init__(name, file_base_name=file_base_name, job_id=job_id)
        self.url = url
        self.local_file_name = local_file_name
        self._readable_url = readable_url

    def get_url(self) -> str | None:
        """The URL, ``http``, ``https`` or ``file``, at which the file can be read now."""
        return self._readable_url or self.url

    def get_local_file_name(self) -> str | None:
        """Where the file is on this machine; None if it has to be downloaded first."""
        return self.local_file_name

    def is_local(self) -> bool:
        """Whether the file is on this machine."""
        return self.local_file_name is not None

    def download(self, dest_file_path: str | os.PathLike[str] | None = None) -> str:
        """Brings the file to this machine, if it is not there yet.

        A file that is there is copied if ``dest_file_path`` is given, and left alone otherwise.
        It may belong to the user or to other jobs, so it is to be read only; a copy may be
        changed.

        Args:
            dest_file_path: where to write it; without it, a new file in the temporary folder.

        Returns:
            Where the file can be read: ``dest_file_path``, or else ``local_file_name``.

        Raises:
            DownloadError: the file could not be fetched; nothing is left of it then.
        """
        destination = None if dest_file_path is None else os.fspath(dest_file_path)
        if self.local_file_name is not None:
            return self._local_copy(self.local_file_name, destination)
        url = self.get_url()
        if url is None:
            raise ValueError(f"Input {self.name!r} has neither a URL nor a local file.")
        from dendro_local.sdk.download import download_file, download_to_temporary_file

        label = self.file_base_name or self.name
        if destination is None:
            destination = download_to_temporary_file(url, self.file_base_name, label=label)
        else:
            download_file(url, destination, label=label)
        self.local_file_name = destination
        return destination

    def _local_copy(self, source: str, destination: str | None) -> str:
        if destination is None:
            return source
        if not (os.path.exists(destination) and os.path.samefile(source, destination)):
            import shutil

            shutil.copyfile(source, destination)
        return destination

    def __repr__(self) -> str:
        return f"InputFile({self.name!r}, file_base_name={self.file_base_name!r}, url={self.url!r})"


class OutputFile(JobFile):
    """A file that the processor writes and then hands over with `upload`.

    Args:
        name: what the definition calls the file.
        file_base_name: the name it is given, such as ``output.json``.
        url_determined_at_runtime: the processor puts the file somewhere itself and says where,
            with `set_url` instead of `upload`.
        job_id: the job it belongs to; None outside of a job.
        folder: the folder of that job.

    Attributes:
        was_uploaded: whether `upload` has been called.
        size: in bytes, once it was uploaded.
        url_was_set: whether `set_url` has been called.
    """

    def __init__(
        self,
        name: str,
        *,
        file_base_name: str = "",
        url_determined_at_runtime: bool = False,
        job_id: str | None = None,
        folder: JobFolder | None = None,
    ) -> None:
        super().__init__(name, file_base_name=file_base_name, job_id=job_id)
        self.url_determined_at_runtime = url_determined_at_runtime
        self.was_uploaded = False
        self.size: int | None = None
        self._folder = folder
        self._url: str | None = None

    @property
    def url_was_set(self) -> bool:
        """Whether `set_url` has been called."""
        return self._url is not None

    def upload(
        self, local_file_name: str | os.PathLike[str], delete_local_file: bool = True
    ) -> None:
        """Hands over a file as this output.

        Args:
            local_file_name: a finished file.
            delete_local_file: the file is moved, which costs nothing whatever its size. With
                False it is copied, and the processor can go on using it.

        Raises:
            RuntimeError: this output was uploaded before, or takes a URL instead.
            OSError: there is no such file, or it cannot be taken over.
        """
        if self.url_determined_at_runtime:
            raise RuntimeError(
                f"Output {self.name!r} gets its URL at run time: call set_url(url), not upload()."
            )
        if self.was_uploaded:
            raise RuntimeError(f"Output {self.name!r} was uploaded already.")
        if self._folder is None:
            raise RuntimeError(f"Output {self.name!r} can be uploaded only while its job runs.")
        self.size = self._folder.keep_file(
            os.fspath(local_file_name),
            output_path(self.name),
            delete_source=delete_local_file,
            purpose=f"Output {self.name!r}",
        )
        self.was_uploaded = True

    def set_url(self, url: str) -> None:
        """Says where the processor has put this output.

        Raises:
            RuntimeError: the URL was set before, or this output is to be uploaded instead.
            ValueError: ``url`` is no URL.
        """
        if not self.url_determined_at_runtime:
            raise RuntimeError(
                f"Output {self.name!r} is not declared with url_determined_at_runtime: "
                "call upload(file), not set_url()."
            )
        if self._url is not None:
            raise RuntimeError(f"The URL of output {self.name!r} was set already, to {self._url}.")
        if "://" not in url:
            raise ValueError(f"Output {self.name!r}: {url!r} is no URL.")
        self._url = url

    def get_dandi_api_key(self) -> str:
        """The key with which this output can be published on DANDI: the secret of that name.

        Raises:
            RuntimeError: this output is a file of the hub, or the job was given no such secret.
        """
        if not self.url_determined_at_runtime:
            raise RuntimeError(
                f"Output {self.name!r} is not declared with url_determined_at_runtime, so there "
                "is no key to publish it with."
            )
        key = job_secret("DANDI_API_KEY")
        if key is None:
            raise RuntimeError(
                f"Output {self.name!r}: the job was submitted without the secret DANDI_API_KEY."
            )
        return key

    def missing_call(self) -> str | None:
        """What the processor still has to call for this output; None once it did."""
        if self.url_determined_at_runtime:
            return None if self.url_was_set else "set_url(url)"
        return None if self.was_uploaded else "upload(file)"

    def location(self) -> dict[str, str]:
        """Where the output is, as ``result.json`` says it; empty before it is anywhere."""
        if self._url is not None:
            return {"url": self._url}
        return {"path": output_path(self.name)} if self.was_uploaded else {}

    def __repr__(self) -> str:
        return f"OutputFile({self.name!r}, file_base_name={self.file_base_name!r})"
