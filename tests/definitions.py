"""Definitions for tests: made by hand, and by Hypothesis."""

import json
from typing import Any

import msgspec
from hypothesis import strategies as st

from dendro_local.file_urls import MAX_PART_BYTES, FileUrl
from dendro_local.model import JobDefinition, JobInputFile, JobOutputFile, JobParameter


def make(value: Any = "world", **fields: Any) -> JobDefinition:
    """A definition with one parameter, whatever its value, and other fields as given."""
    hello = JobDefinition(
        appName="hello_world",
        inputFiles=[],
        outputFiles=[],
        parameters=[JobParameter(name="name", value=value)],
        processorName="hello_world_1",
    )
    return msgspec.structs.replace(hello, **fields)


def make_tree(**fields: Any) -> dict[str, Any]:
    tree: dict[str, Any] = msgspec.to_builtins(make())
    return tree | fields


def input_file(name: str = "input", base: str = "a.nwb", url: Any = "u") -> JobInputFile:
    return JobInputFile(name=name, fileBaseName=base, url=url)


def output_file(name: str = "output", base: str = "a.txt", **fields: Any) -> JobOutputFile:
    return JobOutputFile(name=name, fileBaseName=base, **fields)


def values_of(
    texts: st.SearchStrategy[str], numbers: st.SearchStrategy[float]
) -> st.SearchStrategy[Any]:
    lists = st.lists(texts) | st.lists(st.booleans()) | st.lists(numbers)
    return st.none() | texts | st.booleans() | numbers | lists


def definitions_of(
    names: st.SearchStrategy[str],
    texts: st.SearchStrategy[str],
    values: st.SearchStrategy[Any],
    *,
    is_unique: bool,
) -> st.SearchStrategy[JobDefinition]:
    def lists(entries: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
        unique_by = (lambda entry: entry.name) if is_unique else None
        return st.lists(entries, max_size=4, unique_by=unique_by)

    flags = st.just(msgspec.UNSET) | st.booleans()
    return st.builds(
        JobDefinition,
        appName=names,
        cacheBust=st.just(msgspec.UNSET) | texts,
        inputFiles=lists(st.builds(JobInputFile, name=names, fileBaseName=names, url=texts)),
        outputFiles=lists(
            st.builds(JobOutputFile, name=names, fileBaseName=names, urlDeterminedAtRuntime=flags)
        ),
        parameters=lists(st.builds(JobParameter, name=names, value=values)),
        processorName=names,
    )


OWN_FILES = ("console_output", "other", "resource_utilization_log")

# Lone surrogates included, but as JSON text gives them: two halves side by side are one character.
any_texts = st.text(st.characters(), max_size=8).map(lambda text: json.loads(json.dumps(text)))
any_values = values_of(any_texts, st.integers() | st.integers(-(2**1100), 2**1100) | st.floats())
any_parameters = st.lists(st.builds(JobParameter, name=any_texts, value=any_values), max_size=6)
any_definitions = definitions_of(any_texts, any_texts, any_values, is_unique=False)

path_parts = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/\\"), min_size=1
).filter(lambda part: part not in (".", "..") and len(part.encode()) <= MAX_PART_BYTES)
sound_values = values_of(
    st.text(), st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
)
sound_definitions = definitions_of(
    path_parts.filter(lambda part: part not in OWN_FILES), st.text(), sound_values, is_unique=True
)
file_urls = st.builds(
    FileUrl,
    service_name=path_parts,
    app_name=path_parts,
    processor_name=path_parts,
    job_id=path_parts,
    output_name=path_parts,
    file_base_name=path_parts,
)
