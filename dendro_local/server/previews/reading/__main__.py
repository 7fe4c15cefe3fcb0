"""The process that reads one file, answers one question, and ends."""

import resource
import signal
import sys

MOST_MEMORY_BYTES = 1 << 30
MOST_CPU_SEC = 15
MOST_SEC = 30


def limit() -> None:
    """Let this process have no more than a reader needs, whatever a file does to it."""
    limits = (
        (resource.RLIMIT_AS, MOST_MEMORY_BYTES),
        (resource.RLIMIT_CPU, MOST_CPU_SEC),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
    )
    for kind, most in limits:
        _, hard = resource.getrlimit(kind)
        least = most if hard < 0 else min(most, hard)
        resource.setrlimit(kind, (least, least))
    signal.alarm(MOST_SEC)


if __name__ == "__main__":
    limit()
    # Only now: the limits are for what is imported too.
    from dendro_local.server.previews.reading.answering import answer

    answer(sys.argv[1])
