"""What a store holds: its bin size, its interpretations, the classes of a volume."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import fsspec
import numpy as np

from seisproc.errors import StoreError
from seisproc.schema import CLASS_SETS, NONE, ClassSet, FaciesClass
from seisproc.survey import Survey

_COLOURS = ("#E69F00", "#56B4E9", "#009E73", "#D55E00", "#CC79A7", "#0072B2", "#F0E442", "#000000")


@dataclass(frozen=True)
class BinSize:
    """Distance in metres between neighbouring traces along and across the inlines.

    ``along`` is from crossline to crossline, ``across`` from inline to inline.
    """

    along: float
    across: float

    @property
    def area_km2(self) -> float:
        """Area of one trace's bin."""
        return self.along * self.across / 1e6


def bin_size(survey: Survey) -> BinSize | None:
    """Bin size from the bin centres; None without usable coordinates or with a single line."""
    try:
        x, y = survey.read("cdp_x"), survey.read("cdp_y")
    except StoreError:
        return None
    lengths = []
    for axis in (1, 0):
        steps = np.hypot(np.diff(x, axis=axis), np.diff(y, axis=axis))
        steps = steps[np.isfinite(steps)]
        if not steps.size or not np.median(steps) > 0:
            return None
        lengths.append(float(np.median(steps)))
    return BinSize(*lengths)


def classes_of(attributes: Mapping[str, Any]) -> ClassSet:
    """Class set of a facies volume from its CF attributes.

    ``flag_values`` and ``flag_meanings`` name the classes, ``flag_colors`` colours them; where
    colours are missing those of a built-in class set of the same names, or Okabe-Ito, serve.
    """
    codes = [int(code) for code in attributes.get("flag_values", ())]
    meanings = attributes.get("flag_meanings", "")
    names = meanings.split() if isinstance(meanings, str) else list(meanings)
    colours = attributes.get("flag_colors", "")
    colours = colours.split() if isinstance(colours, str) else list(colours)
    known = {item.name: item.colour for group in CLASS_SETS.values() for item in group}
    items = []
    for place, (code, raw) in enumerate(zip(codes, names, strict=False)):
        if code == NONE:
            continue
        name = next((n for n in known if _same(n, raw)), raw.replace("_", " "))
        spare = known.get(name, _COLOURS[place % len(_COLOURS)])
        items.append(FaciesClass(code, name, colours[place] if place < len(colours) else spare))
    return tuple(items)


def newest_run(survey: Survey) -> str | None:
    """Name of the interpretation that was made last; None when there is none."""
    runs = survey.groups("interpretation")
    return max(runs, key=lambda run: (_time(survey, run), run), default=None)


def members(survey: Survey, group: str) -> set[str]:
    """Names of the arrays in a nested group such as ``interpretation/demo``."""
    fs, path = fsspec.core.url_to_fs(f"{survey.url}/{group}")
    if not fs.exists(path):
        return set()
    entries = (entry.rstrip("/") for entry in fs.ls(path, detail=False))
    return {entry.rsplit("/", 1)[-1] for entry in entries if fs.exists(f"{entry}/zarr.json")}


def _same(name: str, flag: str) -> bool:
    return name.replace(" ", "_").lower() == flag.replace(" ", "_").lower()


def _time(survey: Survey, run: str) -> str:
    """When an interpretation was made, as ISO text; empty where it does not say."""
    attributes = survey.group_attributes(f"interpretation/{run}")
    provenance = attributes.get("provenance")
    places = (attributes, provenance if isinstance(provenance, Mapping) else {})
    stamps = (place.get(key) for place in places for key in ("created", "time", "finished"))
    return next((str(stamp) for stamp in stamps if stamp), "")
