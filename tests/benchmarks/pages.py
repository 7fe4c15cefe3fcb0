"""The pages for people among a million jobs: how soon they are there, and what they weigh."""

import re
from collections.abc import Iterator, Mapping
from functools import partial
from urllib.parse import quote, urlsplit

import httpx

from dendro_local.hub import JobQuery
from dendro_local.local_hub import LocalHub
from tests.benchmarks.figure import Figure, at_most_sec
from tests.benchmarks.job_copies import rare_tag
from tests.benchmarks.measuring import alternate
from tests.benchmarks.processes import ProcessFailed
from tests.benchmarks.scripts.keep_alive import Asking
from tests.benchmarks.scripts.submit import SERVICE, TAGS
from tests.benchmarks.stores import Stores
from tests.benchmarks.upload import served

__all__ = ["pages"]

LIST_LIMIT_SEC = 0.030
JOB_LIMIT_SEC = 0.020
WEIGHT_LIMIT_KB = 150
ROUNDS = 20


def pages(stores: Stores) -> Iterator[Figure]:
    """The list of jobs with each filter, the page of a job, and the weight of the first view."""
    count = stores.size(1_000_000, quick=20_000)
    folder = stores.filled(count)
    hub = LocalHub(folder)
    user, job = quote(hub.user_id), hub.find_jobs(JobQuery(status="completed", limit=1))[0]
    hub.close()
    tag, middle = quote(TAGS[0]), quote(rare_tag(count // 2))
    lists: Mapping[str, str] = {
        "": "/",
        ", by status": "/?status=failed",
        ", by service": f"/?service={SERVICE}",
        ", by app": "/?app=hello_world",
        ", by processor": "/?processor=count_characters",
        ", by the tag of all": f"/?tag={tag}",
        ", by a tag of 1,000": f"/?tag={middle}",
        ", by user": f"/?user={user}",
        ", by dates": "/?since=2020-01-01&until=2100-01-01",
        ", by words that some have": "/?text=spikes",
        ", by words that none has": "/?text=nothing-has-this",
        ", by all of these": f"/?status=failed&service={SERVICE}&app=hello_world"
        f"&processor=hello_world_2&tag={tag}&user={user}&since=2020-01-01&text=spikes",
        ", 500 rows": "/?limit=500",
    }
    with served(folder) as url:
        asking = Asking(url, 1)
        for of_what, path in lists.items():
            (found,) = alternate(partial(asking.once, _get(path)), rounds=ROUNDS)
            limit = LIST_LIMIT_SEC if path != "/?limit=500" else 10 * LIST_LIMIT_SEC
            yield at_most_sec(f"jobs page among {count:,}{of_what}", found, limit)
        (found,) = alternate(partial(asking.once, _get(f"/jobs/{job.jobId}")), rounds=ROUNDS)
        yield at_most_sec(f"page of a job among {count:,}", found, JOB_LIMIT_SEC)
        asking.close()
        weight, num_files = _weight(url)
    yield Figure(
        what="weight of the first view, compressed",
        measured=f"{weight / 1e3:.0f} KB in {num_files} files, one host",
        budget=f"at most {WEIGHT_LIMIT_KB} KB",
        is_met=weight <= WEIGHT_LIMIT_KB * 1e3,
    )


def _get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n".encode()


def _weight(url: str) -> tuple[int, int]:
    """How many bytes the jobs page and all that it loads have on the way, and how many files."""
    with httpx.Client(base_url=url, headers={"accept-encoding": "gzip"}) as client:
        page = client.get("/").text
        addresses = re.findall(r'<(?:link|script)[^>]* (?:src|href)="([^"]+)"', page)
        elsewhere = [each for each in addresses if urlsplit(each).netloc]
        if elsewhere:
            raise ProcessFailed(f"the page loads {elsewhere[0]}")
        sizes = [_size(client, each) for each in ("/", *addresses)]
    return sum(sizes), len(sizes)


def _size(client: httpx.Client, address: str) -> int:
    with client.stream("GET", address) as reply:
        reply.raise_for_status()
        return sum(len(piece) for piece in reply.iter_raw())
