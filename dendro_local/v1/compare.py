"""What is answered to whoever compares jobs."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from msgspec import Meta

from dendro_local.model import Job, JobId
from dendro_local.v1.job_views import UsageSeries
from dendro_local.v1.record import Answer

__all__ = ["ComparedFile", "ComparedJson", "ComparedUsage", "ComparedValue", "Comparison"]


class ComparedValue(Answer, frozen=True, kw_only=True):
    """What each job has of one name."""

    name: str
    values: Annotated[
        Sequence[Any],
        Meta(description="As JSON, in the order of the jobs; null where it has none."),
    ]
    is_given: Annotated[Sequence[bool], Meta(description="Whether the job has it at all.")]
    is_equal: Annotated[bool, Meta(description="Whether all have the same, or all have it not.")]


class ComparedFile(Answer, frozen=True, kw_only=True):
    """An input or output of each job, in the order of the jobs; null where it has none."""

    kind: Literal["input", "output"]
    name: str
    urls: Sequence[str | None]
    digests: Annotated[
        Sequence[str | None], Meta(description="SHA-256 of the bytes, where it is known.")
    ]
    sizes: Annotated[Sequence[int | None], Meta(description="In bytes, where they are known.")]
    is_equal: Annotated[
        bool | None, Meta(description="Whether all are the same bytes; null if that is not known.")
    ]


class ComparedJson(Answer, frozen=True, kw_only=True):
    """What is in the JSON files that are one output of the jobs."""

    name: Annotated[str, Meta(description="Of the output.")]
    values: Annotated[
        Sequence[ComparedValue],
        Meta(description="By their path in the files, such as `a.b[0].c`: what differs is first."),
    ]
    num_left_out: Annotated[int, Meta(description="Of values: there are too many.")]
    notes: Annotated[Sequence[str], Meta(description="Why a file is not compared.")]


class ComparedUsage(Answer, frozen=True, kw_only=True):
    """What a job has used."""

    job_id: JobId
    peak_memory_bytes: int | None
    mean_cpu_percent: Annotated[float | None, Meta(description="100 is one CPU.")]
    peak_cpu_percent: float | None
    series: UsageSeries


class Comparison(Answer, frozen=True, kw_only=True):
    """Some jobs, side by side."""

    jobs: Sequence[Job]
    parameters: Annotated[Sequence[ComparedValue], Meta(description="Those that differ are first.")]
    resources: Sequence[ComparedValue]
    files: Annotated[
        Sequence[ComparedFile], Meta(description="Inputs, then outputs: what differs is first.")
    ]
    json_outputs: Sequence[ComparedJson]
    usage: Sequence[ComparedUsage]
