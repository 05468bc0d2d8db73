"""Header positions that a text header states in words: ``INLINE: BYTES 9-12   XLINE: 21-24``.

Nobody checks what is typed there, so these are suggestions: the scan judges them on evidence like
any other pair of words.
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass

from seisproc.segy.layout import TRACE_HEADER_BYTES, Field

_SUFFIX = r"(?:[\s_-]*(?:NUMBERS?|NUMB|NUM|NO|NR|INDEX|IDX|KEY|ID|HEADERS?|HDR|WORD)\b\.?|\s*#)*"


def _coordinate(letter: str, compass: str) -> str:
    """Ways to name a midpoint's coordinate: CDP-X, X COORDINATE, UTM X, EASTING, ..."""
    place = r"(?:CDP|CMP|BIN|ENS(?:EMBLE)?|TRACE|MIDPOINT|MAP|WORLD|REAL)[\s_-]*"
    word = r"CO-?ORD(?:INATE)?S?\b\.?"
    return (
        rf"(?:{place})?(?:UTM[\s_-]*{letter}|{letter}[\s_-]*(?:UTM|{word}|CDP|CMP)"
        rf"|{word}[\s_-]*{letter}\b|{compass}S?)|(?:CDP|CMP|BIN|ENS)[\s_-]*{letter}\b"
    )


_WAYS = {
    # what also has a position, which must not be taken for that of the name before it
    "other": r"(?:SOURCE|SHOT|SRC|RECEIVER|RCV|REC|GROUP|GRP|SOU|S|G|R)[\s_-]*[XY]\b"
    r"|(?:SOURCE|SHOT|RECEIVER|GROUP)\b(?:[\s_-]*(?:POINT|LINE|UTM|EASTING|NORTHING))*"
    r"|SP\b|FFID|FIELD\s+RECORD|OFFSET|CHAN(?:NEL)?\b|ELEVATION|DELAY|WATER|NUMSAMP|SAMPLES?\b"
    r"|SCAL(?:AR|ER|E|ING)\b|XY[\s_-]*SCAL\w*|TRACE\s+(?:SEQUENCE|LENGTH)",
    "cdp_x": _coordinate("X", "EASTING"),
    "cdp_y": _coordinate("Y", "NORTHING"),
    "crossline": r"(?:(?:CROSS|X)[\s_-]*LINES?|XLN?|CRL|3-?D\s+(?:CDP|TRACE)|CDP\s+TRACE)(?![A-Z])"
    + _SUFFIX,
    "inline": r"(?:3-?D[\s_-]+LINE|IN[\s_-]*LINES?|I-?LINE|ILN?|INL|SUBSURFACE\s+LINE)(?![A-Z])"
    + _SUFFIX,
    "line": r"LINE[\s_-]+(?:NUMBERS?|NUMB|NUM|NO|NR|INDEX)\b\.?",
    "cdp": r"(?:CDP|CMP|ENSEMBLE)S?(?![A-Z])" + _SUFFIX,
    "bare_x": r"X\b",
    "bare_y": r"Y\b",
}
_NAMES = re.compile(
    "(?<![A-Z0-9_])(?:" + "|".join(f"(?P<{name}>{way})" for name, way in _WAYS.items()) + ")"
)
# "@" in one place only: two ways to read a run of them (EBCDIC blanks taken for ASCII) never end
_KEY = (
    r"(?:(?:BYTES?|BYT|LOCATIONS?|LOCS?\b\.?|POSITIONS?|POS\b\.?|STARTS?(?:\s+AT)?|@)"
    r"[\s:=(#.]*)+"
)
_RANGE = r"(?P<first>\d{1,3})(?:\s*(?:-|TO|THRU|\.{2,})\s*(?P<last>\d{1,3}))?(?![\d.]*\d)"
_POSITION = re.compile(rf"(?<![\d.A-Z])(?P<key>{_KEY})?{_RANGE}")
_NEXT = re.compile(rf"\s*(?:/|,|&|AND)\s*{_RANGE}")
_GAP = re.compile(r"[\s:=(@#.\->_|*\u00a6]*")
_ASSIGN = re.compile(r"\s*[:=@(]\s*")
_AFTER_X = re.compile(r"[\s:(]*(?:BYTE|\d{3}\b|(?:AND|/|&|,)\s*Y\b|COORD)")
_SIZE = re.compile(
    r"\b(?:(?P<bytes>[124])\s*-?\s*BYTES?\b(?!\s*\d)|(?P<bits>8|16|32)\s*-?\s*BITS?\b"
    r"|INT(?:EGER)?(?:\*?(?P<many>[24])|(?P<wide>16|32))\b|(?P<short>SHORT)\b)"
)
_CARD = re.compile(r"^\s*C\s?\d{1,2}(?=\s|$)")

SIZES = {1: 2, 2: 2, 3: 4, 4: 4, 5: 4}
"""Stated extent -> bytes of a word: many count the byte after the last one, or forget one."""

MOST = 3
"""Positions of one name that are kept: a text header may state several."""


@dataclass(frozen=True)
class _Token:
    """A name or a position in a line of text."""

    start: int
    end: int
    name: str = ""
    field: Field | None = None
    strong: bool = False
    keyed: bool = False


