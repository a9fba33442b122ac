"""The page itself: its HTML, style and scripts, and the charts' library from its wheel."""

from __future__ import annotations

import importlib.util
from importlib.metadata import version
from pathlib import Path

from fastapi import APIRouter, HTTPException
from starlette.responses import FileResponse, Response

_FOLDER = Path(__file__).parent / "static"
_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
#: All that can be had, by name: a request chooses among them and makes up no path.
FILES = {file.name: file for file in sorted(_FOLDER.iterdir()) if file.suffix in _TYPES}

routes = APIRouter()


@routes.get("/")
def index() -> Response:
    """Return the page."""
    return _file(FILES["index.html"], "no-cache")


@routes.get("/static/plotly-{release}.min.js")
def plotly(release: str) -> Response:
    """Return the charts' library as it is installed; it changes with its release only."""
    file = _plotly_file()
    if file is None or release != plotly_release():
        raise HTTPException(
            404,
            {
                "fault": "the charts' library is not installed",
                "remedy": "Install plotly where the API server runs; tables do without it.",
            },
        )
    return _file(file, "private, max-age=604800, immutable")


@routes.get("/static/{name}")
def static(name: str) -> Response:
    """Return a file of the page."""
    if name not in FILES:
        raise HTTPException(404)
    return _file(FILES[name], "no-cache")


def plotly_release() -> str | None:
    """Return the release of the charts' library; None if it is not installed."""
    return version("plotly") if _plotly_file() else None


def _plotly_file() -> Path | None:
    """Return where the wheel has put the library for browsers; None if there is no such wheel."""
    spec = importlib.util.find_spec("plotly")
    if spec is None or spec.origin is None:
        return None
    file = Path(spec.origin).parent / "package_data" / "plotly.min.js"
    return file if file.is_file() else None


def _file(file: Path, caching: str) -> Response:
    return FileResponse(file, media_type=_TYPES[file.suffix], headers={"Cache-Control": caching})
