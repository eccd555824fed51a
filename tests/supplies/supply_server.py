"""A web server on loopback that misbehaves on demand."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Served:
    """One file of the server. Each of `faults` is used up by one request:

    "cut", "500", "403", "ignore-range", "endless", "hang"."""

    body: bytes
    etag: str = '"one"'
    faults: list[str] = field(default_factory=list)
    has_length: bool = True


@dataclass
class FileServer:
    url: str
    files: dict[str, Served] = field(default_factory=dict)
    ranges: list[str | None] = field(default_factory=list)  # of each request, as asked
    is_over: threading.Event = field(default_factory=threading.Event)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "_Server"

    def do_GET(self) -> None:
        site = self.server.site
        site.ranges.append(self.headers.get("Range"))
        served = site.files.get(self.path)
        if served is None:
            self._refuse(404)
            return
        fault = served.faults.pop(0) if served.faults else ""
        if fault.isdigit():
            self._refuse(int(fault))
            return
        start, asked = 0, self.headers.get("Range")
        is_same = self.headers.get("If-Range") == served.etag
        if asked and is_same and fault != "ignore-range":
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            if start >= len(served.body):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(served.body)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(served.body) - 1}/{len(served.body)}")
        else:
            self.send_response(200)
        rest = served.body[start:]
        if served.has_length:
            self.send_header("Content-Length", str(len(rest)))
        else:
            self.close_connection = True
            self.send_header("Connection", "close")
        self.send_header("ETag", served.etag)
        self.end_headers()
        if fault == "cut":
            self.wfile.write(rest[: len(rest) // 2])
            self.wfile.flush()
            self.close_connection = True
            return
        if fault == "hang":
            self.wfile.write(rest[: len(rest) // 2])
            self.wfile.flush()
            site.is_over.wait(30)
            self.close_connection = True
            return
        if fault == "endless":
            try:
                for _ in range(10_000):
                    self.wfile.write(b"\0" * 10_000)
            except OSError:
                return
            return
        self.wfile.write(rest)

    def _refuse(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    site: FileServer

    def handle_error(self, *_: object) -> None:
        """A client that hung up is part of the tests."""


@contextmanager
def serving() -> Iterator[FileServer]:
    with _Server(("127.0.0.1", 0), _Handler) as httpd:
        httpd.site = FileServer(f"http://127.0.0.1:{httpd.server_port}")
        thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield httpd.site
        httpd.site.is_over.set()
        httpd.shutdown()
        thread.join()
