"""What the catalogue calls changed is what ingest would make another store of."""

import shutil
from pathlib import Path

import pytest

from seisproc.catalog.history import Record
from seisproc.segy.ingest import ingest
from tests.seisproc.catalog.conftest import write_segy

TRACE = 240 + 4 * 8


def poke(file: Path, offset: int) -> None:
    """Change one byte."""
    content = bytearray(file.read_bytes())
    content[offset] ^= 0x11
    file.write_bytes(bytes(content))


def renamed(basin, file):
    file.rename(file.with_name("other.sgy"))
    basin.write("surveys/f3.yaml", f"sources: {file.parent}/other.sgy\n")


def copied(basin, file):
    shutil.copy(file, file.with_name("new.sgy"))
    file.unlink()
    file.with_name("new.sgy").rename(file)


def in_depth(basin, file):
    text = f"sources: {file}\nheaders: {{domain: depth, interval: 4}}\n"
    basin.write("surveys/f3.yaml", text)


CHANGES = {
    "nothing": (lambda basin, file: None, False),
    "touched": (lambda basin, file: file.touch(), False),
    "copied over": (copied, False),
    "renamed": (renamed, False),
    "a sample": (lambda basin, file: poke(file, 3600 + 240 + 6), True),
    "a word of a trace header": (lambda basin, file: poke(file, 3600 + TRACE + 100), True),
    "the text header": (lambda basin, file: poke(file, 200), True),
    "how headers are read": (in_depth, True),
}


@pytest.mark.parametrize("change", CHANGES)
def test_due_is_what_ingest_makes_anew(basin, change):
    alter, is_another = CHANGES[change]
    file = write_segy(basin.inbox / "f3.sgy")
    basin.scan()
    catalog = basin.open()
    verdict = basin.verdict("f3")

    def run(entry):
        (basin.root / "stores").mkdir(exist_ok=True)
        return ingest(entry.sources, entry.store, overrides=entry.headers, overwrite=True)

    first = run(catalog.entry("f3"))
    catalog.note("f3", Record("done", 1.0, verdict.recipe, fingerprint=first.fingerprint))
    alter(basin, file)
    basin.scan()
    due = basin.verdict("f3")
    assert due.state == ("changed" if is_another else "done"), due.why
    again = run(basin.open().entry("f3"))
    assert (again.fingerprint != first.fingerprint, not again.reused) == (is_another, is_another)
