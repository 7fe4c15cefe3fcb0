"""Push and pull where nothing is new, or one job, between a store and buckets with its jobs.

The bucket in a folder is what a push of all jobs makes of it; it is also what the static server
serves. The S3 server, which has all in memory, has the feed of that bucket and its header, since
nothing else of it is looked at.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from dendro_local.local_hub import LocalHub
from dendro_sync import add_remote, own_key, push
from dendro_sync.remotes.bucket import BucketRemote
from dendro_sync.trust.keys import trust_key
from tests.benchmarks.figure import Figure
from tests.benchmarks.servers import serving
from tests.benchmarks.stores import Stores
from tests.benchmarks.sync_rounds import (
    NOTHING,
    ONE,
    NewJobs,
    begin_equal,
    check_equal,
    rounds_of,
)
from tests.benchmarks.sync_stores import SCRIPTS

__all__ = ["with_buckets"]


def with_buckets(stores: Stores) -> Iterator[Figure]:
    """In a folder, on S3, and behind a static HTTP server."""
    jobs = stores.size(100_000, quick=2_000)
    here, bucket = stores.folder("here"), stores.folder("bucket")
    shutil.copytree(stores.filled(jobs), here, dirs_exist_ok=True)
    hub, other = LocalHub(here), LocalHub(stores.folder("other"))
    trust_key(hub, "other", own_key(other).publicKey)
    add_remote(hub, "folder", str(bucket))
    add_remote(other, "folder", str(bucket))
    push(hub, "folder", outputs="none")
    new = NewJobs(stores.folder("new"))

    def complete_there(name: str) -> None:
        new.complete_one(other)
        push(other, name)

    rounds = stores.size(20, quick=5)
    end = _end_of(bucket)
    with ExitStack() as servers:
        s3 = _s3_of(servers.enter_context(serving(f"{SCRIPTS}.serve_s3")), bucket)
        static = servers.enter_context(serving(f"{SCRIPTS}.serve_folder", bucket))
        for store in (hub, other):
            add_remote(store, "S3", s3)
        add_remote(hub, "static", static, kind="bucket")
        for name, written, place in (
            ("folder", "folder", "in a folder"),
            ("S3", "S3", "on S3"),
            ("static", "folder", "behind static HTTP"),
        ):
            push(other, written)
            begin_equal(hub, name, end if name == "S3" else _end_of(bucket))
            check_equal(hub, name)
            for what, before, expected, limits in (
                ("nothing new", lambda: None, 0, NOTHING),
                ("one new job here", lambda: new.complete_one(hub), 1, ONE),
                ("one new job there", partial(complete_there, written), 1, ONE),
            ):
                if what != "one new job here" or name == written:
                    title = f"  {what}, {jobs:,} jobs {place}"
                    yield rounds_of(title, hub, name, before, expected, limits, rounds)
    hub.close()
    other.close()
    shutil.rmtree(here)
    shutil.rmtree(bucket)


def _s3_of(endpoint: str, bucket: Path) -> str:
    """Have the header and the feed of a bucket on an S3 server; the URL there."""
    os.environ.update(AWS_ACCESS_KEY_ID="benchmark", AWS_SECRET_ACCESS_KEY="benchmark")
    url = f"s3://bench/bucket?endpoint={endpoint}"
    remote = BucketRemote.at(url)
    for file in (bucket / "dendro-bucket.json", *sorted((bucket / "feed").iterdir())):
        remote.objects.create(str(file.relative_to(bucket)), file.read_bytes())
    remote.close()
    return url


def _end_of(bucket: Path) -> str:
    """The cursor behind all that is in a bucket's feed."""
    remote = BucketRemote.at(bucket.as_uri())
    end = f"{remote.store_id()}.{len(list((bucket / 'feed').glob('*.zst')))}"
    remote.close()
    return end
