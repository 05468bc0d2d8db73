"""How a volume of a store is put into SEG-Y: sample format, values, and words for the reader.

| volume | samples | no value (255) |
|---|---|---|
| amplitude | the source's own format | - |
| classes (facies, fault labels) | int8, the class codes | -1 |
| probability, uncertainty | IEEE float, unpacked to 0..1 | -1 |
| other floats, integers | IEEE float, integer of their size | - |

On request all become IEEE floats, or 16-bit integers: codes as they are, probabilities times
10,000, other values scaled so that the largest is 32,767. The text header says the factor.

-1 lies outside 0..1 and is no class, and unlike NaN every package reads it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from seisproc.errors import StoreError
from seisproc.schema import DOMAINS, NONE
from seisproc.segy.layout import (
    FORMAT,
    FORMATS,
    IEEE,
    SAMPLES,
    TEXT_BYTES,
    Field,
    SampleFormat,
    put_trace_words,
)
from seisproc.segy.text import encode_text, encoding_of
from seisproc.survey import Survey

NO_VALUE = -1
INT8 = 8
INT16 = 3
SAMPLES_AS = ("native", "float32", "int16")
"""What the samples of an export may be."""

PERCENT_OF_PERCENT = 10_000.0
"""16-bit integers hold a probability of 1 as this."""
BY_DTYPE = {"int8": INT8, "int16": 3, "int32": 2, "uint8": 16, "uint16": 11, "uint32": 10,
            "float32": IEEE, "float64": 6, "int64": 9, "uint64": 12}
MAX_SAMPLES = 65535


@dataclass(frozen=True, eq=False)
class Product:
    """A volume on its way to SEG-Y.

    Attributes
    ----------
    variable : str
        Path in the store.
    form : SampleFormat
        Of the file's samples.
    byte_order : str
        The source's.
    is_source : bool
        It is the amplitude in its own format: the source is to come back as it was.
    scale : float or None
        What stored numbers are multiplied with.
    factor : float
        What the file's samples are to be divided by.
    has_none : bool
        255 says that there is no value.
    """

    variable: str
    form: SampleFormat
    byte_order: str
    is_source: bool
    array: zarr.Array[Any]
    leading: tuple[int, ...]
    scale: float | None
    has_none: bool
    factor: float = 1.0

    def values(self, slices: tuple[slice, ...]) -> NDArray[Any]:
        """Values of a box in the format's native type."""
        stored = np.asarray(self.array[self.leading + slices])
        if self.scale is not None:
            values = stored.astype("float32") * np.float32(self.scale * self.factor)
            if self.form.code == INT16:
                limits = np.iinfo("int16")
                values = np.clip(np.nan_to_num(np.rint(values)), limits.min, limits.max)
                values = values.astype("int16")
        else:
            values = stored.astype(self.form.dtype, copy=self.has_none)
        if self.has_none:
            values[stored == NONE] = NO_VALUE
        return values


def describe_product(survey: Survey, variable: str, samples_as: str = "native") -> Product:
    """Choose how a volume is exported: one of :data:`SAMPLES_AS`.

    Raises
    ------
    StoreError
        If the store has no such volume, or it does not lie on the survey's grid.
    IncompleteError
        If it belongs to a product that lacks regions: a SEG-Y file could not say so.
    """
    product = _native(survey, variable)
    if variable.startswith("interpretation/"):
        survey.require_complete("/".join(variable.split("/")[:2]))
    if samples_as == "float32":
        return replace(product, form=FORMATS[IEEE], is_source=False)
    if samples_as == "int16":
        codes = product.scale is None and product.form.dtype in ("int8", "int16", "uint8")
        factor = 1.0 if codes else _int16_factor(survey, product)
        scale = None if codes else product.scale or 1.0
        return replace(
            product, form=FORMATS[INT16], is_source=False, scale=scale, factor=factor
        )
    return product


def _int16_factor(survey: Survey, product: Product) -> float:
    """Factor that brings values into the range of 16-bit integers."""
    if product.scale is not None:
        return PERCENT_OF_PERCENT
    if product.variable != "amplitude":
        raise StoreError(
            f"{product.variable} cannot be written as 16-bit integers: its range is not known",
            do="Export it as float32",
        )
    known = survey.statistics
    largest = max(abs(float(known["min"])), abs(float(known["max"])))
    return float(np.iinfo("int16").max) / largest if largest else 1.0


