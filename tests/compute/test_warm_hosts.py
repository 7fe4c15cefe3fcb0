"""Warm hosts: one import an app, a fork a job, and nothing passes from one job to the next."""

import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from dendro_local import (
    DendroJob,
    DendroJobDefinition,
    DendroJobParameter,
    DendroJobRequiredResources,
    submit_job,
)
from dendro_local.compute import ComputeClient, machine_capacity, machine_slots
from dendro_local.compute.job_folder import JobFolder
from dendro_local.compute.process_runtime import ProcessRuntime
from dendro_local.local_hub import LocalHub
from tests.compute.lab import wait_until, working
from tests.conftest import AppMaker
from tests.faults.scripts import is_alive

pytestmark = pytest.mark.process

RESOURCES = DendroJobRequiredResources(numCpus=1, numGpus=0, memoryGb=0.1, timeSec=60)


def submit(processor: str = "work", **parameters: object) -> DendroJob:
    return submit_job(
        service_name="lab",
        job_definition=DendroJobDefinition(
            appName="mine",
            processorName=processor,
            inputFiles=[],
            outputFiles=[],
            parameters=[
                DendroJobParameter(name=name, value=value) for name, value in parameters.items()
            ],
        ),
        required_resources=RESOURCES,
    )


@pytest.fixture
def client(hub: LocalHub) -> Iterator[ComputeClient]:
    """A compute client that serves all jobs of the store, in a thread of this process."""
    client = ComputeClient(hub)
    thread = threading.Thread(target=client.serve)
    thread.start()
    while not hub.has_compute_client():  # or this process would run the jobs by itself too
        thread.join(0.01)
    yield client
    client.stop()
    thread.join()


IMPORTS = """
with open({count!r}, 'a') as file:
    file.write('x')
"""


def test_an_app_is_imported_once_for_many_jobs(
    hub: LocalHub, make_app: AppMaker, client: ComputeClient, tmp_path: Path
) -> None:
    count = tmp_path / "imports"
    folder = make_app(
        "mine",
        IMPORTS.format(count=str(count))
        + "@app.processor\ndef work(n: int):\n    '''Works.'''\n    print(n)\n",
    )
    hub.add_app(str(folder), "lab")
    count.unlink()

    jobs = [submit(n=n) for n in range(10)]

    assert [job.wait_until_done().console() for job in jobs] == [f"{n}\n" for n in range(10)]
    assert count.read_text() == "x"


def test_a_script_keeps_its_hosts_from_its_last_job_on_and_not_from_its_first(
    hub: LocalHub, make_app: AppMaker
) -> None:
    """However long the jobs of a notebook take, the next one finds a warm host."""
    hub.add_app(
        str(make_app("mine", "@app.processor\ndef work(n: int):\n    '''Works.'''\n")), "lab"
    )
    with working(hub) as client:
        for n in range(2):
            submitted_at = time.monotonic()
            submit(n=n).wait_until_done()
            wait_until(hub, partial(has_run_something, client, submitted_at))


def has_run_something(client: ComputeClient, since: float) -> bool:
    return client.idle_since > since


def test_a_job_sees_nothing_that_an_earlier_one_left(
    hub: LocalHub, make_app: AppMaker, client: ComputeClient
) -> None:
    folder = make_app(
        "mine",
        """
        import os, sys, tempfile
        left = []

        @app.processor
        def work(n: int):
            '''Works.'''
            seen = [len(left), os.environ.get('LEFT'), sys.argv[1:], os.listdir('.')]
            left.append(n)
            os.environ['LEFT'] = 'x'
            sys.argv.append('x')
            open('left.txt', 'w').close()
            tempfile.mkstemp()
            print(seen, len(os.listdir(os.environ['TMPDIR'])))
        """,
    )
    hub.add_app(str(folder), "lab")

    consoles = {submit(n=n).wait_until_done().console() for n in range(4)}

    assert consoles == {"[0, None, [], []] 1\n"}


