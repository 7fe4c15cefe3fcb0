"""What an app imports to declare its processors and to run the jobs it is given.

    from dendro_local.sdk import App, InputFile, OutputFile

    app = App("hello_world", description="A simple hello world app", version="1.0.0")


    @app.processor
    def count_lines(input: InputFile, output: OutputFile, skip_empty: bool = False) -> None:
        '''Counts the lines of a text file.

        Args:
            input: The text file
            output: A text file that holds the number
            skip_empty: Whether to leave out empty lines
        '''
        ...
        output.upload("count.txt")


    if __name__ == "__main__":
        app.run()

A processor can also be a class with a pydantic model for its context, as in the original Dendro
SDK (see `dendro_local.sdk.class_processor`). ``BaseModel`` and ``Field`` can be imported from
here too; they are pydantic's own, which the app then has to have installed.

How an app is started, and how it meets its job, is in `dendro_local.sdk.app` and
`dendro_local.sdk.job_folder`.

Everything here needs the standard library only, Python 3.9 or later, so that an app's own
environment need not hold dendro-local: its runner puts this package on the app's path. An app is
started once for every job, so what one job in ten needs is imported where it is used.
"""  # noqa: D214 (the example has a docstring of its own)

from __future__ import annotations

from dendro_local.sdk.app import App
from dendro_local.sdk.files import InputFile, OutputFile
from dendro_local.sdk.job_secrets import job_secret
from dendro_local.sdk.other_outputs import upload_additional_job_output
from dendro_local.sdk.processor_base import ProcessorBase

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pydantic import BaseModel as BaseModel
    from pydantic import Field as Field

__all__ = [
    "App",
    "InputFile",
    "OutputFile",
    "ProcessorBase",
    "job_secret",
    "upload_additional_job_output",
]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """Pydantic's ``BaseModel`` and ``Field``, imported only if an app asks for them."""
        if name not in {"BaseModel", "Field"}:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        try:
            import pydantic
        except ImportError as error:
            raise ImportError(
                f"{name} of dendro_local.sdk is pydantic's, and pydantic is not installed: "
                "add it to the app's dependencies, or write the processor as a function."
            ) from error
        return getattr(pydantic, name)
