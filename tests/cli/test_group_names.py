"""A command that is misspelt is told with one like it."""

import pytest
from click.testing import CliRunner

from dendro_local.cli.group import LazyGroup


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("sumbit", "No such command 'sumbit'. Did you mean 'submit'?"),
        ("jbos", "Did you mean 'jobs'?"),
        ("zzzzzz", "`dendro-local --help` lists all."),
    ],
)
def test_a_misspelt_command_is_told_with_one_like_it(given: str, says: str) -> None:
    result = CliRunner().invoke(LazyGroup("dendro-local"), [given])

    assert result.exit_code == 2
    assert says in result.output