def test_a_job_has_the_environment_that_a_cold_start_would_give_it(
    hub: LocalHub,
    make_app: AppMaker,
    client: ComputeClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    body = "import os\nos.environ['BY_IMPORT'] = 'yes'\n"
    body += "names = ('BY_IMPORT', 'GONE', 'NEW', 'DENDRO_APP_HOST', 'JOB_ID')\n"
    body += "@app.processor\ndef work(n: int):\n    '''W.'''\n"
    body += "    print(*map(os.environ.get, names))\n"
    hub.add_app(str(make_app("mine", body)), "lab")
    monkeypatch.setenv("GONE", "before")
    first = submit(n=1).wait_until_done()

    monkeypatch.delenv("GONE")
    monkeypatch.setenv("NEW", "since")
    second = submit(n=2).wait_until_done()

    assert first.console() == f"yes before None None {first.jobId}\n"
    assert second.console() == f"yes None since None {second.jobId}\n"


def test_a_short_job_is_recorded_with_all_its_times(
    hub: LocalHub, make_app: AppMaker, client: ComputeClient
) -> None:
    body = "@app.processor\ndef work(n: int):\n    '''W.'''\n    assert n == 1, n\n"
    hub.add_app(str(make_app("mine", body)), "lab")

    for n, status in ((1, "completed"), (2, "failed")):
        job = submit(n=n).wait_until_done()

        times = [job.timestampStartingSec, job.timestampStartedSec, job.timestampFinishedSec]
        assert job.status == status
        assert None not in times
        assert times == sorted(times)


def test_random_numbers_differ_between_jobs_as_they_do_between_processes(
    hub: LocalHub, make_app: AppMaker, client: ComputeClient
) -> None:
    body = "import random\n@app.processor\ndef work(n: int):\n    '''W.'''\n"
    body += "    print(random.random())\n"
    hub.add_app(str(make_app("mine", body)), "lab")

    assert len({submit(n=n).wait_until_done().console() for n in range(5)}) == 5


def test_a_child_that_dies_of_a_signal_is_run_once_more_cold(
    hub: LocalHub, make_app: AppMaker, client: ComputeClient
) -> None:
    folder = make_app(
        "mine",
        """
        import os, signal
        MAIN = os.getpid()

        @app.processor
        def work(n: int):
            '''Works only in a process of its own.'''
            if os.getpid() != MAIN:
                os.kill(os.getpid(), signal.SIGSEGV)
            print('cold', n)
        """,
    )
    hub.add_app(str(folder), "lab")

    assert [submit(n=n).wait_until_done().console() for n in range(2)] == ["cold 0\n", "cold 1\n"]


def test_an_app_that_was_run_cold_is_hosted_again_when_its_code_has_changed(
    hub: LocalHub, make_app: AppMaker, client: ComputeClient
) -> None:
    body = (
        "import os, signal\nMAIN = os.getpid()\n@app.processor\ndef work(n: int):\n    '''W.'''\n"
    )
    faulty = "    if os.getpid() != MAIN:\n        os.kill(os.getpid(), signal.SIGSEGV)\n"
    told = "    print(os.getpid() == MAIN)\n"
    hub.add_app(str(make_app("mine", body + faulty + told)), "lab")
    assert submit(n=1).wait_until_done().console() == "True\n"

    make_app("mine", body + told)

    assert submit(n=1).wait_until_done().console() == "False\n"


def test_a_host_in_which_a_job_is_about_to_start_outlives_an_edit(
    hub: LocalHub, make_app: AppMaker
) -> None:
    body = "@app.processor\ndef work(n: int):\n    '''W.'''\n    print('the earlier code')\n"
    hub.add_app(str(make_app("mine", body)), "lab")
    submit(n=1)
    slots = machine_slots(machine_capacity())
    claim = hub.claim_next(hub.begin_run(slots, serves_all=False), slots, machine_capacity())
    assert claim is not None
    app = hub.app_of(claim)
    assert app.folder is not None
    folder = JobFolder(claim.folder)
    folder.make()
    folder.write_job(claim.job.jobId, "lab", claim.job.jobDefinition, {})
    runtime = ProcessRuntime(is_eager=True)
    start = runtime.prepare(app, 1, (), is_wanted=lambda: True)
    make_app("mine", body.replace("earlier", "new"))

    runtime.keep_only(app.folder, "the new state")

    assert start(folder, claim.job, {}).wait() == 0
    assert folder.console.read_text() == "the earlier code\n"
    runtime.close()


def test_an_app_that_starts_threads_when_it_is_imported_runs_cold(
    hub: LocalHub, make_app: AppMaker, client: ComputeClient
) -> None:
    folder = make_app(
        "mine",
        """
        import os, threading
        MAIN = os.getpid()
        threading.Thread(target=threading.Event().wait, daemon=True).start()

        @app.processor
        def work(n: int):
            '''Works.'''
            print(os.getpid() == MAIN)
        """,
    )
    hub.add_app(str(folder), "lab")

    assert submit(n=1).wait_until_done().console() == "True\n"


def test_an_app_may_opt_out(hub: LocalHub, make_app: AppMaker, client: ComputeClient) -> None:
    folder = make_app(
        "mine",
        "import os\nMAIN = os.getpid()\n@app.processor\ndef work(n: int):\n"
        "    '''Works.'''\n    print(os.getpid() == MAIN)\n",
    )
    main = folder / "main.py"
    hub.add_app(str(folder), "lab")
    assert submit(n=1).wait_until_done().console() == "False\n"

    main.write_text(main.read_text().replace("'For a test'", "'For a test', warm=False"))

    assert submit(n=2).wait_until_done().console() == "True\n"


def test_an_edited_app_gets_a_new_host(
    hub: LocalHub, make_app: AppMaker, client: ComputeClient
) -> None:
    folder = make_app("mine", "@app.processor\ndef work(n: int):\n    '''W.'''\n    print('old')\n")
    hub.add_app(str(folder), "lab")
    assert submit(n=1).wait_until_done().console() == "old\n"
    main = folder / "main.py"

    main.write_text(main.read_text().replace("old", "new"))

    assert submit(n=1).wait_until_done().console() == "new\n"


def test_an_app_that_cannot_be_imported_any_more_fails_with_its_traceback(
    hub: LocalHub, make_app: AppMaker, client: ComputeClient, tmp_path: Path
) -> None:
    flag = tmp_path / "broken"
    folder = make_app(
        "mine",
        f"import os\nif os.path.exists({str(flag)!r}) and 'SPEC_OUTPUT_FILE' not in os.environ:\n"
        "    raise RuntimeError('no licence')\n"
        "@app.processor\ndef work(n: int):\n    '''W.'''\n",
    )
    hub.add_app(str(folder), "lab")
    flag.touch()

    job = submit(n=1).wait_until_done()

    assert job.status == "failed"
    assert "RuntimeError: no licence" in (job.error or "")
    assert "Traceback" in job.console()


LATER_IMPORTS = """
import os, sys

@app.processor(warm_imports={names!r})
def work(n: int):
    '''Works.'''
    print({module!r} in sys.modules, os.getppid())

@app.processor
def other(n: int):
    '''Works too.'''
    print({module!r} in sys.modules, os.getppid())
"""
"""Each job tells whether a module is there, and who its host is."""


def test_what_a_processor_imports_later_is_there_once_its_host_has_run_it(
    hub: LocalHub, make_app: AppMaker, client: ComputeClient
) -> None:
    body = LATER_IMPORTS.format(names=["no_such_module", "this"], module="this")
    hub.add_app(str(make_app("mine", body)), "lab")

    before = submit("other", n=0).wait_until_done().console().split()
    first = submit(n=0).wait_until_done().console().split()
    host = before[1]

    assert (before, first) == (["False", host], ["False", host])
    later = (submit(n=n).wait_until_done().console().split() for n in range(1, 1000))
    assert next(found for found in later if found[0] == "True") == ["True", host]


def test_a_later_import_that_starts_threads_costs_the_host_and_no_job(
    hub: LocalHub, make_app: AppMaker, client: ComputeClient
) -> None:
    body = LATER_IMPORTS.format(names=["thread_starter"], module="thread_starter")
    folder = make_app("mine", body)
    (folder / "thread_starter.py").write_text(
        "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n"
    )
    hub.add_app(str(folder), "lab")

    host = submit(n=0).wait_until_done().console().split()[1]

    later = (submit(n=n).wait_until_done().console().split() for n in range(1, 1000))
    assert next(found for found in later if found[1] != host)[0] == "False"


def test_a_hosted_job_is_canceled_with_all_that_it_started(
    hub: LocalHub, make_app: AppMaker, client: ComputeClient, tmp_path: Path
) -> None:
    pids = tmp_path / "pids"
    folder = make_app(
        "mine",
        f"""
        import os, subprocess, time

        @app.processor
        def work(n: int):
            '''Works for long.'''
            child = subprocess.Popen(['sleep', '1000'])
            with open({str(pids)!r} + '.new', 'w') as file:
                file.write(f'{{os.getpid()}} {{child.pid}}')
            os.rename({str(pids)!r} + '.new', {str(pids)!r})
            time.sleep(1000)
        """,
    )
    hub.add_app(str(folder), "lab")
    job = submit(n=1)
    changes = hub.changes()
    while not pids.exists():
        changes.wait(0.05)

    job.cancel()

    changes.close()
    started = [int(pid) for pid in pids.read_text().split()]
    wait_until(hub, lambda: not any(map(is_alive, started)))
