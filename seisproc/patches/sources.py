"""What there is to know of a source of patches before any is drawn."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from seisproc.class_sets import class_set
from seisproc.patches.config import SectionsSource, Source, SurveySource
from seisproc.patches.sections import fingerprint_of
from seisproc.places import shown
from seisproc.schema import PARIHAKA, ClassSet
from seisproc.survey import Survey


def source_name(source: Source) -> str:
    """Name of a source for messages."""
    if isinstance(source, SurveySource):
        return f"{shown(source.store_url)} labels/{source.labels}"
    if isinstance(source, SectionsSource):
        return f"the sections of {shown(source.folder)}"
    return "the synthetic volumes"


def source_classes(source: Source) -> tuple[str, ClassSet]:
    """Name of a source for messages, and the classes of its facies."""
    name = source_name(source)
    if isinstance(source, SurveySource):
        attributes = Survey(source.store_url).group_attributes(f"labels/{source.labels}")
        return name, class_set(attributes)
    if isinstance(source, SectionsSource):
        return name, source.classes
    return name, getattr(source.config, "classes", PARIHAKA)


def describe(source: Source) -> dict[str, Any]:
    """Everything about a source that decides its patches, for the manifest."""
    if isinstance(source, SurveySource):
        survey = Survey(source.store_url)
        labels = survey.group_attributes(f"labels/{source.labels}")
        return {"kind": "survey", **asdict(source), "survey_fingerprint": survey.fingerprint,
                "labels_fingerprint": labels["fingerprint"]}
    if isinstance(source, SectionsSource):
        return {"kind": "sections", **asdict(source),
                "sections_fingerprint": fingerprint_of(source)}
    return {"kind": "synthetic", **asdict(source)}
