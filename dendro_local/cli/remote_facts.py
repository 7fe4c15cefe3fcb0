"""A remote, as a person reads of it."""

from dendro_local.cli.output import show_count, show_time
from dendro_sync.saved_remotes import RemoteInfo, RemoteTest

__all__ = ["known_facts", "remote_row", "tested_facts"]


def remote_row(found: RemoteInfo) -> tuple[str, ...]:
    """Its name, kind, use and URL, and when it was last pulled from and pushed to."""
    return (
        found.name,
        found.kind,
        ", ".join([*_uses(found), *_outputs(found)]),
        found.url,
        _when(found.lastPullSec),
        _when(found.lastPushSec),
    )


def known_facts(found: RemoteInfo) -> list[tuple[str, str]]:
    """What is known of it here, by what it is called."""
    facts = (
        ("Kind", found.kind),
        ("URL", found.url),
        ("Key", _key(found)),
        ("Use", ", ".join(_uses(found))),
        ("Outputs", found.outputs),
        ("Added", show_time(found.addedSec)),
        ("Pulled", _when(found.lastPullSec)),
        ("Pushed", _when(found.lastPushSec)),
        ("Refused", _refused(found)),
        ("Left alone", _pause(found)),
        ("To come", show_count(found.awaitedFiles, "file") if found.awaitedFiles else ""),
    )
    return [(name, value) for name, value in facts if value]


def tested_facts(found: RemoteTest) -> list[tuple[str, str]]:
    """What it answered, by what that is called."""
    key = found.publicKey or ""
    if key:
        key += " (trusted)" if found.isTrusted else " (not trusted: `dendro-local key trust`)"
    facts = (
        ("Kind", found.kind),
        ("URL", found.url),
        ("Version", found.version or ""),
        # A hub counts them once in a while.
        ("Jobs", "" if found.jobs is None else f"about {found.jobs}"),
        ("You are", found.userId or ("a guest" if found.kind == "hub" else "")),
        ("May push", "yes" if found.canWrite else "no"),
        ("Signs with", key),
    )
    return [(name, value) for name, value in facts if value]


def _when(moment_sec: float | None) -> str:
    return "never" if moment_sec is None else show_time(moment_sec)


def _uses(found: RemoteInfo) -> list[str]:
    return [
        text
        for text, is_so in (
            ("read only", found.readOnly),
            ("cache", found.cache),
            ("unsigned jobs are taken", found.allowUnsigned),
            (f"{found.require} producers must agree", found.require > 1),
        )
        if is_so
    ]


def _outputs(found: RemoteInfo) -> list[str]:
    """What is done about outputs, if it is not the usual."""
    return [] if found.outputs == "eager" else [{"none": "no outputs"}.get(found.outputs, "lazy")]


def _refused(found: RemoteInfo) -> str:
    if not found.refused:
        return ""
    waiting = sum(each.jobs for each in found.awaitingTrust)
    keys = ", ".join(each.public_key or each.key_id for each in found.awaitingTrust)
    count = show_count(found.refused, "job")
    if not waiting:
        return f"{count}, tried again at the next exchange"
    which = "" if waiting == found.refused else f", of which {waiting}"
    return f"{count}{which} signed by keys that are not trusted: {keys}"


def _pause(found: RemoteInfo) -> str:
    if found.pausedUntilSec is None:
        return ""
    why = "" if found.pausedFor is None else f". {found.pausedFor}"
    return f"as a cache, until {show_time(found.pausedUntilSec)}{why}"


def _key(found: RemoteInfo) -> str:
    if found.keyFile is not None:
        return f"in {found.keyFile}"
    return "kept here, sealed" if found.hasKey else ""
