"""Links to a viewer that runs for a whole site: what a run leaves for those who were not there.

The viewer finds out for itself where a place lies in what it shows, so that a link holds nothing
but the place, and never a user, a password or a query of its URL.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlencode

from seisproc.places import is_remote, shown

PAGES = (".html", ".png", ".csv")
"""Endings of the files beside stores that a viewer shows."""


def survey_link(viewer: str, store: str, run: str | None = None) -> str:
    """Link to a survey with an interpretation, in the viewer at the URL ``viewer``.

    >>> survey_link("http://viewer:8765/", "s3://basin/f3.zarr", "main")
    'http://viewer:8765/open?store=s3%3A%2F%2Fbasin%2Ff3.zarr&run=main'
    """
    told = {"store": _told(store)} | ({"run": run} if run else {})
    return f"{base_url(viewer)}open?{urlencode(told)}"


def page_link(viewer: str, place: str) -> str | None:
    """Link to a report, a picture or a table through a viewer; None of what it does not show.

    >>> page_link("viewer:8765", "s3://basin/reports/f3.html")
    'http://viewer:8765/open?page=s3%3A%2F%2Fbasin%2Freports%2Ff3.html'
    """
    if place.startswith(("http://", "https://")) or not _told(place).endswith(PAGES):
        return None
    return f"{base_url(viewer)}open?{urlencode({'page': _told(place)})}"


def base_url(viewer: str) -> str:
    """URL of a viewer as links begin: with its protocol, without secrets, with one last slash.

    >>> base_url("https://me:secret@viewer.example.org/seismic?key=1")
    'https://viewer.example.org/seismic/'
    """
    url = viewer if "://" in viewer else f"http://{viewer}"
    return f"{shown(url).rstrip('/')}/"


def _told(place: str) -> str:
    if is_remote(place):
        return shown(place)
    return str(Path(place.removeprefix("file://").removeprefix("local://")).absolute())
