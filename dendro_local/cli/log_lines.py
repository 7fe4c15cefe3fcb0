"""What the library logs, as lines on stderr."""

import logging

import click

__all__ = ["show_log"]


def show_log(ctx: click.Context, level: str) -> None:
    """Write what is logged at this level or above to stderr, until the call ends."""
    logger = logging.getLogger("dendro_local")
    if logger.handlers:
        return  # --debug shows more already
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%Y-%m-%d %H:%M:%S"))
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(level)

    def restore() -> None:
        logger.removeHandler(handler)
        logger.setLevel(before)

    ctx.find_root().call_on_close(restore)
