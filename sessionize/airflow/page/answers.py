"""Answers as JSON, errors with their remedy among them; headers that keep a browser strict."""

from __future__ import annotations

import logging
from typing import Any

import msgspec
from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sessionize.model.errors import (
    IntervalError,
    RequestError,
    SessionizeError,
    StorageError,
    UnknownPipelineError,
)

log = logging.getLogger(__name__)

#: Scripts come from here alone and none stands in the page; the charts' library sets styles by
#: itself. Only Airflow's own UI may frame the page.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "connect-src 'self'",
        "frame-ancestors 'self'",
        "base-uri 'none'",
        "form-action 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

_SAYS = {
    401: ("you are not logged in", "Log in to Airflow, then open the page again."),
    403: (
        "you may not read this",
        "Ask whoever administers Airflow for the right to read this DAG, its runs and its tasks.",
    ),
    404: ("there is nothing here", "Go by the links of the page."),
    405: ("nothing can be changed here", "The page only reads."),
}


class Headers:
    """Adds the headers to whatever the app answers; data is not to be kept by anybody."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request (ASGI)."""

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, sending)


def answer(value: Any, status: int = 200) -> Response:
    """Return a value as JSON: dataclasses, hours and instants in it as texts."""
    return Response(msgspec.json.encode(value, enc_hook=str), status, media_type="application/json")


def answer_errors(app: FastAPI) -> None:
    """Let all errors be answered as JSON, with ``fault`` and ``remedy``."""

    @app.exception_handler(SessionizeError)
    def of_ours(request: Request, error: SessionizeError) -> Response:
        return _fault(_status(error), error.fault, error.remedy)

    @app.exception_handler(HTTPException)
    def of_http(request: Request, error: HTTPException) -> Response:
        if isinstance(error.detail, dict):
            return answer(error.detail, error.status_code)
        return _fault(error.status_code, *_SAYS.get(error.status_code, (str(error.detail), "")))

    # What the router raises is the base class.
    app.exception_handler(404)(of_http)
    app.exception_handler(405)(of_http)

    @app.exception_handler(RequestValidationError)
    def of_request(request: Request, error: RequestValidationError) -> Response:
        faults = "; ".join(f"{' '.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        return _fault(422, f"the request is not understood ({faults})", "Mend the page's address.")

    @app.exception_handler(Exception)
    def of_others(request: Request, error: Exception) -> Response:
        # Starlette raises it again, so that the server's log has the traceback.
        response = _fault(
            500,
            f"the page has failed ({type(error).__name__})",
            "The log of Airflow's API server has the details.",
        )
        response.headers.update(HEADERS | {"Cache-Control": "no-store"})
        return response


def _status(error: SessionizeError) -> int:
    if isinstance(error, UnknownPipelineError):
        return 404
    if isinstance(error, (IntervalError, RequestError)):
        return 422
    return 503 if isinstance(error, StorageError) else 500


def _fault(status: int, fault: str, remedy: str) -> Response:
    return answer({"fault": fault, "remedy": remedy}, status)
