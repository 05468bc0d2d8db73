"""Recipes of a training: a file's groups, over a preset's values, under the options given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field

from flows.config import Form, read_form, settled
from flows.section_config import ContextForm
from flows.training_config import (
    LabelSource,
    PatchesConfig,
    SectionFolder,
    SyntheticPatchSource,
    TrainingConfig,
)
from models.presets import ARGUMENTS, network_arguments
from seisproc.errors import ConfigError
from seisproc.patches.config import TARGETS

PRESETS: dict[str, dict[str, dict[str, Any]]] = yaml.safe_load(
    Path(__file__).with_name("training_presets.yaml").read_text()
)
"""Groups of a recipe by preset and target."""


class Recipe(Form):
    """What a configuration file of `seisproc patches` and `seisproc train` may hold."""

    target: Literal["facies", "fault"] | None = Field(
        default=None, description="What the network tells; `seisproc train` needs it."
    )
    preset: Literal["", "paper", "quick", "laptop", "gpu"] = Field(
        default="", description="Values for all that is not said here."
    )
    surveys: list[LabelSource] = Field(default=[], description="Labelled surveys.")
    sections: list[SectionFolder] = Field(default=[], description="Folders of sections.")
    synthetics: SyntheticPatchSource = Field(
        default=SyntheticPatchSource(), description="Synthetic volumes."
    )
    patches: PatchesConfig = Field(default=PatchesConfig(), description="What is cut from them.")
    context: ContextForm | None = Field(
        default=None,
        description="Train on the folders of sections as a whole, with what is known around them,"
        " instead of on patches.",
    )
    training: TrainingConfig = Field(
        default=TrainingConfig(), description="Which network, and how it is trained."
    )


_KIND = "training configuration"
_FLAGS = {
    "synthetics.volumes": "--synthetic",
    **{f"training.{name}": f"--{name}" for name in ("steps", "seed", "device", "texture", "gpus")},
    "training.place": "--on",
}


def read_recipe(
    recipe: str,
    preset: str | None,
    labels: Sequence[tuple[str, str]],
    sections: Sequence[str],
    synthetic: int | None,
    options: Mapping[str, Any],
) -> dict[str, Any]:
    """Read the recipe of a training, and the options that override it.

    Parameters
    ----------
    recipe : str
        ``facies``, ``fault``, or a YAML or JSON file that holds a :class:`Recipe`.
    preset : str, optional
        Key of :data:`PRESETS`; None: the file's, if it has one.
    labels, sections, synthetic, options
        What the command line says; it wins over the file, which wins over the preset.

    Returns
    -------
    dict
        The arguments ``target``, ``surveys``, ``sections``, ``synthetics``, ``patches``,
        ``training`` and ``context`` of the flow.

    Raises
    ------
    ConfigError
        No such file, no target in it, or a setting that is unknown or out of range; it names the
        file or the option.
    """
    if recipe in TARGETS:
        return _groups("", {"target": recipe}, preset, labels, sections, synthetic, options)
    if not Path(recipe).exists() and not Path(recipe).suffix:
        raise ConfigError(f"{recipe}: no recipe", expected="facies, fault, or a YAML or JSON file",
                          do="Name a target or a file that is there")
    values = read_form(recipe)
    groups = _groups(recipe, values, preset, labels, sections, synthetic, options)
    if groups["target"] is None:
        raise ConfigError(f"{recipe}: the recipe names no target",
                          expected="`target: facies` or `target: fault`", do="Add that line to it")
    return groups


def read_sources(
    config: str | None,
    target: str,
    labels: Sequence[tuple[str, str]],
    sections: Sequence[str],
    synthetic: int | None,
) -> dict[str, Any]:
    """Read what patches are cut from, of a recipe's file or of none, and the options over it.

    Returns the arguments ``surveys``, ``sections``, ``synthetics`` and ``patches`` of the flow.

    Raises
    ------
    ConfigError
        As :func:`read_recipe`, or the file is a recipe for the other target.
    """
    values = read_form(config) if config else {}
    found = values.get("target", target)
    if found in TARGETS and found != target:
        raise ConfigError(f"{config}: a recipe for another target", found=found, expected=target)
    groups = _groups(
        config or "", {**values, "target": found}, None, labels, sections, synthetic, {}
    )
    return {name: groups[name] for name in ("surveys", "sections", "synthetics", "patches")}


def _groups(
    file: str,
    values: dict[str, Any],
    preset: str | None,
    labels: Sequence[tuple[str, str]],
    sections: Sequence[str],
    synthetic: int | None,
    options: Mapping[str, Any],
) -> dict[str, Any]:
    # What a file gets wrong is told by its name, what an option does by the option's.
    told = settled(Recipe, values, {}, kind=_KIND, flags={}, file=file)
    given = _given(options)
    texture = given.pop("texture", None)
    if texture:
        given["texture"] = {"file": texture}
    asked = {"synthetics": _given({"volumes": synthetic}), "training": given}
    name = preset or told.preset
    base = _preset(name, told.target, values.get("training", {})) if name and told.target else {}
    merged = {
        group: _over(_over(base.get(group, {}), values.get(group, {})), asked.get(group, {}))
        for group in ("synthetics", "patches", "training")
    }
    groups = settled(Recipe, values, merged, kind=_KIND, flags=_FLAGS, verb="train")
    return {
        "target": told.target,
        "surveys": [*told.surveys, *(LabelSource(store=s, labels=name) for s, name in labels)],
        "sections": [*told.sections, *(SectionFolder(folder=folder) for folder in sections)],
        "synthetics": groups.synthetics,
        "patches": groups.patches,
        "training": groups.training,
        "context": told.context,
    }


def _preset(name: str, target: str, training: Mapping[str, Any]) -> dict[str, Any]:
    """Take the groups of a preset, with the network's arguments unless the recipe gives its own."""
    groups = PRESETS[name][target]
    values = dict(groups["training"])
    network, size = training.get("network") or values["network"], values.pop("size")
    if "arguments" not in training and size in ARGUMENTS.get(network, {}):
        values["arguments"] = network_arguments(network, size)
    return {**groups, "training": values}


def _over(low: Mapping[str, Any], high: Mapping[str, Any]) -> dict[str, Any]:
    """Merge settings, of groups within too; where both say something, ``high`` wins."""
    merged = {**low, **high}
    for name in low.keys() & high.keys():
        if isinstance(low[name], dict) and isinstance(high[name], dict):
            merged[name] = _over(low[name], high[name])
    return merged


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}
