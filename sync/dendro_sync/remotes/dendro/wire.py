"""Requests to an original hub, and to the places where its files lie."""

import contextlib
import functools
import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import TypeVar

import httpx

from dendro_local.errors import HubUnreachable, NotAHub
from dendro_local.remote_hub.patience import Patience
from dendro_local.remote_hub.replies import is_tls_fault
from dendro_local.remote_hub.transport import PATIENCE_SEC, Timeouts, whole_reply

__all__ = ["Wire"]

T = TypeVar("T")

Body = bytes | Iterator[bytes]


class Wire:
    """Sends what it is given and nothing besides: no key goes to where it is not meant for.

    Safe for use by many threads.

    Args:
        base_url: where the hub is.
        patience_sec: for how long what does not answer is asked again.
    """

    def __init__(self, base_url: str, *, patience_sec: float = PATIENCE_SEC) -> None:
        self.base_url = base_url
        self.requests = 0
        self._patience_sec = patience_sec
        self._is_closed = threading.Event()
        # The bytes of a file are to come as they are.
        self._client = httpx.Client(
            headers={"accept-encoding": "identity"},
            verify=_certificates(),
            timeout=Timeouts().httpx(),
        )

    def send(
        self, method: str, url: str, *, headers: Mapping[str, str], body: Body
    ) -> httpx.Response:
        """The answer to one request, whatever its status.

        Raises:
            HubUnreachable: there is none.
            NotAHub: it is longer than any that a hub gives.
        """
        with (
            self._translated(url),
            self._client.stream(method, url, headers=dict(headers), content=body) as coming,
        ):
            return whole_reply(coming, may_be_packed=True)

    @contextlib.contextmanager
    def stream(self, url: str, headers: Mapping[str, str]) -> Generator[httpx.Response]:
        """A block in which what a URL gives can be read in pieces, wherever it sends on to.

        Raises:
            HubUnreachable: there is no answer, or the connection broke.
        """
        with (
            self._translated(url),
            self._client.stream("GET", url, headers=dict(headers), follow_redirects=True) as reply,
        ):
            yield reply

    def patiently(self, attempt: Callable[[], T]) -> T:
        """Try something until it is answered, or the patience is at its end.

        Raises:
            DendroError: as the last attempt.
        """
        patience = self.patience()
        while True:
            try:
                return attempt()
            except HubUnreachable as error:
                patience.pause(error)

    def patience(self) -> Patience:
        """For how long something is tried again, from now on."""
        return Patience(self._patience_sec, self._is_closed)

    def rest(self, seconds: float) -> bool:
        """Wait so long; whether nothing is asked any more."""
        return self._is_closed.wait(seconds)

    def close(self) -> None:
        """Ask nothing any more."""
        self._is_closed.set()
        self._client.close()

    @contextlib.contextmanager
    def _translated(self, url: str) -> Generator[None]:
        if self._is_closed.is_set():
            raise HubUnreachable(f"The hub at {self.base_url} is not asked any more.")
        self.requests += 1
        try:
            yield
        except httpx.InvalidURL as error:
            raise NotAHub(f"{url[:200]!r} is no URL.") from error
        except (httpx.HTTPError, httpx.StreamError) as error:
            where = httpx.URL(url).copy_with(query=None, fragment=None)
            if is_tls_fault(error):
                raise NotAHub(
                    f"What is at {where} cannot be trusted, or does not speak TLS: {error}."
                ) from error
            raise HubUnreachable(
                f"The hub at {self.base_url} does not answer ({where}): "
                f"{str(error) or type(error).__name__}. Check that it runs, and its address."
            ) from error


# Reading all authorities takes 40 ms.
_certificates = functools.cache(httpx.create_ssl_context)
