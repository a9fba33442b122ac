"""An HTTP proxy before an S3 server: counts the requests and lets chosen ones go wrong."""

from __future__ import annotations

import contextlib
import http.client
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


class Mishap(Enum):
    """What happens to a request."""

    NONE = "nothing"
    SLOW_DOWN = "it is refused with 503 SlowDown"
    LOST = "the connection is reset before it takes effect"
    ANSWER_LOST = "it takes effect, and the connection is reset before the answer"
    BROKEN_OFF = "the connection is reset halfway through an object's body"


@dataclass
class FlakyProxy:
    """The proxy's address, its count of requests, and what is to happen to the n-th."""

    url: str = ""
    requests: int = 0
    mishap_of: Callable[[int], Mishap] = field(default=lambda number: Mishap.NONE)
    lock: threading.Lock = field(default_factory=threading.Lock)


@contextlib.contextmanager
def flaky_proxy(target: str) -> Iterator[FlakyProxy]:
    """Run a proxy before the server at ``target``."""
    proxy = FlakyProxy()
    address = urlsplit(target).netloc

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def handle_request(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            with proxy.lock:
                mishap = proxy.mishap_of(proxy.requests)
                proxy.requests += 1
            if mishap is Mishap.LOST:
                return self.reset()
            if mishap is Mishap.SLOW_DOWN:
                text = b"<Error><Code>SlowDown</Code><Message>slow down</Message></Error>"
                return self.answer(503, [("Content-Type", "application/xml")], text, len(text))
            upstream = http.client.HTTPConnection(address, timeout=30)
            upstream.request(self.command, self.path, body, dict(self.headers))
            response = upstream.getresponse()
            content = response.read()
            upstream.close()
            if mishap is Mishap.ANSWER_LOST:
                return self.reset()
            is_cut = mishap is Mishap.BROKEN_OFF and content and self.command == "GET"
            is_cut = is_cut and "list-type" not in self.path
            sent = content[: len(content) // 2] if is_cut else content
            length = len(content) or int(response.headers.get("Content-Length") or 0)
            self.answer(response.status, response.getheaders(), sent, length)
            if is_cut:
                self.reset()
            return None

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_request  # noqa: N815

        def answer(
            self, status: int, headers: list[tuple[str, str]], body: bytes, length: int
        ) -> None:
            self.send_response_only(status)
            for name, value in headers:
                if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(length))
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()

        def reset(self) -> None:
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    proxy.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
