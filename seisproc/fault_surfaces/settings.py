"""What decides which fault surfaces are found."""

from __future__ import annotations

from dataclasses import dataclass

from seisproc.errors import ConfigError

SMOOTHEST = 5.0
"""Voxels; the halo of a box grows with it."""


@dataclass(frozen=True)
class SurfaceSettings:
    """How faults are thinned, linked and measured.

    Parameters
    ----------
    threshold : float
        Least fault probability on a surface.
    smoothing : float
        Standard deviation in voxels of the Gaussian that finds the middle of a band: about a third
        of the bands' thickness. Faults closer than twice this become one.
    least_voxels : int
        Smaller surfaces are dropped.
    angle_degrees : float
        Most by which the normals of neighbouring voxels of one surface may differ.
    velocity : float or None
        In m/s, for dips and areas in time. None: dips in ms per m, areas in km ms.

    Raises
    ------
    ConfigError
        Naming the field that is out of range.
    """

    threshold: float = 0.5
    smoothing: float = 1.5
    least_voxels: int = 200
    angle_degrees: float = 10.0
    velocity: float | None = None

    def __post_init__(self) -> None:
        for name, least, most in (
            ("threshold", 0.01, 1.0), ("smoothing", 0.5, SMOOTHEST), ("least_voxels", 1, 2**31),
            ("angle_degrees", 1.0, 45.0), ("velocity", 100.0, 10_000.0),
        ):
            value = getattr(self, name)
            if value is not None and not least <= value <= most:
                raise ConfigError(f"{name} of fault surfaces", found=f"{value:g}",
                                  expected=f"{least:g} to {most:g}")


USUAL = SurfaceSettings()
