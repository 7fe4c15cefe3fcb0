"""The pages of a hub for people: plain HTML that needs no script and nothing of another host."""

from dendro_local.server.pages.routes import page_routes

__all__ = ["page_routes"]
