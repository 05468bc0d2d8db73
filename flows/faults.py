"""Faults as surfaces and sticks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from prefect import flow

from flows.cluster_config import ClusterConfig
from flows.runs import OPTIONS, run_name
from seisproc.cluster import open_cluster
from seisproc.fault_surfaces.build import SurfacesReceipt
from seisproc.fault_surfaces.deliver import SticksReceipt
from seisproc.fault_surfaces.settings import SurfaceSettings
from tasks.faults import export_sticks, find_faults


@dataclass(frozen=True)
class FaultsReceipt:
    """The surfaces, and the files with their sticks where these were asked for."""

    surfaces: SurfacesReceipt
    sticks: SticksReceipt | None


@flow(name="faults", flow_run_name=run_name("faults", "store"), **OPTIONS)
def faults(
    store: str,
    run: str,
    output: str = "",
    threshold: float = 0.5,
    smoothing: float = 1.5,
    least_voxels: int = 200,
    angle_degrees: float = 10.0,
    velocity: float | None = None,
    spacing: int = 5,
    positions: Literal["auto", "xy", "lines"] = "auto",
    overwrite: bool = False,
    cluster: ClusterConfig = ClusterConfig(),
) -> FaultsReceipt:
    """Thin an interpretation's faults to numbered surfaces, and write their sticks.

    Args:
        store: Survey store with the interpretation.
        run: Name of the interpretation; the surfaces will stand at fault_surfaces/RUN.
        output: File for the sticks, or ending in / a folder for sticks, table and picture.
        threshold: Least fault probability on a surface.
        smoothing: Standard deviation in voxels of the Gaussian that finds the middle of a band.
        least_voxels: Smaller surfaces are dropped.
        angle_degrees: Most by which normals of neighbouring voxels of one surface may differ.
        velocity: In m/s, for dips and areas of surveys in time.
        spacing: Lines from stick to stick.
        positions: Of the sticks: X and Y, or line numbers.
        overwrite: Replace surfaces of this run that were found otherwise, and files.
        cluster: Where the work runs.
    """
    settings = SurfaceSettings(threshold, smoothing, least_voxels, angle_degrees, velocity)
    with open_cluster(cluster.spec()) as address:
        surfaces = find_faults(store, run, settings, address, overwrite)
    sticks = None
    if output:
        sticks = export_sticks(store, run, output, spacing, positions, overwrite)
    return FaultsReceipt(surfaces, sticks)
