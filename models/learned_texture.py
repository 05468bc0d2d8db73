"""What an autoencoder of real sections lends to training patches: texture, or a new look.

A texture file is one ``.safetensors``: the weights, the field of the latent maps, and what it was
made from as JSON in the file's own metadata. Nothing in it is code.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from models.autoencoder import STRIDE, Autoencoder, AutoencoderArguments
from models.errors import BundleError, ModelError, NetworkError
from models.latent_field import LatentField

FORMAT = 1
"""Version of the file; raised when an older reader would misread it."""

MODES = ("texture", "sample")

_ENCODED = 512
"""Patches whose latent maps the field is described by."""


@dataclass(frozen=True, eq=False)
class SectionModel:
    """An autoencoder with the field of its latent maps, ready to draw.

    Attributes
    ----------
    network : Autoencoder
        On the CPU, in evaluation mode.
    field : LatentField
    made_from : mapping
        JSON values: sources, configuration, scores.
    """

    network: Autoencoder
    field: LatentField
    made_from: Mapping[str, Any]

    @classmethod
    def of(
        cls, network: Autoencoder, sections: NDArray[np.float32], made_from: Mapping[str, Any]
    ) -> SectionModel:
        """Describe the latent maps of real unit-rms patches (patch, trace, sample)."""
        few = min(_ENCODED, len(sections))
        picked = np.unique(np.linspace(0, len(sections) - 1, few).astype(int))
        rng = np.random.default_rng(0)
        maps = []
        with torch.inference_mode():
            for index in picked:
                encoded = network.encode(torch.from_numpy(sections[index][None, None].copy()))
                shape = tuple(encoded.mean.shape)
                noise = torch.from_numpy(rng.standard_normal(shape, dtype=np.float32))
                maps.append(encoded.draw(noise)[0].numpy())
        return cls(network, LatentField.of(np.stack(maps)), made_from)

    def draw(self, extent: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float32]:
        """Draw a section that nobody recorded: float32 (trace, sample), unit rms."""
        latent = self.field.draw((-(-extent[0] // STRIDE), -(-extent[1] // STRIDE)), rng)
        with torch.inference_mode():
            section = self.network.decode(torch.from_numpy(latent)[None])[0, 0].numpy()
        section = np.asarray(section[: extent[0], : extent[1]], np.float32)
        return section * np.float32(1.0 / max(_rms(section), 1e-6))

    def retell(
        self, section: NDArray[np.float32], rng: np.random.Generator
    ) -> NDArray[np.float32]:
        """Tell a section as the autoencoder would: float32 (trace, sample), with the same rms.

        A variational one draws from the distribution of latent maps that the section has.
        """
        traces, samples = section.shape
        room = [(0, -traces % STRIDE), (0, -samples % STRIDE)]
        window = np.pad(section, room, mode="symmetric")
        with torch.inference_mode():
            encoded = self.network.encode(torch.from_numpy(window)[None, None])
            noise = rng.standard_normal(tuple(encoded.mean.shape), dtype=np.float32)
            told = self.network.decode(encoded.draw(torch.from_numpy(noise)))[0, 0].numpy()
        told = told[:traces, :samples]
        return told * np.float32(_rms(section) / max(_rms(told), 1e-6))


@dataclass(frozen=True)
class LearnedTexture:
    """An augmentation of 2-D patches by a section model; labels stay where they are.

    Attributes
    ----------
    model : SectionModel
    mode : str
        ``texture``: a drawn section is added, with up to ``level`` of the patch's rms.
        ``sample``: the patch is replaced by what the autoencoder tells of it.
    chance : float
        How often.
    level : float
        Of ``texture``; drawn uniformly up to it.
    """

    model: SectionModel
    mode: str = "texture"
    chance: float = 0.5
    level: float = 0.5

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ModelError("learned texture: mode", found=repr(self.mode),
                             expected=f"one of {', '.join(MODES)}")
        if not 0 <= self.chance <= 1 or self.level < 0:
            raise ModelError("learned texture is out of range",
                             found=f"chance {self.chance}, level {self.level}",
                             expected="a chance between 0 and 1, a level of 0 or more")

    def __call__(
        self, seismic: NDArray[np.float32], label: NDArray[np.uint8], rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """Distort one patch (trace, sample); dead traces stay dead, the rms stays.

        Raises
        ------
        NetworkError
            For a 3-D patch: the model knows sections only.
        """
        if seismic.ndim != 2:
            raise NetworkError("learned texture", found=f"a patch with {seismic.ndim} axes",
                               expected="2-D patches")
        if rng.random() >= self.chance:
            return seismic, label
        if self.mode == "sample":
            made = self.model.retell(np.ascontiguousarray(seismic), rng)
        else:
            texture = self.model.draw(seismic.shape, rng)
            made = seismic + np.float32(self.level * rng.uniform() * _rms(seismic)) * texture
        made = np.where(np.any(seismic != 0, axis=1, keepdims=True), made, np.float32(0))
        return made * np.float32(_rms(seismic) / max(_rms(made), 1e-6)), label


def save_section_model(path: str | Path, model: SectionModel) -> None:
    """Write a texture file, whole or not at all."""
    tensors = {f"network/{k}": v.contiguous() for k, v in model.network.state_dict().items()}
    density = np.stack([model.field.density.real, model.field.density.imag])
    tensors["field/mean"] = torch.from_numpy(np.ascontiguousarray(model.field.mean))
    tensors["field/density"] = torch.from_numpy(np.ascontiguousarray(density))
    card = {"format": FORMAT, "arguments": asdict(model.network.arguments),
            "made_from": dict(model.made_from)}
    partial = Path(f"{path}.part")
    save_file(tensors, partial, metadata={"seisproc_sections": json.dumps(card, sort_keys=True)})
    partial.replace(path)


def read_section_model(path: str | Path) -> SectionModel:
    """Read what :func:`save_section_model` wrote.

    Raises
    ------
    BundleError
        If the file is not there, damaged, or something else.
    """
    try:
        with safe_open(path, framework="pt") as file:
            card = json.loads((file.metadata() or {})["seisproc_sections"])
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        if card["format"] != FORMAT:
            raise BundleError(f"{path} is a texture file of another version",
                              found=str(card["format"]), expected=str(FORMAT),
                              do="Make it again with `seisproc texture`")
        network = Autoencoder(AutoencoderArguments(**card["arguments"]))
        network.load_state_dict(
            {k.removeprefix("network/"): v for k, v in tensors.items() if k.startswith("network/")}
        )
        real, imaginary = tensors["field/density"].numpy()
        density = (real + 1j * imaginary).astype(np.complex64)
        field = LatentField(tensors["field/mean"].numpy(), density)
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError, OSError) as reason:
        raise BundleError(f"{path} is no texture file", found=_first_line(reason),
                          expected="a .safetensors that `seisproc texture` wrote") from None
    return SectionModel(network.eval(), field, card["made_from"])


def _first_line(reason: Exception) -> str:
    return next(iter(str(reason).splitlines()), type(reason).__name__)


def _rms(section: NDArray[np.float32]) -> float:
    return float(np.sqrt(np.mean(np.square(section, dtype=np.float64))))
