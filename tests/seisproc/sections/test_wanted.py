import pytest
from hypothesis import given
from hypothesis import strategies as st

from seisproc.errors import ConfigError
from seisproc.sections.wanted import (
    COLUMNS,
    WantedSection,
    choose_sections,
    read_sections,
    sections_csv,
)

SECTIONS = st.builds(
    WantedSection,
    st.text("abcdefghijklmnopqrstuvwxyz0123456789-_.,;\"", min_size=1, max_size=8),
    st.sampled_from(["facies", "fault"]),
    st.sampled_from(["inline", "crossline"]),
    st.integers(-(2**31), 2**31 - 1),
    st.none() | st.floats(0, 1),
)


def least_sure(*uncertainties: float, target: str = "fault") -> dict:
    return {"least_sure": [
        {"target": target, "line": "inline", "number": number, "uncertainty": uncertainty}
        for number, uncertainty in enumerate(uncertainties)
    ]}


@given(st.lists(SECTIONS, unique_by=lambda each: (each.survey, each.target, each.name)))
def test_a_list_comes_back_as_it_was_written(tmp_path_factory, sections):
    file = tmp_path_factory.mktemp("list") / "next.csv"
    file.write_text(sections_csv(sections))
    assert read_sections(str(file)) == sections


def test_the_least_sure_come_first_and_no_survey_fills_the_list():
    found = choose_sections(
        {"noise": least_sure(*[0.9] * 10), "b": least_sure(0.2, 0.5), "none": {}}, 5, 3
    )
    assert [(each.survey, each.uncertainty) for each in found] == [
        ("noise", 0.9), ("noise", 0.9), ("noise", 0.9), ("b", 0.5), ("b", 0.2),
    ]


def test_each_target_has_a_list_of_its_own_and_what_is_labelled_makes_room():
    digests = {"a": least_sure(0.1, 0.3, target="facies"), "b": least_sure(0.8, 0.7, 0.6)}
    found = choose_sections(digests, 2, 2, leave_out=lambda each: each.uncertainty == 0.8)
    assert [(each.target, each.uncertainty) for each in found] == [
        ("facies", 0.3), ("facies", 0.1), ("fault", 0.7), ("fault", 0.6),
    ]


def test_what_a_spreadsheet_makes_of_a_list_is_read(tmp_path):
    file = tmp_path / "next.csv"
    file.write_text("\ufeffSurvey;Target;Line;Number;Uncertainty;who\r\nf3;facies;inline;12;0,5;Ann\r\n"
                    "f3;facies;crossline;9;;\r\n", encoding="utf-8")
    assert read_sections(str(file)) == [
        WantedSection("f3", "facies", "inline", 12, 0.5),
        WantedSection("f3", "facies", "crossline", 9),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is no list of sections"),
        ("survey,line\nf3,inline", "is no list of sections"),
        (",".join(COLUMNS) + "\nf3,salt,inline,3,", "line 2: target; found: salt"),
        (",".join(COLUMNS) + "\nf3,fault,inline,3,\nf3,fault,time,3,", "line 3: line; found: time"),
        (",".join(COLUMNS) + "\nf3,fault,inline,x,", "line 2: not numbers"),
        (",".join(COLUMNS) + "\n,fault,inline,1,", "no survey is named"),
    ],
)
def test_what_is_no_list_is_told_by_its_line(tmp_path, text, words):
    file = tmp_path / "next.csv"
    file.write_text(text)
    with pytest.raises(ConfigError, match=words):
        read_sections(str(file))


def test_a_list_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match="no such file"):
        read_sections(str(tmp_path / "next.csv"))
