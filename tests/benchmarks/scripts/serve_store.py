"""Serves the store in the folder that is given; prints its URL, and ends when stdin does."""

import sys
import threading
from pathlib import Path

from dendro_local.local_hub import LocalHub
from dendro_local.server.serving import Server, ServerOptions

if __name__ == "__main__":
    hub = LocalHub(Path(sys.argv[1]))
    server = Server(hub, ServerOptions(port=0))

    def end_with_stdin() -> None:
        sys.stdin.read()
        server.stop()

    threading.Thread(target=end_with_stdin, daemon=True).start()
    server.run(lambda: print(server.url, flush=True))
    hub.close()
