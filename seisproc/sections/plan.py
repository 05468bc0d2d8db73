"""What the interpretation of a folder of sections will do, as a value that prints itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from seisproc.interpretation.plan import by
from seisproc.interpretation.tiling import INLINE, lattices
from seisproc.places import open_place, reaching
from seisproc.sections.files import SectionJob, answer_key, made_from, section_urls
from seisproc.sections.folder import read_section
from seisproc.sections.interpret import OVERLAP, require_model_of_sections

TO_MAKE = "to make"
KEPT = "kept"
OTHER = "made from something else"
"""How the answer to a section stands: not there, there and the same, there and another."""


@dataclass(frozen=True)
class PlannedSection:
    """One section: its file's name, extents (trace, sample), windows, and how its answer stands."""

    name: str
    shape: tuple[int, int]
    windows: int
    answer: str


@dataclass(frozen=True)
class SectionsPlan:
    """All that would be done with a folder of sections."""

    folder: str
    output: str
    job: SectionJob
    sections: tuple[PlannedSection, ...]
    overwrite: bool = False

    def __str__(self) -> str:
        recipe, count = self.job.recipe, len(self.sections)
        told: Mapping[str, Any] = getattr(recipe, "describe", dict)()
        window, stride = (by(each) for each in _lattice(recipe, (1, 1)))
        kept = sum(each.answer == KEPT for each in self.sections)
        other = sum(each.answer == OTHER for each in self.sections)
        to_run = [each for each in self.sections if each.answer != KEPT]
        if other and not self.overwrite:
            to_run = [each for each in to_run if each.answer == TO_MAKE]
        rows = [
            ("sections", f"{count:,} in {self.folder}, "
                         f"{sum(each.shape[0] for each in self.sections):,} traces"),
            (recipe.target, f"{recipe.name}, windows {window}, stride {stride}"),
            ("device", f"{told.get('device', 'cpu')}, {told.get('precision', 'float32')}"),
            ("windows", f"{sum(each.windows for each in to_run):,} to run"),
            ("output", f"{self.output}: {len(to_run):,} to make, {kept:,} kept"
                       + (": a run would do nothing" if kept == count else "")),
        ]
        if other:
            does = "replaced" if self.overwrite else "refused: give --overwrite or another --output"
            rows.append(("", f"{other:,} {OTHER}, {does}"))
        width = max(len(each.name) for each in self.sections)
        rows += [
            ("", f"{each.name:<{width}}  {by(each.shape)}, {each.windows:,} windows, {each.answer}")
            for each in self.sections
        ]
        return "\n".join(f"{name:<12}{text}" for name, text in rows)


def plan_folder(
    folder: str, output: str, job: SectionJob, *, overwrite: bool = False
) -> SectionsPlan:
    """Say what :func:`seisproc.sections.files.interpret_folder` would do; loads no network.

    Reads every section, since what is in it decides whether its answer is kept.

    Raises
    ------
    VolumeError, ConfigError
        A section is damaged, or the model is none for sections; or the answers would replace them.
    """
    require_model_of_sections(job.recipe)
    planned = []
    for url in section_urls(folder, output):
        section = read_section(url)
        traces, samples = section.seismic.shape
        counts = lattices(
            (1, traces, samples), job.recipe.window, OVERLAP, (INLINE,)
        )[0].counts
        target = f"{output.rstrip('/')}/{section.name}"
        fs, path = open_place(target)
        with reaching(target):
            there = fs.exists(path)
        answer = TO_MAKE
        if there:
            answer = KEPT if made_from(target) == answer_key(section, job) else OTHER
        planned.append(PlannedSection(
            section.name, (traces, samples), counts[1] * counts[2], answer
        ))
    return SectionsPlan(folder, output, job, tuple(planned), overwrite)


def _lattice(recipe: Any, extents: tuple[int, int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Find window and stride (trace, sample) of a network over sections."""
    (lattice,) = lattices((1, *extents), recipe.window, OVERLAP, (INLINE,))
    return lattice.window[1:], lattice.stride[1:]
