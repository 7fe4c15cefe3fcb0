"""Every page of a hub, and a store in which each has something to show.

A page that is new is one more line in `addresses`. The store is furnished with a text that stands
in every field that a person, an app or a file can set.
"""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, urlencode

import msgspec

from dendro_local.hub import NewJob
from dendro_local.local_hub import LocalHub
from dendro_local.local_hub.compute_clients import ComputeClientChanges
from dendro_local.model import (
    AppSpecification,
    Job,
    JobDefinition,
    JobInputFile,
    JobOutputFile,
    JobParameter,
    ProcessorAttribute,
    ProcessorInput,
    ProcessorOutput,
    ProcessorParameter,
    ProcessorSpecification,
    RequiredResources,
    ServiceUser,
)
from tests.hub.conftest import Worker

__all__ = ["Furnished", "Seen", "addresses", "furnish"]

DATA = Path(__file__).parents[2] / "data"
RESOURCES = RequiredResources(numCpus=1, numGpus=0, memoryGb=1, timeSec=60)


class Furnished(NamedTuple):
    """What is in the store."""

    text: str
    service: str
    app: str
    processor: str
    client_id: str
    parent: Job
    child: Job
    failed: Job
    running: Job
    table: Job
    film: Job


class Seen(NamedTuple):
    """A page, and what it must say to be it; of what is found nowhere, with status 404."""

    path: str
    says: str
    status: int = 200


def addresses(store: Furnished) -> list[Seen]:
    """Every page, as the hub's owner sees it."""
    of_service = f"/apps/{quote(store.service, safe='')}"
    of_app = f"{of_service}/{quote(store.app, safe='')}"
    text = {"text": store.text}
    processor = {"service": store.service, "app": store.app, "processor": store.processor}
    odd = quote(store.text, safe="")
    output = "/files/output/output"
    return [
        Seen("/", "Jobs"),
        Seen(f"/?{urlencode(text)}", "Jobs"),
        Seen(f"/?{urlencode({'tag': store.text, 'user': store.text})}", "Jobs"),
        *[
            Seen(f"/jobs/{job.jobId}", job.jobId)
            for job in (store.parent, store.child, store.failed, store.running)
        ],
        Seen(f"/jobs/{store.parent.jobId}{output}", "Hello"),
        Seen(f"/jobs/{store.child.jobId}{output}", "num_characters"),
        Seen(f"/jobs/{store.table.jobId}{output}", "rate"),
        Seen(f"/jobs/{store.film.jobId}{output}", "acquisition"),
        Seen("/new", "New job"),
        Seen(f"/new?{urlencode(processor)}", "New job"),
        Seen(f"/compare?job={store.child.jobId}&job={store.table.jobId}", "Compare"),
        Seen("/apps", "Services and apps"),
        Seen(of_service, store.service),
        Seen(of_app, store.app),
        Seen(f"{of_app}/{quote(store.processor, safe='')}", store.processor),
        Seen("/clients", "Compute clients"),
        Seen(f"/clients/{store.client_id}", store.client_id),
        Seen("/remotes", "Remotes"),
        Seen("/storage?larger_than_mb=0", "would go"),
        Seen(f"/storage?{urlencode({'tag': store.text})}", "Prune"),
        Seen("/account", "API keys"),
        Seen("/login", "Log in"),
        Seen("/jobs/none", "no job", 404),
        Seen(f"/{odd}", "There is nothing at", 404),
        Seen(f"/apps/{odd}", "service", 404),
        Seen(f"/clients/{odd}", "no compute client", 404),
    ]


