"""Layers of neuroglancer: one for each volume of a survey, all in one coordinate space.

The volumes are read as they are stored. Neuroglancer takes an array without more for voxels from 0
on; each layer says where its first voxel lies and how large voxels are (:mod:`seisproc.ome`), so
that products, labels and the amplitude, from its pyramid or itself, lie on each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from seisproc.ome import Axis
from seisproc.schema import NONE, ClassSet
from seisproc.viewer.shaders import amplitude_shader, fault_shader, share_shader

FOOT_M = 0.3048

FACIES_OPACITY, SHARE_OPACITY = 0.5, 0.7
"""Of classes and of uncertainty over the amplitude."""

Layer = dict[str, Any]


@dataclass(frozen=True)
class Addresses:
    """Where a browser finds a survey.

    Attributes
    ----------
    store, pyramid : str
        URLs of the store, and of its pyramid or empty, as the browser reads them.
    classes : str
        URL below which the names of the classes of ``interpretation/main/facies`` are told.
    """

    store: str
    pyramid: str
    classes: str


def dimensions(axes: Sequence[Axis]) -> dict[str, list[Any]]:
    """Size of a voxel along each axis, and its unit, as neuroglancer writes them.

    >>> dimensions([Axis("inline", 100.0, 25.0, "meter"), Axis("twt", 0.0, 4.0, None)])
    {'inline': [25.0, 'm'], 'twt': [4.0, '']}
    """
    return {axis.name: [_scale(axis), "m" if axis.unit else ""] for axis in axes}


def origin(axis: Axis) -> float:
    """Position of the centre of the first voxel, in voxels."""
    return axis.first / axis.scale


def amplitude_layer(
    addresses: Addresses,
    axes: Sequence[Axis],
    window: tuple[float, float] | None,
    floating: bool,
) -> Layer:
    """Amplitude in grey, from the pyramid where there is one."""
    low, high = window or (-1.0, 1.0)
    source: Any = {"url": _zarr(addresses.pyramid)} if addresses.pyramid else _array(
        f"{addresses.store}/amplitude", axes
    )
    return {
        "type": "image",
        "name": "amplitude",
        "source": source,
        "opacity": 1,
        "shader": amplitude_shader(floating),
        "shaderControls": {"normalized": {"range": [low, high], "window": [2 * low, 2 * high]}},
        "tab": "rendering",
    }


def classes_layer(
    addresses: Addresses, path: str, axes: Sequence[Axis], classes: ClassSet, visible: bool
) -> Layer:
    """Classes in their colours, each to be switched on and off by its name; 255 is transparent."""
    return {
        "type": "segmentation",
        "name": _name(path),
        "source": [
            _array(f"{addresses.store}/{quote(path)}", axes),
            {"url": f"precomputed://{addresses.classes}/{quote(path)}"},
        ],
        "segments": [str(each.code) for each in classes],
        "segmentColors": {str(each.code): each.colour for each in classes},
        "hideSegmentZero": False,
        "ignoreNullVisibleSet": False,
        "hoverHighlight": False,
        "selectedAlpha": FACIES_OPACITY,
        "notSelectedAlpha": 0,
        "visible": visible,
        "tab": "segments",
    }


def packed_layer(
    addresses: Addresses,
    path: str,
    axes: Sequence[Axis],
    attributes: Mapping[str, Any],
    visible: bool,
) -> Layer:
    """Probability or uncertainty, packed with CF's ``scale_factor``, over the amplitude."""
    fault = path.endswith("/fault")
    shader = (fault_shader if fault else share_shader)(
        float(attributes.get("scale_factor", 1.0)),
        float(attributes.get("add_offset", 0.0)),
        float(attributes.get("_FillValue", NONE)),
    )
    return {
        "type": "image",
        "name": _name(path),
        "source": _array(f"{addresses.store}/{quote(path)}", axes),
        "opacity": 1 if fault else SHARE_OPACITY,
        "shader": shader,
        "visible": visible,
        "tab": "rendering",
    }


def class_properties(classes: ClassSet) -> dict[str, Any]:
    """Names of classes by code, as neuroglancer reads them (segment properties)."""
    return {
        "@type": "neuroglancer_segment_properties",
        "inline": {
            "ids": [str(each.code) for each in classes],
            "properties": [
                {"id": "name", "type": "label", "values": [each.name for each in classes]}
            ],
        },
    }


def _array(url: str, axes: Sequence[Axis]) -> dict[str, Any]:
    """Tell an array as a source, and where it lies: positions count in voxels of the survey."""
    shift = [origin(axis) - 0.5 for axis in axes]  # neuroglancer's voxels begin at their corner
    rows = [
        [*(float(row == column) for column in range(len(axes))), shift[row]]
        for row in range(len(axes))
    ]
    space = dimensions(axes)
    return {
        "url": _zarr(url),
        "transform": {"matrix": rows, "inputDimensions": space, "outputDimensions": space},
    }


def _zarr(url: str) -> str:
    return f"zarr3://{url}/"


def _name(path: str) -> str:
    """Name of a layer.

    >>> _name("interpretation/main/facies_uncertainty"), _name("labels/truth/fault")
    ('facies uncertainty', 'truth: fault')
    """
    kind, group, variable = path.split("/")
    told = variable.replace("_", " ")
    return f"{group}: {told}" if kind == "labels" else told


def _scale(axis: Axis) -> float:
    return axis.scale * (FOOT_M if axis.unit == "foot" else 1.0)
