"""Files of jobs over HTTP: whole or in ranges, sent from the disk in pieces."""

from dendro_local.server.files.routes import FileRoutes

__all__ = ["FileRoutes"]
