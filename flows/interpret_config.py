"""The form of how networks run over a survey."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from flows.config import Form

if TYPE_CHECKING:
    from tasks.interpret import InterpretationSettings

_Positive = Annotated[int, Field(ge=1)]


class InterpretConfig(Form):
    """How networks run over a survey."""

    samples: int = Field(
        default=20, ge=1, description="Monte-Carlo dropout samples; 1 runs once, without dropout."
    )
    batch_size: int = Field(
        default=0,
        ge=0,
        description="Windows of a forward pass; 0: up to 8 sections, fewer where they are large, 2"
        " cubes or 1 from 96^3 on; on a GPU as many as its memory and the regions take.",
    )
    threads: int = Field(default=1, ge=1, description="CPU threads of the network in one task.")
    seed: int = Field(default=0, ge=0, description="Of the dropout masks.")
    device: Literal["cpu", "cuda", "auto"] = Field(
        default="cpu",
        description="Where it computes; auto: on GPUs where the workers that compute have one.",
    )
    precision: Literal["auto", "float32", "tf32", "bfloat16", "float16"] = Field(
        default="float32",
        description="Of the deterministic part of the network; auto: bfloat16 where the hardware"
        " has it; tf32 and float16 on a GPU alone. What was computed in another precision does not"
        " count as done.",
    )
    compile: bool = Field(
        default=False,
        description="Have torch compile the deterministic part: some 20 s for each worker at the"
        " start, for 2 to 4 % on a CPU. Changes the last bits, so what was computed without does"
        " not count as done.",
    )
    overlap: float | None = Field(
        default=None,
        ge=0,
        le=0.9,
        description="Share of a window that its neighbour sees too. Empty: 0.25 for networks of"
        " sections, 0.375 for those of volumes; 0.25 makes these 1.7 times faster, and more of what"
        " they say depends on where their windows lie.",
    )
    facies_window: list[_Positive] = Field(
        default=[],
        max_length=3,
        description="Window of the facies network: traces and samples, or inlines, crosslines and"
        " samples. Larger ones know more and take more memory. Empty: the one it learned from,"
        " or of volumes up to twice that, as it fits the survey.",
    )
    fault_window: list[_Positive] = Field(
        default=[], max_length=3, description="Window of the fault network."
    )
    flips: bool = Field(
        default=False,
        description="Test-time augmentation: windows are seen flipped along their lateral axes too,"
        " and the answers averaged; twice the work on sections, four times on cubes.",
    )
    weights: Literal["gaussian", "hann", "flat"] = Field(
        default="gaussian", description="How overlapping windows are blended."
    )
    orientations: list[Literal["inline", "crossline"]] = Field(
        default=[], description="Sections that 2-D networks see. Empty: both."
    )
    probability: bool = Field(
        default=False, description="Keep the probability of every facies class too."
    )
    variance: bool = Field(
        default=False,
        description="Keep the variance of the probabilities over dropout samples, networks of an"
        " ensemble and flips too: 1 is the largest that there can be, 0.25 for faults.",
    )
    region: tuple[_Positive, _Positive] = Field(
        default=(1, 1), description="Shards of a region, the unit of work, along both lines."
    )
    max_memory_gib: float | None = Field(
        default=None, gt=0, description="Refuse a plan that needs more in one worker, in GiB."
    )

    @field_validator("precision")
    @classmethod
    def _of_the_device(cls, precision: str, known: ValidationInfo) -> str:
        if precision in ("tf32", "float16") and known.data.get("device") == "cpu":
            raise ValueError("Input should be auto, float32 or bfloat16 on device cpu")
        return precision

    def settings(self) -> InterpretationSettings:
        """Turn into what the stage takes."""
        from tasks.interpret import InterpretationSettings

        lists = ("orientations", "facies_window", "fault_window")
        return InterpretationSettings(
            **{**self.model_dump(), **{name: tuple(getattr(self, name)) for name in lists}}
        )
