"""What to synthesise: the forms of synthetic volumes and surveys."""

from __future__ import annotations

import dataclasses
from typing import Any

from pydantic import Field

from flows.config import Form
from seisproc.errors import ConfigError
from seisproc.synthetic.config import SyntheticConfig
from seisproc.synthetic.matching import matched
from seisproc.synthetic.profile import read_profile
from tasks.synthesize import Acquisition


class SyntheticConfigForm(Form):
    """What a synthetic volume is like; all else is drawn from the seed."""

    shape: tuple[int, int, int] = Field(
        default=(112, 96, 128), description="Inlines, crosslines and samples."
    )
    seed: int = Field(default=0, ge=0, description="Decides all that the settings leave open.")
    sample_interval_ms: float = Field(default=4.0, gt=0, description="Sample interval in ms.")
    bin_m: float = Field(default=25.0, gt=0, description="Distance of traces in m.")
    options: dict[str, Any] = Field(
        default={},
        description="Any other field of seisproc.synthetic.config.SyntheticConfig, e.g."
        ' {"noise": [0.1, 0.5], "fault_count": [5, 9]}.',
    )

    profile: str = Field(
        default="",
        description="Profile of a survey to imitate, as `seisproc match` writes it. Empty: none.",
    )

    def config(self) -> SyntheticConfig:
        """Turn into what ``seisproc.synthetic`` takes."""
        known = {field.name for field in dataclasses.fields(SyntheticConfig)}
        known -= {"column", "faults", "profile"}
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in self.options.items()
        }
        unknown = sorted(set(values) - (known - set(type(self).model_fields)))
        if unknown:
            raise ConfigError(
                "options: no such setting of a synthetic volume",
                found=unknown[0],
                expected=", ".join(sorted(known)),
            )
        own = {name: getattr(self, name) for name in known & set(type(self).model_fields)}
        config = SyntheticConfig(**own, **values)
        if not self.profile:
            return config
        # What was asked for stays, whatever the survey is like.
        return dataclasses.replace(matched(config, read_profile(self.profile)), **values)


class SyntheticSurveyConfig(SyntheticConfigForm):
    """A synthetic survey, and how it is written as SEG-Y."""

    first_sample_ms: float = Field(default=400.0, ge=0, description="Delay recording time in ms.")
    sample_format: int = Field(default=1, description="SEG-Y format code: 1 IBM, 5 IEEE, 3 int16.")
    missing_corner: int = Field(
        default=16, ge=0, description="Legs, in traces, of the corner without traces."
    )

    def acquisition(self) -> Acquisition:
        """Turn into what the stage takes."""
        return Acquisition(
            first_sample_ms=self.first_sample_ms,
            sample_format=self.sample_format,
            missing_corner=self.missing_corner,
        )
