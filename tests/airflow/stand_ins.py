"""Stand-ins for what notifiers talk to: they take what is sent, and keep it."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from local.processes import free_port


@dataclass
class Posts:
    """A web server's address, and the JSON posted to it, each with its path."""

    url: str = ""
    posts: list[tuple[str, Any]] = field(default_factory=list)
    status: int = 200


@contextlib.contextmanager
def web_server(answer: bytes) -> Iterator[Posts]:
    """Run a web server that answers every POST alike."""
    taken = Posts()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            taken.posts.append((self.path, json.loads(body)))
            self.send_response(taken.status)
            self.send_header("Content-Length", str(len(answer)))
            self.send_header(
                "Content-Type", "application/json" if answer[:1] == b"{" else "text/plain"
            )
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    taken.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield taken
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class Mails:
    """A mail server's port, and what it was given: the envelope's recipients and the message."""

    port: int = 0
    mails: list[tuple[list[str], EmailMessage]] = field(default_factory=list)


@contextlib.contextmanager
def mail_server() -> Iterator[Mails]:
    """Run a mail server that takes everything."""
    from aiosmtpd.controller import Controller

    taken = Mails()

    class Handler:
        async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
            message = message_from_bytes(envelope.content, policy=policy.default)
            taken.mails.append((list(envelope.rcpt_tos), message))
            return "250 taken"

    taken.port = free_port()
    controller = Controller(Handler(), hostname="127.0.0.1", port=taken.port, ready_timeout=60)
    controller.start()
    try:
        yield taken
    finally:
        controller.stop()
