"""What people write in a catalogue: the basin's file, and one for each survey."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationInfo, field_validator, model_validator

from flows.config import Form, settled
from flows.gates_config import GatesForm, gate_limits, gates_told
from flows.header_config import HeaderConfig
from flows.interpret_config import InterpretConfig
from flows.volume_config import VolumeConfig
from seisproc.catalog.catalog import Catalog, plain
from seisproc.catalog.entry import PATTERNS, QUIET_S, Basin, Broken, Entry, Inbox
from seisproc.catalog.layout import NAME, Layout, require_plain
from seisproc.catalog.patterns import require_pattern
from seisproc.errors import ConfigError, one_line
from seisproc.places import without_secrets

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, where libyaml is


class OverForm(InterpretConfig):
    """Settings over those of the basin: what goes together is checked once both are merged."""

    @field_validator("precision")
    @classmethod
    def _of_the_device(cls, precision: str, known: ValidationInfo) -> str:
        return precision


class EntryStart(Form):
    """What may be said of a survey without saying where its files are."""

    title: str = Field(default="", description="What people call the survey. Empty: its name.")
    headers: HeaderConfig = Field(
        default=HeaderConfig(), description="How SEG-Y headers are read: as in a header map."
    )
    volume: VolumeConfig = Field(
        default=VolumeConfig(), description="What an array holds: as in an array map."
    )
    crs: str | None = Field(
        default=None,
        min_length=1,
        description="Coordinate reference system, e.g. EPSG:23031. Empty: the basin's, or else"
        " what the file names.",
    )
    outline: list[tuple[float, float]] = Field(
        default=[],
        description="Corners on the map, [easting, northing] each. Empty: from the headers.",
    )
    models: list[str] | None = Field(
        default=None,
        description="Models to run: names of bundles that ship, or REGISTRY/NAME; paths start at"
        " the catalogue's folder. Empty: the basin's.",
    )
    run: str = Field(default="main", min_length=1, description="Name of the interpretation.")
    settings: OverForm = Field(
        default=OverForm(), description="How the networks run, over what the basin says."
    )
    gates: GatesForm = Field(
        default=GatesForm(), description="Limits of the quality gates, over the basin's."
    )
    priority: int = Field(default=0, description="Surveys of higher priority come first.")
    hold: str = Field(default="", description="Why nothing is to be done now. Empty: go on.")
    note: str = Field(default="", description="For people only.")

    @field_validator("outline")
    @classmethod
    def _closes(cls, corners: list[tuple[float, float]]) -> list[tuple[float, float]]:
        if corners and len(corners) < 3:
            raise ValueError("Input should be three corners or more")
        if not all(math.isfinite(number) for corner in corners for number in corner):
            raise ValueError("Input should be numbers that are finite")
        return corners

    @field_validator("run")
    @classmethod
    def _is_name(cls, run: str) -> str:
        if not NAME.fullmatch(run):
            raise ValueError("Input should be a name of letters, digits, dots, hyphens, no slash")
        return run


class EntryForm(EntryStart):
    """A survey of a catalogue: ``surveys/NAME.yaml``."""

    sources: list[str] = Field(
        default=[],
        description="SEG-Y files of the survey, patterns too, or an array. Relative paths start at"
        " the catalogue's folder.",
    )
    store: str = Field(
        default="", description="Its survey store. Empty: NAME.zarr in the basin's stores."
    )

    @field_validator("sources", mode="before")
    @classmethod
    def _one_or_more(cls, told: Any) -> Any:
        return [told] if isinstance(told, str) else told

    @field_validator("sources")
    @classmethod
    def _some_path(cls, sources: list[str]) -> list[str]:
        if not all(source.strip() for source in sources):
            raise ValueError("Input should be paths or URLs, none of them empty")
        return sources

    @model_validator(mode="after")
    def _has_sources(self) -> EntryForm:
        # not by the field: a slip such as `source:` is told as what it is
        if not self.sources:
            raise ValueError("sources are missing: write `sources: [FILE.sgy]`")
        return self


class InboxForm(Form):
    """A folder or bucket where new surveys arrive; just its path is enough."""

    place: str = Field(min_length=1, description="Folder or URL, searched with all below it.")
    patterns: list[str] = Field(
        default=list(PATTERNS), min_length=1, description="Names of files that count."
    )
    survey: Literal["file", "folder"] = Field(
        default="file",
        description="file: each file is a survey; folder: all files of one folder are.",
    )
    entries: EntryStart = Field(
        default=EntryStart(), description="What the entries of its surveys begin with."
    )

    @model_validator(mode="before")
    @classmethod
    def _short(cls, told: Any) -> Any:
        return {"place": told} if isinstance(told, str) else told


class BasinForm(Form):
    """A catalogue's own file: ``catalog.yaml``."""

    title: str = Field(default="", description="Name of the basin. Empty: its folder's.")
    stores: str = Field(
        default="stores",
        min_length=1,
        description="Where survey stores are kept: a folder or URL; relative ones start at the"
        " catalogue's folder.",
    )
    inboxes: list[InboxForm] = Field(default=[], description="Where new surveys arrive.")
    crs: str | None = Field(
        default=None, min_length=1, description="Coordinate reference system of all its surveys."
    )
    models: list[str] = Field(default=[], description="Models to run on all its surveys.")
    settings: InterpretConfig = Field(
        default=InterpretConfig(), description="How the networks run."
    )
    gates: GatesForm = Field(default=GatesForm(), description="Limits of the quality gates.")
    quiet_s: float = Field(
        default=QUIET_S, ge=0, description="A file that was the same for so many seconds is whole."
    )


