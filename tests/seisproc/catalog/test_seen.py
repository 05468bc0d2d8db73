import json

from hypothesis import given
from hypothesis import strategies as st

from seisproc.catalog.files import FileVersion
from seisproc.catalog.seen import OLD_S, Content, Seen

QUIET = 60.0


def version(size: int, tag: str, modified: float = 0.0, url: str = "/in/f3.sgy") -> FileVersion:
    return FileVersion(url, size, tag, modified)


def test_two_looks_that_lie_apart_settle_a_file():
    seen = Seen(added=0).advance([version(10, "a")], 1000.0)
    assert not seen.settled(1000.0, QUIET)
    again = seen.advance([version(10, "a")], 1059.0)
    assert again == seen
    assert not again.settled(1059.0, QUIET)
    assert again.settled(1060.0, QUIET)


def test_a_file_that_nobody_wrote_to_for_an_hour_is_whole_at_once():
    now = 1e6
    assert Seen(0).advance([version(10, "a", now - OLD_S)], now).settled(now, QUIET)
    assert not Seen(0).advance([version(10, "a", now - 10)], now).settled(now, QUIET)
    ahead = version(10, "a", now + 1e5)
    seen = Seen(0).advance([ahead], now)
    assert not seen.settled(now, QUIET), "a clock that is ahead says nothing"


def test_a_file_that_is_taken_away_makes_the_others_wait():
    old = 1.0
    both = [version(1, "a", old, "/in/1"), version(2, "b", old, "/in/2")]
    seen = Seen(0).advance(both, 1e6)
    assert seen.settled(1e6, QUIET)
    fewer = seen.advance(both[:1], 1e6 + 5)
    assert not fewer.settled(1e6 + 5, QUIET)
    assert fewer.advance(both[:1], 1e6 + 70).settled(1e6 + 70, QUIET)


def test_what_a_file_holds_is_forgotten_when_it_changes():
    seen = Seen(0).advance([version(1, "a", 1.0)], 1e6)
    known = Seen(**{**vars(seen), "content": Content(kind="3d"), "read_as": {}})
    assert known.advance([version(1, "a", 1.0)], 2e6).content is not None
    assert known.advance([version(1, "b", 1.0)], 2e6).content is None


@given(
    st.lists(st.tuples(st.floats(0.1, 200), st.booleans(), st.booleans()), min_size=1, max_size=30)
)
def test_no_file_settles_within_the_quiet_time_of_a_write(steps):
    """Any run of writes and looks: a settled file was the same for the quiet time, in two looks."""
    now, written, looked, tag = 1000.0, 1000.0, [], 0
    seen = Seen(added=now)
    for pause, writes, looks in steps:
        now += pause
        if writes:
            tag, written = tag + 1, now
        if looks:
            seen = seen.advance([version(tag, str(tag))], now)
            looked.append((now, tag))
            first = min(when for when, what in looked if what == tag)
            assert seen.settled(now, QUIET) == (now - first >= QUIET)
            if seen.settled(now, QUIET):
                assert now - written >= QUIET


@given(st.text(max_size=30))
def test_a_damaged_note_is_none(text):
    assert Seen.from_json(text) is None or json.loads(text)


def test_a_note_comes_back_as_it_was():
    seen = Seen(1.0).advance([version(1, "a", 1.0)], 1e6)
    seen = Seen(**{**vars(seen), "versions": (("ab",), ("cd", "ef")), "read_as": {"headers": {}},
                   "content": Content(kind="2d", shape=(3, 4), warnings=("odd",),
                                      outline={"type": "Point", "coordinates": [1, 2]})})
    assert Seen.from_json(seen.to_json()) == seen
