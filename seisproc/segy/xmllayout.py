"""Trace header layouts that a rev 2 file states as XML in its extended text headers."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from seisproc.segy.layout import CDP_X, CDP_Y, CROSSLINE, INLINE, TRACE_HEADER_BYTES, Field

_STANZA = re.compile(r"<segy-layout.*?</segy-layout>", re.DOTALL | re.IGNORECASE)
_NAMES = {"iline": INLINE, "xline": CROSSLINE, "cdp_x": CDP_X, "cdp_y": CDP_Y}
_KINDS = {"int2": "i2", "int4": "i4", "uint2": "u2", "uint4": "u4", "coor4": "i4"}


def layout_fields(text: str) -> dict[Field, Field]:
    """Map standard fields to where a file's own XML layout puts them.

    Entries of trace header extensions are left alone, and so are types that are no integers and
    bytes outside the header. A layout that cannot be parsed counts as none.

    >>> layout_fields('<segy-layout><entry name="iline" byte="190" type="int4"/></segy-layout>')
    {Field(byte=189, kind='i4'): Field(byte=190, kind='i4')}
    """
    stanza = _STANZA.search(text)
    if stanza is None or "<!" in stanza[0]:
        # a document type may define entities that grow without bound
        return {}
    try:
        root = ElementTree.fromstring(stanza[0])
    except ElementTree.ParseError:
        return {}
    found = {}
    for entry in root.findall("entry"):
        standard = _NAMES.get(entry.get("name", ""))
        kind = _KINDS.get(entry.get("type", ""))
        byte = entry.get("byte", "")
        if standard is None or kind is None or not re.fullmatch("[0-9]{1,3}", byte):
            continue
        field = Field(int(byte), kind)
        if 1 <= field.byte <= TRACE_HEADER_BYTES + 1 - field.size:
            found[standard] = field
    return found
