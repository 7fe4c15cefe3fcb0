"""What the hub says to whoever asks over the network, without what is only for those who run it."""

from dendro_local.errors import DendroError, DiskFull
from dendro_local.local_hub import LocalHub

__all__ = ["text_for_others", "words_for_others"]


def words_for_others(error: DendroError, hub: LocalHub) -> str:
    """The error's message without paths of the hub's machine; of its own faults, nothing more."""
    if isinstance(error, DiskFull):
        return "No room is left on the disk of the hub; nothing was changed."
    if error.http_status >= 500:
        return "The hub could not do this; its log says why."
    return text_for_others(str(error), hub)


def text_for_others(text: str, hub: LocalHub) -> str:
    """A text without the paths of the store and of apps' folders."""
    root = str(hub.store.folder.root)
    text = text.replace(f"store {root}", "the hub's store").replace(root, "its folder")
    if "/" not in text:
        return text
    folders = {
        app.source.partition(":")[2]: app.record.appName
        for app in hub.apps()
        if app.source is not None and app.source.startswith("folder:")
    }
    for folder in sorted(folders, key=len, reverse=True):
        text = text.replace(folder, f"(folder of {folders[folder]})")
    return text
