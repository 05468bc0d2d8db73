import pickle

import pytest

from seisproc.errors import SegyError, SeisprocError
from seisproc.interpretation.handover import HandOverError


def test_one_line_says_what_was_found_expected_and_to_do():
    error = SegyError("a.sgy: no SEG-Y", found="a text file", expected="SEG-Y", do="Give a SEG-Y")
    assert str(error) == (
        "a.sgy: no SEG-Y; found: a text file; expected: SEG-Y. Give a SEG-Y."
    )
    assert "\n" not in str(error)


KINDS = [kind for kind in SeisprocError.__subclasses__() if "__init__" not in vars(kind)]


@pytest.mark.parametrize("kind", [SeisprocError, *KINDS])
def test_errors_travel_between_processes_whole(kind):
    error = kind("what", found="this", expected="that", do="Do")
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is kind
    assert str(back) == str(error)


def test_a_lost_hand_over_travels_with_the_region_that_must_run_again():
    back = pickle.loads(pickle.dumps(HandOverError((2, 3), "handover/2-3", "nothing")))
    assert back.giver == (2, 3)
    assert str(back) == "handover/2-3, which region 2-3 has written, is lost; found: nothing"
