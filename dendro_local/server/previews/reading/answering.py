"""Answers the question that a reader's process was started with."""

import codecs
import os

import msgspec

from dendro_local.server.previews.reading.json_tree import NoSuchValue, json_node
from dendro_local.server.previews.reading.objects import NoSuchObject, object_node
from dendro_local.server.previews.reading.question import CannotRead, Question, Reply

__all__ = ["answer"]

FILE = 0
"""The descriptor of the file: standard input."""

ANSWER = 1
"""That of what is answered: standard output."""


def answer(asked: str) -> None:
    """Answer a question in JSON, and end the process."""
    question = msgspec.json.decode(asked, type=Question)
    try:
        reply = _reply(question)
    except CannotRead as fault:
        reply = Reply(fault=str(fault))
    except (NoSuchValue, NoSuchObject):
        reply = Reply(is_absent=True)
    except MemoryError:
        reply = Reply(fault="The file needs more memory to be read than a preview may take.")
    content = memoryview(msgspec.json.encode(reply))
    while content:
        content = content[os.write(ANSWER, content) :]
    os._exit(0)  # nothing that a damaged file has left behind is run any more


def _reply(question: Question) -> Reply:
    if question.format == "json":
        _open_no_more()
        return Reply(json=json_node(FILE, question))
    if question.format == "hdf5":
        from dendro_local.server.previews.reading.hdf5 import Hdf5File

        file = Hdf5File(f"/dev/fd/{FILE}")
        _open_no_more()
        return Reply(object=object_node(file, question))
    from dendro_local.server.previews.reading.lindi import LindiFile

    _open_no_more()
    return Reply(object=object_node(LindiFile(FILE), question))


def _open_no_more() -> None:
    """Open no file any more: one that was made for it could name others to be read."""
    for name in ("ascii", "latin-1", "utf-8"):
        codecs.lookup(name)  # Python opens them when they are first used
    import resource  # Windows has none, and no hub that could show previews

    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