def furnish(hub: LocalHub, worker: Worker, folder: Path, text: str = "plain") -> Furnished:
    """Fill a fresh store with some of everything.

    Args:
        hub: over it.
        worker: its compute client, whose jobs are done by hand.
        folder: for the code of an app, of which nothing runs.
        text: stands in every field that can be set.
    """
    line = " ".join(text.split())
    name = line.replace("/", "")  # what becomes part of a path
    service, app, processor = f"service {name}", f"app {name}", f"process {name}"
    _register(hub, folder, service, app, processor, text)
    somebody = f"local|somebody {line}"
    with hub.store.transaction():
        hub.store.users.put(somebody, {"name": text, "email": text})
        hub.store.users.put(hub.user_id, {"name": text})
    hub.add_api_key(hub.user_id, line[:200])
    users = [
        ServiceUser(userId=each, admin=False, createJobs=True, processJobs=False)
        for each in ("*", somebody)
    ]
    hub.set_service_users(service, users)
    client, _ = hub.register_compute_client(hub.user_id, f"far {line}"[:200], [service])
    hub.change_compute_client(
        client.computeClientId, ComputeClientChanges(description=text, process_for=[somebody])
    )

    def submit(file_name: str, *, url: str | None = None, user_id: str | None = None) -> Job:
        definition = JobDefinition(
            appName=app,
            processorName=processor,
            inputFiles=[
                JobInputFile(name="input", fileBaseName=name, url=url or f"javascript:{text}")
            ],
            outputFiles=[JobOutputFile(name="output", fileBaseName=file_name)],
            parameters=[JobParameter(name=f"parameter {name}", value=text)],
            cacheBust=f"{file_name} {text}",
        )
        request = NewJob(
            serviceName=service,
            jobDefinition=definition,
            requiredResources=RESOURCES,
            tags=[line, f"tag {line}"],
            batchId=line,
        )
        return hub.submit([request], user_id=user_id)[0]

    url = "https://example.org/input.txt"
    parent = submit(f"{name}.txt", url=url)
    worker.complete(worker.claim(), f"Hello {text}".encode(), console=f"\x1b[31m{text}".encode())
    _record(hub, parent, text)
    taken = hub.get_job(parent.jobId).outputFileResults[0].url
    counted = {"num_characters": 13, text: [text, {text: url}]}
    found = [parent]
    for file_name, content in (
        (f"{name}.json", json.dumps(counted).encode()),
        ("table.csv", f'rate,name\n1,"{text}"\n2,b\n'.encode()),
        ("film.nwb", (DATA / "film_tiny.nwb").read_bytes()),
    ):
        found.append(submit(file_name, url=taken))
        worker.complete(worker.claim(), content)
    found.append(submit("failed.txt", url=url, user_id=somebody))
    worker.fail(worker.claim(), f"ValueError: {text}\n{text}")
    running = submit("running.txt", url=url)
    claim = worker.claim()
    hub.set_running(claim)
    claim.folder.mkdir(parents=True, exist_ok=True)
    (claim.folder / "console.txt").write_text(f"it runs {text}\n", encoding="utf-8")
    submit("waiting.txt", url=running.outputFileResults[0].url)
    parent, child, table, film, failed = [hub.get_job(each.jobId) for each in found]
    return Furnished(
        text=text,
        service=service,
        app=app,
        processor=processor,
        client_id=client.computeClientId,
        parent=parent,
        child=child,
        failed=failed,
        running=running,
        table=table,
        film=film,
    )


def _register(
    hub: LocalHub, folder: Path, service: str, app: str, processor: str, text: str
) -> None:
    """Put an app on a service; its spec is then what no app's code could give."""
    name = processor.removeprefix("process ")
    folder.mkdir(parents=True)
    code = f"from dendro_local.sdk import App\n\napp = App({app!r}, description='')\napp.run()\n"
    (folder / "main.py").write_text(code, encoding="utf-8")
    found = hub.add_app(str(folder), service)
    specification = AppSpecification(
        name=app,
        description=text,
        processors=[
            ProcessorSpecification(
                name=processor,
                description=text,
                label=text,
                image=text,
                executable=text,
                inputs=[ProcessorInput(name="input", description=text)],
                outputs=[ProcessorOutput(name="output", description=text)],
                parameters=[
                    ProcessorParameter(
                        name=f"parameter {name}",
                        type="str",
                        description=text,
                        defaultValue=text,
                        options=[text, "other"],
                    ),
                    ProcessorParameter(
                        name="free", type="str", description=text, defaultValue=text
                    ),
                ],
                attributes=[ProcessorAttribute(name=text, value=text)],
            )
        ],
    )
    record = msgspec.structs.replace(
        found.record,
        appSpecification=specification,
        appSpecificationUri=f"javascript:{text}",
        appSpecificationCommit=text,
    )
    with hub.store.transaction():
        hub.store.services.put_app(msgspec.structs.replace(found, record=record, version=text))


def _record(hub: LocalHub, job: Job, text: str) -> None:
    """What a compute client elsewhere would have told of a job."""
    with closing(sqlite3.connect(hub.store.folder.database)) as connection, connection:
        connection.execute(
            "update jobs set compute_client_name = ?, compute_client_user_id = ?, image_uri = ? "
            "where job_id = ?",
            (text, text, text, job.jobId),
        )
