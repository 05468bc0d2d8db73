"""The viewer's web server: read-only, and of one place.

::

    /                         what there is, each a link
    /open?store=S&run=R       to neuroglancer, with the survey as it is at that moment
    /open?page=P              to a report; S and P are paths in the place, or whole URLs
    /state?store=S&run=R      what neuroglancer shows at first (JSON)
    /classes/PATH/info        names of the classes of a volume
    /data/PATH                bytes of stores, reports, pictures, tables
    /v/look/                  neuroglancer; the state comes with the URL
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote, urlencode

import jinja2
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
)
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from seisproc.errors import SeisprocError
from seisproc.places import AccessError, shown
from seisproc.pyramid import pyramid_url
from seisproc.survey import Survey
from seisproc.viewer.client import client_folder, client_page
from seisproc.viewer.handout import hand_out
from seisproc.viewer.holdings import holdings, survey_at
from seisproc.viewer.layers import Addresses, class_properties
from seisproc.viewer.place import Place
from seisproc.viewer.state import attributes_of, classes_at, has_pyramid, viewer_state

NO_STORE = {"Cache-Control": "no-store"}


class Viewer:
    """Answers requests about one place."""

    def __init__(self, place: Place) -> None:
        self.place = place
        templates = jinja2.FileSystemLoader(Path(__file__).parent)
        environment = jinja2.Environment(loader=templates, autoescape=True, trim_blocks=True)
        self._index = environment.get_template("index.html")

    def index(self, request: Request) -> Response:
        """List what there is."""
        page = self._index.render(root=shown(self.place.root), held=holdings(self.place))
        return HTMLResponse(page, headers=NO_STORE)

    def open(self, request: Request) -> Response:
        """Lead to a survey in neuroglancer, or to a page."""
        base, asked = str(request.base_url), request.query_params
        if "page" in asked:
            path = self.place.path_of(asked["page"])
            self.place.require_page(path)
            return RedirectResponse(f"{base}data/{quote(path)}")
        path = self.place.path_of(asked.get("store", ""))
        told = {"store": path} | ({"run": asked["run"]} if asked.get("run") else {})
        self._require_inside(path, told.get("run"))
        survey = survey_at(self.place, path)  # what is not there is told here, in words
        if "run" in told:
            survey.group_attributes(f"interpretation/{told['run']}")
        # Not the state itself: proxies take no header of some kilobytes.
        return RedirectResponse(f"{base}v/look/#!{base}state?{urlencode(told)}")

    def state(self, request: Request) -> Response:
        """Tell neuroglancer what to show."""
        asked = request.query_params
        path = self.place.path_of(asked.get("store", ""))
        self._require_inside(path, asked.get("run"))
        state = self._state(path, asked.get("run"), str(request.base_url))
        return JSONResponse(state, headers=NO_STORE)

    def classes(self, request: Request) -> Response:
        """Tell neuroglancer the names of classes."""
        store, *volume = request.path_params["path"].rsplit("/", 3)  # kind, group, variable
        store, path = self.place.path_of(store), "/".join(volume)
        self.place.path_of(f"{store}/{path}/zarr.json")
        survey = Survey(self.place.url(store))
        classes = classes_at(path, attributes_of(survey, path))
        return JSONResponse(class_properties(classes), headers=NO_STORE)

    def data(self, request: Request) -> Response:
        """Hand out a file."""
        return hand_out(self.place, request.path_params["path"], request)

    def _require_inside(self, store: str, run: str | None) -> None:
        """Refuse an interpretation whose name leads out of the place, or is none."""
        if run:
            self.place.path_of(f"{store}/interpretation/{run}/zarr.json")

    def _state(self, path: str, run: str | None, base: str) -> dict[str, object]:
        survey = survey_at(self.place, path)
        pyramid = pyramid_url(path)
        found = self.place.has(pyramid) and has_pyramid(survey, self.place.url(pyramid))
        data = f"{base}data/"
        addresses = Addresses(
            store=f"{data}{quote(path)}",
            pyramid=f"{data}{quote(pyramid)}" if found else "",
            classes=f"{base}classes/{quote(path)}",
        )
        return viewer_state(survey, addresses, run)


def viewer_app(place: Place, hosts: Sequence[str] = ("*",)) -> Starlette:
    """Make the web application that shows a place.

    Parameters
    ----------
    place : Place
    hosts : sequence of str
        Names by which browsers may call the server; any with ``*``. A server for one
        machine that answered to all names could be read, through a browser on it, by whoever owns
        a name (DNS rebinding).

    Raises
    ------
    ConfigError
        If neuroglancer is not installed.
    """
    viewer = Viewer(place)
    client = client_folder()
    page = client_page(client)
    return Starlette(
        routes=[
            Route("/", viewer.index),
            Route("/open", viewer.open),
            Route("/state", viewer.state),
            Route("/classes/{path:path}/info", viewer.classes),
            Route("/data/{path:path}", viewer.data),
            Route("/v/look/", lambda request: HTMLResponse(page)),
            Mount("/v/look", StaticFiles(directory=client)),
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))],
        exception_handlers={SeisprocError: _told, HTTPException: _bare},
    )


def _told(request: Request, error: Exception) -> Response:
    """Say in one line what is missing."""
    status = 502 if isinstance(error, AccessError) else 404
    return PlainTextResponse(f"{error}\n", status, headers=NO_STORE)


def _bare(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return PlainTextResponse(f"{error.detail}\n", error.status_code, headers=error.headers)
