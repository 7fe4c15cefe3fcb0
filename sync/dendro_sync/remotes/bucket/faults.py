"""What went wrong with an object store, as errors that say what to do."""

import contextlib
import re
from collections.abc import Generator

from dendro_local.errors import (
    DendroError,
    HubUnreachable,
    InvalidRequest,
    NotAHub,
    NotAllowed,
    NotAuthenticated,
    NotSupported,
)

__all__ = ["ObjectAbsent", "ObjectThere", "translated"]

_CREDENTIALS = (
    "Credentials are taken from the environment: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or "
    "AWS_SKIP_SIGNATURE=true for a public bucket), GOOGLE_APPLICATION_CREDENTIALS, or "
    "AZURE_STORAGE_ACCOUNT_NAME with AZURE_STORAGE_ACCOUNT_KEY."
)
# In these a message of the store would show what only its owner should see.
_query = re.compile(r"(https?://[^\s?]*)\?\S*")
_user = re.compile(r"(https?://)[^\s/@]*@")
# Who is asked for credentials where none are set: the metadata services of clouds.
_no_credentials = re.compile(
    r"169\.254\.169\.254|metadata\.google|latest/api/token|credential|Account must be specified"
    r"|InvalidAccessKeyId|SignatureDoesNotMatch|MissingEnvironmentVariable|AuthenticationFailed",
    re.IGNORECASE,
)


class ObjectAbsent(Exception):
    """There is no object of this name."""


class ObjectThere(Exception):
    """There is an object of this name already."""


@contextlib.contextmanager
def translated(url: str) -> Generator[None]:
    """A block in which errors of obstore become ours.

    Args:
        url: where the objects are, as it may be shown.

    Raises:
        ObjectAbsent: what was asked for is not there.
        ObjectThere: what was to be made is there.
    """
    from obstore import exceptions

    try:
        yield
    except exceptions.AlreadyExistsError as error:
        raise ObjectThere from error
    except FileNotFoundError as error:
        if "NoSuchBucket" in str(error) or "ContainerNotFound" in str(error):
            raise NotAHub(
                f"There is no bucket at {url}. Make it with the tools of its store."
            ) from (error)
        raise ObjectAbsent from error
    except exceptions.PermissionDeniedError as error:
        raise NotAllowed(
            f"The store at {url} does not allow this: {_words(error)}. Ask its owner for the right "
            f"to read, or to write. {_CREDENTIALS}"
        ) from error
    except exceptions.UnauthenticatedError as error:
        raise _without_credentials(url, error) from error
    except exceptions.NotSupportedError as error:
        raise NotSupported(f"The store at {url} cannot do this: {_words(error)}.") from error
    except exceptions.InvalidPathError as error:
        raise InvalidRequest(f"The store at {url} has no such names: {_words(error)}.") from error
    except exceptions.BaseError as error:
        raise _other(url, error) from error
    except OSError as error:
        raise _other(url, error) from error


def _other(url: str, error: Exception) -> DendroError:
    words = str(error)
    if _no_credentials.search(words):
        return _without_credentials(url, error)
    if "416 Range" in words:
        return NotSupported(f"What is at {url} has fewer bytes than it was asked for.")
    return HubUnreachable(
        f"The store at {url} does not answer: {_words(error)}. Check the address and the network."
    )


def _without_credentials(url: str, error: Exception) -> NotAuthenticated:
    return NotAuthenticated(
        f"The store at {url} does not take our credentials, or there are none: {_words(error)}. "
        f"{_CREDENTIALS}"
    )


def _words(error: Exception) -> str:
    """What a message begins with, short and without anything secret."""
    first = str(error).split("\n", 1)[0].split("<", 1)[0].strip().rstrip(".:")
    return _user.sub(r"\1", _query.sub(r"\1", first))[:300] or type(error).__name__
