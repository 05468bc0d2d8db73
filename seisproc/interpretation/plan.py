"""What an interpretation will do, as a value: printable, comparable, carried out later.

Plans come from :func:`seisproc.interpretation.planner.plan_interpretation`. A plan holds all that
the result or its cost depend on; its fingerprint decides whether earlier work counts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from dask.utils import format_bytes

from seisproc.fingerprint import fingerprint
from seisproc.interpretation.blend import AxisWeights, blend_weights
from seisproc.interpretation.memory import RegionMemory, parts_of, region_memory
from seisproc.interpretation.parts import Part
from seisproc.interpretation.prediction import SEISMIC_ALONE, Recipe
from seisproc.interpretation.regions import Regions
from seisproc.interpretation.tiling import Lattice
from seisproc.interpretation.uncertainty import largest_variance
from seisproc.normalise import NORMALISATION
from seisproc.volume import Shape3

ALGORITHM_VERSION = 1
"""Raised whenever the same plan would give other values; part of every fingerprint."""

CONTEXT_VERSION = 1
"""Raised whenever networks would be told other values besides the seismic."""

HAND_OVER = "hand over"
RECOMPUTE = "recompute"
"""What happens to windows on a region's border: run once, with partial sums handed to the
neighbours, or run by every region that they touch."""

SLAB = 128
"""Samples that a region computes at a time; memory grows with it, the number of objects falls."""


@dataclass(frozen=True)
class NetworkPlan:
    """How one network runs over the survey.

    Attributes
    ----------
    recipe : Recipe
    lattices : tuple of Lattice
        One for a 3-D network, one an orientation for a 2-D one.
    weights : str
        Kind of blend weights.
    batch_size : int
        Windows that it is given at a time.
    probability, variance : bool
        Whether these are kept too.
    context_bytes : int
        Memory of the interpreted sections that it looks at.
    """

    recipe: Recipe
    lattices: tuple[Lattice, ...]
    weights: str
    batch_size: int
    probability: bool
    variance: bool = False
    context_bytes: int = 0

    @property
    def padded_to(self) -> int:
        """Windows of a pass of the network: what it is given is padded to a multiple of it."""
        return int(getattr(self.recipe, "batch_size", 1))

    @property
    def ahead(self) -> int:
        """Batches that are under way on a device besides the one that is waited for."""
        return int(getattr(self.recipe, "ahead", 0))

    @property
    def inputs(self) -> tuple[str, ...]:
        """Channels of a window by name; the first is the seismic."""
        return tuple(getattr(self.recipe, "inputs", SEISMIC_ALONE))

    @property
    def channels(self) -> int:
        """Running sums of a voxel: of probabilities, of the expected entropy, of the variance."""
        return self.recipe.channels + 1 + int(self.variance)

    @property
    def largest_entropy(self) -> float:
        """Entropy of knowing nothing, in nats."""
        return math.log(max(2, self.recipe.channels))

    @property
    def largest_variance(self) -> float:
        """Variance that counts as 1."""
        return largest_variance(max(2, self.recipe.channels))

    @property
    def volumes(self) -> dict[str, tuple[int, ...]]:
        """Volumes that it makes, each with its leading dimensions (of ``facies_probability``)."""
        target = self.recipe.target
        names = [target, f"{target}_uncertainty", f"{target}_disagreement"]
        names += [f"{target}_variance"] if self.variance else []
        made: dict[str, tuple[int, ...]] = {name: () for name in names}
        if self.probability and target == "facies":
            made["facies_probability"] = (self.recipe.channels,)
        return made

    @cached_property
    def blend(self) -> tuple[AxisWeights, ...]:
        """Blend weights of each lattice."""
        return blend_weights(self.weights, self.lattices)

    def batch_shape(self, windows: int, lattice: Lattice) -> tuple[int, ...]:
        """Shape of what the network is given: so many windows of a lattice."""
        told = () if len(self.inputs) == 1 else (len(self.inputs),)
        return (windows, *told, *lattice.window)

    def describe(self) -> dict[str, Any]:
        """Say all that its result depends on, and its name, as JSON."""
        told = {"inputs": list(self.inputs), "context": CONTEXT_VERSION}
        return {
            "name": self.recipe.name,
            "key": self.recipe.key,
            "target": self.recipe.target,
            "classes": list(self.recipe.classes),
            "windows": [list(lattice.window) for lattice in self.lattices],
            "strides": [list(lattice.stride) for lattice in self.lattices],
            "weights": self.weights,
            "batch_size": self.batch_size,
            **(told if len(self.inputs) > 1 else {}),
        }


@dataclass(frozen=True)
class InterpretationPlan:
    """All that an interpretation is made from, and what it will cost. See the module."""

    store_url: str
    run: str
    networks: tuple[NetworkPlan, ...]
    shape: Shape3
    chunks: Shape3
    shards: Shape3
    regions: Regions
    slab: int
    borders: str
    source: str
    mean: float
    std: float
    live_traces: int
    windows: int
    distinct_windows: int
    padded: int = 0

    @property
    def product(self) -> str:
        """Path of the product within the store."""
        return f"interpretation/{self.run}"

    @property
    def url(self) -> str:
        """Where the finished interpretation will be."""
        return f"{self.store_url}/{self.product}"

    @property
    def volumes(self) -> dict[str, tuple[int, ...]]:
        """All volumes of the product, with their leading dimensions."""
        return {name: lead for network in self.networks for name, lead in network.volumes.items()}

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the source, the networks and every parameter."""
        return fingerprint(self.describe())

    def describe(self) -> dict[str, Any]:
        """Say all that the product depends on, as JSON: its provenance."""
        return {
            "algorithm": ALGORITHM_VERSION,
            "source": self.source,
            "normalisation": {"name": NORMALISATION, "mean": self.mean, "std": self.std},
            "networks": [network.describe() for network in self.networks],
            "volumes": sorted(self.volumes),
            "shape": list(self.shape),
            "shards": list(self.shards),
            "region": list(self.regions.edge),
            "slab": self.slab,
            "borders": self.borders,
        }

    @property
    def overhead(self) -> float:
        """Windows run over windows that there are; 1 where none is run twice."""
        return self.windows / max(1, self.distinct_windows)

    @property
    def padding(self) -> float:
        """Slots of batches over windows run; 1 where none stays empty."""
        return 1.0 + self.padded / max(1, self.windows)

    @property
    def output_bytes(self) -> int:
        """Size of all volumes before compression."""
        classes = sum(math.prod(lead) for lead in self.volumes.values())
        return classes * math.prod(self.shape)

    @property
    def hands_over(self) -> bool:
        """Whether a window on a region's border runs once, and not in each that it touches."""
        return self.borders == HAND_OVER

    @cached_property
    def parts(self) -> tuple[Part | None, ...]:
        """Parts in which a region's windows are run, one after the other; None: all at a time."""
        return parts_of(self)

    @cached_property
    def memory(self) -> RegionMemory:
        """What one region under way takes, without the networks' own memory."""
        return region_memory(self)

    def __str__(self) -> str:
        rows = [
            ("survey", f"{self.store_url}  {by(self.shape)}, {self.live_traces:,} live traces"),
            ("product", self.url),
        ]
        for network in self.networks:
            first = network.lattices[0]
            windows = " + ".join(by(lattice.window) for lattice in network.lattices)
            rows.append((
                network.recipe.target,
                f"{network.recipe.name}, windows {windows}, stride {by(first.stride)}, "
                f"{network.weights} weights, batches of {network.batch_size}",
            ))
            if len(network.inputs) > 1:
                rows.append(("", f"told {', '.join(network.inputs)}"))
        rows += [
            ("regions", f"{len(self.regions):,} of {by(self.regions.edge)} traces, "
                        f"shards {by(self.shards)}"
                        + (f", sections in {len(self.parts)} parts" if any(self.parts) else "")),
            ("windows", f"{self.windows:,} of {self.distinct_windows:,} distinct, "
                        f"overhead {self.overhead:.2f} ({self.borders}); batches have "
                        f"{self.padded:,} empty slots, {self.padding - 1:.1%} more work"),
            ("memory",
             f"{self.memory.worker_bytes / 2**30:.2f} GiB a worker, and the networks' own"),
            ("output", f"{format_bytes(self.output_bytes)} before compression: "
                       f"{', '.join(self.volumes)}"),
            ("fingerprint", self.fingerprint[:16]),
        ]
        return "\n".join(f"{name:<12}{text}" for name, text in rows)


def by(extents: Sequence[int]) -> str:
    """Write extents as ``64 x 64 x 128``."""
    return " x ".join(f"{extent:,}" for extent in extents)
