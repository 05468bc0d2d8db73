import math

from seisproc.report.tables import Column, tables


def figures(table) -> dict[str, tuple[str, ...]]:
    return dict(table.rows)


def test_floors_stand_beside_the_models_figures():
    [table] = tables({"f1": 0.5, "floors": {"coherence": {"f1": 0.2}, "everything": {"f1": 0.1}}})
    assert table.columns == (
        Column("model"), Column("coherence", floor=True), Column("everything", floor=True)
    )
    assert table.rows == (("F1", ("0.500", "0.200", "0.100")),)


def test_a_figure_without_a_floor_keeps_its_row():
    [table] = tables({"f1": 0.5, "ece": math.nan, "floors": {"coherence": {"f1": 0.2}}})
    assert figures(table) == {"F1": ("0.500", "0.200"), "ECE": ("–", "–")}


def test_models_with_the_same_figures_are_compared():
    [table] = tables({"unet": {"iou": 0.7}, "deeplab": {"iou": 0.8}, "floor": {"iou": 0.6}})
    assert [column.name for column in table.columns] == ["unet", "deeplab", "floor"]
    assert [column.floor for column in table.columns] == [False, False, True]


def test_classes_stand_in_rows_from_mappings_and_lists_alike():
    by_name = {"shale": {"iou": 0.5}, "sand": {"iou": 0.25}, "salt": {"iou": None}}
    listed = [{"name": name, **values} for name, values in by_name.items()]
    for classes in (by_name, listed):
        [table] = tables({"classes": classes})
        assert table.title == "classes"
        assert table.rows == (("shale", ("0.500",)), ("sand", ("0.250",)), ("salt", ("–",)))


def test_metrics_that_bring_their_own_floor_stand_in_rows():
    [table] = tables({"miou": {"value": 0.8, "floor": 0.6, "floor_name": "depth prior"}})
    assert table.rows == (("miou", ("0.800", "0.600", "depth prior")),)
    assert [column.floor for column in table.columns] == [False, True, True]


def test_short_lists_become_rows_and_long_ones_stay_out():
    [table] = tables({"within": {"tolerance": [0, 1], "f1": [0.25, None]}})
    assert table.rows == (("tolerance 0", ("0.250",)), ("tolerance 1", ("–",)))
    assert tables({"confusion": [[1, 2], [3, 4]], "bins": {"x": [0.1] * 15, "y": [1] * 15}}) == ()


def test_deep_scores_keep_their_path_as_title():
    titles = [table.title for table in tables({"facies": {"test": {"part": {"iou": 0.5}}}})]
    assert titles == ["facies: test: part"]


def test_what_the_scoring_of_an_interpretation_gives_becomes_tables_with_floors():
    scores = {
        "part": "test",
        "traces": 1200,
        "facies": {
            "mean_iou": 0.8, "ece": 0.02, "confusion": [[5, 1], [0, 4]],
            "classes": {"shale": {"iou": 0.8, "voxels": 6}, "sand": {"iou": 0.8, "voxels": 4}},
            "calibration": {"ece": 0.02, "confidence": [0.5] * 15, "accuracy": [0.5] * 15,
                            "counts": [3] * 15},
            "floors": {"depth prior": {"mean_iou": 0.6}},
        },
    }
    first, facies, classes = tables(scores)
    assert figures(first) == {"part": ("test",), "traces": ("1,200",)}
    assert figures(facies) == {"mean IoU": ("0.800", "0.600"), "ECE": ("0.020", "–")}
    assert figures(classes)["voxels"] == ("6", "4")
