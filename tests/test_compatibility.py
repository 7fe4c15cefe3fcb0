"""Whether a definition fits its processor."""

from typing import Any

import pytest

from dendro_local.compatibility import check_compatible
from dendro_local.errors import IncompatibleDefinition
from dendro_local.model import (
    AppSpecification,
    JobDefinition,
    JobInputFile,
    JobOutputFile,
    JobParameter,
    ProcessorInput,
    ProcessorOutput,
    ProcessorParameter,
    ProcessorSpecification,
)


def app(*parameters: ProcessorParameter) -> AppSpecification:
    return AppSpecification(
        name="sorting",
        description="",
        processors=[
            ProcessorSpecification(
                name="sort",
                description="",
                label="",
                image="",
                executable="",
                inputs=[
                    ProcessorInput(name="recording", description=""),
                    ProcessorInput(name="probes", description="", list=True),
                ],
                outputs=[ProcessorOutput(name="units", description="")],
                parameters=list(parameters),
                attributes=[],
            )
        ],
    )


def parameter(type_: str, **more: Any) -> ProcessorParameter:
    return ProcessorParameter(name="p", type=type_, description="", **more)


def job(
    inputs: tuple[str, ...] = ("recording",), outputs: tuple[str, ...] = ("units",), **values: Any
) -> JobDefinition:
    return JobDefinition(
        appName="sorting",
        processorName=values.pop("processor", "sort"),
        inputFiles=[
            JobInputFile(name=name, fileBaseName="a", url="https://x/a") for name in inputs
        ],
        outputFiles=[JobOutputFile(name=name, fileBaseName="b") for name in outputs],
        parameters=[JobParameter(name=name, value=value) for name, value in values.items()],
    )


def test_a_definition_with_everything_that_is_needed_fits() -> None:
    check_compatible(job(), app())
    check_compatible(job(p=1), app(parameter("int")))
    check_compatible(job(("recording", "probes[0]", "probes[1]")), app())


@pytest.mark.parametrize(
    ("definition", "says"),
    [
        (job(processor="srot"), "no processor 'srot'. Did you mean 'sort'?"),
        (job(()), "needs input 'recording'"),
        (job(("recording", "spikes")), "no input 'spikes'"),
        (job(("recording", "probes")), "is a list; name its files probes[0]"),
        (job(("recording", "probes[1]")), "numbered from 0 without gaps"),
        (job(("recording", "probes[0]", "probes[2]")), "probes[0], probes[2]"),
        (job(("recording", "probes[00]")), "no input 'probes[00]'"),
        (job(outputs=()), "needs output 'units'"),
        (job(outputs=("units", "more")), "no output 'more'. It has: units."),
        (job(q=1), "no parameter 'q'"),
        (job(), "needs parameter 'p' (int)"),
    ],
)
def test_what_does_not_fit_is_named_with_what_would(definition: JobDefinition, says: str) -> None:
    with pytest.raises(IncompatibleDefinition) as refused:
        check_compatible(definition, app(parameter("int")))

    assert says in str(refused.value)
    assert "sort" in str(refused.value)


def test_a_parameter_with_a_default_or_an_optional_one_may_be_left_out_or_null() -> None:
    for spec in (parameter("int", defaultValue=3), parameter("Optional[float]")):
        check_compatible(job(), app(spec))
        check_compatible(job(p=None), app(spec))
    with pytest.raises(IncompatibleDefinition, match="must have a value"):
        check_compatible(job(p=None), app(parameter("int")))


@pytest.mark.parametrize(
    ("type_", "fits", "does_not"),
    [
        ("int", [1, -3, 2.0], [1.5, "1", True, [1]]),
        ("float", [1, 1.5], ["1.5", False]),
        ("bool", [True, False], [0, 1, "true"]),
        ("str", ["a", "", 10, 1.5], [True, ["a"]]),
        ("List[int]", [[], [1, 2]], [1, ["a"], [1.5]]),
        ("List[str]", [["a"]], ["a", [True]]),
        ("Optional[List[float]]", [None, [1, 1.5]], [1.5, [True]]),
        ("Optional[bool]", [None, True], [1]),
    ],
)
def test_values_are_of_the_parameters_type(
    type_: str, fits: list[Any], does_not: list[Any]
) -> None:
    for value in fits:
        check_compatible(job(p=value), app(parameter(type_)))
    for value in does_not:
        with pytest.raises(IncompatibleDefinition, match="'p' takes"):
            check_compatible(job(p=value), app(parameter(type_)))


def test_a_value_is_one_of_the_options_where_there_are_any() -> None:
    spec = app(parameter("str", options=["rigid", "nonrigid"]))

    check_compatible(job(p="rigid"), spec)
    with pytest.raises(IncompatibleDefinition, match="one of 'rigid', 'nonrigid'; not 'fast'"):
        check_compatible(job(p="fast"), spec)
