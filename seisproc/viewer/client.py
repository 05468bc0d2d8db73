"""Neuroglancer for browsers: where its files lie, and the page that starts it."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from seisproc.errors import ConfigError


def client_folder() -> Path:
    """Folder of the built client in the package ``neuroglancer``, which is not imported for it.

    Raises
    ------
    ConfigError
        If the package is not installed, or holds no client.
    """
    found = find_spec("neuroglancer")
    for place in (found.submodule_search_locations if found else None) or ():
        folder = Path(place, "static", "client")
        if (folder / "index.html").is_file():
            return folder
    raise ConfigError(
        "The viewer needs neuroglancer, which is not installed" if found is None
        else "The installed neuroglancer has no client for browsers",
        do="Install it with: pip install 'seisproc[viewer]'",
    )


_NO_LINE = """\
<script>
window.EventSource = class {
  constructor() { setTimeout(() => this.onopen && this.onopen()); }
  close() {}
};
</script>"""
"""Runs before the client, and is all of ``EventSource`` that it uses."""


def client_page(folder: Path) -> str:
    """First page of the client in a folder, without its line to a server.

    The client of the Python package keeps one request open in each tab, for states that Python
    sends, and covers its page with a warning where it cannot. We send none, and browsers allow six
    requests at a time to a server: with six tabs none were left for data.
    """
    page = (folder / "index.html").read_text("utf-8")
    before, script, rest = page.partition("<script")
    return f"{before}{_NO_LINE}{script}{rest}"
