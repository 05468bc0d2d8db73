"""A part of a survey as a survey of its own: lines, traces and samples by their labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seisproc.chunking import layout
from seisproc.errors import ConfigError, GeometryError
from seisproc.grid import Lattice
from seisproc.jobs import IngestReceipt, Progress
from seisproc.manifest import MANIFEST, SEAL, array_names
from seisproc.places import open_place
from seisproc.schema import DOMAINS
from seisproc.survey import Survey
from seisproc.volumes.build import build_volume
from seisproc.volumes.crop_build import CropBuild
from seisproc.volumes.cut import Cut
from seisproc.volumes.parts import Layer
from seisproc.volumes.ranges import AXES, Range, option_of
from seisproc.volumes.reading import Arrangement, ZarrArray
from seisproc.volumes.volume import Volume, affine_of

if TYPE_CHECKING:
    from distributed import Client

_TOLD_ANEW = ("seisproc_schema", "Conventions", SEAL, "fingerprint", "source_key", "provenance")


def crop(
    store_url: str,
    output_url: str,
    ranges: Mapping[str, Range],
    *,
    client: Client | None = None,
    overwrite: bool = False,
    on_progress: Progress | None = None,
) -> IngestReceipt:
    """Write a part of a survey as a survey of its own.

    Statistics are counted anew; labels and interpretations are cut too. The headers of the kept
    traces are kept, with the number of samples and the delay recording time of the part, so that
    it exports as SEG-Y.

    Parameters
    ----------
    store_url : str
        The survey store.
    output_url : str
        The store to make.
    ranges : mapping
        Axis -> labels to keep: ``inline``, ``crossline``, ``offset``, ``gather_trace``, ``trace``,
        ``cdp``, ``twt`` in ms or ``depth`` in m.
    client : distributed.Client, optional
        Where the pieces run; without one, in this process.
    overwrite : bool
        Replace another survey that is there.
    on_progress : callable, optional
        Told (done, total) pieces.

    Raises
    ------
    GeometryError
        If the survey has no such axis, or nothing lies in the ranges.
    OutputExistsError, BusyError, SpaceError, IncompleteError
        As :func:`seisproc.building.build_store`.
    """
    build = plan_crop(store_url, ranges)
    if open_place(output_url.rstrip("/")) == open_place(build.parent.url):
        raise ConfigError("a survey cannot be cropped in place", do="Name another store")
    return build_volume(
        build, output_url, client=client, overwrite=overwrite, on_progress=on_progress
    )


def plan_crop(store_url: str, ranges: Mapping[str, Range]) -> CropBuild:
    """Find which cells and samples are kept; nothing is read but maps and axes.

    Raises
    ------
    ConfigError, GeometryError
        As :func:`crop`.
    """
    if not ranges:
        raise ConfigError(
            "nothing says what to keep",
            expected=f"{', '.join(map(option_of, AXES))}, each A:B",
            do="Give one of them",
        )
    survey = Survey(store_url)
    whole = survey.lattice
    words = _words(survey, whole)
    box = _box(survey, whole, words, ranges)
    lattice = Lattice(
        whole.kind,
        {name: axis[cut] for (name, axis), cut in zip(whole.axes.items(), box, strict=False)},
        whole.sample[box[-1]],
        whole.domain,
        {name: numbers[box[0]] for name, numbers in words.items()},
    )
    live = survey.live[box[:-1]].astype(bool)
    if not live.any():
        raise GeometryError(f"{survey.url} has no trace in these ranges", do="Choose other ranges")
    cut = Cut(survey, box, lattice, live)
    on_map = box[: len(lattice.map_shape)]
    x, y = (np.asarray(survey.array(name)[on_map], "float64") for name in ("cdp_x", "cdp_y"))
    first = tuple(part.start for part in box)
    volume = Volume(
        name=str(survey.attributes.get("title", survey.url.rsplit("/", 1)[-1])),
        format="a part of a survey",
        lattice=lattice,
        reader=ZarrArray(
            Arrangement.plain(lattice.shape), str(survey.amplitude.dtype),
            f"{survey.url}/amplitude", first,
        ),
        live=live,
        cdp_x=x,
        cdp_y=y,
        units=str(survey.array("cdp_x").attrs.get("units", "m")),
        affine=affine_of(lattice, x, y),
        facts=_facts(survey, cut),
        arrays=cut.file_arrays(),
        parts=(*cut.header_parts(), *_layers(survey, cut)),
        warnings=tuple(survey.attributes.get("warnings", ())),
    )
    return CropBuild(volume, cut)


def _words(survey: Survey, lattice: Lattice) -> dict[str, NDArray[np.int32]]:
    """Further numbers of the traces of a line, such as ``cdp``."""
    if lattice.lateral != ("trace",):
        return {}
    names = ("cdp", "shot_point", "field_record", "channel", "trace_offset")
    return {name: survey.read(name) for name in names if survey.has(name)}


def _box(
    survey: Survey, lattice: Lattice, words: Mapping[str, NDArray[np.int32]],
    ranges: Mapping[str, Range],
) -> tuple[slice, ...]:
    axes = {**lattice.axes, lattice.domain: lattice.sample}
    box = {name: slice(0, len(labels)) for name, labels in axes.items()}
    for name, wanted in ranges.items():
        if name in axes:
            box[name] = wanted.cut(axes[name], name, survey.url)
        elif name in words:
            found = wanted.cut(words[name], name, survey.url)
            both = box["trace"]
            box["trace"] = slice(max(found.start, both.start), min(found.stop, both.stop))
            if box["trace"].start >= box["trace"].stop:
                raise GeometryError(f"nothing of {survey.url} lies in both ranges of traces")
        else:
            there = [
                f"{axis} {labels.min():g} to {labels.max():g}"
                + (f" {DOMAINS[axis]}" if axis in DOMAINS else "")
                for axis, labels in {**axes, **words}.items()
            ]
            raise GeometryError(
                f"{survey.url} has no {name}",
                expected=", ".join(there),
                do="Cut by one of these",
            )
    return tuple(box.values())


def _facts(survey: Survey, cut: Cut) -> dict[str, Any]:
    """Attributes of the parent, with what the cut changes."""
    kept = {
        key: value for key, value in survey.attributes.items()
        if key not in _TOLD_ANEW and key not in ("kind", "domain", "coordinates_from")
    }
    axes = {**cut.lattice.axes, cut.lattice.domain: cut.lattice.sample}
    told = survey.attributes.get("coordinates_from")
    parent: dict[str, Any] = {
        "fingerprint": survey.fingerprint,
        "ranges": {name: [labels[0].item(), labels[-1].item()] for name, labels in axes.items()},
    }
    if "cropped_from" in kept:
        parent["cropped_from"] = kept.pop("cropped_from")
    facts = {**kept, **cut.segy_facts(), "cropped_from": parent}
    return {**facts, "coordinates_from": told} if told is not None else facts


def _layers(survey: Survey, cut: Cut) -> list[Layer]:
    """Arrays of labels and interpretations, each cut as the survey is."""
    whole, lattice = survey.lattice, cut.lattice
    boxes = dict(zip(whole.dims, cut.box, strict=True))
    chunks, shards = layout(lattice.shape)
    usual = {dim: (chunk, shard)
             for dim, chunk, shard in zip(lattice.dims, chunks, shards, strict=True)}
    found: list[Layer] = []
    for kind in ("labels", "interpretation"):
        for group in survey.groups(kind):
            fs, root = open_place(f"{survey.url}/{kind}/{group}")
            for name in array_names(fs, root):
                path = f"{kind}/{group}/{name}"
                array = survey.array(path)
                dims = tuple(map(str, array.metadata.dimension_names or ()))  # type: ignore[union-attr]
                if dims == (name,) and name in whole.dims or name == MANIFEST:
                    continue  # axes and records are written anew
                box = [
                    boxes.get(dim, slice(0, n)) for dim, n in zip(dims, array.shape, strict=True)
                ]
                shape = tuple(part.stop - part.start for part in box)
                sharded = array.shards is not None
                pairs = [usual.get(dim, (1, 1)) for dim in dims]
                found.append(Layer(
                    kind=f"layer{len(found)}",
                    path=path,
                    source=f"{survey.url}/{path}",
                    dims=dims,
                    first=tuple(part.start for part in box),
                    shape=shape,
                    chunks=tuple(chunk for chunk, _ in pairs) if sharded else shape,
                    shards=tuple(shard for _, shard in pairs) if sharded else None,
                ))
    return found
