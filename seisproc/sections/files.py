"""From a folder of sections to a folder of interpretations, one ``.npz`` file each, resumable."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seisproc.errors import ConfigError, IncompleteError, OutputExistsError, SeisprocError
from seisproc.labelling.sections import read_npz
from seisproc.patches.sections import section_files
from seisproc.places import open_place, reaching, require_writable, shown
from seisproc.records import write_atomic
from seisproc.sections.folder import Section, read_section
from seisproc.sections.interpret import SectionRecipe, interpret_section, npz_bytes
from seisproc.sections.neighbours import Neighbours, from_arrays
from seisproc.volume import map_bounded

if TYPE_CHECKING:
    from distributed import Client

VERSION = 1
"""Of what is stored; raised when the same section and model give other bytes."""

MADE_FROM = "made_from"
"""Array of an output that holds the hash of its section and of the model."""


@dataclass(frozen=True)
class SectionJob:
    """A network, the hash of everything about it that decides what it says, and what is kept."""

    recipe: SectionRecipe
    key: str
    variance: bool = False


@dataclass(frozen=True)
class SectionsReceipt:
    """What was interpreted: the folder, its sections, and those that were done before."""

    url: str
    sections: int
    kept: int
    traces: int


def interpret_folder(
    folder: str,
    output: str,
    job: SectionJob,
    client: Client | None = None,
    *,
    overwrite: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> SectionsReceipt:
    """Interpret all sections of a folder.

    Parameters
    ----------
    folder : str
        Folder or fsspec URL of ``.npz`` files; see :mod:`seisproc.sections.folder`.
    output : str
        Where files of the same names go. A file appears when it is whole. One that was made from
        the same section by the same model is kept.
    job : SectionJob
    client : Client, optional
        Workers, which see both folders; None interprets here.
    overwrite : bool
        Whether files that were made from something else may be replaced.

    Raises
    ------
    VolumeError, ConfigError
        A section is damaged, or the model is none for sections. Of several sections, the others are
        interpreted first.
    OutputExistsError
        Other files of these names are there.
    """
    urls = section_urls(folder, output)
    work = partial(_interpret_file, output=output, job=job, overwrite=overwrite)
    kept = traces = done = 0
    errors: dict[str, Exception] = {}
    for outcome in map_bounded(work, urls, client):
        done += 1
        if outcome.error is not None or outcome.result is None:
            errors[outcome.item] = outcome.error or SeisprocError("no answer")
        else:
            count, was_there = outcome.result
            traces, kept = traces + count, kept + was_there
        if on_progress is not None:
            on_progress(done, len(urls))
    if errors:
        first = errors[min(errors)]
        if len(errors) in (1, len(urls)) or not isinstance(first, SeisprocError):
            raise first
        raise IncompleteError(
            f"{len(errors)} of {len(urls)} sections could not be interpreted",
            found=f"{shown(min(errors))}: {first}",
            do="Mend these and run the same command again: the others are kept",
        )
    return SectionsReceipt(output, len(urls), kept, traces)


def section_urls(folder: str, output: str) -> list[str]:
    """List the sections of a folder whose answers go to another one.

    Raises
    ------
    ConfigError
        If it is the same.
    AccessError
        If nothing can be written there.
    VolumeError
        If the folder holds none.
    """
    require_writable(output)
    if open_place(folder.rstrip("/")) == open_place(output.rstrip("/")):
        raise ConfigError("the answers would replace the sections", found=shown(output),
                          expected="another folder than that of the sections")
    return section_files(folder)


def answer_key(section: Section, job: SectionJob) -> str:
    """Hash of all that the answer to a section is made from."""
    digest = hashlib.sha256(f"{VERSION} {job.key}".encode())
    digest.update(section.seismic.tobytes())
    digest.update(b"" if section.lines is None else section.lines.tobytes())
    digest.update(b"variance" if job.variance else b"")
    return digest.hexdigest()


def _interpret_file(
    url: str, output: str, job: SectionJob, overwrite: bool
) -> tuple[int, int]:
    """Interpret one section; returns its traces, and 1 where the answer was there already."""
    section = read_section(url)
    wanted = answer_key(section, job)
    target = f"{output.rstrip('/')}/{section.name}"
    fs, path = open_place(target)
    with reaching(target):
        if fs.exists(path):
            if made_from(target) == wanted:
                return len(section.seismic), 1
            if not overwrite:
                raise OutputExistsError(
                    f"{shown(target)} was made from something else",
                    do="Choose another folder, or replace it with --overwrite",
                )
    predict, neighbours = _loaded(job)
    arrays: dict[str, NDArray[np.generic]] = dict(
        interpret_section(section, predict, job.recipe, neighbours, variance=job.variance)
    )
    if section.lines is not None:
        arrays["inline"], arrays["crossline"] = section.lines.T
    arrays[MADE_FROM] = np.array(wanted)
    write_atomic(target, npz_bytes(arrays))
    return len(section.seismic), 0


def made_from(target: str) -> str:
    """Say what an answer was made from; nothing where it is no file of ours."""
    try:
        return str(read_npz(target).get(MADE_FROM, ""))
    except SeisprocError:
        return ""  # no file of ours; the caller decides what becomes of it


_networks: dict[str, tuple[Any, Neighbours | None]] = {}


def _loaded(job: SectionJob) -> tuple[Any, Neighbours | None]:
    """Load a network once a process, with the sections that it looks at."""
    loaded = _networks.get(job.key)
    if loaded is None:
        arrays = job.recipe.references()
        neighbours = from_arrays(arrays, job.recipe.channels) if arrays else None
        loaded = (job.recipe.make_predict(), neighbours)
        _networks.clear()
        _networks[job.key] = loaded
    return loaded
