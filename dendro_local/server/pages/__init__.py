"""The pages of a hub for people: whole without a script, live with one, and nothing elsewhere."""

from dendro_local.server.pages.routes import page_routes, refusal_of_no_route

__all__ = ["page_routes", "refusal_of_no_route"]
