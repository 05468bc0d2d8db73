"""How training patches are distorted: what ``seisproc`` and ``models`` do to them, in turn."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.learned_texture import LearnedTexture, read_section_model
from seisproc.errors import ConfigError
from seisproc.patches.augment import AugmentConfig, augment, mix

Patch = tuple[NDArray[np.float32], NDArray[np.uint8]]
Augment = Callable[[NDArray[np.float32], NDArray[np.uint8], np.random.Generator], Patch]


@dataclass(frozen=True)
class Texture:
    """Use of a texture file in training; see :class:`models.learned_texture.LearnedTexture`."""

    path: str
    mode: str = "texture"
    chance: float = 0.5
    level: float = 0.5


@dataclass(frozen=True)
class Distortion:
    """What happens to a training patch, anew each time that it is seen.

    Attributes
    ----------
    augment : AugmentConfig or None
    texture : Texture or None
        2-D patches only; applied after the other.
    """

    augment: AugmentConfig | None = None
    texture: Texture | None = None

    def require(self, kind: str) -> None:
        """Refuse what cannot be done to patches of a kind, ``2d`` or ``3d``.

        Raises
        ------
        ConfigError
            A texture for 3-D patches.
        BundleError
            No texture file, or a damaged one.
        """
        if self.texture is None:
            return
        read_section_model(self.texture.path)
        if kind != "2d":
            raise ConfigError(f"{self.texture.path}: a learned texture is of sections",
                              found=f"{kind} patches", expected="2d patches",
                              do="Leave --texture out, or give patches a shape of two numbers")

    def of_patch(self) -> Augment | None:
        """Return the function that distorts one patch, or None.

        Raises
        ------
        BundleError
            If the texture file is not there or damaged.
        """
        first = partial(augment, config=self.augment) if self.augment else None
        if self.texture is None:
            return first
        values = dataclasses.asdict(self.texture)
        second = LearnedTexture(read_section_model(values.pop("path")), **values)
        if first is None:
            return second

        def both(
            seismic: NDArray[np.float32], label: NDArray[np.uint8], rng: np.random.Generator
        ) -> Patch:
            return second(*first(seismic, label, rng), rng)

        return both

    def of_two(self) -> Callable[..., Patch] | None:
        """Return the function that lends one patch traces of another, or None."""
        if self.augment is None or not self.augment.p_mix:
            return None
        return partial(mix, config=self.augment)

    def described(self) -> dict[str, Any] | None:
        """JSON values that decide what it does; a texture by the hash of its file."""
        described = dataclasses.asdict(self.augment) if self.augment else None
        if self.texture is None:
            return described
        texture = dataclasses.asdict(self.texture)
        texture["sha256"] = hashlib.sha256(Path(texture.pop("path")).read_bytes()).hexdigest()
        return {**(described or {}), "texture": texture}
