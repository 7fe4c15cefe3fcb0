"""Runs as the original's client made them on the original's hub, made again on this one.

``tests/data/recorded_runs.jsonl.xz`` has what its compute client, its monitors and its SDK asked,
in their order, and what they were answered: a job with an output, one that waits for another, one
that fails, and one whose output comes in parts.
"""

import json
import lzma
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest

from dendro_local.local_hub.compute_clients import ComputeClientChanges
from dendro_local.model import ServiceApp
from tests.server.conftest import ADA, BASE_URL, Served

RECORDED = Path(__file__).parents[2] / "data" / "recorded_runs.jsonl.xz"

RUNS = ("output", "dep", "fail", "multi")

OWN_TO_EACH_HUB = frozenset(
    {
        "jobDefinitionHash",  # over URLs, which are the hub's
        "signedUrl",
        "appSpecificationUri",  # a path of the hub's machine
        "timestampCreatedSec",
        "timestampStartingSec",
        "timestampStartedSec",
        "timestampFinishedSec",
        "timestampUpdatedSec",
        "size",  # told before the file is there, or when it is
    }
)


def exchanges(run: str) -> list[dict[str, Any]]:
    lines = lzma.decompress(RECORDED.read_bytes()).splitlines()
    return [each for each in map(json.loads, lines) if each["run"] == run]


class Replay:
    """Asks again what was asked, with the ids, keys and URLs that this hub has given instead."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.instead = {
            "http://localhost:8765/f/dendro/f/": f"{BASE_URL}/f/",
            "http://localhost:8766/f/dendro/f/": f"{BASE_URL}/f/",
            "hello_world_service": "recorded_service",
            "github|alice": ADA,
        }
        self.upload_urls: dict[str, str] = {}
        self.tags: list[str] = []

    def prepare(self, recorded: list[dict[str, Any]]) -> None:
        """Let the hub have the service, its apps, the user and the compute client."""
        served = self.served
        served.hub.add_service("recorded_service", ADA)
        apps = {
            each["reply"]["serviceApp"]["appName"]: each["reply"]["serviceApp"]
            for each in recorded
            if each.get("call") == "getServiceApp"
        }
        for app in apps.values():
            served.hub.add_service_app(msgspec.convert(self.told(app), ServiceApp))
        client, key = served.hub.register_compute_client(ADA, "cc1", ["recorded_service"])
        slots = [msgspec.structs.replace(client.computeSlots[0], multiplicity=4)]
        served.hub.change_compute_client(client.computeClientId, ComputeClientChanges(slots=slots))
        for each in recorded:
            call, request = each.get("call"), each.get("request", {})
            if call in ("createJob", "getRunnableJob"):
                self.instead[each["authorization"].split(" ")[1]] = served.key_of(ADA)
            if call == "getRunnableJobsForComputeClient":
                self.instead[each["authorization"].split(" ")[1]] = key
                self.instead[request["computeClientId"]] = client.computeClientId

    def told(self, recorded: Any) -> Any:
        """What was recorded, in the words of this hub."""
        text = json.dumps(recorded)
        for old, new in self.instead.items():
            text = text.replace(old, new)
        return json.loads(text)

    def make(self, recorded: Mapping[str, Any]) -> None:
        if "put" in recorded:
            self._put(recorded["put"], recorded["bytes"])
            return
        request = self.told(recorded["request"])
        if recorded["call"] == "finalizeMultipartUpload":
            for part, tag in zip(request["parts"], self.tags, strict=True):
                part["ETag"] = tag
        headers = {}
        if recorded["authorization"] is not None:
            headers["authorization"] = self.told(recorded["authorization"])
        reply = self.served.send("POST", f"/api/{recorded['call']}", headers=headers, json=request)
        answer = reply.json()
        assert reply.status_code == recorded["status"], answer
        self._learn(recorded["reply"], answer)
        assert_alike(answer, self.told(recorded["reply"]), recorded["call"])

    def _put(self, path: str, size: int) -> None:
        reply = self.served.send("PUT", self.upload_urls[path], content=b"x" * size)
        assert reply.status_code == 200, reply.text
        if path.startswith("/_part/"):
            self.tags.append(reply.headers["ETag"])

    def _learn(self, recorded: Any, answer: Any) -> None:
        """Note what this hub calls what the other one has called something else."""
        for theirs, ours in [(recorded, answer), *_pairs(recorded, answer)]:
            for name in ("jobId", "jobPrivateKey", "uploadId"):
                if theirs.get(name):
                    self.instead[theirs[name]] = ours[name]
            if "signedUrl" in theirs:
                self.upload_urls[urlsplit(theirs["signedUrl"]).path] = ours["signedUrl"]


def _pairs(recorded: Any, answer: Any) -> list[tuple[Any, Any]]:
    """The records in two replies that belong together."""
    pairs = [(recorded[name], answer[name]) for name in ("job",) if recorded.get(name)]
    for name in ("runnableJobs", "runningJobs", "parts"):
        pairs += zip(recorded.get(name, ()), answer.get(name, ()), strict=True)
    return pairs


def assert_alike(ours: Any, theirs: Any, place: str) -> None:
    """Require the same keys, kinds and values, other than of what each hub has of its own."""
    if isinstance(theirs, dict):
        assert isinstance(ours, dict), place
        missing, more = theirs.keys() - ours.keys(), ours.keys() - theirs.keys()
        assert not missing, (place, missing)
        assert more <= {"error"}, (place, more)
        for name in theirs:
            if name in OWN_TO_EACH_HUB:
                assert ours[name] is None or isinstance(ours[name], int | float | str)
            else:
                assert_alike(ours[name], theirs[name], f"{place}.{name}")
    elif isinstance(theirs, list):
        assert isinstance(ours, list), place
        assert len(ours) == len(theirs), place
        for number, (own, other) in enumerate(zip(ours, theirs, strict=True)):
            assert_alike(own, other, f"{place}[{number}]")
    else:
        assert ours == theirs, place


@pytest.mark.parametrize("run", RUNS)
def test_a_run_of_the_original_is_answered_alike(
    served: Served, run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if run == "multi":  # recorded with a lower limit
        monkeypatch.setenv("DENDRO_PART_BYTES", "2000")
    recorded = exchanges(run)
    replay = Replay(served)
    replay.prepare(recorded)

    for each in recorded:
        replay.make(each)

    assert len(recorded) > 15
    folder = served.hub.store.folder
    assert list(folder.uploads.iterdir()) == []
