import csv
import io

import pytest

from seisproc.errors import ConfigError
from seisproc.scoring.comparison import (
    LESS,
    MORE,
    Row,
    below_floor,
    best_columns,
    compare,
    markdown,
    table_csv,
)


def scores(mean_iou, traces=100, prior=0.5, **more):
    return {
        "part": "sections", "sections": 2, "traces": traces,
        "facies": {"mean_iou": mean_iou, "ece": 0.1, "classes": {"a|b": {"iou": mean_iou}},
                   "floors": {"depth prior": {"mean_iou": prior, "class_iou": [prior]}}, **more},
    }


def test_models_stand_beside_each_other_with_their_floor_once():
    (found,) = compare({"gan": scores(0.6), "deeplab": scores(0.7, fragmentation=2.0)})
    assert found.models == ("gan", "deeplab") and found.floors == ("depth prior",)
    rows = {row.name: row.values for row in found.rows}
    assert rows["mean IoU"] == (0.6, 0.7, 0.5)
    assert rows["pieces / labels'"] == (None, 2.0, None)
    assert rows["IoU a|b"] == (0.6, 0.7, 0.5)
    assert "F1 within 5" not in rows


def test_other_ground_is_refused():
    with pytest.raises(ConfigError, match="gan and other were not scored on the same ground"):
        compare({"gan": scores(0.6), "other": scores(0.6, traces=99)})
    with pytest.raises(ConfigError, match="depth prior mean_iou 0.5; depth prior mean_iou 0.4"):
        compare({"gan": scores(0.6), "other": scores(0.6, prior=0.4)})
    with pytest.raises(ConfigError, match="no scores to compare"):
        compare({"gan": {"part": "test"}})


def test_the_best_is_bold_and_what_a_floor_does_as_well_is_marked():
    text = markdown(compare({"gan": scores(0.4), "deeplab": scores(0.7)}))
    assert "| mean IoU | 0.400† | **0.700** | 0.500 |" in text
    assert "| IoU a\\|b | 0.400† | **0.700** | 0.500 |" in text
    assert best_columns(Row("", LESS, (0.1, 0.2, 0.0)), models=2) == {0}
    assert best_columns(Row("", MORE, (0.1,)), models=1) == set()
    assert below_floor(Row("", LESS, (0.1, 0.2, 0.0)), models=2) == set()


def test_csv_has_a_line_for_each_figure_in_full_precision():
    rows = list(csv.DictReader(io.StringIO(table_csv(compare({"gan": scores(1 / 3)})))))
    first = rows[0]
    assert (first["of"], first["floor"], float(first["value"])) == ("gan", "no", 1 / 3)
    assert {row["floor"] for row in rows} == {"yes", "no"}
