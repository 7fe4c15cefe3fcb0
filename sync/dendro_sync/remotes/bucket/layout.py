"""The names of a bucket's objects: what is where. See ``docs/bucket-format.md``."""

import re
from urllib.parse import quote

from dendro_local.errors import InvalidRequest
from dendro_local.model import Digest, JobId

__all__ = [
    "APPS",
    "BLOBS",
    "FEED",
    "FORMAT_VERSION",
    "HEADER",
    "HINT",
    "RECORDS",
    "app_name",
    "blob_name",
    "content_name",
    "is_merged",
    "is_object_name",
    "job_name",
    "merged_name",
    "merged_range",
    "record_name",
    "segment_name",
]

FORMAT_VERSION = 1

HEADER = "dendro-bucket.json"
HINT = "feed/next.json"
APPS = "apps"
BLOBS = "blobs"
FEED = "feed"
RECORDS = "records"

_SEGMENT_DIGITS = 10
_LONGEST_PART = 160

_digest = re.compile(r"[0-9a-f]{64}")
_hash = re.compile(r"[0-9a-f]{8,64}")
_merged = re.compile(r"feed/([0-9]{10})-([0-9]{10})-([0-9a-f]{64})\.jsonl\.zst")
_object = re.compile(
    r"dendro-bucket\.json|feed/next\.json"
    r"|feed/[0-9]{10}(-[0-9]{10}-[0-9a-f]{64})?\.jsonl\.zst"
    r"|blobs/[0-9a-f]{2}/[0-9a-f]{64}"
    r"|records/[\w.=-]+/[0-9a-f]{2}/[0-9a-f]{8,64}/(0|[1-9][0-9]*)\.json"
    r"|content/[\w.=-]+/[0-9a-f]{2}/[0-9a-f]{8,64}\.json"
    r"|jobs/[\w.=-]+/[\w.=-]+\.json"
    r"|apps/[\w.=-]+/[\w.=-]+\.json",
    re.ASCII,
)


def blob_name(digest: Digest) -> str:
    """Where the bytes of a digest are.

    Raises:
        InvalidRequest: it is no digest.
    """
    if _digest.fullmatch(digest) is None:
        raise InvalidRequest(f"{digest!r} is no SHA-256 digest.")
    return f"{BLOBS}/{digest[:2]}/{digest}"


def record_name(service: str, definition_hash: str, number: int) -> str:
    """Where a job with this definition hash is: the first one there has the number 0."""
    return f"{RECORDS}/{_part(service)}/{_under(definition_hash)}/{number}.json"


def content_name(service: str, content_key: str) -> str:
    """Where it is told which record has a content key."""
    return f"content/{_part(service)}/{_under(content_key)}.json"


def job_name(job_id: JobId) -> str:
    """Where it is told which record is that of a job."""
    part = _part(job_id)
    return f"jobs/{part[:2]}/{part}.json"


def app_name(service: str, app: str) -> str:
    """Where the app that was last told of under this name is."""
    return f"{APPS}/{_part(service)}/{_part(app)}.json"


def segment_name(number: int) -> str:
    """Where a segment of the feed is."""
    return f"{FEED}/{number:0{_SEGMENT_DIGITS}}.jsonl.zst"


def merged_name(first: int, last: int, digest: Digest) -> str:
    """Where segments that were merged are, with the SHA-256 of the object's bytes."""
    return f"{FEED}/{first:0{_SEGMENT_DIGITS}}-{last:0{_SEGMENT_DIGITS}}-{digest}.jsonl.zst"


def merged_range(name: str) -> tuple[int, int, Digest]:
    """The first and last of the segments that are merged in an object, and its digest.

    Raises:
        InvalidRequest: it is no name of merged segments.
    """
    found = _merged.fullmatch(name)
    if found is None or int(found[1]) > int(found[2]):
        raise InvalidRequest(f"{name[:200]!r} is no name of merged segments.")
    return int(found[1]), int(found[2]), Digest(found[3])


def is_merged(name: str) -> bool:
    """Whether merged segments have such a name."""
    return _merged.fullmatch(name) is not None


def is_object_name(name: str) -> bool:
    """Whether a bucket of this version has objects of such a name."""
    return len(name) <= 1000 and _object.fullmatch(name) is not None


def _under(hexadecimal: str) -> str:
    if _hash.fullmatch(hexadecimal) is None:
        raise InvalidRequest(f"{hexadecimal[:100]!r} is no hash.")
    return f"{hexadecimal[:2]}/{hexadecimal}"


def _part(text: str) -> str:
    """A name as one part of a path: other than ``A-Za-z0-9_.-`` as ``=`` and two digits a byte.

    Not with ``%``, which servers, proxies and browsers decode at times and at times do not. Dots
    at the start are written so too: such files are hidden, and not served by some.
    """
    part = quote(text, safe="").replace("~", "%7E").replace("%", "=")
    if part.startswith("."):
        part = "=2E" + part[1:]
    if not part or len(part) > _LONGEST_PART:
        raise InvalidRequest(f"{text[:100]!r} is too long, or too short, for the name of a file.")
    return part
