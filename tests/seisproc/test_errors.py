import pickle

import pytest

from seisproc.errors import SegyError, SeisprocError


def test_one_line_says_what_was_found_expected_and_to_do():
    error = SegyError("a.sgy: no SEG-Y", found="a text file", expected="SEG-Y", do="Give a SEG-Y")
    assert str(error) == (
        "a.sgy: no SEG-Y; found: a text file; expected: SEG-Y. Give a SEG-Y."
    )
    assert "\n" not in str(error)


@pytest.mark.parametrize("kind", [SeisprocError, *SeisprocError.__subclasses__()])
def test_errors_travel_between_processes_whole(kind):
    error = kind("what", found="this", expected="that", do="Do")
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is kind
    assert str(back) == str(error)
