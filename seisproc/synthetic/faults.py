"""Faults: displacement fields, their undoing along geological time, and the labels they leave.

The displacement follows Walsh and Watterson (1987, J. Struct. Geol. 9, 1039-1046) in the
parametrisation that later generators use: elliptical in the plane of the fault, fading with
distance from it. Slip is along dip.

A growth fault slipped while the layers above its centre were laid down, so its throw falls
linearly towards its upper tip, as it does where fault and sediment kept an even pace (Childs et al.
2003, J. Struct. Geol. 25, 633-648). Its hanging wall takes all of the slip: the layers thicken
there, towards the fault, and keep their thickness in the footwall.

The work runs backwards: each voxel of the finished volume asks where its rock was before the
youngest fault moved, then before the one before, and so on. What it finds on the way, the plane
of an older fault included, is carried by the younger faults for free.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from seisproc.errors import ConfigError

LEAST_SLIP = 0.25
"""Samples. Where a fault slipped less, its label ends unless another limit is asked for. Nobody
sees a break below half a sample, and two faults that cross where neither is labelled must not add
up to more.
"""

_TABLE = 65
"""Nodes per side of the table of a fault's rough surface."""

_REACH = 1.5
"""The table spans this many semi-axes: a plane goes on for a while beyond its slip."""


@dataclass(frozen=True)
class Fault:
    """One fault surface and its slip, in grid units (1 bin = 1 sample).

    Parameters
    ----------
    centre : tuple of float
        (inline, crossline, sample) position where the slip is largest.
    strike_degrees : float
        Direction of the horizontal line in the plane, from the inline axis towards the crossline
        axis. The plane dips towards ``strike + 90``.
    dip_degrees : float
        In (0, 90].
    throw : float
        Vertical offset at the centre in samples; positive normal (the hanging wall went down),
        negative reverse.
    strike_radius, dip_radius : float
        Semi-axes of the slipped ellipse.
    drag : float
        Distance from the surface at which the displacement is gone.
    hanging_share : float
        Share of the slip that the hanging wall takes, the footwall takes the rest.
    listric : float
        Height in samples by which the surface bows off its plane at the dip radius (concave up).
    roughness : float
        Standard deviation of the surface's random undulation, in samples.
    seed : int
        Of that undulation.
    growth : bool
        Whether the layers above the centre were laid down while it slipped. The thickness of
        these layers in the hanging wall over that in the footwall (the expansion index) is then
        ``1 / (1 - throw / rise)`` on a vertical fault, with ``rise`` the height of the upper tip
        above the centre.
    """

    centre: tuple[float, float, float]
    strike_degrees: float
    dip_degrees: float
    throw: float
    strike_radius: float
    dip_radius: float
    drag: float
    hanging_share: float = 0.5
    listric: float = 0.0
    roughness: float = 0.0
    seed: int = 0
    growth: bool = False

    def __post_init__(self) -> None:
        """Refuse a fault that is none, and a growth fault whose footwall moves.

        Raises
        ------
        ConfigError
            Naming the fault's field.
        """
        if len(self.centre) != 3 or not np.isfinite(self.centre).all():
            raise ConfigError(
                "centre of a fault", found=str(self.centre), expected="inline, crossline, sample"
            )
        for name, least, most in (
            ("dip_degrees", 1.0, 90.0),
            ("throw", -1e4, 1e4),
            ("strike_radius", 1e-3, 1e9),
            ("dip_radius", 1e-3, 1e9),
            ("drag", 1e-3, 1e9),
            ("hanging_share", 0.0, 1.0),
            ("roughness", 0.0, 1e4),
            ("seed", 0, 2**63),
        ):
            if not least <= getattr(self, name) <= most:
                raise ConfigError(
                    f"{name} of a fault",
                    found=str(getattr(self, name)),
                    expected=f"{least:g} to {most:g}",
                )
        if self.growth and self.hanging_share != 1.0:
            raise ConfigError(
                "hanging_share of a growth fault",
                found=f"{self.hanging_share:g}",
                expected="1, since only its hanging wall sinks",
            )

    @cached_property
    def surface(self) -> NDArray[np.float32]:
        """Height of the surface over its plane, float32 (strike, dip), samples; ±1.5 semi-axes."""
        return _rough_surface(self)

    @property
    def slip(self) -> float:
        """Largest displacement along dip, in samples, signed like the throw."""
        return self.throw / float(np.sin(np.radians(self.dip_degrees)))

    @property
    def frame(self) -> NDArray[np.float64]:
        """Rows: unit vectors along strike, down dip, and normal (towards the hanging wall)."""
        strike, dip = np.radians(self.strike_degrees), np.radians(self.dip_degrees)
        along = np.array([np.cos(strike), np.sin(strike), 0.0])
        towards = np.array([-np.sin(strike), np.cos(strike), 0.0])
        down = np.array([0.0, 0.0, 1.0])
        return np.stack(
            [
                along,
                np.cos(dip) * towards + np.sin(dip) * down,
                np.sin(dip) * towards - np.cos(dip) * down,
            ]
        )


