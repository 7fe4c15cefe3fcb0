"""Random ids and tokens, from the system's source of randomness.

`secrets` would do, but imports `random` and more: 3 ms of every script that submits a job.
"""

import os

__all__ = ["letters_of", "random_id", "random_token"]

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def random_id(length: int) -> str:
    """So many letters and digits of ``[A-Za-z0-9]``, as the contract's ids and keys have them."""
    # Eight bytes more than the id can tell apart: what is left over favours no letter.
    return letters_of(int.from_bytes(os.urandom(length + 8)), length)


def letters_of(number: int, length: int) -> str:
    """So many letters and digits of ``[A-Za-z0-9]`` that a large number stands for."""
    letters: list[str] = []
    for _ in range(length):
        number, index = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[index])
    return "".join(letters)


def random_token(size_bytes: int) -> str:
    """So many random bytes in hexadecimal."""
    return os.urandom(size_bytes).hex()
