"""How an autoencoder of sections is learned, and how training uses one: the forms."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from flows.config import Form
from models.autoencoder import STRIDE, AutoencoderArguments
from models.autoencoder_training import AutoencoderConfig
from tasks.distortion import Texture

Extent = Annotated[int, Field(ge=16, multiple_of=STRIDE)]


class TextureConfig(Form):
    """An autoencoder of sections, and how it is trained."""

    variational: bool = Field(
        default=True, description="Distributions of latent maps; off: a plain autoencoder."
    )
    latent: int = Field(
        default=8, ge=1, le=64, description="Numbers kept of every 8 x 8 samples of a section."
    )
    shape: tuple[Extent, Extent] = Field(
        default=(128, 128), description="Traces and samples of a patch, multiples of 8."
    )
    sections: int = Field(default=2048, ge=1, description="Patches to learn from.")
    steps: int = Field(default=2000, ge=1, description="Optimizer steps.")
    batch_size: int = Field(default=8, ge=1, description="Patches of a step.")
    learning_rate: float = Field(default=2e-3, gt=0, description="Its peak.")
    seed: int = Field(default=0, ge=0, description="Of weights, patches and their order.")
    threads: int | None = Field(default=None, ge=1, description="CPU threads. Empty: torch's.")
    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto", description="Where it computes; auto takes a GPU where there is one."
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        default="float32", description="auto: bfloat16 where the hardware has it."
    )

    def config(self) -> AutoencoderConfig:
        """Turn into what ``models.autoencoder_training`` takes."""
        arguments = AutoencoderArguments(latent=self.latent, variational=self.variational)
        values = self.model_dump(exclude={"variational", "latent", "shape", "sections"})
        return AutoencoderConfig(
            arguments, checkpoint_every=max(1, min(250, self.steps // 4)), **values
        )


class TextureUse(Form):
    """What a learned texture does to training patches, which must be 2-D."""

    file: str = Field(default="", description="What `seisproc texture` wrote. Empty: none.")
    mode: Literal["texture", "sample"] = Field(
        default="texture",
        description="texture: a drawn section is added; sample: the autoencoder tells it anew.",
    )
    chance: float = Field(default=0.5, ge=0, le=1, description="Share of patches.")
    level: float = Field(
        default=0.5, ge=0, description="Largest strength of an added section, in the patch's rms."
    )

    def config(self) -> Texture | None:
        """Turn into what ``tasks.distortion`` takes; None for none."""
        if not self.file:
            return None
        return Texture(self.file, self.mode, self.chance, self.level)
