"""What `why` says of the nearest earlier job."""

from typing import Any

import msgspec

from dendro_local.definition_difference import differences, nearest
from dendro_local.model import JobDefinition, JobInputFile, JobOutputFile, JobParameter


def job(url: str = "https://x/a.nwb", base_name: str = "o.json", **values: Any) -> JobDefinition:
    return JobDefinition(
        appName="sorting",
        processorName="sort",
        inputFiles=[JobInputFile(name="recording", fileBaseName="a.nwb", url=url)],
        outputFiles=[JobOutputFile(name="units", fileBaseName=base_name)],
        parameters=[JobParameter(name=name, value=value) for name, value in values.items()],
    )


def test_equal_definitions_differ_in_nothing() -> None:
    assert differences(job(threshold=5), job(threshold=5.0)) == []


def test_each_field_that_differs_is_told_with_both_values() -> None:
    assert differences(job(threshold=5, a=1), job(threshold=6, b=2)) == [
        "parameter 'threshold': 5 there, 6 here",
        "parameter 'a': 1 there, not given here",
        "parameter 'b': not given there, 2 here",
    ]
    assert differences(job(), job("https://x/b.nwb", "p.json")) == [
        "url of input 'recording': 'https://x/a.nwb' there, 'https://x/b.nwb' here",
        "fileBaseName of output 'units': 'o.json' there, 'p.json' here",
    ]
    busted = msgspec.structs.replace(job(), cacheBust="1")
    assert differences(job(), busted) == ["cacheBust: not given there, '1' here"]


def test_a_truth_value_is_not_a_number() -> None:
    assert len(differences(job(p=True), job(p=1))) == 1


def test_a_long_value_is_cut() -> None:
    [words] = differences(job(p="x"), job(p="y" * 500))

    assert len(words) < 120


def test_the_nearest_is_the_one_with_the_fewest_differences() -> None:
    earlier = [job(a=1, b=1), job(a=2, b=1), job(a=2, b=1)]

    assert nearest(job(a=2, b=2), earlier) == (1, ["parameter 'b': 1 there, 2 here"])
    assert nearest(job(), []) is None
