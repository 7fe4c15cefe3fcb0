"""Changing what lies in a bucket behind everybody's back."""

import re
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path

import zstandard

from dendro_sync.remotes.bucket.segments import pack

__all__ = ["all_bytes", "edit_feed"]


def edit_feed(bucket: Path, edit: Callable[[bytes], bytes]) -> None:
    """Change the lines of entries in the feed of a bucket; what signs batches stays as it is."""
    for file in bucket.glob("feed/*.jsonl.zst"):
        with zstandard.ZstdDecompressor().stream_reader(file.read_bytes()) as stream:
            lines = stream.read().split(b"\n")
        file.chmod(0o644)
        file.write_bytes(pack(b"\n".join(_edited(line, edit) for line in lines)))


def _edited(line: bytes, edit: Callable[[bytes], bytes]) -> bytes:
    return edit(line) if line and not line.startswith(b'{"kind":"batch"') else line


def all_bytes(bucket: Path) -> bytes:
    """All that lies in a bucket, and all that is packed or encoded in it."""
    found = b""
    for file in bucket.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            found += content
            if file.suffix == ".zst":
                with zstandard.ZstdDecompressor().stream_reader(content) as stream:
                    found += stream.read()
            elif b'"payload"' in content:
                found += b64decode(re.findall(rb'"payload": ?"([^"]*)"', content)[0])
    return found
