"""How many producers must agree before a result is taken."""

from pathlib import Path

from dendro_sync import Report, add_remote, pull, push
from tests.sync.conftest import Stores, greeting, ids_in


def codes(report: Report) -> list[str]:
    return [each.code for each in report.refused]


def test_what_one_producer_gave_waits_for_another_who_gave_the_same(stores: Stores) -> None:
    stores.trust("c", "a", "b")
    stores.complete("a", greeting("x"), b"same")
    push(stores["a"])

    assert codes(pull(stores["c"], require=2)) == ["agreement"]
    assert ids_in(stores["c"]) == set()
    assert codes(pull(stores["c"], require=2)) == ["agreement"], "asked again each time"

    stores.complete("b", greeting("x"), b"same")
    push(stores["b"])
    report = pull(stores["c"], require=2)

    assert (report.new, report.refused_count) == (2, 0)


def test_producers_who_gave_other_bytes_do_not_agree(stores: Stores) -> None:
    stores.trust("c", "a", "b")
    for name in ("a", "b"):
        stores.complete(name, greeting("x"), f"from {name}".encode())
        push(stores[name])

    report = pull(stores["c"], require=2)

    assert codes(report) == ["agreement", "agreement"]
    assert ids_in(stores["c"]) == set()


def test_one_producer_who_gave_it_twice_is_one(stores: Stores) -> None:
    stores.trust("c", "a")
    stores.complete("a", greeting("x"), b"same")
    stores.complete("a", greeting("x", skipCache=True), b"same")
    push(stores["a"])

    assert codes(pull(stores["c"], require=2)) == ["agreement", "agreement"]


def test_who_is_not_trusted_does_not_count(stores: Stores) -> None:
    stores.trust("c", "a")
    for name in ("a", "b"):
        stores.complete(name, greeting("x"), b"same")
        push(stores[name])

    assert sorted(codes(pull(stores["c"], require=2))) == ["agreement", "untrusted"]


def test_what_this_store_gave_itself_counts(stores: Stores) -> None:
    stores.trust("c", "a")
    stores.complete("a", greeting("x"), b"same")
    push(stores["a"])
    stores.complete("c", greeting("x"), b"same")

    assert pull(stores["c"], require=2).new == 1


def test_other_remotes_are_asked(stores: Stores, tmp_path: Path) -> None:
    stores.trust("c", "a", "b")
    stores.complete("a", greeting("x"), b"same")
    push(stores["a"])
    stores.complete("b", greeting("x"), b"same")
    add_remote(stores["b"], "far", str(tmp_path / "far"))
    push(stores["b"], "far")
    add_remote(stores["c"], "far", str(tmp_path / "far"))

    assert pull(stores["c"], "r", require=2).new == 1
    (tmp_path / "disk").mkdir()
    add_remote(stores["c"], "gone", str(tmp_path / "disk/results"))
    (tmp_path / "disk").rmdir()
    assert pull(stores["c"], "far", require=2).new == 1


def test_the_remote_says_how_many_unless_it_is_said_each_time(stores: Stores) -> None:
    stores.trust("c", "a")
    stores.complete("a", greeting("x"))
    push(stores["a"])
    add_remote(stores["c"], "careful", stores.url, require=2)

    assert codes(pull(stores["c"], "careful")) == ["agreement"]
    assert pull(stores["c"], "careful", require=1).new == 1
