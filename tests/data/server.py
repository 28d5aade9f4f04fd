"""A web server of one test, which misbehaves as asked."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Site:
    """`files` by path; `cut` are sent only in part; `requests` are the paths that were asked for."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.files: dict[str, bytes] = {}
        self.cut: set[str] = set()
        self.without_length: set[str] = set()
        self.requests: list[str] = []


@contextmanager
def serving() -> Iterator[Site]:
    """A site on a free port of this machine while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            path = self.path.lstrip("/")
            site.requests.append(path)
            content = site.files.get(path)
            if content is None:
                self.send_error(404)
                return
            self.send_response(200)
            if path not in site.without_length:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            with suppress(ConnectionError):  # the other side may have heard enough
                self.wfile.write(content[: len(content) // 2] if path in site.cut else content)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site = Site(f"http://127.0.0.1:{server.server_port}/")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
