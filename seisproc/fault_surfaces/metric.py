"""From voxels to metres: strike, dip and area of surfaces that were found in voxels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seisproc.fault_surfaces.linking import AREA, CODE, COUNT, FIELDS, HIGH, LOW, TENSOR
from seisproc.fault_surfaces.ridges import NORMAL_SCALE
from seisproc.grid import Grid
from seisproc.report.inventory import bin_size
from seisproc.schema import CODES
from seisproc.survey import Survey

AREA_UNIT = 1 / 1024
"""Areas are added up in this many square metres (or metre milliseconds), as integers."""

STEEP = 1e-3
"""Vertical part of a unit normal below which a surface is upright, and dips neither way."""


@dataclass(frozen=True)
class Metric:
    """Size and direction of a voxel's edges.

    Attributes
    ----------
    across, along : float or None
        Metres from inline to inline, and from crossline to crossline; None without coordinates.
    inline_way, crossline_way : (float, float)
        Unit vectors (east, north) towards the next inline and the next crossline in array order.
    step : float
        Sample interval in ms or m.
    domain : str
        ``twt`` or ``depth``.
    velocity : float or None
        In m/s, that turns times to depths: distance = velocity * twt / 2.
    """

    across: float | None
    along: float | None
    inline_way: tuple[float, float]
    crossline_way: tuple[float, float]
    step: float
    domain: str
    velocity: float | None = None

    @classmethod
    def of(cls, survey: Survey, velocity: float | None = None) -> Metric:
        """Read the bins of a survey."""
        size, grid = bin_size(survey), survey.grid
        if size is None:
            return cls(None, None, (1.0, 0.0), (0.0, 1.0), grid.step, grid.domain, velocity)
        x, y = survey.read("cdp_x"), survey.read("cdp_y")
        ways = [_way(np.diff(x, axis=axis), np.diff(y, axis=axis)) for axis in (0, 1)]
        return cls(size.across, size.along, ways[0], ways[1], grid.step, grid.domain, velocity)

    @property
    def step_m(self) -> float | None:
        """Height of a sample in metres; None in time without a velocity."""
        if self.domain == "depth":
            return self.step
        return None if self.velocity is None else self.velocity * self.step / 2000

    def areas(self, normal: NDArray[np.int8], core: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Share of ridge voxels in the area of their surface.

        Parameters
        ----------
        normal : int8 (..., 3)
            Unit normals times NORMAL_SCALE, in voxels.
        core : bool (...)
            Voxels that count, see :class:`seisproc.fault_surfaces.ridges.Ridges`.

        Returns
        -------
        int64 (..., 2)
            In AREA_UNIT: square metres, 0 where these are unknown; and the part of it on the
            upright plane along strike, in metres times the unit of the samples. What counts is
            one voxel for each bin of the face that the surface is closest to; such a bin has as
            much of the surface as that leans away from it.
        """
        shares = np.zeros((*normal.shape[:-1], 2), np.int64)
        on = core & normal.any(axis=-1)
        if self.across is None or self.along is None:
            return shares
        i, j, k = (np.abs(normal[on, axis]) / NORMAL_SCALE for axis in range(3))
        lead = np.maximum(np.maximum(i, j), k)
        upright = np.hypot(self.along * i, self.across * j)
        height = self.step_m
        if height is not None:
            area = np.hypot(upright * height, self.across * self.along * k) / lead
            shares[on, 0] = np.rint(area / AREA_UNIT)
        shares[on, 1] = np.rint(upright * self.step / lead / AREA_UNIT)
        return shares

    def orientation(
        self, normal: NDArray[np.float64]
    ) -> tuple[float | None, float | None, float | None]:
        """Strike, dip and slope of a plane with this unit normal, in voxels.

        Returns
        -------
        strike : float or None
            Degrees clockwise from north, [0, 360); the plane dips to the right of it. None without
            coordinates.
        dip : float or None
            Degrees, [0, 90]. None in time without a velocity.
        slope : float or None
            Samples' unit (ms, m) per metre down dip; infinite if upright. None without coordinates.
        """
        if self.across is None or self.along is None:
            return None, None, None
        n = np.array([normal[0] / self.across, normal[1] / self.along, normal[2] / self.step])
        if n[2] < 0:
            n = -n
        # along the surface the sample grows towards -n
        way = -(n[0] * np.array(self.inline_way) + n[1] * np.array(self.crossline_way))
        azimuth = math.degrees(math.atan2(way[0], way[1]))
        level = math.hypot(n[0], n[1])
        slope = level / n[2] if n[2] > STEEP * level else math.inf
        height = self.step_m
        dip = None if height is None else math.degrees(math.atan(slope * height / self.step))
        return (azimuth - 90) % 360, dip, slope

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for fingerprints and attributes."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def _way(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, float]:
    east, north = float(np.nanmedian(x)), float(np.nanmedian(y))
    length = math.hypot(east, north)
    return east / length, north / length


