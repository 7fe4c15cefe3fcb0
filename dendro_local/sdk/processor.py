"""A processor as its app knows it, in whichever style it was written."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from dendro_local.sdk.declared_field import DeclaredField


class Processor:
    """What both styles share.

    Args:
        name: what jobs call it.
        label: what people call it.
        image: the container image that holds the app; empty if there is none.
        executable: the app's main file in that image.
        attributes: further facts about it, by name.
        warm_imports: modules that it imports only when it runs. A warm host that has run it imports
            them too, once no job runs, so that later jobs find them there.
    """

    def __init__(
        self,
        *,
        name: str,
        label: str,
        image: str,
        executable: str,
        attributes: Mapping[str, Any],
        warm_imports: Iterable[str],
    ) -> None:
        self.name = name
        self.label = label
        self.image = image
        self.executable = executable
        self.attributes = dict(attributes)
        self.warm_imports = tuple(warm_imports)

    def description(self) -> str:
        """What the processor does, at most 200 characters."""
        raise NotImplementedError

    def declared_fields(self) -> list[DeclaredField]:
        """Its inputs, outputs and parameters, in the order in which they are declared."""
        raise NotImplementedError

    def run(self, values: Mapping[str, Any]) -> None:
        """Computes the outputs.

        Args:
            values: what the job gives for its inputs, outputs and parameters, by name; lists of
                inputs that are empty and parameters with a default may be missing.

        Raises:
            ValueError: ``values`` does not fit what is declared.
        """
        raise NotImplementedError


def complete_values(
    processor_name: str, fields: Iterable[DeclaredField], values: Mapping[str, Any]
) -> dict[str, Any]:
    """What a job gives, with empty lists and defaults filled in, in the order of ``fields``.

    Raises:
        ValueError: something is missing that has no default, or nothing is declared for a value.
    """
    from dendro_local.sdk.declared_field import NO_DEFAULT

    by_name = {field.name: field for field in fields}
    unknown = sorted(values.keys() - by_name.keys())
    if unknown:
        raise ValueError(
            f"Processor {processor_name!r} has nothing named {', '.join(map(repr, unknown))}. "
            f"It has {', '.join(map(repr, by_name)) or 'neither files nor parameters'}."
        )
    complete: dict[str, Any] = {}
    for name, field in by_name.items():
        if name in values:
            complete[name] = values[name]
        elif field.kind == "input_list":
            complete[name] = []
        elif field.kind == "parameter" and field.default is not NO_DEFAULT:
            complete[name] = field.default
        else:
            raise ValueError(f"The job gives no {field.kind} {name!r}, which is needed.")
    return complete