class YamlForms:
    """Reads what people wrote, for :class:`seisproc.catalog.catalog.Catalog`."""

    def basin(self, text: str, layout: Layout) -> Basin:
        """Read ``catalog.yaml``."""
        file = "catalog.yaml"
        told = _values(text, file) if text.strip() else {}
        form = settled(BasinForm, told, {}, kind="catalogue", flags={}, file=file)
        for place in (form.stores, *(inbox.place for inbox in form.inboxes)):
            require_plain(place)
        for inbox in form.inboxes:
            if inbox.place.startswith(("http://", "https://")):
                raise ConfigError(f"{file}: {inbox.place} cannot be an inbox",
                                  found="HTTP, which has no listings",
                                  expected="a folder or a bucket",
                                  do="Name such files as the `sources` of entries")
        return Basin(
            title=form.title or layout.root.rsplit("/", 1)[-1],
            stores=layout.place(form.stores),
            inboxes=tuple(
                Inbox(
                    layout.place(inbox.place), tuple(inbox.patterns), inbox.survey == "folder",
                    _said(inbox.entries),
                )
                for inbox in form.inboxes
            ),
            crs=form.crs,
            models=tuple(_model(name, layout) for name in form.models),
            settings=given(form.settings),
            gates=gates_told(form.gates),
            quiet_s=form.quiet_s,
        )

    def entry(self, text: str, name: str, basin: Basin, layout: Layout) -> Entry | Broken:
        """Read ``surveys/NAME.yaml``, and fill in what the basin says."""
        file = f"surveys/{name}.yaml"
        try:
            return self._entry(text, name, basin, layout)
        except ConfigError as error:
            why = str(error)
            return Broken(name, why if why.startswith(file) else f"{file}: {why}", text)
        except Exception as error:  # whatever a slip makes a library raise, the others go on
            return Broken(name, f"{file} cannot be read: {without_secrets(one_line(error))}", text)

    def _entry(self, text: str, name: str, basin: Basin, layout: Layout) -> Entry:
        """Read an entry.

        Raises
        ------
        ConfigError
            If something in it is not right.
        """
        file = f"surveys/{name}.yaml"
        told = _values(text, file)
        form = settled(EntryForm, told, {}, kind="survey entry", flags={}, file=file)
        for place in (*form.sources, form.store):
            require_plain(place)
        sources = tuple(layout.place(source) for source in form.sources)
        for source in sources:
            require_pattern(source)
        merged = {"settings": {**basin.settings, **given(form.settings)}}
        together = settled(BasinForm, merged, {}, kind="survey entry", flags={}, file=file)
        gates = gates_told(form.gates)
        gate_limits(basin.gates, gates)  # those that contradict each other are refused here
        models = basin.models
        if form.models is not None:
            models = tuple(_model(each, layout) for each in form.models)
        return Entry(
            name=name,
            sources=sources,
            store=layout.place(form.store) if form.store else f"{basin.stores}/{name}.zarr",
            title=form.title or name,
            headers=form.headers.overrides(),
            volume=form.volume.settings(),
            crs=form.crs or basin.crs,
            outline=tuple(form.outline),
            models=models,
            run=form.run,
            settings=together.settings.model_dump(exclude_defaults=True, mode="json"),
            gates=gates,
            priority=form.priority,
            hold=form.hold,
            note=form.note,
            told=_said(form),
        )


def open_catalog(root: str) -> Catalog:
    """Open the catalogue at a place.

    Raises
    ------
    ConfigError
        If there is none, or its own file is not right.
    """
    return Catalog(root, YamlForms())


def entry_form(entry: Entry) -> EntryForm:
    """Return the forms that a flow takes: headers, volume and settings of an entry."""
    return EntryForm.model_validate({**entry.told, "settings": dict(entry.settings)})


def entry_text(told: Mapping[str, Any]) -> str:
    """Write an entry's file, what was said and no more."""
    return yaml.safe_dump(plain(told), sort_keys=False, allow_unicode=True, width=100)


def given(form: Form) -> dict[str, Any]:
    """Return what was said in a form, as plain values."""
    return form.model_dump(exclude_unset=True, exclude_none=True, mode="json")


def _said(form: EntryStart) -> dict[str, Any]:
    """Return what was said of a survey; null says nothing, but of gates, where it means never."""
    gates = {"gates": gates_told(form.gates)} if "gates" in form.model_fields_set else {}
    return {**given(form), **gates}


def _model(told: str, layout: Layout) -> str:
    """Return a model's reference; a path starts at the catalogue, a bare name is one that ships."""
    require_plain(told)
    return layout.place(told) if "/" in told and "://" not in told else told


def _values(text: str, file: str) -> dict[str, Any]:
    try:
        values = yaml.load(text, Loader=_LOADER)
    except (yaml.YAMLError, ValueError) as error:  # ValueError: 2026-02-30 is no date
        found = " ".join(str(error).split())
        raise ConfigError(f"{file}: no YAML", found=found, do="Correct the file, or put what is"
                          " meant as text in quotes") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{file}: no settings", found=type(values).__name__,
                          expected="names and values, such as `sources: [f3.sgy]`")
    return {str(key): value for key, value in values.items()}
