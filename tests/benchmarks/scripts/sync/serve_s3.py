"""An S3 server in memory, moto's, with a bucket ``bench``: prints its URL, ends when stdin does."""

import sys
import threading

import httpx
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server


class QuietRequests(WSGIRequestHandler):
    """Says nothing of each request."""

    def log(self, type: str, message: str, *args: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    server = make_server(
        "127.0.0.1",
        0,
        DomainDispatcherApplication(create_backend_app),
        threaded=True,
        request_handler=QuietRequests,
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    httpx.put(f"{url}/bench", timeout=30, trust_env=False).raise_for_status()
    print(url, flush=True)
    sys.stdin.read()
    server.shutdown()
