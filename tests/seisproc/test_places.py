"""What may be written to, and what a name that looks like a pattern is taken for."""

import pytest

from seisproc.errors import SeisprocError
from seisproc.places import AccessError, require_writable


@pytest.mark.parametrize("url, signs", [
    ("s3://bucket/f3[12].zarr", r"\["),
    ("s3://bucket/f3*[12].zarr", r"\* and \["),
    ("gs://bucket/surveys [2024]/f3.zarr", r"\["),
    ("memory://f3*.zarr", r"\*"),
])
def test_a_name_that_libraries_take_for_a_pattern_is_refused(url, signs):
    with pytest.raises(AccessError, match=rf"cannot be written to.*found: {signs}\. Choose"):
        require_writable(url)


@pytest.mark.parametrize("url", [
    "data/f3 [2024].zarr", "/data/f3*.zarr", "file:///data/f3[12].zarr", "s3://bucket/f3 (2)].zarr",
])
def test_any_other_name_may_be_written_to(url):
    require_writable(url)


def test_a_question_mark_begins_a_query_and_is_refused_as_one():
    with pytest.raises(SeisprocError, match="query"):
        require_writable("s3://bucket/f3?.zarr")
