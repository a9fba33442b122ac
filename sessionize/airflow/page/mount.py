"""What a plugin hands to Airflow: where the page stands in the UI, and its app, made when needed.

Airflow loads plugins in every one of its processes, also in those of the tasks. Here nothing is
imported that costs time: the app is made by the first request that the API server has for it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Message, Receive, Send], Awaitable[None]]

PREFIX = "/sessionize"
#: Relative to Airflow's base URL, which may have a path; Airflow puts the DAG's id in.
EXTERNAL_VIEWS = [
    {
        "name": "Sessionize",
        "href": f"{PREFIX[1:]}/",
        "destination": "nav",
        "url_route": "sessionize",
    },
    # Airflow shows it at every DAG; at those that are not ours the page says so.
    {
        "name": "Data",
        "href": f"{PREFIX[1:]}/?dag={{DAG_ID}}",
        "destination": "dag",
        "url_route": "sessionize-data",
    },
]


def _build() -> AsgiApp:
    from sessionize.airflow.page.app import build_app

    return build_app()


class PageApp:
    """The page's app, made by its first request.

    If it cannot be made (Airflow's internals, on which its permissions stand, may move in another
    release), it answers nothing but why.
    """

    def __init__(self, build: Callable[[], AsgiApp] = _build) -> None:
        self._build = build
        self._app: AsgiApp | None = None
        self._making = asyncio.Lock()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve a request (ASGI)."""
        if scope["type"] != "http":
            return
        async with self._making:
            if self._app is None:
                try:
                    self._app = await asyncio.to_thread(self._build)
                except ImportError as error:
                    self._app = _unavailable(error)
        await self._app(scope, receive, send)


def _unavailable(error: ImportError) -> AsgiApp:
    body = json.dumps(
        {
            "fault": f"the page cannot be made with this Airflow: {error}",
            "remedy": "Use the release of Airflow that pyproject.toml names; the pipelines run "
            "without the page.",
        }
    ).encode()
    headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]

    async def answer(scope: Message, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 503, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return answer


FASTAPI_APPS = [{"name": "sessionize", "app": PageApp(), "url_prefix": PREFIX}]
