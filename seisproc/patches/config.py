"""What patches to make, and from what: values, checked when they are made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from seisproc.errors import ConfigError
from seisproc.patches.drawing import CROSSLINE, DIRECTIONS, INLINE, VOLUME
from seisproc.patches.splits import PARTS, TRAIN, SplitConfig
from seisproc.schema import PARIHAKA, ClassSet

if TYPE_CHECKING:
    from seisproc.synthetic.config import SyntheticConfig

TARGETS = ("facies", "fault")


@dataclass(frozen=True)
class PatchConfig:
    """What patches to make.

    Attributes
    ----------
    target : str
        ``facies`` or ``fault``: which labels.
    kind : str
        ``2d``: vertical sections along inline and crossline. ``3d``: blocks.
    shape : tuple of int
        (trace, sample) or (inline, crossline, sample).
    count : (int, int, int)
        Patches for training, validation and test.
    directions : tuple of str
        2-D only: sections along ``inline``, ``crossline`` or both.
    balance : float
        Share of patches placed on a class drawn evenly from those there are (facies), or on a
        fault. The others lie anywhere.
    min_labelled : float
        Least share of interpreted traces under a patch; at least one trace in any case.
    split : SplitConfig
        How surveys are cut into parts. A synthetic volume belongs to one part as a whole.
    seed : int
        Of everything that is drawn.
    """

    target: str = "facies"
    kind: str = "2d"
    shape: tuple[int, ...] = (64, 64)
    count: tuple[int, int, int] = (512, 64, 0)
    directions: tuple[str, ...] = ("inline", "crossline")
    balance: float = 0.5
    min_labelled: float = 0.25
    split: SplitConfig = field(default_factory=SplitConfig)
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("shape", "count", "directions"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        wanted = {"2d": 2, "3d": 3}.get(self.kind)
        if wanted is None or self.target not in TARGETS:
            raise ConfigError("Unknown kind or target of patches",
                              found=f"{self.kind!r}, {self.target!r}",
                              expected="2d or 3d; facies or fault")
        if len(self.shape) != wanted or min(self.shape) < 1:
            raise ConfigError("The patch shape does not fit its kind", found=str(self.shape),
                              expected=f"{wanted} extents for {self.kind} patches")
        if len(self.count) != len(PARTS) or min(self.count) < 0 or not self.count[TRAIN]:
            raise ConfigError("The numbers of patches are wrong", found=str(self.count),
                              expected="three numbers: train (at least 1), validation, test")
        if not self.directions or set(self.directions) - set(DIRECTIONS[:VOLUME]):
            raise ConfigError("Unknown section direction", found=", ".join(self.directions),
                              expected="inline, crossline or both")
        if not (0 <= self.balance <= 1 and 0 <= self.min_labelled <= 1):
            raise ConfigError("A share is out of range",
                              found=f"balance {self.balance}, min_labelled {self.min_labelled}",
                              expected="between 0 and 1")

    @property
    def direction_codes(self) -> tuple[int, ...]:
        """Directions to draw from, as codes."""
        if self.kind == "3d":
            return (VOLUME,)
        return tuple(code for code in (INLINE, CROSSLINE) if DIRECTIONS[code] in self.directions)


PRESETS = {
    "paper": PatchConfig(shape=(200, 200), count=(27_648, 32_952, 24_560)),
}
"""Named settings. ``paper`` has the sizes of Kaur et al. 2023 (doi 10.1190/INT-2022-0048.1)."""


@dataclass(frozen=True)
class SurveySource:
    """Patches from the labels of a survey or a 2-D line, in proportion to ``weight``."""

    store_url: str
    labels: str
    weight: float = 1.0


@dataclass(frozen=True)
class SyntheticSource:
    """Patches from generated volumes, in proportion to ``weight``.

    Attributes
    ----------
    config : SyntheticConfig
        Its seed is the first volume's; the others follow from it.
    volumes : int
        How many to generate, shared among the parts like the patches.
    """

    config: SyntheticConfig
    volumes: int = 8
    weight: float = 1.0


@dataclass(frozen=True)
class SectionsSource:
    """Patches from interpreted 2-D sections without any survey, in proportion to ``weight``.

    Attributes
    ----------
    folder : str
        Of ``.npz`` files, one a section: ``seismic`` and ``facies`` or ``fault`` (sample, trace),
        ``inline`` and ``crossline`` of each trace.
    classes : ClassSet
        What the facies codes mean.
    weight : float
        Share of the patches.
    """

    folder: str
    classes: ClassSet = PARIHAKA
    weight: float = 1.0


Source = SurveySource | SyntheticSource | SectionsSource
