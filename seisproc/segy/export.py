"""A volume of a survey store out to SEG-Y, on the headers of the source and in its trace order.

The amplitude gives the source back, byte for byte. Other volumes keep all headers but say in the
text header what they are; their sample format is chosen for what they hold (:mod:`product`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from seisproc.errors import OutputExistsError
from seisproc.places import open_place, reaching, require_writable
from seisproc.segy.fresh import with_headers
from seisproc.segy.mapped import new_file
from seisproc.segy.product import Product, describe_product, product_header
from seisproc.segy.trace_writer import File, TraceWriter
from seisproc.survey import Survey
from seisproc.volume import tiles

Progress = Callable[[int, int], None]

THREADS = 4
"""Shards read at a time at most: one takes some 50 MiB."""


@dataclass(frozen=True)
class ExportReceipt:
    """What an export wrote.

    Attributes
    ----------
    output : str
        The SEG-Y file, or the folder of several.
    variable : str
        Path of the volume in the store.
    files, traces, size : int
        Files, traces and bytes written.
    sample_format : int
        Format code of the samples.
    """

    output: str
    variable: str
    files: int
    traces: int
    size: int
    sample_format: int


def export(
    store_url: str,
    output: str,
    *,
    variable: str = "amplitude",
    samples_as: str = "native",
    overwrite: bool = False,
    on_progress: Progress | None = None,
) -> ExportReceipt:
    """Write a volume of a survey store as SEG-Y.

    Parameters
    ----------
    store_url : str
        The survey store.
    output : str
        The file to write. For a survey made from several files, a name that ends in ``/`` is a
        folder that gets them all under their own names; else they are joined into one.
    variable : str
        ``amplitude``, or e.g. ``interpretation/demo/fault``, ``labels/truth/facies``. One class of
        a probability volume is named by its code: ``interpretation/demo/facies_probability/2``.
    samples_as : str
        ``native`` (the amplitude gives the source back), ``float32`` (IEEE) or ``int16`` (scaled;
        the text header says how).
    overwrite : bool
        Replace what is at ``output``.
    on_progress : callable, optional
        Told (done, total) boxes.

    Raises
    ------
    StoreError
        If the store has no such volume.
    OutputExistsError
        If the output exists.
    SpaceError
        If the disk is too small.
    """
    survey, product, files = plan_export(
        store_url, output, variable=variable, samples_as=samples_as, overwrite=overwrite
    )
    shape = survey.amplitude.shape
    shards = product.array.shards or product.array.shape
    work = tiles(shape, shards[-len(shape) :])
    total, done = len(work) * len(files), 0
    for file in files:
        with new_file(file.url, file.size) as content:
            writer = TraceWriter(survey, product, file, content)
            writer.write_headers()
            for _ in _on_threads(writer.write_box, work):
                done += 1
                if on_progress is not None:
                    on_progress(done, total)
            if product.is_source:
                writer.restore_residual()
                writer.restore_shared()
    traces = sum(file.stop - file.first for file in files)
    size = sum(file.size for file in files)
    return ExportReceipt(output, variable, len(files), traces, size, product.form.code)


def plan_export(
    store_url: str,
    output: str,
    *,
    variable: str = "amplitude",
    samples_as: str = "native",
    overwrite: bool = False,
) -> tuple[Survey, Product, list[File]]:
    """Find out what :func:`export` would write, and whether it may; nothing is written.

    Returns
    -------
    survey : Survey
        The store, with headers made for it if its source had none.
    product : Product
        The volume, and how its samples are written.
    files : list of File
        The files to write.

    Raises
    ------
    StoreError, OutputExistsError
        As :func:`export`.
    """
    survey = with_headers(Survey(store_url))
    product = describe_product(survey, variable, samples_as)
    files = _split(survey, product, output)
    for file in files:
        _require_free(file.url, overwrite)
    return survey, product, files


def _require_free(url: str, overwrite: bool) -> None:
    require_writable(url)
    fs, path = open_place(url)
    with reaching(url):
        exists, is_folder = fs.exists(path), fs.isdir(path)
    if is_folder:
        raise OutputExistsError(
            f"{url} is a folder",
            expected="the name of a SEG-Y file",
            do="End the name in / to write each source file into it under its own name",
        )
    if exists and not overwrite:
        raise OutputExistsError(f"{url} is already there", do="Give --overwrite to replace it")


def _split(survey: Survey, product: Product, output: str) -> list[File]:
    """Split the traces over files, each with its raw bytes before and after."""
    segy = survey.attributes["segy"]
    samples = int(segy["samples"])
    trace_bytes = int(segy["header_bytes"]) + samples * product.form.size
    prefix, suffix = survey.read("file_prefix"), survey.read("file_suffix")
    found: list[File] = []
    trace = at = end = 0
    for source in survey.attributes["source"]:
        head = prefix[at : at + source["prefix_bytes"]]
        tail = suffix[end : end + source["suffix_bytes"]]
        at, end = at + len(head), end + len(tail)
        if not product.is_source:
            head = product_header(survey, product, head)
        stop = trace + source["traces"]
        url = output + source["name"] if output.endswith("/") else output
        found.append(File(url, trace, stop, head, tail, trace_bytes))
        trace = stop
    if output.endswith("/") or len(found) == 1:
        return found
    first, last = found[0], found[-1]
    return [File(output, 0, last.stop, first.prefix, last.suffix, trace_bytes)]


def _on_threads(
    write: Callable[[tuple[slice, ...]], None], work: list[tuple[slice, ...]]
) -> Iterator[None]:
    """Write boxes on a few threads: their traces lie apart, and the loops release the lock."""
    cores = len(os.sched_getaffinity(0))
    with ThreadPoolExecutor(min(THREADS, cores), thread_name_prefix="export") as pool:
        try:
            yield from pool.map(write, work)
        finally:
            pool.shutdown(cancel_futures=True)
