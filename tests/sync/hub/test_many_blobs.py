"""Many small blobs to and from a hub, in few requests and with nothing given up of one by one."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from dendro_local.errors import InvalidRequest, NotAllowed, NotAuthenticated
from dendro_local.local_hub import LocalHub
from dendro_local.model import Digest
from dendro_local.v1 import SyncFacts
from dendro_local.v1.many_blobs import MOST_SMALL_BYTES, ManyBlobsReader, blob_head
from dendro_sync import pull, push
from dendro_sync.remotes.hub import HubRemote
from tests.hub.conftest import NewJobMaker
from tests.live_hub import LiveHub
from tests.remote_hub.proxy import Proxy
from tests.sync.conftest import Stores, ids_in, left_in_uploads
from tests.sync.conftest import greeting as new_greeting
from tests.sync.hub.conftest import RemoteMaker
from tests.sync.hub.test_hub_remote import done

COUNT = 40
SIZE = 20_000


def content_of(number: int) -> bytes:
    return hashlib.sha256(b"%d" % number).digest() * (SIZE // 32)


def digest_of(content: bytes) -> Digest:
    return Digest(hashlib.sha256(content).hexdigest())


CONTENTS = {digest_of(content_of(number)): content_of(number) for number in range(COUNT)}


@pytest.fixture
def outputs(there: LocalHub, greeting: NewJobMaker, tmp_path: Path) -> list[Digest]:
    """Outputs of jobs of the hub, by their digests."""
    for number in range(COUNT):
        done(there, tmp_path, greeting(f"{number}"), content_of(number))
    return list(CONTENTS)


@pytest.fixture
def files(tmp_path: Path) -> dict[Digest, Path]:
    """Files that the hub has not got, by their digests."""
    folder = tmp_path / "files"
    folder.mkdir()
    for digest, content in CONTENTS.items():
        (folder / digest).write_bytes(content)
    return {digest: folder / digest for digest in CONTENTS}


def test_many_come_in_one_request(remote: HubRemote, outputs: list[Digest]) -> None:
    remote.facts()
    before = remote.requests

    assert dict(remote.fetch_many(outputs)) == CONTENTS
    assert remote.requests == before + 1


def test_where_the_connection_broke_only_the_rest_comes_again(
    remote: HubRemote, outputs: list[Digest], network: Proxy
) -> None:
    remote.facts()
    before = network.received
    network.cut_after_receiving(COUNT * SIZE // 2)

    came = list(remote.fetch_many(outputs))

    assert network.has_cut
    assert sorted(came) == sorted(CONTENTS.items())
    assert network.received - before < COUNT * SIZE * 1.3


def test_bytes_that_no_job_has_and_what_is_large_or_gone_is_left_out(
    remote: HubRemote, there: LocalHub, outputs: list[Digest], greeting: NewJobMaker, tmp_path: Path
) -> None:
    large = b"x" * (MOST_SMALL_BYTES + 1)
    done(there, tmp_path, greeting("large"), large)
    nobodys, _ = there.store.blobs.adopt(_written(tmp_path / "nobodys", b"nobody's"))
    there.store.blobs.remove(outputs[0])

    asked = [outputs[0], outputs[1], digest_of(large), nobodys, Digest("0" * 64)]
    assert dict(remote.fetch_many(asked)) == {outputs[1]: CONTENTS[outputs[1]]}


def test_many_go_in_one_request_and_are_there_then(
    remote: HubRemote, there: LocalHub, files: dict[Digest, Path]
) -> None:
    remote.facts()
    before = remote.requests

    assert remote.send_many(files) == set(files)

    assert remote.requests == before + 1
    for digest, content in CONTENTS.items():
        assert there.store.blobs.path(digest).read_bytes() == content
    assert left_in_uploads(there) == sorted(f"blob.{digest}.came" for digest in files)


def test_what_came_whole_before_the_connection_broke_is_kept(
    remote: HubRemote, there: LocalHub, files: dict[Digest, Path], network: Proxy
) -> None:
    remote.facts()
    before = network.sent
    network.cut_after_sending(COUNT * SIZE // 2)

    assert remote.send_many(files) == set(files)

    assert network.has_cut
    assert all(there.store.blobs.has(digest) for digest in files)
    assert network.sent - before < COUNT * SIZE * 2


def test_other_bytes_are_not_kept(
    remote: HubRemote, there: LocalHub, files: dict[Digest, Path]
) -> None:
    wrong = next(iter(files))
    files[wrong].write_bytes(b"other bytes")

    assert remote.send_many(files) == files.keys() - {wrong}
    assert not there.store.blobs.has(wrong)


def test_what_is_coming_by_itself_is_left_to_whoever_sends_it(
    remote: HubRemote, there: LocalHub, files: dict[Digest, Path]
) -> None:
    begun = next(iter(files))
    there.fetched_blob(begun).write_bytes(b"begun")

    assert remote.send_many(files) == files.keys() - {begun}
    assert there.fetched_blob(begun).read_bytes() == b"begun"


def test_whoever_may_not_send_files_cannot_send_many(
    there: LocalHub, open_remote: RemoteMaker, files: dict[Digest, Path]
) -> None:
    with pytest.raises(NotAuthenticated):
        open_remote().send_many(files)
    there.add_user("ada")
    _, key = there.add_api_key("ada", "test")
    with pytest.raises(NotAllowed):
        open_remote(key).send_many(files)
    assert not any(there.store.blobs.has(digest) for digest in files)


@pytest.mark.parametrize(
    "body",
    [
        b"no line",
        b"x" * 1000,
        blob_head(Digest("g" * 64), 1) + b"x",
        blob_head(Digest("a" * 64), MOST_SMALL_BYTES + 1),
        blob_head(Digest("a" * 64), -1),
    ],
)
def test_what_is_no_such_body_is_refused(there: LocalHub, live: LiveHub, body: bytes) -> None:
    _, key = there.add_api_key(there.user_id, "test")

    reply = httpx.post(
        f"{live.url}/v1/sync/put-blobs",
        content=body,
        headers={"authorization": f"Bearer {key}"},
        trust_env=False,
    )

    if body == b"no line":
        assert reply.json() == {"blobs": []}  # the beginning of a line may have broken off
    else:
        assert (reply.status_code, reply.json()["error"]["code"]) == (400, "invalid_request")


@pytest.mark.parametrize("most", [1, 7, 10_000])
def test_a_body_is_read_however_it_comes(most: int) -> None:
    body = b"".join(
        blob_head(digest, len(content)) + content for digest, content in CONTENTS.items()
    )[:200_000]
    reader = ManyBlobsReader()

    pieces = (body[first : first + most] for first in range(0, len(body), most))
    found = [each for piece in pieces for each in reader.feed(piece)]

    assert dict(found) == dict(list(CONTENTS.items())[: len(found)])
    assert len(found) == len(body) // (SIZE - SIZE % 32 + len(blob_head(found[0][0], SIZE)))


def test_bytes_without_a_line_before_them_are_refused() -> None:
    with pytest.raises(InvalidRequest):
        list(ManyBlobsReader().feed(b"x" * 1000))


def _written(file: Path, content: bytes) -> Path:
    file.write_bytes(content)
    return file


def _without_many(facts: Callable[..., SyncFacts]) -> Callable[..., SyncFacts]:
    """The facts as a hub tells them that does not know of many at once."""

    def old(**fields: object) -> SyncFacts:
        return facts(**{**fields, "moves_many": False})

    return old


def exchanged(stores: Stores) -> tuple[int, int]:
    """Push jobs and pull them elsewhere; in how many requests each."""
    stores.serve()
    for number in range(COUNT):
        stores.complete("a", new_greeting(f"{number}"), content_of(number))
    stores.trust("b", "a")
    pushed, pulled = push(stores["a"]), pull(stores["b"])

    assert not pushed.refused
    assert not pulled.refused
    assert pushed.files == pulled.files == COUNT
    assert pushed.bytes == pulled.bytes == sum(map(len, CONTENTS.values()))
    assert ids_in(stores["b"]) == ids_in(stores["a"])
    for digest, content in CONTENTS.items():
        assert stores["b"].store.blobs.path(digest).read_bytes() == content
    assert left_in_uploads(stores["b"]) == []
    return pushed.requests, pulled.requests


def test_a_push_and_a_pull_take_few_requests(stores: Stores) -> None:
    assert max(exchanged(stores)) < 10


def test_a_hub_that_does_not_know_of_many_at_once_is_asked_for_each(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dendro_local.server.v1.sync.SyncFacts", _without_many(SyncFacts))

    assert min(exchanged(stores)) > COUNT


def test_of_many_that_come_at_once_only_the_wrong_one_is_refused(stores: Stores) -> None:
    hub = stores.serve()
    jobs = [
        stores.complete("a", new_greeting(f"{number}"), content_of(number)) for number in range(5)
    ]
    push(stores["a"])
    stores.trust("b", "a")
    wrong = hub.store.blobs.path(digest_of(content_of(3)))
    wrong.chmod(0o600)
    wrong.write_bytes(b"!" * len(content_of(3)))

    report = pull(stores["b"])

    assert [(each.job_id, each.code) for each in report.refused] == [(jobs[3].jobId, "digest")]
    assert report.new == 4
    assert not stores["b"].store.blobs.has(digest_of(content_of(3)))
    assert left_in_uploads(stores["b"]) == []


def test_what_a_killed_pull_had_is_not_asked_for_again(stores: Stores) -> None:
    stores.serve()
    for number in range(5):
        stores.complete("a", new_greeting(f"{number}"), content_of(number))
    push(stores["a"])
    stores.trust("b", "a")
    had = digest_of(content_of(0))
    stores["b"].write_fetched(stores["b"].fetched_blob(had), content_of(0))

    report = pull(stores["b"])

    assert report.files == 5
    assert report.bytes == 4 * len(content_of(0))
    assert stores["b"].store.blobs.has(had)
