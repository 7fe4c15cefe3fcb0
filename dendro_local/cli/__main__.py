"""``python -m dendro_local.cli``, where the command itself is not on the path."""

from dendro_local.cli import main

main(prog_name="dendro-local")
