"""Object stores by their URL. Nothing secret belongs into a URL: see `open_store`."""

import os
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec

from dendro_local.errors import InvalidRequest

if TYPE_CHECKING:
    from obstore.store import ClientConfig, ObjectStore, RetryConfig, S3Config

__all__ = ["Address", "SCHEMES", "open_store", "read_address"]

SCHEMES = ("file", "s3", "gs", "az", "http", "https")


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """Where a bucket is."""

    scheme: str
    url: str
    """As it may be shown."""
    place: str
    """The URL without what is set beside it; a path for ``file``."""
    endpoint: str | None = None
    region: str | None = None
    is_anonymous: bool = False


def read_address(url: str) -> Address:
    """What a URL says.

    ``file:///folder``, ``s3://bucket/folder``, ``gs://bucket/folder``,
    ``az://container/folder`` or ``https://host/folder``. For S3 there may follow
    ``?endpoint=https://host``, ``region=...`` and ``anonymous=true``.

    Raises:
        InvalidRequest: it is of another kind, or has a key or password in it.
    """
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    if scheme not in SCHEMES:
        raise InvalidRequest(
            f"A bucket cannot be at a URL of {scheme or 'no scheme'!r}; it can be at one of "
            f"{', '.join(f'{known}://' for known in SCHEMES)}."
        )
    if parts.username is not None or parts.password is not None:
        raise InvalidRequest(
            "The URL of a bucket has a user or password in it. Take that out: credentials come "
            "from the environment, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        )
    if scheme == "file":
        folder = Path(unquote(parts.path))
        if parts.netloc not in ("", "localhost") or not folder.is_absolute():
            raise InvalidRequest(f"{url!r} names no folder of this machine: file:///the/folder.")
        return Address(scheme=scheme, url=folder.as_uri(), place=str(folder))
    if not parts.netloc:
        raise InvalidRequest(f"{url!r} names no {'host' if 'http' in scheme else 'bucket'}.")
    place = f"{scheme}://{parts.netloc}{parts.path.rstrip('/')}"
    options = parse_qs(parts.query, keep_blank_values=True)
    known = {"endpoint", "region", "anonymous"} if scheme == "s3" else set[str]()
    if unknown := sorted(set(options) - known):
        raise InvalidRequest(
            f"The URL of a bucket has {', '.join(unknown)!r} in it, which says nothing here. "
            "Credentials come from the environment."
        )
    endpoint = options.get("endpoint", [None])[0]
    if endpoint is not None and "@" in endpoint:
        raise InvalidRequest("The endpoint of a bucket has a user in it. Take that out.")
    return Address(
        scheme=scheme,
        url=place if endpoint is None else f"{place}?endpoint={endpoint}",
        place=place,
        endpoint=endpoint,
        region=options.get("region", [None])[0],
        is_anonymous=options.get("anonymous", ["false"])[0].lower() in ("1", "true", "yes"),
    )


def open_store(address: Address, patience_sec: float) -> "ObjectStore":
    """The store at an address that is no folder of this machine. Nothing is asked of it yet.

    Credentials are those that obstore finds in the environment.

    Args:
        address: where.
        patience_sec: for how long what fails is tried again.
    """
    from obstore.store import HTTPStore, S3Store, from_url

    client: ClientConfig = {
        "connect_timeout": timedelta(seconds=min(5.0, patience_sec)),
        # A large file may take a day; only silence is a fault.
        "timeout": timedelta(days=7),
        "read_timeout": timedelta(seconds=max(patience_sec, 60.0 if patience_sec >= 8 else 0.0)),
        "user_agent": "dendro-local",
        "allow_http": True,
    }
    retry: RetryConfig = {
        "max_retries": 8,
        "retry_timeout": timedelta(seconds=patience_sec),
        "backoff": {
            "init_backoff": timedelta(seconds=0.1),
            "max_backoff": timedelta(seconds=3),
            "base": 2,
        },
    }
    if address.scheme in ("http", "https"):
        return HTTPStore(address.place, client_options=client, retry_config=retry)
    if address.scheme != "s3":
        return from_url(address.place, client_options=client, retry_config=retry)
    config: S3Config = {}
    if address.endpoint is not None:
        config["endpoint"] = address.endpoint
    if address.region is not None:
        config["region"] = address.region
    elif not any(name in os.environ for name in ("AWS_REGION", "AWS_DEFAULT_REGION")):
        config["region"] = "us-east-1"
    if address.is_anonymous:
        config["skip_signature"] = True
    return S3Store.from_url(address.place, config=config, client_options=client, retry_config=retry)
