"""The app: its processors, its spec, and what happens when its main file is started."""

from __future__ import annotations

import os
import sys

from dendro_local.sdk.class_processor import ClassProcessor
from dendro_local.sdk.function_processor import FunctionProcessor
from dendro_local.sdk.job_folder import FOLDER_VARIABLE, HOST_VARIABLE
from dendro_local.sdk.run_job import run_job

TYPE_CHECKING = False
if not TYPE_CHECKING:

    def overload(function):
        """Stands in for `typing.overload`, which takes long to import, and does as little."""
        return function

else:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any, TypeVar, overload

    from dendro_local.sdk.processor import Processor
    from dendro_local.sdk.processor_base import ProcessorBase

    Function = TypeVar("Function", bound=Callable[..., Any])


SPEC_VARIABLE = "SPEC_OUTPUT_FILE"
"""Asks the app for its spec: the path of the file to write it to."""

EXIT_FAILED = 1
EXIT_WRONG_USE = 2


class App:
    """A named set of processors.

    Args:
        app_name: what services and jobs call the app.
        description: what the app is for.
        version: changes whenever the results of the same job could. Results are shared between
            apps of one name and version only; without one, the runner tells versions apart by
            the app's files.
        warm: whether the app may be imported once and forked for each job, which saves its
            start. Switch it off if importing it does what a fork cannot take along.
        needs_network: whether its containers are to have a network, beyond what inputs that lie
            at URLs make necessary.
    """

    def __init__(
        self,
        app_name: str,
        *,
        description: str,
        version: str | None = None,
        warm: bool = True,
        needs_network: bool = False,
    ) -> None:
        self._name = app_name
        self._description = description
        self._version = version
        self._warm = warm
        self._needs_network = needs_network
        self._processors: dict[str, Processor] = {}

    @property
    def processors(self) -> Mapping[str, Processor]:
        """The processors by name, in the order in which they were added."""
        return self._processors

    def add_processor(self, processor_class: type[ProcessorBase]) -> None:
        """Adds a processor in class style (see `dendro_local.sdk.class_processor`).

        Raises:
            TypeError: the class lacks something.
            ValueError: the app has a processor of this name.
        """
        self._add(ClassProcessor(processor_class))

    @overload
    def processor(self, function: Function) -> Function: ...

    @overload
    def processor(
        self,
        *,
        name: str | None = ...,
        label: str | None = ...,
        description: str | None = ...,
        image: str = ...,
        executable: str = ...,
        attributes: Mapping[str, Any] | None = ...,
        warm_imports: Iterable[str] = ...,
    ) -> Callable[[Function], Function]: ...

    def processor(
        self, function: Callable[..., Any] | None = None, **options: Any
    ) -> Callable[..., Any]:
        """Adds a function as a processor (see `dendro_local.sdk.function_processor`).

        As ``@app.processor``, or as ``@app.processor(name=..., ...)`` with any of the arguments
        of `FunctionProcessor`. The function itself stays as it is.

        Raises:
            TypeError: what is decorated is no function.
            ValueError: the app has a processor of this name.
        """

        def add(decorated: Callable[..., Any]) -> Callable[..., Any]:
            self._add(FunctionProcessor(decorated, **options))
            return decorated

        return add if function is None else add(function)

    def get_spec(self) -> dict[str, Any]:
        """The app's spec, as the contract has it.

        Raises:
            TypeError: something that a processor declares is not supported.
            ValueError: declarations contradict each other, or a description is too long.
        """
        from dendro_local.sdk.spec import app_spec

        return app_spec(
            self._name,
            self._description,
            self._processors.values(),
            version=self._version,
            warm=self._warm,
            needs_network=self._needs_network,
        )

    def run(self) -> None:
        """Does what the environment asks for; to be called once, at the end of the main file.

        With ``SPEC_OUTPUT_FILE``, writes the spec to that file. With ``DENDRO_JOB_FOLDER``, runs
        the job of that folder. With ``DENDRO_APP_HOST``, runs jobs in children of this process
        until the compute client has no more. With none of them, says how to use the app.

        Raises:
            RuntimeError: both are set.
            SystemExit: the job failed (1), or nothing was asked for (2).
        """
        if _is_multiprocessing_child():
            return  # it imports the main file anew, only to find the job's own functions there
        host_socket = os.environ.get(HOST_VARIABLE)
        if host_socket:
            from dendro_local.sdk.host import serve

            serve(self._processors, int(host_socket))
            return
        spec_file = os.environ.get(SPEC_VARIABLE)
        job_folder = os.environ.get(FOLDER_VARIABLE)
        if spec_file and job_folder:
            raise RuntimeError(
                f"{SPEC_VARIABLE} and {FOLDER_VARIABLE} are both set, and only one can be done."
            )
        if spec_file:
            self._write_spec(spec_file)
        elif job_folder:
            if not run_job(self._processors, job_folder):
                sys.exit(EXIT_FAILED)
        else:
            sys.stderr.write(self._how_to_use())
            sys.exit(EXIT_WRONG_USE)

    def _add(self, processor: Processor) -> None:
        if processor.name in self._processors:
            raise ValueError(f"App {self._name!r} has two processors named {processor.name!r}.")
        self._processors[processor.name] = processor

    def _write_spec(self, path: str) -> None:
        import json

        text = json.dumps(self.get_spec(), indent=4)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text + "\n")

    def _how_to_use(self) -> str:
        folder = os.path.dirname(os.path.abspath(sys.argv[0]))
        return (
            f"This is the Dendro app {self._name!r}. It is not started by hand: dendro-local "
            "starts it for each job.\n\n"
            f"    dendro-local apps add {folder}\n"
            f"    dendro-local submit --help\n\n"
            f"Its processors: {', '.join(self._processors) or 'none yet'}.\n"
        )


def _is_multiprocessing_child() -> bool:
    multiprocessing = sys.modules.get("multiprocessing")
    return multiprocessing is not None and multiprocessing.parent_process() is not None
