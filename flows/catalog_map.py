"""Where a catalogue's surveys lie and what they share: printed, drawn, and as GeoJSON."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import click

from flows.tables import print_table
from seisproc.atomic import write_atomic
from seisproc.catalog.basin_map import draw_basin
from seisproc.catalog.due import Check
from seisproc.catalog.geography import (
    by_crs,
    outlines_geojson,
    overlaps,
    overlaps_geojson,
    places_of,
)
from seisproc.catalog.layout import slug
from seisproc.errors import ConfigError, OutputExistsError
from seisproc.places import open_place, require_writable, shown

PICTURES = (".png", ".pdf", ".svg")
GEOJSON = ".geojson"
DPI = 130
MOST_ROWS = 40
"""Overlaps that are printed, the largest first."""


class BasinMap:
    """The surveys of a catalogue on the map."""

    def __init__(self, found: Check) -> None:
        states = {verdict.name: verdict.state for verdict in found.verdicts}
        self.title = found.snapshot.basin.title
        self.places, self.unplaced = places_of(found.snapshot, states)
        self.shared = overlaps(self.places)
        self.written: list[str] = []

    def told(self) -> dict[str, Any]:
        """Overlaps, and surveys that nobody can place, as plain values."""
        shared = ({key: value for key, value in vars(each).items() if key != "shape"}
                  for each in self.shared)
        return {
            "basin": self.title,
            "surveys": [{"name": place.name, "crs": place.crs, "bounds": list(place.shape.bounds)}
                        for place in self.places],
            "overlaps": list(shared),
            "not_placed": self.unplaced,
        }

    def print(self) -> None:
        """Print what surveys share, and what was written."""
        print_table(f"{self.title}: {len(self.places)} surveys on the map, "
                    f"{len(self.shared)} overlaps", [
            {
                "survey": each.first, "and": each.second, "km2": each.km2, "km": each.km,
                "of the first": f"{each.share_of_first:.1%}",
                "of the second": f"{each.share_of_second:.1%}",
                "CRS": each.crs or "not named: compared as it stands",
            }
            for each in self.shared[:MOST_ROWS]
        ])
        if len(self.shared) > MOST_ROWS:
            click.echo(f"and {len(self.shared) - MOST_ROWS:,} smaller ones: --json has them all")
        if self.unplaced:
            click.echo(f"not placed  {', '.join(self.unplaced)}: no coordinates; give an outline")
        for place in self.written:
            click.echo(place)

    def require_writable(self, outputs: Sequence[str], overwrite: bool) -> None:
        """Refuse what cannot be written before anything is.

        Raises
        ------
        ConfigError
            If a file is neither a picture nor GeoJSON, or there is nothing to draw.
        OutputExistsError
            If a file is there and ``overwrite`` is false.
        """
        for output in outputs:
            if not output.lower().endswith((*PICTURES, GEOJSON)):
                raise ConfigError("--output of a map", found=output,
                                  expected=", ".join((*PICTURES, GEOJSON)))
            require_writable(output)
            for place in self._targets(output):
                fs, path = open_place(place)
                if fs.exists(path) and not overwrite:
                    raise OutputExistsError(f"{shown(place)} is already there",
                                            do="Give --overwrite, or another file")
        if outputs and not self.places:
            raise ConfigError(f"{self.title}: no survey can be placed on a map",
                              do="Scan the catalogue, or give outlines in the entries")

    def write(self, output: str) -> None:
        """Write a picture, or GeoJSON."""
        if output.lower().endswith(PICTURES):
            self._keep(output, self._picture(output.rsplit(".", 1)[-1].lower()))
            return
        for place, collection in self._targets(output).items():
            self._keep(place, (json.dumps(collection, indent=1) + "\n").encode())

    def _picture(self, kind: str) -> bytes:
        note = f"not placed: {', '.join(self.unplaced[:6])}" if self.unplaced else ""
        if len(self.unplaced) > 6:
            note += f" and {len(self.unplaced) - 6} more"
        figure = draw_basin(self.title, self.places, self.shared, note=note)
        figure.set_dpi(DPI)
        buffer = io.BytesIO()
        figure.savefig(buffer, format=kind, dpi=DPI, facecolor="white")
        return buffer.getvalue()

    def _targets(self, output: str) -> Mapping[str, dict[str, Any] | None]:
        """Files that an output stands for: of GeoJSON two for each reference system."""
        if not output.lower().endswith(GEOJSON):
            return {output: None}
        base, groups = output[: -len(GEOJSON)], by_crs(self.places)
        targets: dict[str, dict[str, Any] | None] = {}
        for system, group in groups.items():
            name = plain = f"{base}-{slug(system or 'no-crs')}" if len(groups) > 1 else base
            count = 1
            while f"{name}{GEOJSON}" in targets:  # two names may differ in signs only
                count += 1
                name = f"{plain}-{count}"
            names = {place.name for place in group}
            shared = [each for each in self.shared if each.first in names]
            targets[f"{name}{GEOJSON}"] = outlines_geojson(group)
            targets[f"{name}-overlaps{GEOJSON}"] = overlaps_geojson(shared)
        return targets

    def _keep(self, place: str, content: bytes) -> None:
        write_atomic(place, content)
        self.written.append(place)
