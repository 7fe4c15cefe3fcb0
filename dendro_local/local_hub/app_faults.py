"""What is wrong with an app's folder that could not be registered, for `why` to tell.

It is kept with the digest of the folder's state, so that it counts for no other state.
"""

import msgspec

from dendro_local.app_source import AppFolder
from dendro_local.store import Store

__all__ = ["app_fault", "note_app_fault"]


class _Fault(msgspec.Struct, frozen=True):
    digest: str
    error: str


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Fault).decode


def note_app_fault(store: Store, service: str, name: str, folder: AppFolder, error: str) -> None:
    """Keep why an app cannot be registered from its folder in this state."""
    value = _encode(_Fault(folder.digest, error)).decode()
    if store.get_meta(_key(service, name)) != value:
        with store.transaction():
            store.set_meta(_key(service, name), value)


def app_fault(store: Store, service: str, name: str, folder: AppFolder) -> str | None:
    """Why an app could not be registered from its folder in this state; None if nobody knows."""
    value = store.get_meta(_key(service, name))
    fault = None if value is None else _decode(value)
    return None if fault is None or fault.digest != folder.digest else fault.error


def _key(service: str, name: str) -> str:
    return f"app_fault:{service}/{name}"
