"""Processors in class style: the fields of a pydantic model declare files and parameters.

    class CountContext(BaseModel):
        input: InputFile = Field(description="The text file")
        output: OutputFile = Field(description="The count")
        unit: str = Field(
            description="What to count",
            default="lines",
            json_schema_extra={"options": ["lines", "words"]},
        )


    class Count(ProcessorBase):
        name = "count"
        description = "Counts the lines or words of a text file"
        label = "count"
        image = ""
        executable = "/app/main.py"
        attributes = {}

        @staticmethod
        def run(context: CountContext) -> None: ...


    app.add_processor(Count)

A field that is itself a model makes a group: its fields get dotted names. An output whose URL the
processor sets has ``json_schema_extra={"url_determined_at_runtime": True}``. pydantic 2 and 1
both work; the SDK itself never imports either.
"""

from __future__ import annotations

from dendro_local.sdk.context import Context
from dendro_local.sdk.processor import Processor, complete_values
from dendro_local.sdk.processor_base import ProcessorBase

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from dendro_local.sdk.declared_field import DeclaredField


class ClassProcessor(Processor):
    """A processor in class style.

    Args:
        processor_class: a subclass of `ProcessorBase`, or a class that looks like one.

    Raises:
        TypeError: it lacks an attribute or its ``run``.
    """

    def __init__(self, processor_class: type[ProcessorBase]) -> None:
        _check_class(processor_class)
        super().__init__(
            name=processor_class.name,
            label=processor_class.label,
            image=processor_class.image,
            executable=processor_class.executable,
            attributes=processor_class.attributes,
            warm_imports=getattr(processor_class, "warm_imports", ()),
        )
        self._class = processor_class

    def description(self) -> str:
        """The class attribute of that name."""
        return self._class.description

    def declared_fields(self) -> list[DeclaredField]:
        """The fields of the model that ``run`` is annotated with."""
        from dendro_local.sdk.model_fields import context_model, fields_of_model

        return fields_of_model(self.name, context_model(self.name, self._class.run))

    def run(self, values: Mapping[str, Any]) -> None:
        """Calls the class's ``run`` with a context made of ``values``."""
        self._class.run(Context(complete_values(self.name, self.declared_fields(), values)))


def _check_class(processor_class: Any) -> None:
    if not isinstance(processor_class, type):
        raise TypeError(
            f"add_processor takes a class derived from ProcessorBase, not {processor_class!r}."
        )
    title = processor_class.__name__
    for attribute in ("name", "description", "label", "image", "executable"):
        if not isinstance(getattr(processor_class, attribute, None), str):
            raise TypeError(f"Processor class {title} needs a class attribute {attribute} = '...'.")
    if not isinstance(getattr(processor_class, "attributes", None), dict):
        raise TypeError(f"Processor class {title} needs a class attribute attributes = {{}}.")
    run = getattr(processor_class, "run", None)
    if run is None or run is ProcessorBase.run:
        raise TypeError(f"Processor class {title} needs a static method run(context).")
