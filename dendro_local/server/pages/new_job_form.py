"""What the form for a new job shows: fields, made from the spec of a processor. Pure."""

import re
from collections.abc import Mapping, Sequence
from typing import Literal
from urllib.parse import urlencode

import msgspec

from dendro_local.model import ProcessorParameter, ProcessorSpecification
from dendro_local.server.pages.new_job_start import (
    RESOURCES,
    FormStart,
    field_name,
    is_unchanged,
    text_of,
)

__all__ = ["Field", "FieldGroup", "Form", "address_of", "form_of"]

MOST_IN_ADDRESS = 8000
"""Longer addresses are not understood everywhere."""

LONG_TEXT = 80
"""A text with more characters has a field with several lines."""

PLACE = ("service", "app", "processor")

_dotted = re.compile(r"[\w-]+(?:\.[\w-]+)+").fullmatch

Kind = Literal["line", "lines", "select"]


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """A field as the form shows it."""

    name: str
    """By which it is sent."""
    id: str
    """In the page: a name may be anything that an app says."""
    label: str
    """Its name without the group's."""
    text: str
    kind: Kind = "line"
    type: str = ""
    """Of a parameter, as the spec spells it."""
    hint: str = ""
    placeholder: str = ""
    options: Sequence[tuple[str, str]] = ()
    """What can be chosen: texts, and what is shown for them."""
    is_required: bool = False
    takes_many: bool = False
    """Whether it is an input of any number of files."""

    @property
    def is_number(self) -> bool:
        """Whether digits are typed."""
        return self.type.removeprefix("Optional[").removesuffix("]") in ("int", "float")


class FieldGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Parameters whose names begin alike, up to the last dot; the first group has none."""

    name: str
    fields: Sequence[Field]


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """All fields of a form."""

    inputs: Sequence[Field]
    groups: Sequence[FieldGroup]
    outputs: Sequence[Field]
    resources: Sequence[Field]
    more: Sequence[Field]
    """What is seldom set."""

    @property
    def num_parameters(self) -> int:
        """How many parameters there are."""
        return sum(len(group.fields) for group in self.groups)

    @property
    def has_named_outputs(self) -> bool:
        """Whether what is seldom set is set."""
        return any(field.text for field in (*self.outputs, *self.more))

    def by_name(self) -> Mapping[str, Field]:
        """All fields, in the order of the page."""
        parameters = [field for group in self.groups for field in group.fields]
        every = [*self.inputs, *parameters, *self.resources, *self.outputs, *self.more]
        return {field.name: field for field in every}


def form_of(processor: ProcessorSpecification, start: FormStart, values: Mapping[str, str]) -> Form:
    """The form of a processor.

    Args:
        processor: of which it is.
        start: what it began with.
        values: what is filled in, by field.
    """

    def text(name: str) -> str:
        return values.get(name, start.texts.get(name, ""))

    def free(name: str, id_: str, label: str, hint: str, placeholder: str = "") -> Field:
        kind = _kind(text(name))
        return Field(
            name=name,
            id=id_,
            label=label,
            text=text(name),
            kind=kind,
            hint=hint,
            placeholder=placeholder,
        )

    inputs = [
        Field(
            name=(name := field_name("i", each.name)),
            id=f"i-{index}",
            label=each.name,
            text=text(name),
            kind="lines" if each.list is True else _kind(text(name)),
            takes_many=each.list is True,
            hint=each.description,
            is_required=each.list is not True,
        )
        for index, each in enumerate(processor.inputs)
    ]
    groups: dict[str, list[Field]] = {"": []}
    for index, parameter in enumerate(processor.parameters):
        group = _split(parameter.name)[0]
        name = field_name("p", parameter.name)
        groups.setdefault(group, []).append(_parameter(index, parameter, name, text(name)))
    outputs = [
        free(
            field_name("o", each.name),
            f"o-{index}",
            each.name,
            each.description,
            placeholder=each.name,
        )
        for index, each in enumerate(processor.outputs)
    ]
    resources = [
        Field(name=name, id=name, label=label, text=text(name), type="float", is_required=True)
        for name, (label, _) in RESOURCES.items()
    ]
    resources.append(free("tags", "tags", "Tags", "With commas between them."))
    more = [
        free(
            "targets",
            "targets",
            "Compute clients",
            "Ids, with commas between them: only these may run it.",
            placeholder="any",
        ),
        free(
            "cacheBust",
            "cacheBust",
            "Cache bust",
            "Any text: jobs with another one are other jobs.",
        ),
    ]
    return Form(
        inputs=inputs,
        groups=[FieldGroup(name=name, fields=fields) for name, fields in groups.items() if fields],
        outputs=outputs,
        resources=resources,
        more=more,
    )


def address_of(start: FormStart, values: Mapping[str, str]) -> str | None:
    """The address of a form with all that is filled in; None if it would be too long.

    What is as it was at first is not in it.
    """
    if start.job is not None:
        items = [("from", str(start.job.jobId))]
    else:
        items = [(name, values[name]) for name in PLACE]
    items += [
        (name, text)
        for name, text in sorted(values.items())
        if name not in (*PLACE, "from") and not is_unchanged(start, values, name)
    ]
    address = f"/new?{urlencode(items)}"
    return address if len(address) <= MOST_IN_ADDRESS else None


def _parameter(index: int, parameter: ProcessorParameter, name: str, text: str) -> Field:
    options = _options(parameter, text)
    is_list = "List[" in parameter.type
    has_default = parameter.defaultValue is not msgspec.UNSET
    is_optional = parameter.type.startswith("Optional[") or has_default
    return Field(
        name=name,
        id=f"p-{index}",
        label=_split(parameter.name)[1],
        text=text,
        kind="select" if options else "lines" if is_list else _kind(text),
        type=parameter.type,
        hint=parameter.description,
        placeholder=_placeholder(parameter.type),
        options=options,
        is_required=not is_optional,
    )


def _placeholder(type_: str) -> str:
    if type_.startswith("Optional["):
        return "none"
    return "1, 2, 3" if type_.startswith("List[") else ""


def _kind(text: str) -> Kind:
    """What a text is typed into: a field of one line would drop line ends."""
    return "lines" if len(text) > LONG_TEXT or "\n" in text or "\r" in text else "line"


def _split(name: str) -> tuple[str, str]:
    """The group of a parameter, empty if it is of none, and its name in there."""
    group, _, label = name.rpartition(".") if _dotted(name) else ("", "", name)
    return group, label


def _options(parameter: ProcessorParameter, text: str) -> Sequence[tuple[str, str]]:
    """What can be chosen; nothing where a text is typed."""
    options = parameter.options
    if isinstance(options, list) and options:
        texts = [text_of(option) for option in options]
    elif parameter.type in ("bool", "Optional[bool]"):
        texts = ["true", "false"]
    else:
        return ()
    if text and text not in texts:
        texts.append(text)  # of an earlier job, or address: what is wrong with it is told
    shown = [(each, each) for each in texts if each]
    is_optional = parameter.type.startswith("Optional[")
    if is_optional or not text or "" in texts:
        return [("", "none" if is_optional else ""), *shown]
    return shown
