"""Serve a store with one more call, ``/api/reference``: it decodes a createJob and has its answer.

``python -m tests.benchmarks.scripts.serve_with_reference FOLDER``: prints the URL on one line, and
ends when its input does. The answer of the reference is a job record that is encoded already.
"""

import sys
import threading
from pathlib import Path

import msgspec
from litestar.types import HTTPScope, Receive, Send

from dendro_local.contract import CreateJobRequest, RequestDecoder
from dendro_local.hub import JobQuery
from dendro_local.local_hub import LocalHub
from dendro_local.server import app
from dendro_local.server.contract import ContractRoutes
from dendro_local.server.messages import read_body, send_reply
from dendro_local.server.serving import Server, ServerOptions
from dendro_local.server.site import Site

JSON = ((b"content-type", b"application/json; charset=utf-8"),)
MAX_BODY_BYTES = 1 << 20


class RoutesWithReference(ContractRoutes):
    """The contract's routes with the reference beside them."""

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        job = site.hub.find_jobs(JobQuery(status="completed", limit=1))[0]
        self._fixed = msgspec.json.encode({"type": "createJobResponse", "job": job})
        self._decode = RequestDecoder(CreateJobRequest).decode

    async def __call__(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        if scope["path"].strip("/") != "reference":
            await super().__call__(scope, receive, send)
            return
        self._decode(await read_body(receive, MAX_BODY_BYTES))
        await send_reply(send, 200, self._fixed, JSON)


def main() -> None:
    setattr(app, "ContractRoutes", RoutesWithReference)  # noqa: B010 - before the application is made
    hub = LocalHub(Path(sys.argv[1]))
    server = Server(hub, ServerOptions(port=0))

    def stop_at_end() -> None:
        sys.stdin.read()
        server.stop()

    threading.Thread(target=stop_at_end, daemon=True).start()
    server.run(lambda: print(server.url, flush=True))
    hub.close()


if __name__ == "__main__":
    main()
