"""The class that a processor in class style derives from."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class ProcessorBase:
    """A processor whose inputs, outputs and parameters are the fields of a pydantic model.

    A subclass sets the first six class attributes and overrides `run` with a static method whose
    one parameter is annotated with that model.

    Attributes:
        name: what jobs call the processor.
        description: at most 200 characters.
        label: what people call it.
        image: the container image that holds the app; empty if there is none.
        executable: the app's main file in that image.
        attributes: further facts about the processor, by name.
        warm_imports: modules that it imports only when it runs, for later jobs of a warm host.
    """

    name: str
    description: str
    label: str
    image: str
    executable: str
    attributes: dict[str, Any]
    warm_imports: tuple[str, ...] = ()

    @staticmethod
    def run(context: Any) -> None:
        """Computes the outputs from the inputs and parameters, all attributes of ``context``."""
        raise NotImplementedError
