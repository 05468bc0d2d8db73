"""`seisproc view`: a survey and what was made of it, in a browser."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

import click

from flows.options import LOCATION

if TYPE_CHECKING:
    from seisproc.viewer.place import Place

LOOPBACK = ("127.0.0.1", "localhost", "::1", "[::1]")


@click.command()
@click.argument("place", metavar="STORE.zarr|FOLDER", type=LOCATION)
@click.option("--run", metavar="NAME", help="Interpretation to open. [default: the one made last]")
@click.option("--host", default="127.0.0.1", show_default=True,
              help="Address to listen at: this machine's alone unless told.")
@click.option("--port", default=8765, show_default=True, type=click.IntRange(0, 65535),
              help="0: any that is free.")
@click.option("--no-open", is_flag=True, help="Open no browser.")
def view(place: str, run: str | None, host: str, port: int, no_open: bool) -> None:
    """Show a survey, or a folder or bucket of surveys and reports, in a browser, until Ctrl-C.

    Amplitude, facies, faults, uncertainty and labels lie on each other in neuroglancer, which reads
    them where they are stored; `seisproc pyramid` makes a large survey quick to look at. The server
    only reads, and has no login. With SEISPROC_VIEWER_URL, the URL of one that runs for a whole
    site, runs leave links to it in the Prefect UI.
    """
    import uvicorn

    from seisproc.viewer.place import Place
    from seisproc.viewer.server import viewer_app

    found = Place.of(place)
    page = _first_page(found, run)
    with contextlib.closing(_listen(host, port)) as listening:
        app = viewer_app(found, _names(host, listening.getsockname()[0]))
        name = f"[{host}]" if ":" in host else host
        url = f"http://{name}:{listening.getsockname()[1]}{page}"
        click.echo(f"Viewer: {url}   (Ctrl-C ends it)")
        if not no_open and _has_screen():
            click.launch(url)
        config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=5)
        try:
            uvicorn.Server(config).run(sockets=[listening])
        except KeyboardInterrupt:
            click.echo("", err=True)


def _first_page(place: Place, run: str | None) -> str:
    """Page to open at first: the survey, or what there is in a folder.

    What cannot be shown is refused before a server runs for it.
    """
    from seisproc.survey import Survey

    if place.store is None:
        if run:
            raise click.UsageError("--run is about one survey: give its store.")
        return "/"
    survey = Survey(place.url(place.store))
    survey.lattice.grid(survey.url)
    if run:
        survey.group_attributes(f"interpretation/{run}")
    return f"/open?{urlencode({'store': place.store} | ({'run': run} if run else {}))}"


def _names(host: str, address: str) -> list[str]:
    """Names that browsers may call the server by; one that listens to others answers to all.

    Parameters
    ----------
    host, address : str
        What ``--host`` says, and the address that it stands for.
    """
    if not ip_address(address.partition("%")[0]).is_loopback:
        return ["*"]
    site = os.environ.get("SEISPROC_VIEWER_URL", "")
    named = urlsplit(site if "://" in site else f"//{site}").hostname
    return [*LOOPBACK, host, address, *([named] if named else [])]


def _listen(host: str, port: int) -> socket.socket:
    from seisproc.errors import ConfigError

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise ConfigError(
            f"Nothing can listen at {host}, port {port}",
            found=error.strerror or str(error),
            do="Choose another --port (0: any that is free), or an address of this machine",
        ) from None


def _has_screen() -> bool:
    """Whether a browser can open here: never one in the terminal."""
    if sys.platform in ("darwin", "win32"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
