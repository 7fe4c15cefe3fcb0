"""What went wrong, in words for the message of an error."""

import re

__all__ = ["reason_of"]

_NUMBER = re.compile(r"\[Errno -?\d+\] ")


def reason_of(error: Exception) -> str:
    """Why something failed, for the message of another error.

    Of what the system says, the words alone: neither its number nor the file, which the message
    names.
    """
    words = error.strerror if isinstance(error, OSError) else None
    return words or _NUMBER.sub("", str(error))
