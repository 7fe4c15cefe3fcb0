"""What the forms of the remotes' pages say: their fields, read and filled in."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, TypeVar, get_args

import msgspec

from dendro_local.errors import InvalidRequest
from dendro_local.server.pages.form_fields import Form, number
from dendro_local.v1 import ChangedRemote, NewExchange, NewRemote, RemoteEntry
from dendro_local.v1.remotes import Outputs, RemoteKind

__all__ = ["changes_of", "form_of_remote", "new_remote", "wanted_exchange"]

T = TypeVar("T")

MB = 1_000_000

DIRECTIONS: tuple[Literal["pull", "push", "sync"], ...] = ("pull", "push", "sync")


def new_remote(form: Form) -> NewRemote:
    """The remote that a form gives.

    Raises:
        InvalidRequest: a field cannot be used; says which.
    """
    return NewRemote(
        name=form.get("name", ""),
        url=_url(form),
        kind=_choice(form, "kind", get_args(RemoteKind)),
        key=form.get("key") or None,
        read_only="read_only" in form,
        cache="cache" in form,
        allow_unsigned="allow_unsigned" in form,
        require=round(number(form, "require") or 1),
        outputs=_choice(form, "outputs", get_args(Outputs)) or "eager",
    )


def changes_of(form: Form, remote: RemoteEntry) -> ChangedRemote:
    """What a form makes different of a remote.

    Raises:
        InvalidRequest: a field cannot be used; says which.
    """
    url = _url(form)
    changes = ChangedRemote(
        read_only="read_only" in form,
        cache="cache" in form,
        allow_unsigned="allow_unsigned" in form,
        require=round(number(form, "require") or 1),
        outputs=_choice(form, "outputs", get_args(Outputs)) or remote.outputs,
        url=msgspec.UNSET if url == remote.url else url,
    )
    if "forget_key" in form:
        return msgspec.structs.replace(changes, key=None)
    return msgspec.structs.replace(changes, key=form.get("key") or msgspec.UNSET)


def form_of_remote(remote: RemoteEntry) -> Form:
    """A form in which the settings of a remote are filled in; of a box that is not ticked, nothing.

    Its key is in no form.
    """
    boxes = {
        "read_only": remote.read_only,
        "cache": remote.cache,
        "allow_unsigned": remote.allow_unsigned,
    }
    return {
        "url": remote.url,
        "outputs": remote.outputs,
        "require": str(remote.require),
        **{name: "on" for name, is_ticked in boxes.items() if is_ticked},
    }


def _url(form: Form) -> str:
    """The address in a form; the path of a folder of the hub's machine as a URL.

    Raises:
        InvalidRequest: it is no address.
    """
    url = form.get("url", "")
    if url.startswith(("/", "~")) and url.isprintable():
        try:
            return Path(url).expanduser().as_uri()
        except RuntimeError as error:
            raise InvalidRequest(
                f"{url[:200]!r} is no folder: there is no user of that name."
            ) from error
    if "://" not in url:
        raise InvalidRequest(
            f"{url[:200]!r} is no address. Give one such as https://hub.example.org or "
            "s3://bucket/folder, or the whole path of a folder of the hub's machine."
        )
    return url


def wanted_exchange(form: Form) -> NewExchange:
    """The exchange that a form gives. Its button says the direction, or that it is to be tried.

    Raises:
        InvalidRequest: a field cannot be used; says which.
    """
    is_dry_run = form.get("action") == "try"
    direction = None if is_dry_run else _choice(form, "action", DIRECTIONS)
    max_size_mb = number(form, "max_size_mb")
    return NewExchange(
        direction=direction or "sync",
        dry_run=is_dry_run,
        service=form.get("service") or None,
        app=form.get("app") or None,
        processor=form.get("processor") or None,
        tags=tuple(form.get("tags", "").split()),
        outputs=_choice(form, "outputs", get_args(Outputs)),
        max_size=None if max_size_mb is None else round(max_size_mb * MB),
        full="full" in form,
        inputs="inputs" in form,
    )


def _choice(form: Form, name: str, choices: Sequence[T]) -> T | None:
    """What was chosen; None if nothing was.

    Raises:
        InvalidRequest: it is none of the choices.
    """
    text = form.get(name, "")
    for each in choices:
        if each == text:
            return each
    if text:
        known = ", ".join(str(each) for each in choices)
        raise InvalidRequest(f"{name} is {text[:50]!r}. Give one of {known}.")
    return None
