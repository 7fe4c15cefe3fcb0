"""Bodies of HTTP requests, as they come from the wire."""

from email.message import Message
from io import BytesIO

import pytest

from dendro_local.compute.loopback_hub.request_body import body_pieces


def body(raw: bytes, **headers: str) -> bytes:
    message = Message()
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    return b"".join(body_pieces(message, BytesIO(raw)))


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"0\r\n\r\n", b""),
        (b"3\r\nabc\r\n0\r\n\r\n", b"abc"),
        (
            b"3;name=value\r\nabc\r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\nrest",
            b"abc0123456789",
        ),
    ],
)
def test_chunks_are_put_together(raw: bytes, expected: bytes) -> None:
    assert body(raw, Transfer_Encoding="chunked") == expected


def test_a_body_ends_at_its_length() -> None:
    assert body(b"abcdef", Content_Length="3") == b"abc"
    assert body(b"abcdef") == b""


@pytest.mark.parametrize(
    "raw", [b"", b"3\r\nab", b"3\r\nabcd\r\n0\r\n\r\n", b"x\r\n", b"-1\r\n", b"0\r\n", b"0" * 2000]
)
def test_a_chunked_body_that_breaks_off_is_an_error(raw: bytes) -> None:
    with pytest.raises(ConnectionError):
        body(raw, Transfer_Encoding="chunked")


@pytest.mark.parametrize("length", ["4", "-1", "x", "", "1_0"])
def test_a_body_that_is_not_as_long_as_it_says_is_an_error(length: str) -> None:
    with pytest.raises(ConnectionError):
        body(b"abc", Content_Length=length)
