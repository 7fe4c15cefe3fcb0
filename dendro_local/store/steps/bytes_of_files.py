"""How many bytes the files of a job have, by what a record says of them, as a piece of SQL."""

__all__ = ["BYTES_OF"]

# A `JobFiles` as JSON has no whole numbers but sizes.
BYTES_OF = (
    "(select coalesce(sum(value), 0) from json_tree(coalesce({files}, '{{}}')) "
    "where type = 'integer')"
)
