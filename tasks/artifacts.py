"""What a stage leaves in the Prefect UI: tables, Markdown and links beside the run."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import json
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefect.artifacts import (
    create_link_artifact,
    create_markdown_artifact,
    create_table_artifact,
)
from prefect.context import FlowRunContext, TaskRunContext

from seisproc.places import shown
from seisproc.viewer.links import page_link, survey_link
from tasks.outages import only_shown
from tasks.progress import artifact_key, store_name

if TYPE_CHECKING:
    from distributed import Client

SHORT = 300
"""Longest text of a table's cell."""

_viewer: str | None = None
"""URL of a viewer that runs for the whole site (docs/viewer.md); chosen with ``link_through``."""


def link_through(viewer: str | None) -> None:
    """Choose the viewer that links lead through, from now on; none without a URL."""
    global _viewer  # noqa: PLW0603 - one for a process, like where its numbers go
    _viewer = viewer or None


def receipt_artifact(verb: str, url: str, title: str, receipt: Any) -> None:
    """Show a receipt, a frozen dataclass, as a table of its fields."""
    rows = [
        {"what": name.replace("_", " "), "value": _cell(value)}
        for name, value in dataclasses.asdict(receipt).items()
    ]
    table_artifact(verb, url, title, rows)


def table_artifact(verb: str, url: str, title: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Show a table; all rows have the same keys."""
    if _in_run():
        key = artifact_key(verb, store_name(url))
        with only_shown():
            create_table_artifact([dict(row) for row in rows], key=key, description=title)


def markdown_artifact(verb: str, url: str, title: str, text: str) -> None:
    """Show a text in Markdown."""
    if _in_run():
        key = artifact_key(verb, store_name(url))
        with only_shown():
            create_markdown_artifact(text, key=key, description=title)


def link_artifact(verb: str, url: str, title: str, target: str) -> None:
    """Show a link to a place or an address."""
    _show_link(verb, url, title, link_to(target), shown(target))


def viewer_artifact(store: str, run: str) -> None:
    """Link to an interpretation in the site's viewer, if there is one."""
    if _viewer:
        link = survey_link(_viewer, store, run)
        _show_link("viewer", store, "Look at it", link, f"{store_name(store)}, {run}")


def link_to(target: str) -> str:
    """Say how a page of the Prefect UI reaches a place: through the site's viewer, if there is one.

    Without it a local path becomes a file URL, which browsers open only where somebody pastes it.
    """
    through = page_link(_viewer, target) if _viewer else None
    if through is not None:
        return through
    return shown(target) if "://" in target else Path(target).resolve().as_uri()


def _show_link(verb: str, url: str, title: str, link: str, text: str) -> None:
    if _in_run():
        key = artifact_key(verb, store_name(url))
        with only_shown():
            create_link_artifact(link, link_text=text, key=key, description=title)


def dashboard_artifact(url: str, client: Client) -> None:
    """Link to the dashboard of a Dask cluster, where it shows one."""
    link = client.dashboard_link
    # A scheduler tells an address whether or not there is a dashboard behind it; without bokeh,
    # which draws it, there is a page that asks for bokeh.
    with contextlib.suppress(OSError), urllib.request.urlopen(link, timeout=5) as page:
        if b"Dask needs" not in page.read():
            link_artifact("dask", url, "Dask's dashboard, while this runs", link)


def pictures_artifact(verb: str, url: str, title: str, pictures: Mapping[str, bytes]) -> None:
    """Show PNG pictures by name, one under the other; they lie in the artifact itself."""
    shown = (
        f"### {name.replace('-', ' ')}\n\n"
        f"![{name}](data:image/png;base64,{base64.b64encode(png).decode()})\n"
        for name, png in pictures.items()
    )
    markdown_artifact(verb, url, title, "\n".join(shown))


def _in_run() -> bool:
    """Tasks are plain functions too: outside a run there is nobody to show an artifact to."""
    return TaskRunContext.get() is not None or FlowRunContext.get() is not None


def _cell(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= SHORT else text[: SHORT - 1] + "…"
