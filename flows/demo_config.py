"""What the demo makes, and how little it takes to learn from it in two minutes and a half."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from flows.config import Form
from flows.folder import SurveyFolder
from flows.synthetic_config import SyntheticConfigForm, SyntheticSurveyConfig
from flows.training_config import PatchesConfig, SplitForm, SyntheticPatchSource, TrainingConfig
from seisproc.patches.config import Source, SurveySource

Target = Literal["facies", "fault"]


@dataclass(frozen=True)
class DemoFolder(SurveyFolder):
    """Places in the demo's folder: a survey's, its source and truth, patches and models."""

    @property
    def source(self) -> str:
        """The synthetic survey; its truth lies beside it."""
        return f"{self.path}/survey.sgy"

    def patches(self, target: str) -> str:
        """Training patches of a target."""
        return f"{self.path}/patches/{target}.zarr"

    def model(self, target: str) -> str:
        """Bundle of a target."""
        return f"{self.path}/models/{target}"


class Learning(Form):
    """What one of the demo's networks learns from, and how."""

    synthetics: SyntheticPatchSource = Field(description="Other synthetic volumes to learn from.")
    patches: PatchesConfig = Field(description="Training patches.")
    training: TrainingConfig = Field(description="Network, and how it is trained.")

    def sources(self, store: str, labels: str) -> list[Source]:
        """List what patches are cut from: the survey's own training part, and the synthetics."""
        return [SurveySource(store, labels), *self.synthetics.sources()]


SPLIT = SplitForm()

CLEAR_FAULTS = {
    "fault_count": [4, 7],
    "fault_throw": [8.0, 20.0],
    "fault_dip_degrees": [65.0, 86.0],
    "noise": [0.05, 0.25],
}
"""Faults that two minutes of training can find: throws of half a wavelength and more."""

FACIES = Learning(
    synthetics=SyntheticPatchSource(
        volumes=12,
        weight=1.0,
        volume=SyntheticConfigForm(shape=(96, 96, 128), seed=100, options=CLEAR_FAULTS),
    ),
    patches=PatchesConfig(shape=[64, 128], count=(720, 64, 0), split=SPLIT),
    training=TrainingConfig(
        arguments={
            "width": 0.25,
            "middle_blocks": 2,
            "stem_stride": 2,
            "aspp_rates": [1, 2, 3],
            "aspp_channels": 32,
            "low_level_channels": 16,
            "decoder_channels": 48,
            "head_channels": 32,
        },
        learning_rate=0.01,
        steps=840,
        batch_size=4,
        validate_every=210,
        patience=3,
        augment="flips",
        threads=1,  # on patches this small a second thread costs more than it gives
        device="cpu",  # in float32: depthwise convolutions in bfloat16 take three times as long
    ),
)

FAULT = Learning(
    synthetics=SyntheticPatchSource(
        volumes=12,
        weight=1.0,
        volume=SyntheticConfigForm(shape=(96, 96, 128), seed=200, options=CLEAR_FAULTS),
    ),
    patches=PatchesConfig(shape=[32, 32, 64], count=(480, 32, 0), split=SPLIT),
    training=TrainingConfig(
        arguments={"channels": [16, 32, 64], "stem_stride": 2},
        learning_rate=0.006,
        steps=1000,
        batch_size=2,
        validate_every=250,
        patience=3,
        augment="flips",
        threads=1,  # on patches this small a second thread costs more than it gives
        device="cpu",
        precision="auto",
    ),
)


class DemoConfig(Form):
    """The demo's survey, its split, and what its networks learn."""

    survey: SyntheticSurveyConfig = Field(
        default=SyntheticSurveyConfig(seed=7, options=CLEAR_FAULTS),
        description="The survey that is made.",
    )
    split: SplitForm = Field(
        default=SPLIT, description="Its parts: to learn from, to choose by, to be judged by."
    )
    facies: Learning | None = Field(default=FACIES, description="The facies network.")
    fault: Learning | None = Field(default=FAULT, description="The fault network.")

    @property
    def targets(self) -> list[Target]:
        """Targets that have a network."""
        wanted: list[Target] = ["facies", "fault"]
        return [target for target in wanted if getattr(self, target) is not None]

    def learning(self, target: Target) -> Learning:
        """Say what the network of a target learns."""
        chosen: Learning | None = self.facies if target == "facies" else self.fault
        if chosen is None:
            raise KeyError(target)
        return chosen
