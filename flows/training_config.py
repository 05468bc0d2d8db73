"""What to learn from, and how: the forms of training."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from flows.cluster_config import ClusterConfig
from flows.config import Form
from flows.synthetic_config import SyntheticConfigForm
from flows.texture_config import TextureUse
from models.training import TrainConfig
from seisproc.errors import ConfigError
from seisproc.patches.augment import AugmentConfig
from seisproc.patches.config import (
    PRESETS,
    PatchConfig,
    SectionsSource,
    SurveySource,
    SyntheticSource,
)
from seisproc.patches.sections import sections_source
from seisproc.patches.splits import SplitConfig
from tasks.distortion import Distortion


class LabelSource(Form):
    """A labelled survey that training learns from."""

    store: str = Field(description="Survey store.")
    labels: str = Field(description="Name of its labels.")
    weight: float = Field(default=1.0, ge=0, description="Share of the patches, in proportion.")

    def source(self) -> SurveySource:
        """Turn into what ``seisproc.patches.make`` takes."""
        return SurveySource(self.store, self.labels, self.weight)


class SectionFolder(Form):
    """Interpreted 2-D sections that training learns from, without a survey."""

    folder: str = Field(
        description="Folder of .npz files, one a section: seismic and facies or fault (sample,"
        " trace), inline and crossline of each trace."
    )
    classes: str = Field(
        default="",
        description="File of the class set. Empty: classes.yaml in the folder, or Parihaka's six.",
    )
    weight: float = Field(default=1.0, ge=0, description="Share of the patches, in proportion.")

    def source(self) -> SectionsSource:
        """Turn into what ``seisproc.patches.make`` takes."""
        return sections_source(self.folder, self.classes, self.weight)


class SyntheticPatchSource(Form):
    """Synthetic volumes that training learns from."""

    volumes: int = Field(default=8, ge=0, description="How many volumes to generate; 0: none.")
    weight: float = Field(default=1.0, ge=0, description="Share of the patches, in proportion.")
    volume: SyntheticConfigForm = Field(
        default=SyntheticConfigForm(seed=1000), description="What they are like, and their seed."
    )

    def sources(self) -> list[SyntheticSource]:
        """Turn into what ``seisproc.patches.make`` takes."""
        if not self.volumes:
            return []
        return [SyntheticSource(self.volume.config(), self.volumes, self.weight)]


class SplitForm(Form):
    """How a survey is cut into a part to learn from, one to choose by, and one to be judged by."""

    scheme: Literal["slabs", "blocks"] = Field(
        default="slabs", description="Slabs for a small survey, blocks of many for a large one."
    )
    fractions: tuple[float, float, float] = Field(
        default=(0.73, 0.09, 0.18), description="Shares of training, validation and test."
    )
    guard: int = Field(default=4, ge=0, description="Gap between the parts, in traces.")
    axis: Literal[0, 1] | None = Field(
        default=None, description="Slabs: cut across inlines (0) or crosslines (1). Empty: longer."
    )
    block: int = Field(default=128, ge=1, description="Blocks: their edge in traces.")
    seed: int = Field(default=0, ge=0, description="Which part goes where.")

    def config(self) -> SplitConfig:
        """Turn into what ``seisproc.patches.splits`` takes."""
        return SplitConfig(**self.model_dump())


class PatchesConfig(Form):
    """What training patches are like."""

    preset: Literal["", "paper"] = Field(
        default="",
        description="Shape and numbers of a published set; paper: 27,648, 32,952 and 24,560"
        " sections of 200 x 200.",
    )
    shape: list[Annotated[int, Field(ge=1)]] = Field(
        default=[],
        max_length=3,
        description="Traces and samples for 2-D sections; inlines, crosslines and samples for 3-D"
        " blocks. Empty: the preset's, or 128 x 128 for facies, 64 x 64 x 64 for faults.",
    )
    count: tuple[int, int, int] | None = Field(
        default=None,
        description="Patches for training, validation and test. Empty: the preset's, or 2048, 256"
        " and 0.",
    )
    directions: list[Literal["inline", "crossline"]] = Field(
        default=["inline", "crossline"], description="2-D only: along which lines."
    )
    balance: float = Field(
        default=0.5, ge=0, le=1, description="Share of patches placed on a rare class or a fault."
    )
    min_labelled: float = Field(
        default=0.25, ge=0, le=1, description="Least share of interpreted traces in a patch."
    )
    split: SplitForm = Field(default=SplitForm(), description="How surveys are cut into parts.")
    seed: int = Field(default=0, ge=0, description="Of everything that is drawn.")

    @field_validator("shape")
    @classmethod
    def _two_or_three(cls, shape: list[int]) -> list[int]:
        if len(shape) == 1:
            raise ValueError("Input should be two numbers, or three")
        return shape

    def config(self, target: str) -> PatchConfig:
        """Turn into what ``seisproc.patches.make`` takes."""
        usual: tuple[int, ...] = (128, 128) if target == "facies" else (64, 64, 64)
        count = (2048, 256, 0)
        if self.preset:
            usual, count = PRESETS[self.preset].shape, PRESETS[self.preset].count
        shape = tuple(self.shape) or usual
        values = self.model_dump(exclude={"preset", "shape", "count", "directions", "split"})
        return PatchConfig(
            target=target,
            kind=f"{len(shape)}d",
            shape=shape,
            count=self.count or count,
            directions=tuple(self.directions),
            split=self.split.config(),
            **values,
        )


class TrainingConfig(Form):
    """Which network, and how it is trained."""

    network: str = Field(
        default="",
        description="deeplabv3plus or unet (2-D), or unet3d (3-D). Empty: the first for facies, the"
        " last for faults.",
    )
    arguments: dict[str, Any] = Field(
        default={}, description="Of the network, e.g. its width; see the network's class."
    )
    steps: int = Field(default=4000, ge=1, description="Optimizer steps.")
    batch_size: int = Field(default=8, ge=1, description="Patches of a step.")
    validate_every: int = Field(default=200, ge=1, description="Steps between validations.")
    learning_rate: float = Field(default=3e-3, gt=0, description="Its peak.")
    schedule: Literal["cosine", "constant"] = Field(
        default="cosine", description="Of the learning rate after its rise: down to 0, or as it is."
    )
    warmup: float = Field(
        default=0.1, ge=0, lt=1, description="Share of steps in which the learning rate rises."
    )
    weight_decay: float = Field(default=1e-2, ge=0, description="Decoupled, as in AdamW.")
    average: float = Field(
        default=0.98,
        ge=0,
        lt=1,
        description="Decay of the moving average of the weights, which is what is kept; 0: none.",
    )
    dice_weight: float = Field(default=0.5, ge=0, description="Of the Dice term in the loss.")
    adversarial_weight: float = Field(
        default=0.0,
        ge=0,
        description="Facies on sections: weight of the loss of a PatchGAN that learns to tell"
        " predicted from interpreted facies; 0.1 with the network unet is the GAN of Kaur et al."
        " 2023.",
    )
    begin: str = Field(
        default="",
        description="A bundle to begin with instead of random weights: of the same network, or of"
        " a wider one, whose first channels are taken.",
    )
    encoder: str = Field(
        default="",
        description="Network encoder only: what `seisproc texture` wrote, to begin with its"
        " encoder instead of random weights.",
    )
    class_weights: Literal["none", "balanced"] = Field(
        default="none", description="Whether rare classes weigh more in the loss."
    )
    patience: int = Field(
        default=5, ge=0, description="Stop after so many validations without progress; 0: never."
    )
    augment: Literal["none", "flips", "full"] = Field(
        default="full",
        description="How patches are distorted, anew each time: not; flips and turns, which is"
        " enough for a short training; or gain, noise, stretch and more besides.",
    )
    texture: TextureUse = Field(
        default=TextureUse(), description="What real sections lend to the patches besides."
    )
    seed: int = Field(default=0, ge=0, description="Of weights, order, augmentation and dropout.")
    threads: int | None = Field(default=None, ge=1, description="CPU threads. Empty: torch's.")
    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto", description="Where it computes; auto takes a GPU where there is one."
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        default="float32", description="auto: bfloat16 where the hardware has it."
    )
    compile: bool = Field(
        default=False, description="Compile the network first, where torch can: a minute or two."
    )
    gpus: int = Field(
        default=1, ge=1, description="Processes, a GPU each, that share every batch."
    )
    place: Literal["here", "worker"] = Field(
        default="here",
        description="here: in the flow's own process; worker: as one task on a worker of the"
        " cluster, one with the resource GPU if any has it.",
    )
    checkpoint_minutes: float = Field(
        default=10.0, gt=0, description="A checkpoint so often, besides those of validations."
    )

    def config(self, target: str) -> TrainConfig:
        """Turn into what ``models.training`` takes."""
        network = self.network or ("deeplabv3plus" if target == "facies" else "unet3d")
        values = self.model_dump(exclude={"network", "augment", "texture", "gpus", "place"})
        return TrainConfig(network=network, target=target, **values)

    def require(self, cluster: ClusterConfig) -> None:
        """Refuse a training on a worker where there will be none.

        Raises
        ------
        ConfigError
            The cluster is this very process.
        """
        if self.place == "worker" and cluster.kind == "in-process":
            raise ConfigError("training on a worker needs a cluster", found="in-process",
                              do="Name one with --cluster, or train here")

    def distortion(self) -> Distortion:
        """Turn into what ``tasks.train`` takes."""
        kinds = {"none": None, "flips": AugmentConfig.flips(), "full": AugmentConfig()}
        return Distortion(kinds[self.augment], self.texture.config())