@dataclass(frozen=True)
class Surface:
    """One fault surface in numbers.

    Attributes
    ----------
    number : int
        In the volume; the largest is 1.
    voxels : int
        On it.
    strike_degrees, dip_degrees, slope : float or None
        Mean orientation, see :meth:`Metric.orientation`.
    area_km2 : float or None
        None without coordinates, or in time without a velocity.
    upright_area : float or None
        Of the surface seen along its dip, on the upright plane: km ms in time, km2 in depth.
    mean_probability : float
        Over its voxels.
    inlines, crosslines : (int, int)
        Line numbers of its ends, the lower one first.
    samples : (float, float)
        From and to, in ms or m.
    normal : (float, float, float)
        Mean unit normal in voxels.
    """

    number: int
    voxels: int
    strike_degrees: float | None
    dip_degrees: float | None
    slope: float | None
    area_km2: float | None
    upright_area: float | None
    mean_probability: float
    inlines: tuple[int, int]
    crosslines: tuple[int, int]
    samples: tuple[float, float]
    normal: tuple[float, float, float]


def describe(sums: NDArray[np.int64], metric: Metric, grid: Grid) -> list[Surface]:
    """Turn the sums of surfaces into what they measure.

    Parameters
    ----------
    sums : int64 (surfaces, FIELDS)
        See :mod:`seisproc.fault_surfaces.linking`; surface n is in row n - 1.
    metric : Metric
        Of the survey.
    grid : Grid
        Its axes.
    """
    assert sums.shape[1] == FIELDS
    every_axis: tuple[NDArray[Any], ...] = (grid.inline, grid.crossline, grid.sample)
    found = []
    for number, row in enumerate(sums, 1):
        normal = _mean_normal(row[TENSOR : TENSOR + 6])
        strike, dip, slope = metric.orientation(normal)
        ends = [
            sorted((float(axis[row[LOW + n]]), float(axis[row[HIGH + n]])))
            for n, axis in enumerate(every_axis)
        ]
        areas = row[AREA : AREA + 2] * AREA_UNIT
        found.append(Surface(
            number, int(row[COUNT]), strike, dip, slope,
            float(areas[0]) / 1e6 if metric.across and metric.step_m is not None else None,
            _upright(float(areas[1]), metric),
            float(row[CODE]) / CODES / int(row[COUNT]),
            (int(ends[0][0]), int(ends[0][1])), (int(ends[1][0]), int(ends[1][1])),
            (ends[2][0], ends[2][1]),
            (float(normal[0]), float(normal[1]), float(normal[2])),
        ))
    return found


def _upright(area: float, metric: Metric) -> float | None:
    if metric.across is None:
        return None
    return area / (1e6 if metric.domain == "depth" else 1e3)


def _mean_normal(sums: NDArray[np.int64]) -> NDArray[np.float64]:
    """Direction that squared normals have most in common, its vertical part not negative."""
    xx, yy, zz, xy, xz, yz = sums / float(sums[:3].sum())
    vectors = np.linalg.eigh(np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]]))[1]
    normal = vectors[:, -1]
    lead = normal[2] if abs(normal[2]) > STEEP else normal[np.abs(normal).argmax()]
    return normal if lead > 0 else -normal
