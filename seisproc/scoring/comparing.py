"""Files of scores, and the table and picture of several."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from seisproc.errors import ConfigError, OutputExistsError
from seisproc.places import open_place, reaching, require_writable, shown
from seisproc.records import write_atomic
from seisproc.scoring.comparison import FIGURES, Comparison, compare, markdown, table_csv

FILES = ("comparison.md", "comparison.csv", "comparison.png")


def read_scores(url: str) -> dict[str, Any]:
    """Read scores as ``seisproc evaluate --output`` writes them.

    Raises
    ------
    ConfigError
        If the file is missing, no JSON, or holds no scores.
    """
    fs, path = open_place(url)
    try:
        with reaching(url):
            scores = json.loads(fs.cat_file(path))
    except (FileNotFoundError, IsADirectoryError):
        raise ConfigError(f"{shown(url)}: no such file", do="Check the path") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{shown(url)} is no JSON", found=str(error)[:200]) from None
    if not isinstance(scores, dict) or not any(isinstance(scores.get(t), dict) for t in FIGURES):
        names = ", ".join(list(scores)[:6]) if isinstance(scores, dict) else type(scores).__name__
        raise ConfigError(f"{shown(url)} holds no scores", found=names,
                          expected="facies or fault, as `seisproc evaluate --output` writes them")
    return scores


def named(scores: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Name scores for a table: by their own name, with the noise where that varies.

    Parameters
    ----------
    scores : mapping
        Where they come from -> scores. The source names what has no name of its own, or one that
        others have too.

    Examples
    --------
    >>> list(named({"a.json": {"name": "gan", "noise": 0}, "b.json": {"name": "gan", "noise": 1}}))
    ['gan, noise 0', 'gan, noise 1']
    """
    levels = {value.get("noise") for value in scores.values()}
    words = {}
    for source, value in scores.items():
        stem = source.rstrip("/").rsplit("/", 1)[-1].removesuffix(".json")
        noise = value.get("noise")
        level = f", noise {noise:g}" if len(levels) > 1 and noise is not None else ""
        words[source] = f"{value.get('name') or stem}{level}"
    taken = list(words.values())
    return {word if taken.count(word) == 1 else f"{word} ({source})": scores[source]
            for source, word in words.items()}


def write_comparison(
    scores: Mapping[str, Mapping[str, Any]], folder: str, *, overwrite: bool = False
) -> tuple[list[Comparison], tuple[str, ...]]:
    """Write the comparison of several models: a table as Markdown and CSV, and a picture.

    Parameters
    ----------
    scores : mapping
        Name of the model -> scores.
    folder : str
        Made if it is not there.
    overwrite : bool
        Replace a comparison that lies there.

    Returns
    -------
    list of Comparison, tuple of str
        The comparison, and the files written.

    Raises
    ------
    ConfigError
        If the models were scored on different ground.
    OutputExistsError
        If a comparison lies there and ``overwrite`` is false.
    """
    from seisproc.report.canvas import png
    from seisproc.scoring.comparison_picture import draw_comparison

    require_writable(folder)
    comparisons = compare(scores)
    fs, path = open_place(folder)
    urls = tuple(f"{folder.rstrip('/')}/{name}" for name in FILES)
    with reaching(folder):
        there = [url for url, name in zip(urls, FILES, strict=True)
                 if fs.exists(f"{path.rstrip('/')}/{name}")]
        if there and not overwrite:
            raise OutputExistsError(f"{shown(there[0])} is already there",
                                    do="Give --overwrite, or another folder")
        fs.makedirs(path, exist_ok=True)
    contents = (markdown(comparisons).encode(), table_csv(comparisons).encode(),
                png(draw_comparison(comparisons, scores)))
    for url, content in zip(urls, contents, strict=True):
        write_atomic(url, content)
    return comparisons, urls
