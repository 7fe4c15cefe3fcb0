"""What a job has used, as so many points."""

from pathlib import Path

import pytest

from dendro_local.compute.usage_log import (
    CpuUse,
    DiskCounters,
    GpuUse,
    MemoryUse,
    NetworkCounters,
    UsageSample,
    usage_line,
)
from dendro_local.server import usage_series as module
from dendro_local.server.usage_series import usage_series


def sample(number: int, *, cpu: float = 100, gpu: bool = False) -> UsageSample:
    """A second of a job that reads 10 bytes a second."""
    return UsageSample(
        timestamp=1000.0 + number,
        cpu=CpuUse(percent=cpu),
        virtual_memory=MemoryUse(total=1000, available=500, percent=1, used=number),
        disk_io_counters=DiskCounters(read_bytes=10 * number, write_bytes=0),
        net_io_counters=NetworkCounters(bytes_sent=0, bytes_recv=number * number),
        gpu=GpuUse(loads=[0.5, 0.25], memoryUsed=[3, 4]) if gpu else None,
        scope="job",
    )


def log(folder: Path, samples: list[UsageSample]) -> Path:
    path = folder / "usage.jsonl"
    path.write_bytes(b"".join(map(usage_line, samples)))
    return path


def test_a_short_log_is_told_sample_by_sample(tmp_path: Path) -> None:
    found = usage_series(log(tmp_path, [sample(1), sample(3, gpu=True)]), 100)

    assert found.at == [1001.0, 1003.0]
    assert found.memory_bytes == [1, 3]
    assert found.read_bytes_per_sec == [None, 10.0]
    assert found.received_bytes_per_sec == [None, 4.0]
    assert found.gpu_percent == [None, 75.0]
    assert found.gpu_memory_bytes == [None, 7]
    assert not found.is_of_machine


def test_a_longer_one_is_summed_up(tmp_path: Path) -> None:
    samples = [sample(number, cpu=100 if number % 2 else 0) for number in range(1000)]

    found = usage_series(log(tmp_path, samples), 10)

    assert found.at == [1000.0 + 100 * number - 1 for number in range(1, 11)]
    assert set(found.cpu_percent) == {50.0}
    assert found.memory_bytes[-1] == 999
    assert found.read_bytes_per_sec == [None, *[10.0] * 9]


def test_of_a_very_long_one_samples_are_taken_evenly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WHOLE_BYTES", 1000)

    found = usage_series(log(tmp_path, [sample(number) for number in range(2000)]), 20)

    assert len(found.at) == 20
    assert found.at[-1] == 2999.0
    gaps = [after - before for before, after in zip(found.at, found.at[1:], strict=False)]
    assert max(gaps) < 1.5 * min(gaps)
    assert found.read_bytes_per_sec[1:] == [10.0] * 19


def test_what_is_not_there_or_is_being_written_is_no_sample(tmp_path: Path) -> None:
    assert usage_series(tmp_path / "none", 10).at == []
    path = log(tmp_path, [sample(1)])
    path.write_bytes(path.read_bytes() + b'{"timestamp": 10')

    assert usage_series(path, 10).at == [1001.0]
