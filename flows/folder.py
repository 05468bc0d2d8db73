"""The folder of a survey's run: what lies where, and whose it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seisproc.errors import ConfigError, OutputExistsError

SETTINGS = "run.json"
"""The resolved configuration. A folder with it is ours to write in."""


@dataclass(frozen=True)
class SurveyFolder:
    """Places in the output folder of ``seisproc run`` and of the demo.

    ::

        FOLDER/run.json        resolved configuration
               survey.zarr     the survey store, with labels and interpretations
               facies.sgy ...  exported volumes
               report.html

    Parameters
    ----------
    path : str
        Local folder.
    """

    path: str

    @property
    def store(self) -> str:
        """The survey store."""
        return f"{self.path}/survey.zarr"

    @property
    def report(self) -> str:
        """The report."""
        return f"{self.path}/report.html"

    def segy(self, variable: str) -> str:
        """Where a volume is exported to, by its last name.

        >>> SurveyFolder("out").segy("interpretation/main/fault")
        'out/fault.sgy'
        """
        return f"{self.path}/{variable.rsplit('/', 1)[-1]}.sgy"

    def claim(self, settings: Mapping[str, Any]) -> None:
        """Make the folder, and save the resolved configuration in it.

        Raises
        ------
        OutputExistsError
            If it holds files that no earlier run wrote.
        """
        if "://" in self.path:
            raise ConfigError(
                f"{self.path}: the output folder must be local",
                do="Use `seisproc ingest`, `interpret` and `export` with URLs one by one",
            )
        folder = Path(self.path)
        if folder.is_dir() and any(folder.iterdir()) and not (folder / SETTINGS).exists():
            raise OutputExistsError(
                f"{folder} holds other files",
                expected="a new or empty folder, or one that an earlier run made",
                do="Choose another --output",
            )
        folder.mkdir(parents=True, exist_ok=True)
        (folder / SETTINGS).write_text(json.dumps(settings, indent=2, default=str) + "\n")
