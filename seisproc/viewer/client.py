"""Where neuroglancer's files for browsers lie."""

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
