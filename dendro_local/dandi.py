"""Files of the DANDI Archive, whose URLs lead to where a file lies for a while.

That place is asked for where a job's secret is at hand: for a file that is not public yet, only
whoever has the key of somebody who may read it is led there.
"""

import os

from dendro_local.errors import HubUnreachable

__all__ = ["API_KEY_SECRET", "is_dandi_url", "readable_url"]

API_KEY_SECRET = "DANDI_API_KEY"  # noqa: S105 - its name
"""The secret of a job that is its user's key to DANDI."""

OWN_API_VARIABLE = "DENDRO_DANDI_API_URL"
"""Names one more archive's API, such as one of an institute, or of a test."""

APIS = ("https://api.dandiarchive.org/api/", "https://api-staging.dandiarchive.org/api/")

MAX_HOPS = 3
TIMEOUT_SEC = 20.0


def is_dandi_url(url: str) -> bool:
    """Whether a URL is one of the archive's API."""
    return url.startswith(_apis())


def readable_url(url: str, api_key: str | None) -> str:
    """Where a file of the archive can be read now; the URL itself if it leads nowhere else.

    Only the archive is asked, and only the archive is shown the key.

    Args:
        url: one of the archive's API.
        api_key: tells who asks, if anybody.

    Raises:
        HubUnreachable: the archive does not answer.
    """
    import httpx  # most who come here have imported it, and most never come here

    headers = {} if api_key is None else {"Authorization": f"token {api_key}"}
    with httpx.Client(timeout=TIMEOUT_SEC, follow_redirects=False) as client:
        for _ in range(MAX_HOPS):
            try:
                reply = client.head(url, headers=headers)
            except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
                # What went wrong may quote the key.
                raise HubUnreachable(
                    f"The DANDI Archive did not answer for {url}: {type(error).__name__}."
                ) from None
            if reply.next_request is None:
                return url
            url = str(reply.next_request.url)
            if not is_dandi_url(url):
                return url
    return url


def _apis() -> tuple[str, ...]:
    own = os.environ.get(OWN_API_VARIABLE)
    return (*APIS, own.rstrip("/") + "/") if own else APIS
