"""What neuroglancer shows of a survey at first: its layers, where it looks, and how large."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from seisproc.errors import StoreError
from seisproc.ome import Axis, axes_of, grey_window
from seisproc.places import open_place, reaching
from seisproc.pyramid import KIND
from seisproc.pyramid_levels import VIEWED
from seisproc.report.inventory import classes_of, newest_run
from seisproc.report.sections import KINDS, display_cuts
from seisproc.schema import AXES, VARIABLES, ClassSet
from seisproc.survey import Survey, published_attributes
from seisproc.viewer.layers import (
    Addresses,
    Layer,
    amplitude_layer,
    classes_layer,
    dimensions,
    origin,
    packed_layer,
)

VISIBLE = ("facies", "fault")
"""Products that are shown at first; others wait in the list of layers."""

PANEL_PIXELS = (640, 400)
"""Width and height of a panel that sections are to fit into, on a screen of usual size."""

FLATTEST = 0.3
"""Least height of a section over its width; a flatter one is drawn with its height exaggerated."""

EXAGGERATIONS = (1, 2, 5, 10, 20, 50)

BACKGROUND = "#d8e6f0"
"""As in the reports: no grey, so that nobody takes it for amplitude."""

TILT = (-0.2, 0.27, 0.06, 0.94)
"""Turns the view in 3-D (a quaternion), to look at the survey from above and from one side."""


def viewer_state(survey: Survey, addresses: Addresses, run: str | None = None) -> dict[str, Any]:
    """State of neuroglancer for a survey, an interpretation and all labels, as they are now.

    Parameters
    ----------
    survey : Survey
        A stacked 3-D survey.
    addresses : Addresses
        Where a browser finds it.
    run : str, optional
        The interpretation. Default: the one made last, if there is any.

    Raises
    ------
    StoreError
        If there is no such interpretation, or nothing that can be shown.
    GeometryError
        If it is no stacked 3-D survey.
    """
    survey.lattice.grid(survey.url)
    run = run or newest_run(survey)
    axes = axes_of(survey)
    layers = [
        *_amplitude(survey, addresses, axes),
        *_products(survey, addresses, axes, run),
        *_labels(survey, addresses, axes, visible=run is None),
    ]
    if not layers:
        raise StoreError(
            f"{survey.url} holds nothing that can be shown",
            found=f"amplitude of {survey.amplitude.dtype}, no interpretation, no labels",
            do="Make its pyramid, which holds samples that browsers show, with `seisproc pyramid`",
        )
    name = survey.url.rsplit("/", 1)[-1].removesuffix(".zarr")
    return {
        "title": f"{name}, {run}" if run else name,
        "layers": layers,
        **_view(survey, axes),
        "crossSectionBackgroundColor": BACKGROUND,
        "hideCrossSectionBackground3D": True,
        **_beside(layers),
        "layout": "4panel-alt",
    }


def has_pyramid(survey: Survey, url: str) -> bool:
    """Whether a pyramid of this very survey lies at a URL, not of what it held before."""
    try:
        told = published_attributes(url)
    except StoreError:
        return False
    same = told.get("survey_fingerprint") == survey.fingerprint
    return same and told.get("seisproc_kind") == KIND


def attributes_of(survey: Survey, path: str) -> dict[str, Any]:
    """Attributes of a volume such as ``interpretation/main/facies``, in one read.

    Raises
    ------
    StoreError
        If there is no such array.
    """
    fs, root = open_place(survey.url)
    try:
        with reaching(survey.url):
            told = json.loads(fs.cat_file(f"{root}/{path}/zarr.json"))
    except (FileNotFoundError, NotADirectoryError):
        raise StoreError(f"{survey.url} has no variable {path!r}") from None
    return dict(told.get("attributes", {}))


def classes_at(path: str, attributes: Mapping[str, Any]) -> ClassSet:
    """Classes to show of a volume of codes."""
    classes = classes_of(attributes)
    if path.endswith("/fault"):  # what is no fault would cover all that lies beneath
        return tuple(each for each in classes if each.code != 0)
    return classes


def _amplitude(survey: Survey, addresses: Addresses, axes: tuple[Axis, ...]) -> list[Layer]:
    dtype = survey.amplitude.dtype
    if not addresses.pyramid and dtype.name not in VIEWED:
        return []
    floating = dtype.kind == "f" or dtype.name not in VIEWED
    return [amplitude_layer(addresses, axes, grey_window(survey), floating)]


def _products(
    survey: Survey, addresses: Addresses, axes: tuple[Axis, ...], run: str | None
) -> list[Layer]:
    if run is None:
        return []
    group = f"interpretation/{run}"
    survey.group_attributes(group)
    # Later layers lie on earlier ones: faults on facies, and both on uncertainty.
    names = sorted(_volumes(survey, group), key=lambda each: (each in VISIBLE, each))
    return [_layer(survey, addresses, axes, f"{group}/{name}", name in VISIBLE) for name in names]


def _labels(
    survey: Survey, addresses: Addresses, axes: tuple[Axis, ...], visible: bool
) -> list[Layer]:
    return [
        _layer(survey, addresses, axes, f"labels/{group}/{name}", visible)
        for group in survey.groups("labels")
        for name in _volumes(survey, f"labels/{group}")
    ]


def _volumes(survey: Survey, group: str) -> list[str]:
    """Names of the volumes in a group, sorted: arrays along the three axes alone."""
    fs, path = open_place(f"{survey.url}/{group}")
    with reaching(survey.url):
        entries = fs.ls(path, detail=False)
    names = sorted(entry.rstrip("/").rsplit("/", 1)[-1] for entry in entries)
    return [name for name in names if name in VARIABLES and VARIABLES[name].dims == AXES]


def _layer(
    survey: Survey, addresses: Addresses, axes: tuple[Axis, ...], path: str, visible: bool
) -> Layer:
    attributes = attributes_of(survey, path)
    if "flag_values" in attributes:
        classes = classes_at(path, attributes)
        return classes_layer(addresses, path, axes, classes, visible)
    return packed_layer(addresses, path, axes, attributes, visible)


def _view(survey: Survey, axes: tuple[Axis, ...]) -> dict[str, Any]:
    """Look at the middle of the survey, where there are traces, so that all of it fits.

    Sections hang from the top of their panels: the first axis that is displayed goes right, the
    second down.
    """
    middle = [extent // 2 for extent in survey.amplitude.shape]
    for cut in display_cuts(survey):
        middle[KINDS.index(cut.kind)] = cut.index
    space = dimensions(axes)
    size = np.array([float(space[axis.name][0]) for axis in axes])
    extent = size * survey.amplitude.shape
    # Line numbers without a length: a sample is as high as a line is wide.
    taller = _exaggeration(extent) if axes[0].unit else float(size[:2].min() / size[2])
    size[2] *= taller
    extent[2] *= taller
    inlines, crosslines, samples = extent / size.min()
    width, height = PANEL_PIXELS
    inline, crossline, vertical = (axis.name for axis in axes)
    return {
        "dimensions": space,
        "displayDimensions": [crossline, vertical, inline],
        **({"relativeDisplayScales": {vertical: taller}} if taller != 1 else {}),
        "position": [origin(axis) + at for axis, at in zip(axes, middle, strict=True)],
        "crossSectionScale": float(max(max(inlines, crosslines) / width,
                                       max(samples, inlines) / height)),
        "projectionScale": float(1.2 * np.linalg.norm([inlines, crosslines, samples])),
        "projectionOrientation": list(TILT),
    }


def _exaggeration(extent: np.ndarray[Any, Any]) -> int:
    """How many times too high the vertical axis is drawn, for sections that are no thin strips.

    >>> _exaggeration(np.array([10_000.0, 20_000.0, 2_000.0]))
    5
    """
    flat = extent[2] / max(extent[0], extent[1])
    return next((each for each in EXAGGERATIONS if each * flat >= FLATTEST), EXAGGERATIONS[-1])


def _beside(layers: list[Layer]) -> dict[str, Any]:
    """Names of classes beside the pictures, where classes are shown."""
    names = [each["name"] for each in layers if each["type"] == "segmentation" and each["visible"]]
    return {"selectedLayer": {"layer": names[0], "visible": True}} if names else {}
