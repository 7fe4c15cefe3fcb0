"""Ids look as the contract wants them, and do not come twice."""

import re
from collections import Counter

from dendro_local.random_ids import random_id, random_token


def test_an_id_has_so_many_letters_and_digits() -> None:
    for length in (1, 12, 20, 32):
        assert re.fullmatch(f"[A-Za-z0-9]{{{length}}}", random_id(length))


def test_ids_do_not_come_twice_and_use_every_letter_alike() -> None:
    ids = [random_id(20) for _ in range(5000)]
    counts = Counter("".join(ids))

    assert len(set(ids)) == len(ids)
    assert len(counts) == 62
    # 100,000 draws of 62: the expected 1,613 each, give or take six standard deviations.
    assert all(abs(count - 100_000 / 62) < 6 * 40 for count in counts.values())


def test_a_token_is_so_many_bytes() -> None:
    assert re.fullmatch("[0-9a-f]{16}", random_token(8))
