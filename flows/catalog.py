"""`seisproc catalog`: a basin's surveys, what has arrived, what is due and why."""

from __future__ import annotations

from typing import Any

import click

from flows import catalog_report
from flows.options import (
    INPUT,
    LOCATION,
    header_options,
    json_option,
    overwrite_option,
    print_json,
    take_headers,
)
from flows.volume_options import take_volume, volume_options

CATALOG = click.argument("catalog", metavar="CATALOG", type=LOCATION)


@click.group("catalog")
def catalog() -> None:
    """Keep a basin as a catalogue of surveys, and see what is due.

    A catalogue is a folder or URL: catalog.yaml says what holds for the whole basin,
    surveys/NAME.yaml what you say of one survey. Edit these as you like. What scans and runs note
    lies in other files beside them.
    """


@catalog.command()
@CATALOG
@click.option("--title", default="", help="Name of the basin. [default: its folder's]")
@click.option("--inbox", "inboxes", multiple=True, type=LOCATION, metavar="FOLDER",
              help="Folder or bucket where new surveys arrive; may be given again.")
@click.option("--stores", type=LOCATION, metavar="FOLDER",
              help="Where survey stores are kept. [default: CATALOG/stores]")
@click.option("--crs", help="Coordinate reference system of its surveys, e.g. EPSG:23031.")
@click.option("--model", "models", multiple=True, metavar="MODEL",
              help="Model to run on all its surveys; may be given again.")
def init(catalog: str, title: str, inboxes: tuple[str, ...], stores: str | None, crs: str | None,
         models: tuple[str, ...]) -> None:
    """Make a catalogue: its catalog.yaml, for you to edit."""
    from flows.catalog_config import YamlForms, entry_text
    from seisproc.catalog.documents import create_text
    from seisproc.catalog.layout import Layout
    from seisproc.errors import OutputExistsError
    from seisproc.places import require_writable

    for place in filter(None, (catalog, stores)):
        require_writable(place)
    layout = Layout(catalog)
    told = {"title": title, "stores": _within(stores or "", layout.root),
            "inboxes": [_within(inbox, layout.root) for inbox in inboxes], "crs": crs,
            "models": [_model(model) for model in models]}
    text = entry_text(told) or f"title: {layout.root.rsplit('/', 1)[-1]}\n"
    YamlForms().basin(text, layout)
    if not create_text(layout.basin, text):
        raise OutputExistsError(f"{layout.basin} is there already", do="Edit that file")
    following = f"scan {catalog}" if inboxes else f"add {catalog} NAME FILE.sgy"
    click.echo(f"{layout.basin}\nNext: seisproc catalog {following}")


@catalog.command()
@CATALOG
@click.argument("name")
@click.argument("sources", nargs=-1, required=True, metavar="SRC...", type=INPUT)
@click.option("--title", default="", help="What people call it. [default: NAME]")
@click.option("--crs", help="Coordinate reference system. [default: the basin's]")
@click.option("--model", "models", multiple=True, metavar="MODEL",
              help="Model to run, instead of the basin's; may be given again.")
@click.option("--priority", type=int, default=0, show_default=True,
              help="Surveys of higher priority come first.")
@click.option("--note", default="", help="For people only.")
@header_options
@volume_options
@json_option
def add(
    catalog: str,
    name: str,
    sources: tuple[str, ...],
    title: str,
    crs: str | None,
    models: tuple[str, ...],
    priority: int,
    note: str,
    as_json: bool,
    **options: Any,
) -> None:
    """Add a survey: write its entry, surveys/NAME.yaml, for you to edit.

    Its files are looked at by the next `seisproc catalog scan`.
    """
    from flows.catalog_config import entry_text, given, open_catalog
    from seisproc.catalog.layout import require_plain
    from seisproc.places import revealed

    headers, volume = take_headers(options), take_volume(options)
    opened = open_catalog(catalog)
    for source in sources:
        require_plain(revealed(source))
    told = {
        "title": title,
        "sources": [_within(source, opened.layout.root) for source in sources],
        "headers": given(headers),
        "volume": given(volume),
        "crs": crs,
        "models": [_model(model) for model in models],
        "priority": priority or None,
        "note": note,
    }
    entry = opened.add(name, entry_text(told), "by hand")
    if as_json:
        print_json({"name": name, "entry": opened.layout.entry(name), "sources": entry.sources,
                    "store": entry.store, "models": entry.models})
        return
    click.echo(f"{opened.layout.entry(name)}\nNext: seisproc catalog scan {catalog}")


@catalog.command()
@CATALOG
@click.option("--wait", is_flag=True,
              help="Where files may still grow, look a second time when they had time to.")
@json_option
def scan(catalog: str, wait: bool, as_json: bool) -> None:
    """Look for new and changed files; hash them and read their headers once they are whole.

    A file is whole if it was the same in two looks that lie the basin's quiet_s apart, or if nobody
    has written to it for an hour. New files of an inbox become surveys, unless a survey has their
    content already.
    """
    import dataclasses

    from flows.catalog_config import entry_text, open_catalog
    from flows.catalog_tables import print_scanned
    from seisproc.catalog.scan import scan_catalog

    say = (lambda _: None) if as_json else (lambda line: click.echo(line, err=True))
    found = scan_catalog(open_catalog(catalog), entry_text, wait=wait, say=say)
    if as_json:
        print_json(dataclasses.asdict(found))
    else:
        print_scanned(found, catalog)


