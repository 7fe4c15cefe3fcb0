"""How a store's file is told from other SQLite files, and which schema this version writes."""

__all__ = ["APPLICATION_ID", "SCHEMA_VERSION"]

APPLICATION_ID = 0x44454E44
"""``DEND``, in SQLite's application_id."""

SCHEMA_VERSION = 6
"""The number of migrations, in SQLite's user_version."""
