"""``up`` and ``serve``: this machine as a hub, with and without a compute client."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from dendro_local.cli.log_lines import show_log
from dendro_local.cli.login_url import login_address, open_in_browser
from dendro_local.cli.machine_options import machine_options, slots_and_capacity
from dendro_local.cli.options import container_option, json_option
from dendro_local.cli.output import print_json, say
from dendro_local.cli.server_options import server_options
from dendro_local.cli.signals import on_first_signal
from dendro_local.cli.systemd_unit import print_unit
from dendro_local.compute import ComputeClient
from dendro_local.compute.containers import configured_runtime
from dendro_local.config import store_folder
from dendro_local.errors import DendroError
from dendro_local.local_hub import LocalHub
from dendro_local.server.serving import Server, ServerOptions

__all__ = ["serve", "up"]

logger = logging.getLogger(__name__)

_Decorated = TypeVar("_Decorated", bound=Callable[..., Any])

_EPILOG = '--json prints {"url", "port", "store"} on one line once it is reachable.'

_OPTIONS = (
    click.option("--open", "opens_browser", is_flag=True, help="Open it in the browser."),
    json_option,
    click.option(
        "--systemd",
        "only_prints_unit",
        is_flag=True,
        help="Print a unit by which systemd runs it with these options, and end.",
    ),
)


def _common_options(command: _Decorated) -> _Decorated:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command(epilog=_EPILOG)
@server_options
@machine_options
@container_option
@_common_options
@click.pass_context
def up(
    ctx: click.Context,
    server_options: Callable[[], ServerOptions],
    cpus: int | None,
    memory: float | None,
    gpus: int | None,
    slots_file: Path | None,
    container: str | None,
    opens_browser: bool,
    as_json: bool,
    only_prints_unit: bool,
) -> None:
    """Serve this machine's store as a hub, and run its jobs.

    Existing Dendro clients, compute clients and Neurosift can use it, and other machines with
    --host 0.0.0.0. Ctrl-C and SIGTERM stop it within 5 seconds; the jobs that run go on, and the
    next `up` or `work` goes on with them.
    """
    runtime = configured_runtime(container, is_eager=True)
    if only_prints_unit:
        print_unit(ctx, runs_jobs=True, uses_containers=runtime.name != "process")
        return
    show_log(ctx, "INFO")
    slots, capacity = slots_and_capacity(slots_file, cpus, gpus, memory)
    options = server_options()
    hub = LocalHub(store_folder())
    try:
        server = Server(hub, options)
        client = ComputeClient(hub, slots=slots, capacity=capacity, runtime=runtime)
        failures: list[DendroError] = []

        def run_jobs() -> None:
            try:
                client.serve()
            except DendroError as error:
                failures.append(error)
                server.stop()

        running = threading.Thread(target=run_jobs, name="dendro-compute-client")
        running.start()
        try:
            _serve(server, opens_browser=opens_browser, as_json=as_json)
        finally:
            client.stop(leave_running=True)
            running.join()
        if failures:
            raise failures[0]
    finally:
        hub.close()


@click.command(epilog=_EPILOG)
@server_options
@_common_options
@click.pass_context
def serve(
    ctx: click.Context,
    server_options: Callable[[], ServerOptions],
    opens_browser: bool,
    as_json: bool,
    only_prints_unit: bool,
) -> None:
    """Serve the store as a hub for other machines.

    `dendro-local work` runs them, on this machine or another. Ctrl-C and SIGTERM stop it within
    5 seconds.
    """
    if only_prints_unit:
        print_unit(ctx, runs_jobs=False, uses_containers=False)
        return
    show_log(ctx, "INFO")
    options = server_options()
    hub = LocalHub(store_folder())
    try:
        _serve(Server(hub, options), opens_browser=opens_browser, as_json=as_json)
    finally:
        hub.close()


def _serve(server: Server, *, opens_browser: bool, as_json: bool) -> None:
    """Serve until a signal comes."""
    hub = server.site.hub

    def tell() -> None:
        if as_json:
            facts = {"url": server.url, "port": server.port, "store": str(store_folder())}
            print_json(facts, on_one_line=True)
        else:
            click.echo(f"Serving {store_folder()} at {server.url}")
            say("`dendro-local login-url` logs a browser in. Ctrl-C stops it.")
        if opens_browser:
            open_in_browser(login_address(hub, hub.user_id, server.url))

    with on_first_signal(lambda _: server.stop()):
        server.run(tell)
    logger.info("stopped")
