"""The calls of the contract are asked of the part of the application that answers them."""

from tests.server.running.conftest import served

__all__ = ["served"]
