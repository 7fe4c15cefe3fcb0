"""The secret of a store, and the keys that are made of it.

One file, ``key``, holds 32 random bytes in hexadecimal, for this user's eyes only. Every other
key is derived from it for one purpose (HMAC-SHA256), so that none needs to be kept, and none
tells of another.
"""

import functools
import hashlib
import hmac
import os
import re
from pathlib import Path

from dendro_local.errors import StoreDamaged
from dendro_local.random_ids import letters_of, random_token
from dendro_local.store.on_disk import sync

__all__ = ["StoreKey"]

KEY_LENGTH = 32
NONCE_BYTES = 12


class StoreKey:
    """The keys of one store. Safe for use by many threads and processes.

    Args:
        file: where the secret lies; it is made when it is first asked for.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def derive(self, purpose: str) -> bytes:
        """A secret of 32 bytes for this purpose alone.

        Raises:
            StoreDamaged: the file holds no key.
        """
        return hmac.digest(self._secret, purpose.encode(), hashlib.sha256)

    def text(self, purpose: str) -> str:
        """A secret of 32 letters and digits for this purpose, as keys of the contract are."""
        return letters_of(int.from_bytes(self.derive(purpose)), KEY_LENGTH)

    def seal(self, plain: bytes, purpose: str) -> bytes:
        """The bytes so that only this store can read them, and see that they are unchanged.

        AES-256-GCM with a random nonce, which stands before the sealed bytes. They can only be
        unsealed for the same purpose.
        """
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # only where one is sealed

        nonce = os.urandom(NONCE_BYTES)
        return nonce + AESGCM(self.derive("seal")).encrypt(nonce, plain, purpose.encode())

    def unseal(self, sealed: bytes, purpose: str) -> bytes:
        """What was sealed for this purpose.

        Raises:
            StoreDamaged: it was changed, or another store sealed it.
        """
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce, rest = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        try:
            return AESGCM(self.derive("seal")).decrypt(nonce, rest, purpose.encode())
        except InvalidTag as error:
            raise StoreDamaged(
                f"A secret of the store cannot be read with its key, {self._file}. If the store "
                "was copied, copy that file too."
            ) from error

    @functools.cached_property
    def _secret(self) -> bytes:
        try:
            text = self._file.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            text = self._made()
        if not re.fullmatch("[0-9a-f]{64}", text):
            raise StoreDamaged(
                f"{self._file} is not the key of a store. Put the right one there from a backup. "
                "Without it, remove the file: a new one is made, keys that were given out for "
                "running jobs are void, and secrets of jobs are lost."
            )
        return bytes.fromhex(text)

    def _made(self) -> str:
        """A new secret, unless another process has just made one."""
        near = self._file.with_name(f".key.{random_token(8)}.new")
        descriptor = os.open(near, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(random_token(32) + "\n")
                file.flush()
                os.fsync(file.fileno())
            try:
                os.link(near, self._file)  # whole or not at all, and never over another
            except FileExistsError:
                pass  # another process was faster
            except OSError:
                near.rename(self._file)  # no hard links here
            sync(self._file.parent)  # before anything relies on it
        finally:
            near.unlink(missing_ok=True)
        return self._file.read_text(encoding="ascii").strip()