@catalog.command("list")
@CATALOG
@click.option("--due", "only_due", is_flag=True, help="Only surveys with something to do.")
@click.option("--state", "states", multiple=True, metavar="STATE",
              help="Only surveys in this state, e.g. quarantined; may be given again.")
@json_option
def list_surveys(
    catalog: str, only_due: bool, states: tuple[str, ...], as_json: bool
) -> None:
    """List the surveys: state, what is due first, and why.

    Files are looked at, not opened: what has changed is known by size, time and version.
    """
    import dataclasses

    from flows.catalog_config import open_catalog
    from flows.catalog_due import wanted_now
    from flows.catalog_tables import listed, print_listed
    from seisproc.catalog.arrivals import legible, read_arrivals
    from seisproc.catalog.due import STATES, check

    unknown = [state for state in states if state not in STATES]
    if unknown:
        raise click.UsageError(f"There is no state {unknown[0]!r}: {', '.join(STATES)}.")
    opened = open_catalog(catalog)
    snapshot = opened.load()
    found = check(opened, wanted_now(snapshot), snapshot=snapshot)
    chosen = [each for each in found.verdicts
              if (each.due or not only_due) and (not states or each.state in states)]
    arrivals = [dataclasses.replace(each, source=legible(each.source))
                for each in read_arrivals(opened.layout).values()]
    if as_json:
        print_json(listed(found, chosen, arrivals))
    else:
        print_listed(found, chosen, arrivals)


@catalog.command()
@CATALOG
@click.argument("name")
@json_option
def show(catalog: str, name: str, as_json: bool) -> None:
    """Show one survey: its entry, files, what they hold, what is due and why, and its history."""
    from flows.catalog_config import open_catalog
    from flows.catalog_due import wanted_now
    from flows.catalog_tables import print_survey, survey_told
    from seisproc.catalog.due import check
    from seisproc.catalog.history import history

    opened = open_catalog(catalog)
    snapshot = opened.load()
    if name not in snapshot.broken:
        snapshot.require(name)
    found = check(opened, wanted_now(snapshot), snapshot=snapshot)
    (verdict,) = (each for each in found.verdicts if each.name == name)
    told = survey_told(opened, snapshot, verdict, history(opened.layout, name))
    if as_json:
        print_json(told)
    else:
        print_survey(told)


@catalog.command("map")
@CATALOG
@click.option("--output", "outputs", multiple=True, type=LOCATION, metavar="FILE",
              help="Picture (.png, .pdf, .svg), or outlines (.geojson) with what they share in"
              " FILE-overlaps.geojson; may be given again.")
@overwrite_option
@json_option
def map_surveys(catalog: str, outputs: tuple[str, ...], overwrite: bool, as_json: bool) -> None:
    """Say which surveys overlap; draw their outlines, or write them as GeoJSON.

    Outlines come from the headers, in the surveys' own coordinates; nothing is projected. Surveys
    of different reference systems are not compared, and come in files of their own.
    """
    from flows.catalog_config import open_catalog
    from flows.catalog_due import wanted_now
    from flows.catalog_map import BasinMap
    from seisproc.catalog.due import check

    opened = open_catalog(catalog)
    snapshot = opened.load()
    found = BasinMap(check(opened, wanted_now(snapshot), snapshot=snapshot))
    found.require_writable(outputs, overwrite)
    for output in outputs:
        found.write(output)
    if as_json:
        print_json({**found.told(), "written": found.written})
    else:
        found.print()


@catalog.command()
@CATALOG
@click.argument("name")
@click.option("--note", default="", help="Why; kept in the survey's history.")
def release(catalog: str, name: str, note: str) -> None:
    """Let a survey be tried again that is quarantined, or held for review."""
    from flows.catalog_config import open_catalog
    from seisproc.errors import ConfigError

    opened = open_catalog(catalog)
    opened.entry(name)
    if not opened.release(name, note):
        seen = opened.seen(name)
        trouble = seen and (seen.trouble or (seen.content.trouble if seen.content else ""))
        if trouble:
            raise ConfigError(f"the scan could not read {name}, and no release helps that",
                              found=trouble, do="Mend the file, or `headers:` of its entry: the"
                              " next scan reads it again")
        raise ConfigError(f"{name} is neither quarantined nor held for review",
                          do=f"See `seisproc catalog show {catalog} {name}`")
    click.echo(f"{name} will be tried again")


def _within(source: str, root: str) -> str:
    """Write a path relative to the catalogue where it lies in it."""
    return source.removeprefix(f"{root}/")


def _model(told: str) -> str:
    """Make a local path absolute; the name of a model that ships stays one."""
    from flows.references import MODEL

    return str(MODEL.convert(told, None, None)) if "/" in told else told


for _verb in (catalog_report.report, catalog_report.sections):
    catalog.add_command(_verb)
