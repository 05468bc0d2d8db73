"""Raw SEG-Y headers out of what MDIO keeps of them: named fields, or the bytes themselves.

MDIO keeps the fields of a trace header as a record, under the names of the ``segy`` package
(https://github.com/TGSAI/segy), revision 0 or 1. Where every field finds its place, the header can
be written again. With ``MDIO__IMPORT__RAW_HEADERS`` it keeps the 240 bytes as they are.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from seisproc.jobs import Task
from seisproc.segy.layout import BINARY_BYTES, TEXT_BYTES, TEXT_COLUMNS, TRACE_HEADER_BYTES
from seisproc.segy.text import EBCDIC
from seisproc.volumes.parts import (
    checksum,
    create_headers,
    header_tasks,
    live_box,
    write_headers,
)
from seisproc.volumes.reading import Reader

_TRACE = (
    "trace_seq_num_line:4 trace_seq_num_reel:4 orig_field_record_num:4 trace_num_orig_record:4 "
    "energy_source_point_num:4 ensemble_num:4 trace_num_ensemble:4 trace_id_code:2 "
    "vertically_summed_traces:2 horizontally_stacked_traces:2 data_use:2 "
    "source_to_receiver_distance:4 receiver_group_elevation:4 source_surface_elevation:4 "
    "source_depth_below_surface:4 receiver_datum_elevation:4 source_datum_elevation:4 "
    "source_water_depth:4 receiver_water_depth:4 elevation_depth_scalar:2 coordinate_scalar:2 "
    "source_coord_x:4 source_coord_y:4 group_coord_x:4 group_coord_y:4 coordinate_unit:2 "
    "weathering_velocity:2 subweathering_velocity:2 source_uphole_time:2 group_uphole_time:2 "
    "source_static_correction:2 receiver_static_correction:2 total_static_applied:2 lag_time_a:2 "
    "lag_time_b:2 delay_recording_time:2 mute_time_start:2 mute_time_end:2 samples_per_trace:2 "
    "sample_interval:2 instrument_gain_type:2 instrument_gain_const:2 instrument_gain_initial:2 "
    "correlated_data:2 sweep_freq_start:2 sweep_freq_end:2 sweep_length:2 sweep_type:2 "
    "sweep_taper_start:2 sweep_taper_end:2 taper_type:2 alias_filter_freq:2 "
    "alias_filter_slope:2 notch_filter_freq:2 notch_filter_slope:2 low_cut_freq:2 "
    "high_cut_freq:2 low_cut_slope:2 high_cut_slope:2 year_recorded:2 day_of_year:2 "
    "hour_of_day:2 minute_of_hour:2 second_of_minute:2 time_basis_code:2 "
    "trace_weighting_factor:2 group_num_roll_switch:2 group_num_first_trace:2 "
    "group_num_last_trace:2 gap_size:2 taper_overtravel:2 cdp_x:4 cdp_y:4 inline:4 crossline:4 "
    "shot_point:4 shot_point_scalar:2 trace_value_unit:2 transduction_const_mantissa:4 "
    "transduction_const_exponent:2 transduction_unit:2 device_trace_id:2 times_scalar:2 "
    "source_type_orientation:2 source_energy_dir_mantissa:4 source_energy_dir_exponent:2 "
    "source_measurement_mantissa:4 source_measurement_exponent:2 source_measurement_unit:2"
)
_BINARY = (
    "job_id:4 line_num:4 reel_num:4 data_traces_per_ensemble:2 aux_traces_per_ensemble:2 "
    "sample_interval:2 orig_sample_interval:2 samples_per_trace:2 orig_samples_per_trace:2 "
    "data_sample_format:2 ensemble_fold:2 trace_sorting_code:2 vertical_sum_code:2 "
    "sweep_freq_start:2 sweep_freq_end:2 sweep_length:2 sweep_type_code:2 sweep_trace_num:2 "
    "sweep_taper_start:2 sweep_taper_end:2 taper_type_code:2 correlated_data_code:2 "
    "binary_gain_code:2 amp_recovery_code:2 measurement_system_code:2 impulse_polarity_code:2 "
    "vibratory_polarity_code:2"
)
_LATER = {"fixed_length_trace_flag": 303}
"""Words of the binary header beyond revision 0; extended text headers are not kept by MDIO."""

REVISION_0_BYTES = 180


def _layout(text: str) -> dict[str, tuple[int, int]]:
    """Name -> first byte from 1, and size, of fields that follow one another.

    >>> _layout("a:4 b:2")
    {'a': (1, 4), 'b': (5, 2)}
    """
    found, byte = {}, 1
    for entry in text.split():
        name, _, size = entry.partition(":")
        found[name] = (byte, int(size))
        byte += int(size)
    return found


TRACE_FIELDS = _layout(_TRACE)
BINARY_FIELDS = _layout(_BINARY)
_REVISION_0 = {
    name: place for name, place in TRACE_FIELDS.items() if place[0] <= REVISION_0_BYTES
}


def field_bytes(fields: Sequence[tuple[str, int]]) -> dict[str, int] | None:
    """Where the fields of a record stand in the trace header; None unless each finds its place.

    A field that a user added comes last; the one that it overlaps is not there. A field that a
    user moved keeps its name and rank: then one is missing, and nobody knows what is where.

    Parameters
    ----------
    fields : sequence of (str, int)
        Names and sizes.

    >>> fields = {name: size for name, (_, size) in TRACE_FIELDS.items()}
    >>> del fields["ensemble_num"]
    >>> field_bytes([*fields.items(), ("cdp", 4)])["cdp"]
    21
    >>> field_bytes(list(fields.items()))  # one of them was moved to byte 21, but which?
    """
    usual = TRACE_FIELDS if len(fields) > len(_REVISION_0) else _REVISION_0
    sizes = dict(fields)
    holes = [name for name in usual if name not in sizes]
    strange = [name for name, _ in fields if name not in usual]
    found = {name: usual[name][0] for name in sizes if name in usual}
    if any(sizes[name] != usual[name][1] for name in found) or len(strange) != len(holes):
        return None
    for name in strange:
        room = [hole for hole in holes if usual[hole][1] == sizes[name]]
        if len(room) != 1:
            return None
        found[name] = usual[room[0]][0]
        holes.remove(room[0])
    return found


@dataclass(frozen=True)
class FieldHeaders:
    """Trace headers written again from records of fields, in the order of the cells.

    Attributes
    ----------
    reader : Reader
        Reads the records, as laid out laterally as the survey.
    places : tuple of (str, int)
        Field and its first byte; empty: the records are the raw bytes.
    total : int
        Number of traces.
    """

    reader: Reader
    places: tuple[tuple[str, int], ...]
    total: int
    kind: str = "headers"

    def tasks(self) -> list[Task]:
        """Blocks of traces."""
        return header_tasks(self.kind, self.total)

    def identity(self) -> str:
        """Return what changes whenever the records are written to."""
        return self.reader.identity()

    def create(self, target: str) -> None:
        """Create ``trace_header``."""
        create_headers(target, self.total, TRACE_HEADER_BYTES)

    def copy(self, target: str, task: Task, *, write: bool) -> str:
        """Write one block of headers, big-endian."""
        live = np.asarray(zarr.open_array(f"{target}/live", mode="r")[...]).astype(bool)
        box, cells = live_box(live, task.first[0], task.stop[0])
        block = header_block(self.reader.read(box)[cells], self.places)
        if write:
            write_headers(target, task, block)
        return checksum(block)


def header_block(
    records: NDArray[Any], places: Sequence[tuple[str, int]]
) -> NDArray[np.uint8]:
    """Raw headers, uint8 (trace, 240), of records (trace,); without places these are raw bytes."""
    if not places:
        return np.ascontiguousarray(records).view("uint8").reshape(-1, TRACE_HEADER_BYTES)
    block = np.zeros((len(records), TRACE_HEADER_BYTES), "uint8")
    for name, byte in places:
        values = records[name]
        size = values.dtype.itemsize
        words = np.ascontiguousarray(values.astype(values.dtype.newbyteorder(">")))
        block[:, byte - 1 : byte - 1 + size] = words.view("uint8").reshape(-1, size)
    return block


def file_header(told: Mapping[str, Any]) -> NDArray[np.uint8] | None:
    """Bytes before the first trace, uint8 (3600,), from MDIO's text and words; None without them.

    The text is written in EBCDIC, as MDIO does not keep its encoding.
    """
    text, words = told.get("textHeader"), told.get("binaryHeader")
    if not text or not isinstance(words, Mapping):
        return None
    lines = text if isinstance(text, list) else str(text).split("\n")
    cards = "".join(str(line)[:TEXT_COLUMNS].ljust(TEXT_COLUMNS) for line in lines)
    content = cards[:TEXT_BYTES].ljust(TEXT_BYTES).encode(EBCDIC, errors="replace")
    raw = told.get("rawBinaryHeader")
    binary = base64.b64decode(raw) if raw else _binary(words)
    if len(binary) != BINARY_BYTES:
        return None
    return np.frombuffer(content + binary, "uint8").copy()


def _binary(words: Mapping[str, Any]) -> bytes:
    header = bytearray(BINARY_BYTES)
    known = {**BINARY_FIELDS, **{name: (byte, 2) for name, byte in _LATER.items()}}
    for name, (byte, size) in known.items():
        value = int(words.get(name, 0)) & (2 ** (8 * size) - 1)
        header[byte - 1 : byte - 1 + size] = value.to_bytes(size, "big")
    major = words.get("segy_revision_major")
    if major is None:
        major = int(words.get("segy_revision", 0)) >> 8
    header[300] = int(major) & 0xFF
    header[301] = int(words.get("segy_revision_minor", 0)) & 0xFF
    return bytes(header)
