"""The compression of prepared recordings is the one that Neurosift reads."""

from typing import Any

import pytest

from tests.apps.conftest import PythonOf
from tests.apps.recordings import try_codec

pytestmark = [pytest.mark.process, pytest.mark.timeout(600)]

PACKED_BY_THE_PACKAGE_QFC = (
    "Vl5wAAEAAACCAAAAAgAAADIAAAB4Xi2RXyuDcRTHv89m82ebPWb+LBGRyA1Kyo0L5dbL8Ra8BG/DS3Ch3CApkWbUGjZm"
    "1mbG+Pqs1tOn7+k855y+5/x2dagD7brqgm/85mvXXXbDdtNxNdFPtyHQpzNqOQdDUHbLF3AJNRgntwTTIKiQ69Y0oQNb"
    "ngtWtKeoVlX1PJOnlNG41jSqTYWa0TBdSeWd0KMH9eUBpdSvEcU1AIFiaB8dUeUgpohKjugKZ3nY04LvVVKduQ163/kX"
    "yi76z1n9sl+HTIedOn71D35/XEJDtIV+wzDxEzqBVtBBVPBBnO3Vn/tYbW9olq9KZYZPSpNLakwJlenK4bTmftzHIUYc"
    "0yTen92nLN5bjuIoQleE+oD6QBU0yaQTF7Wtgtfpa3CLOa7wjbNRquM9unHbaW4WsmeoRfQFXUb3veNTH/FmZ7zlnVMq"
    "omWcVn3LJpNMfWDjLBO6OyZw0uZG/+NC/vQ="
)


@pytest.fixture(scope="module")
def found(python_of: PythonOf) -> dict[str, Any]:
    return try_codec(python_of("hello_neurosift"), PACKED_BY_THE_PACKAGE_QFC)


def test_it_unpacks_what_the_original_codec_has_packed(found: dict[str, Any]) -> None:
    assert 0 < found["unpacked"] < 0.6


def test_it_packs_as_the_original_codec_does_and_says_how(found: dict[str, Any]) -> None:
    assert found["is_packed_so"]
    assert found["config"] == {
        "id": "qfc",
        "quant_scale_factor": 3.5,
        "dtype": "float32",
        "segment_length": 50,
        "compression_method": "zlib",
        "zstd_level": 3,
        "zlib_level": 3,
    }


def test_it_reaches_the_ratio_or_the_exactness_that_is_asked_for(found: dict[str, Any]) -> None:
    assert found["ratio"]["ratio"] == pytest.approx(6, rel=0.03)
    assert 0.45 < found["residual"]["residual"] <= 0.5


def test_a_ratio_that_cannot_be_is_as_exact_as_16_bits_are(found: dict[str, Any]) -> None:
    assert found["unreachable_ratio"]["residual"] < 0.02


def test_numbers_beyond_16_bits_are_cut_and_do_not_change_sign(found: dict[str, Any]) -> None:
    assert found["too_large"]["residual"] < 35
