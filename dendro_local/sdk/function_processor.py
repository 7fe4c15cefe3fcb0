"""Processors in light style: a typed function with a docstring, and nothing to install.

    @app.processor
    def count(
        input: InputFile,
        output: OutputFile,
        unit: Literal["lines", "words"] = "lines",
    ) -> None:
        '''Counts the lines or words of a text file.

        Args:
            input: The text file
            output: The count
            unit: What to count
        '''

Annotations say what each argument is (`dendro_local.sdk.annotations`), defaults are those of the
signature, and the docstring describes (`dendro_local.sdk.docstring`). All this is read for the
spec only. To run a job, the function is called with what the definition names, and Python's own
defaults do the rest.
"""  # noqa: D214 (the example has a docstring of its own)

from __future__ import annotations

from dendro_local.sdk.processor import Processor, complete_values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    from dendro_local.sdk.declared_field import DeclaredField

_TAKES_ANY_KEYWORDS = 0x08
"""The bit of ``co_flags`` for ``**kwargs``; `inspect` has its name, and takes long to import."""


class FunctionProcessor(Processor):
    """A processor in light style.

    Args:
        function: computes the outputs.
        name: what jobs call it; without it, the name of the function.
        label: what people call it; without it, its name.
        description: without it, the first lines of the docstring.
        image: the container image that holds the app; empty if there is none.
        executable: the app's main file in that image.
        attributes: further facts about it, by name.
        warm_imports: modules that it imports only when it runs (see `Processor`).

    Raises:
        TypeError: ``function`` is something else.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        name: str | None = None,
        label: str | None = None,
        description: str | None = None,
        image: str = "",
        executable: str = "/app/main.py",
        attributes: Mapping[str, Any] | None = None,
        warm_imports: Iterable[str] = (),
    ) -> None:
        if not hasattr(_unwrapped(function), "__code__"):
            raise TypeError(
                f"@app.processor decorates a function, and not {function!r}. "
                "A class goes to app.add_processor."
            )
        name = name or function.__name__
        super().__init__(
            name=name,
            label=label or name,
            image=image,
            executable=executable,
            attributes=attributes or {},
            warm_imports=warm_imports,
        )
        self._function = function
        self._description = description

    def description(self) -> str:
        """The first lines of the docstring, unless the decorator was given another."""
        if self._description is not None:
            return self._description
        from dendro_local.sdk.docstring import read_docstring

        return read_docstring(self._function.__doc__).description

    def declared_fields(self) -> list[DeclaredField]:
        """The arguments of the function."""
        from dendro_local.sdk.function_fields import fields_of_function

        return fields_of_function(self.name, self._function)

    def run(self, values: Mapping[str, Any]) -> None:
        """Calls the function with ``values``."""
        if not self._accepts(values):
            values = complete_values(self.name, self.declared_fields(), values)
        self._function(**values)

    def _accepts(self, values: Mapping[str, Any]) -> bool:
        # From the code object, since `inspect` takes longer than many a job.
        function = _unwrapped(self._function)
        code = function.__code__
        if code.co_flags & _TAKES_ANY_KEYWORDS:
            return True
        positional = code.co_varnames[: code.co_argcount]
        keyword_only = code.co_varnames[code.co_argcount :][: code.co_kwonlyargcount]
        optional = {
            *positional[len(positional) - len(function.__defaults__ or ()) :],
            *(function.__kwdefaults__ or ()),
        }
        names = {*positional, *keyword_only}
        return names - optional <= values.keys() <= names


def _unwrapped(function: Any) -> Any:
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    return function