class Undone(NamedTuple):
    """Where each voxel's rock was before any fault moved, and which voxels lie on a fault.

    ``inline``, ``crossline``, ``sample``: float32 (inline, crossline, sample), grid units.
    ``label``: uint8 of the same shape, 1 on faults.
    """

    inline: NDArray[np.float32]
    crossline: NDArray[np.float32]
    sample: NDArray[np.float32]
    label: NDArray[np.uint8]


def undo_faults(
    shape: tuple[int, int, int],
    top: int,
    faults: tuple[Fault, ...],
    *,
    label_slip: float = LEAST_SLIP,
    label_radius: float = 0.0,
) -> Undone:
    """Trace every voxel back through all faults, youngest (last) first.

    Parameters
    ----------
    shape : tuple of int
        (inline, crossline, sample) of the grid to trace.
    top : int
        Sample number of the grid's first sample; negative where the grid starts above the crop.
    faults : tuple of Fault
        Oldest first.
    label_slip : float
        Samples; where a fault slipped less it is not labelled.
    label_radius : float
        Samples; voxels are labelled up to this distance from the surface. 0: the thinnest label
        without gaps.

    Returns
    -------
    Undone
        Positions before faulting, and the labels.
    """
    inline, crossline, sample = (
        np.empty(shape, np.float32),
        np.empty(shape, np.float32),
        np.empty(shape, np.float32),
    )
    inline[:] = np.arange(shape[0], dtype=np.float32)[:, None, None]
    crossline[:] = np.arange(shape[1], dtype=np.float32)[None, :, None]
    sample[:] = np.arange(top, top + shape[2], dtype=np.float32)
    label = np.zeros(shape, np.uint8)
    for fault in reversed(faults):
        _undo(inline, crossline, sample, label, *_arguments(fault), label_slip, label_radius)
    return Undone(inline, crossline, sample, label)


def throw_at(fault: Fault, position: tuple[float, float, float]) -> float:
    """Vertical offset in samples of a flat layer across the fault, next to a position on it.

    The position is projected onto the fault's surface along its normal; zero beyond the tips.

    Examples
    --------
    >>> fault = Fault((20, 20, 40), 0, 60, 6.0, strike_radius=30, dip_radius=30, drag=20)
    >>> round(throw_at(fault, (20, 20, 40)), 3)
    6.0
    """
    matrix, numbers, surface = _arguments(fault)
    offset = np.asarray(position, np.float64) - np.asarray(fault.centre)
    x, y, _ = fault.frame @ offset
    hanging, footwall = (_source(x, y, side, numbers, surface)[:2] for side in (1e-9, -1e-9))
    down = matrix[1, 2], matrix[2, 2]
    return float((footwall[0] - hanging[0]) * down[0] + (footwall[1] - hanging[1]) * down[1])


def _arguments(
    fault: Fault,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float32]]:
    """Pack a fault for the kernels: frame and centre (3, 4), numbers (7,), surface table."""
    matrix = np.column_stack([fault.frame, fault.frame @ np.asarray(fault.centre, np.float64)])
    numbers = np.array(
        [
            fault.slip,
            fault.strike_radius,
            fault.dip_radius,
            fault.drag,
            fault.hanging_share,
            float(np.abs(fault.surface).max()),
            float(fault.growth),
        ]
    )
    return matrix, numbers, fault.surface


def _rough_surface(fault: Fault) -> NDArray[np.float32]:
    """Height of the fault's surface over its plane, float32 (strike, dip), in samples.

    Both tables' axes span +-_REACH semi-axes. Zero height and slope at the centre, so that the
    declared centre, dip and throw hold there.
    """
    span = np.linspace(-_REACH, _REACH, _TABLE)
    listric = np.broadcast_to(fault.listric * span**2, (_TABLE, _TABLE))
    rough = np.zeros((_TABLE, _TABLE))
    if fault.roughness > 0:
        white = np.random.default_rng(fault.seed).standard_normal((_TABLE, _TABLE))
        rough = gaussian_filter(white, _TABLE / 8, mode="reflect")
        rough *= fault.roughness / rough.std()
        middle, step = _TABLE // 2, span[1] - span[0]
        slope = [np.gradient(rough, step, axis=axis)[middle, middle] for axis in (0, 1)]
        rough -= rough[middle, middle] + slope[0] * span[:, None] + slope[1] * span[None, :]
    return np.ascontiguousarray(listric + rough, dtype=np.float32)


