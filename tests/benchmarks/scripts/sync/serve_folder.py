"""Serves the files of a folder, with ranges: prints the URL, and ends when stdin does."""

import functools
import http.server
import sys
import threading

from tests.sync.bucket.static_servers import RangeHandler

if __name__ == "__main__":
    handler = functools.partial(RangeHandler, directory=sys.argv[1])
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    sys.stdin.read()
    server.shutdown()