def stated_words(text: str) -> dict[str, tuple[Field, ...]]:
    """Find the header words that a text header names.

    Parameters
    ----------
    text : str
        Text header in lines, as :func:`seisproc.segy.text.decode_text` gives it.

    Returns
    -------
    dict
        ``inline``, ``crossline``, ``cdp``, ``cdp_x``, ``cdp_y`` -> words, the first mentioned
        first; a name that the text does not place is absent.

    >>> stated_words("C 7 IN-LINE NUMBER: BYTES 9-12, CROSSLINE (193)")["crossline"]
    (Field(byte=193, kind='i4'),)
    """
    # "LINE NO" may as well be the name of a 2-D line, so that alone is not enough
    sure: dict[str, dict[Field, None]] = {}
    likely: dict[str, dict[Field, None]] = {}
    for line in text.upper().splitlines():
        for name, field, strong in _read_line(_CARD.sub("", line)):
            if name != "line":
                (sure if strong else likely).setdefault(name, {})[field] = None
            elif strong:
                sure.setdefault("inline", {})[field] = None
    merged = {name: [*sure.get(name, {}), *likely.get(name, {})] for name in {**sure, **likely}}
    return {name: tuple(dict.fromkeys(words))[:MOST] for name, words in merged.items()}


def _read_line(line: str) -> list[tuple[str, Field, bool]]:
    size, plain = _take_size(line)
    names = _names(plain)
    positions = _positions(plain, names, size)
    tokens = sorted([*names, *positions], key=lambda token: token.start)
    while tokens and tokens[0].field is not None and not tokens[0].strong:
        tokens.pop(0)
    if not tokens or all(token.field is None for token in tokens):
        return []
    if tokens[0].field is not None and tokens[-1].field is None:
        # the position comes first, in a table such as "189-192  INLINE NUMBER"
        tokens = [
            dataclasses.replace(token, start=-token.start, end=-token.end)
            for token in reversed(tokens)
        ]
    found = []
    for run, places in _runs(tokens):
        chosen = [place for place in places if place.strong] or places
        if len(run) == 1:  # "INLINE 1 TO 4, BYTES 189-192" counts four lines first
            chosen = [place for place in chosen if place.keyed] or chosen
        heads = run[-len(chosen) :] if len(chosen) < len(run) else run
        for head, place in zip(heads, chosen, strict=False):
            if head.name != "other" and place.field is not None:
                found.append((head.name, place.field, place.strong))
        if len(run) == 1 and run[0].name != "other":
            # "INLINE: BYTES 9-12 AND 189-192" says both
            found += [(run[0].name, more.field, more.strong) for more in chosen[1:] if more.field]
    return found


def _take_size(line: str) -> tuple[int, str]:
    """Size of the words that a line speaks of, and the line without the words that say so."""
    size = 0
    for match in _SIZE.finditer(line):
        if match["bytes"] or match["many"]:
            size = int(match["bytes"] or match["many"])
        elif match["bits"] or match["wide"]:
            size = int(match["bits"] or match["wide"]) // 8
        else:
            size = 2
    return size, _SIZE.sub(lambda match: " " * len(match[0]), line)


def _names(line: str) -> list[_Token]:
    found = []
    for match in _NAMES.finditer(line):
        name = str(match.lastgroup)
        if name.startswith("bare_"):
            # "X" alone also stands between extents: 23 X 18
            before, after = line[: match.start()], line[match.end() :]
            if not _ASSIGN.match(after) and (
                re.search(r"\d\s*$", before) or not _AFTER_X.match(after)
            ):
                continue
            name = "cdp_" + name[-1]
        found.append(_Token(match.start(), match.end(), name))
    return found


def _positions(line: str, names: list[_Token], size: int) -> list[_Token]:
    found: list[_Token] = []
    at = 0
    while match := _POSITION.search(line, at):
        at = match.end()
        if any(name.start < match.end("first") and match.start("first") < name.end
               for name in names):
            continue
        close = any(
            name.end <= match.start() and _GAP.fullmatch(line, name.end, match.start())
            for name in names
        )
        strong = bool(match["key"]) or (match["last"] is not None and _field(match, size, True))
        if not strong and not (close and match["last"] is None):
            continue
        field = _field(match, size, not match["key"])
        if field is None:
            continue
        keyed = bool(match["key"])
        found.append(_Token(match.start(), match.end(), "", field, bool(strong), keyed))
        while match := _NEXT.match(line, at):
            more = _field(match, size, False)
            if more is None:
                break
            found.append(_Token(match.start(), match.end(), "", more, bool(strong), keyed))
            at = match.end()
    return found


def _field(match: re.Match[str], size: int, exact: bool) -> Field | None:
    """Word at a stated position; ``exact`` where nothing else says that bytes are meant."""
    first = int(match["first"])
    if match["last"]:
        extent = int(match["last"]) - first + 1
        if extent not in ((2, 4) if exact else SIZES):
            return None
        size = SIZES[extent]
    size = size if size in (2, 4) else 4
    if not 1 <= first <= TRACE_HEADER_BYTES + 1 - size:
        return None
    return Field(first, f"i{size}")


def _runs(tokens: list[_Token]) -> list[tuple[list[_Token], list[_Token]]]:
    """Names that follow each other, with the positions that follow them."""
    runs: list[tuple[list[_Token], list[_Token]]] = []
    for token in tokens:
        if token.field is None:
            if not runs or runs[-1][1]:
                runs.append(([], []))
            runs[-1][0].append(token)
        elif runs:
            runs[-1][1].append(token)
    return runs