@njit(cache=True, error_model="numpy")
def _height(
    x: float, y: float, strike_radius: float, dip_radius: float, surface: NDArray[np.float32]
) -> tuple[float, float, float]:
    """Bilinear height of the surface over its plane, and its two slopes."""
    last = surface.shape[0] - 1
    step_x = 2.0 * _REACH * strike_radius / last
    step_y = 2.0 * _REACH * dip_radius / last
    u = min(max(x / step_x + 0.5 * last, 0.0), last - 1e-6)
    v = min(max(y / step_y + 0.5 * last, 0.0), last - 1e-6)
    i, j = int(u), int(v)
    u -= i
    v -= j
    a, b = surface[i, j], surface[i, j + 1]
    c, d = surface[i + 1, j], surface[i + 1, j + 1]
    height = (a * (1 - v) + b * v) * (1 - u) + (c * (1 - v) + d * v) * u
    slope_x = ((c - a) * (1 - v) + (d - b) * v) / step_x
    slope_y = ((b - a) * (1 - u) + (d - c) * u) / step_y
    return height, slope_x, slope_y


@njit(cache=True, error_model="numpy")
def _slip(x: float, y: float, numbers: NDArray[np.float64]) -> float:
    """Displacement on the surface, ``2 d (1-rho) sqrt((1+rho)^2/4 - rho^2)``.

    Above the centre of a growth fault it is that of the centre line, less and less upwards.
    """
    part = 1.0
    if numbers[6] > 0.0 and y < 0.0:
        rho = abs(x) / numbers[1]
        if rho >= 1.0:
            return 0.0
        part = max(1.0 + y / (numbers[2] * np.sqrt(1.0 - rho * rho)), 0.0)
    else:
        rho = np.sqrt((x / numbers[1]) ** 2 + (y / numbers[2]) ** 2)
        if rho >= 1.0:
            return 0.0
    return part * 2.0 * numbers[0] * (1.0 - rho) * np.sqrt(0.25 * (1.0 + rho) ** 2 - rho * rho)


@njit(cache=True, error_model="numpy")
def _source(
    x: float, y: float, normal: float, numbers: NDArray[np.float64], surface: NDArray[np.float32]
) -> tuple[float, float, float]:
    """Place of the rock before the slip: (down dip, off plane), and the slip at this place.

    Rock keeps its distance from the curved surface while it moves along it.
    """
    slip = _slip(x, y, numbers)
    fade = (1.0 - abs(normal) / numbers[3]) ** 2
    share = numbers[4] if normal > 0.0 else numbers[4] - 1.0
    before = y - share * slip * fade
    height, _, _ = _height(x, before, numbers[1], numbers[2], surface)
    return before, normal + height, slip


@njit(cache=True, error_model="numpy")
def _undo(
    inline: NDArray[np.float32],
    crossline: NDArray[np.float32],
    sample: NDArray[np.float32],
    label: NDArray[np.uint8],
    matrix: NDArray[np.float64],
    numbers: NDArray[np.float64],
    surface: NDArray[np.float32],
    label_slip: float,
    label_radius: float,
) -> None:
    """Undo one fault in place, and label the voxels that its visible part crosses."""
    reach = numbers[3] + numbers[5]
    for i in range(inline.shape[0]):
        for j in range(inline.shape[1]):
            for k in range(inline.shape[2]):
                p, q, r = inline[i, j, k], crossline[i, j, k], sample[i, j, k]
                w = matrix[2, 0] * p + matrix[2, 1] * q + matrix[2, 2] * r - matrix[2, 3]
                if abs(w) >= reach:
                    continue
                x = matrix[0, 0] * p + matrix[0, 1] * q + matrix[0, 2] * r - matrix[0, 3]
                y = matrix[1, 0] * p + matrix[1, 1] * q + matrix[1, 2] * r - matrix[1, 3]
                if (x / numbers[1]) ** 2 + (y / numbers[2]) ** 2 >= 1.0:
                    continue
                height, slope_x, slope_y = _height(x, y, numbers[1], numbers[2], surface)
                normal = w - height
                if abs(normal) >= numbers[3]:
                    continue
                before, off_plane, slip = _source(x, y, normal, numbers, surface)
                if abs(normal) < max(2.0, label_radius + 1.0) and abs(slip) >= label_slip:
                    # A digital plane without gaps: half the L1 norm of the normal is the
                    # smallest threshold that leaves no passage between face neighbours.
                    # ``normal`` is measured along the plane's normal, as are these components.
                    reach_of_voxel, length = 0.0, 0.0
                    for axis in range(3):
                        component = (
                            matrix[2, axis] - slope_x * matrix[0, axis] - slope_y * matrix[1, axis]
                        )
                        reach_of_voxel += abs(component)
                        length += component * component
                    least = 0.5 * reach_of_voxel + 0.05
                    if abs(normal) <= max(least, label_radius * np.sqrt(length)):
                        label[i, j, k] = 1
                along, across = before - y, off_plane - w
                inline[i, j, k] = p + matrix[1, 0] * along + matrix[2, 0] * across
                crossline[i, j, k] = q + matrix[1, 1] * along + matrix[2, 1] * across
                sample[i, j, k] = r + matrix[1, 2] * along + matrix[2, 2] * across