def _native(survey: Survey, variable: str) -> Product:
    path = variable
    leading: tuple[int, ...] = ()
    head, _, last = variable.rpartition("/")
    if last.isdigit() and head:
        path, leading = head, (int(last),)
    array = survey.array(path)
    shape = survey.amplitude.shape
    if array.ndim == len(shape) + 1 and not leading:
        raise StoreError(
            f"{variable} holds a volume for each class",
            expected=f"{variable}/0 to {variable}/{array.shape[0] - 1}",
            do="Name one class by its code",
        )
    if array.ndim == len(shape) and leading:
        raise StoreError(
            f"{variable}: {path} holds one volume, not one for each class", do=f"Name {path}"
        )
    if tuple(array.shape[len(leading) :]) != shape or (
        leading and leading[0] >= array.shape[0]
    ):
        raise StoreError(
            f"{variable} is no volume on the survey's grid",
            found=" x ".join(map(str, array.shape)),
            expected=f"{' x '.join(map(str, shape))}: {', '.join(survey.volumes())}",
            do="Name one of these",
        )
    segy = survey.attributes.get("segy", {})
    order = str(segy.get("byte_order", "big"))
    if path == "amplitude":
        form = FORMATS[int(segy["sample_format"])]
        return Product(variable, form, order, True, array, leading, None, False)
    scale = array.attrs.get("scale_factor")
    is_byte = array.dtype == np.uint8
    if scale is not None:
        code, factor = IEEE, float(scale)  # type: ignore[arg-type]
    else:
        code, factor = INT8 if is_byte else BY_DTYPE[str(array.dtype)], None
    return Product(variable, FORMATS[code], order, False, array, leading, factor, is_byte)


def product_header(
    survey: Survey, product: Product, prefix: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """Bytes before the first trace of a product: the source's, telling what this file holds."""
    changed = prefix.copy()
    encoding = encoding_of(prefix[:TEXT_BYTES])
    text = encode_text(_lines(survey, product), encoding)
    changed[:TEXT_BYTES] = np.frombuffer(text, "uint8")
    samples = int(survey.attributes["segy"]["samples"])
    words = {FORMAT: product.form.code}
    if samples <= MAX_SAMPLES:
        words[SAMPLES] = samples
    for field, value in words.items():
        place = Field(field.byte - TEXT_BYTES, field.kind)
        put_trace_words(changed[None, TEXT_BYTES:], place, value, product.byte_order)
    return changed


def _lines(survey: Survey, product: Product) -> list[str]:
    lattice = survey.lattice
    unit = DOMAINS[lattice.domain]
    attributes = product.array.attrs
    chosen = next((e for e in survey.attributes.get("evidence", []) if e["chosen"]), None)
    lines = [
        f"{product.variable.upper()} BY SEISPROC {version('seisproc')}",
        f"{attributes.get('long_name', '')}",
        f"MADE FROM {', '.join(source['name'] for source in survey.attributes['source'][:2])}",
        f"SOURCE FINGERPRINT {survey.fingerprint[:32]}",
        f"SAMPLES: FORMAT {product.form.code}, {product.form.name}",
    ]
    if product.factor != 1:
        lines.append(f"VALUE = SAMPLE / {product.factor:.9g}")
    if product.has_none:
        lines.append(f"NO VALUE: {NO_VALUE}")
    meanings = attributes.get("flag_meanings")
    if isinstance(meanings, str):
        lines += [f"{code} = {name}" for code, name in enumerate(meanings.split()[:12])]
    lines += [
        f"{len(lattice.sample)} SAMPLES FROM {lattice.sample[0]:g} {unit} EVERY "
        f"{lattice.step:g} {unit}",
        ", ".join(
            f"{name.upper()} {labels[0]} TO {labels[-1]}" for name, labels in lattice.axes.items()
        ),
    ]
    if chosen is not None:
        lines.append(
            f"INLINE AT BYTE {chosen['inline_byte']}, CROSSLINE AT BYTE "
            f"{chosen['crossline_byte']} OF THE TRACE HEADER"
        )
    lines.append(f"VERTICAL DOMAIN: {'TIME' if lattice.domain == 'twt' else 'DEPTH'}")
    lines += _model_lines(survey, product)
    return lines


def _model_lines(survey: Survey, product: Product) -> list[str]:
    """Quote what the group of the volume says about its making: title, networks, fingerprint."""
    if product.variable.count("/") < 2:
        return []
    kind, run, name = product.variable.split("/")[:3]
    told = survey.group_attributes(f"{kind}/{run}")
    lines = [f"TITLE: {told['title']}"] if isinstance(told.get("title"), str) else []
    target = name.partition("_")[0]
    for network in told.get("networks", ()):
        if network.get("target") == target:  # the name cut, so that the rest stays on its card
            samples = network.get("samples", 1)
            lines.append(
                f"MODEL {network['name'][:24]}, SHA256 {network['sha256'][:16]}, "
                + (f"{samples} DROPOUT SAMPLES" if samples > 1 else "WITHOUT DROPOUT")
            )
    if isinstance(told.get("fingerprint"), str):
        lines.append(f"FINGERPRINT: {told['fingerprint'][:32]}")
    return lines
