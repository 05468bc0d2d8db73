"""Every constant that two parts of the project must agree on, once.

Names, dimensions, dtypes, fill values, classes, colours. SEG-Y byte positions are in
:mod:`seisproc.segy.layout`; numbers that belong to one algorithm stand beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

SCHEMA_VERSION = 1
"""Written to every store as ``seisproc_schema``; raised when an older reader would misread."""

AXES = ("inline", "crossline", "sample")
"""Array order everywhere. In a store the third dimension is named after its domain."""

DOMAINS = {"twt": "ms", "depth": "m"}
"""Vertical domain -> unit: two-way time in milliseconds, or depth in metres."""

KINDS = {
    "3d": "a post-stack 3-D survey",
    "prestack": "a pre-stack 3-D survey",
    "2d": "a 2-D line",
    "flat": "traces in file order, without a grid",
}
"""What a survey store may hold; all but the first need other work before an interpretation."""

NONE = 255
"""uint8 code for "no value": outside the live traces, or not interpreted. Never a class."""

CODES = 254
"""Probabilities and uncertainties are stored as ``round(value * CODES)``; 255 is NONE."""


@dataclass(frozen=True)
class Variable:
    """One array of a survey store: its dimensions, kind of dtype and meaning.

    ``sample`` in ``dims`` stands for ``twt`` or ``depth``, and (inline, crossline) for the lateral
    dimensions of whatever the store holds (:class:`seisproc.grid.Lattice`). ``dtype`` None
    means: any.
    """

    name: str
    dims: tuple[str, ...]
    dtype: str | None
    units: str | None
    long_name: str


VARIABLES = {
    variable.name: variable
    for variable in (
        Variable("amplitude", AXES, None, "1", "seismic amplitude"),
        Variable("inline", ("inline",), "int32", "1", "inline number"),
        Variable("crossline", ("crossline",), "int32", "1", "crossline number"),
        Variable("offset", ("offset",), "int32", "m", "source-receiver offset"),
        Variable("gather_trace", ("gather_trace",), "int32", "1", "number within the gather"),
        Variable("trace", ("trace",), "int64", "1", "trace in file order"),
        Variable("cdp", ("trace",), "int32", "1", "common depth point number"),
        Variable("shot_point", ("trace",), "int32", "1", "shot point number"),
        Variable("field_record", ("trace",), "int32", "1", "field record number"),
        Variable("channel", ("trace",), "int32", "1", "channel within the field record"),
        Variable("trace_offset", ("trace",), "int32", "m", "source-receiver offset"),
        Variable("twt", ("twt",), "float64", "ms", "two-way time"),
        Variable("depth", ("depth",), "float64", "m", "depth"),
        Variable("cdp_x", ("inline", "crossline"), "float64", "m", "easting of the bin centre"),
        Variable("cdp_y", ("inline", "crossline"), "float64", "m", "northing of the bin centre"),
        Variable("live", ("inline", "crossline"), "bool", None, "a trace exists here"),
        Variable(
            "trace_index", ("inline", "crossline"), "int64", None, "trace in file order, -1 = none"
        ),
        Variable("trace_header", ("trace", "byte"), "uint8", None, "raw trace headers, file order"),
        Variable("trace_source", ("trace",), "int32", None, "which source file a trace came from"),
        Variable("file_prefix", ("prefix_byte",), "uint8", None, "raw bytes before the traces"),
        Variable("file_suffix", ("suffix_byte",), "uint8", None, "raw bytes after the traces"),
        Variable(
            "sample_residual_index", ("residual",), "int64", None, "trace * samples + sample"
        ),
        Variable(
            "sample_residual_word", ("residual",), "uint64", None, "raw word of that sample"
        ),
        Variable("trace_shift", ("trace",), "int32", None, "sample where the trace starts"),
        Variable("other_trace", ("other",), "int64", None, "trace kept beside the amplitude"),
        Variable("other_cell", ("other",), "int64", None, "cell it shares, row by row"),
        Variable("other_samples", ("other", "sample_byte"), "uint8", None, "its raw samples"),
        Variable(
            "trace_rms", ("inline", "crossline"), "float32", "1", "root mean square of a trace"
        ),
        Variable("inline_rms", ("inline",), "float32", "1", "root mean square of an inline"),
        Variable("facies", AXES, "uint8", None, "seismic facies, 255 = none"),
        Variable("facies_probability", ("facies_class", *AXES), "uint8", "1", "class probability"),
        Variable("facies_uncertainty", AXES, "uint8", "1", "normalised predictive entropy"),
        Variable("facies_disagreement", AXES, "uint8", "1", "normalised mutual information"),
        Variable("facies_variance", AXES, "uint8", "1", "share of the largest variance"),
        Variable("fault", AXES, "uint8", "1", "fault probability"),
        Variable("fault_uncertainty", AXES, "uint8", "1", "normalised predictive entropy"),
        Variable("fault_disagreement", AXES, "uint8", "1", "normalised mutual information"),
        Variable("fault_variance", AXES, "uint8", "1", "share of the largest variance"),
        Variable("labelled", ("inline", "crossline"), "bool", None, "this trace was interpreted"),
        Variable(
            "manifest", ("manifest_byte",), "uint8", None, "stored files: bytes, crc32c, path"
        ),
    )
}


@dataclass(frozen=True)
class FaciesClass:
    """One facies: its code in the volumes, its name, and its colour (``#rrggbb``)."""

    code: int
    name: str
    colour: str


ClassSet = tuple[FaciesClass, ...]

PARIHAKA: ClassSet = (
    FaciesClass(0, "basement", "#000000"),
    FaciesClass(1, "slope mudstone A", "#E69F00"),
    FaciesClass(2, "mass-transport complex", "#56B4E9"),
    FaciesClass(3, "slope mudstone B", "#009E73"),
    FaciesClass(4, "slope valley", "#D55E00"),
    FaciesClass(5, "submarine canyon", "#CC79A7"),
)
"""The six classes of Kaur et al. 2023 (doi 10.1190/INT-2022-0048.1), in Okabe-Ito colours."""

FAULT_CLASSES = ("background", "fault")

CLASS_SETS: dict[str, ClassSet] = {"parihaka": PARIHAKA}
"""Built-in class sets by name. Class sets are data: a bundle's card may bring another."""
