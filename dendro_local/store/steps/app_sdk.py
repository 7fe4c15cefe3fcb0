"""Which SDK an app is written with, where its code is known."""

__all__ = ["SDK_OF_APPS"]

SDK_OF_APPS = (
    # dendro_local or dendro; null for a spec alone.
    "alter table service_apps add column sdk text",
    "update service_apps set sdk = 'dendro_local' where source is not null",
)
