"""What to synthesise: the forms of synthetic volumes and surveys, and of their classes."""

from __future__ import annotations

import dataclasses
from typing import Any

from pydantic import Field

from flows.config import Form
from seisproc.errors import ConfigError
from seisproc.schema import NONE, ClassSet, FaciesClass
from seisproc.synthetic.column_data import column_of, faults_of
from seisproc.synthetic.config import SyntheticConfig
from seisproc.synthetic.matching import fitted
from seisproc.synthetic.profile import read_profile
from tasks.synthesize import Acquisition


class ClassForm(Form):
    """One class of a class set."""

    code: int = Field(ge=0, lt=NONE, description="What its voxels hold.")
    name: str = Field(min_length=1, description="What it is called.")
    colour: str = Field(pattern="^#[0-9a-fA-F]{6}$", description="Its colour, #rrggbb.")


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

    classes: list[ClassForm] = Field(
        default=[], description="Class set of the column's codes. Empty: the six of Parihaka."
    )
    column: list[dict[str, Any]] = Field(
        default=[],
        description="Units of the stratigraphic column, oldest first, with the fields of"
        " seisproc.synthetic.column.Unit. Empty: Parihaka's.",
    )
    faults: list[dict[str, Any]] = Field(
        default=[],
        description="Faults, oldest first, with the fields of seisproc.synthetic.faults.Fault, in"
        " place of random ones.",
    )
    profile: str = Field(
        default="",
        description="Profile of a survey to imitate, as `seisproc match` writes it. Empty: none.",
    )

    def config(self) -> SyntheticConfig:
        """Turn into what ``seisproc.synthetic`` takes."""
        known = {field.name for field in dataclasses.fields(SyntheticConfig)}
        known -= {"classes", "column", "faults", "profile"}
        values: dict[str, Any] = {
            name: _frozen(value) for name, value in self.options.items()
        }
        unknown = sorted(set(values) - (known - set(type(self).model_fields)))
        if unknown:
            raise ConfigError(
                "options: no such setting of a synthetic volume",
                found=unknown[0],
                expected=", ".join(sorted(known)),
            )
        own: dict[str, Any] = {
            name: getattr(self, name) for name in known & set(type(self).model_fields)
        }
        if self.classes:
            own["classes"] = self._class_set()
        if self.column:
            own["column"] = column_of(self.column)
        if self.faults:
            own["faults"] = faults_of(self.faults)
        config = SyntheticConfig(**own, **values)
        if not self.profile:
            return config
        # What was asked for stays, whatever the survey is like.
        return dataclasses.replace(fitted(config, read_profile(self.profile)), **values)

    def _class_set(self) -> ClassSet:
        """Turn into a class set; each code and name once."""
        for name in ("code", "name"):
            values = [getattr(one, name) for one in self.classes]
            twice = [value for value in values if values.count(value) > 1]
            if twice:
                raise ConfigError(f"classes: a {name} twice", found=str(twice[0]))
        return tuple(FaciesClass(one.code, one.name, one.colour) for one in self.classes)


def _frozen(value: Any) -> Any:
    """Turn lists, of lists too, into tuples."""
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


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
