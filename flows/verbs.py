"""The verbs of the command line: one for each thing to be made or looked at.

Heavy imports wait until a verb runs, so that ``--help`` answers at once. What makes something is a
flow, with a record in the Prefect UI; what only looks calls ``seisproc`` and starts no server.
"""

from __future__ import annotations

import os
from pathlib import Path

import click

from flows import (
    catalog,
    cropping,
    delivering,
    diff,
    fault_surfaces,
    ingesting,
    interpreting,
    labelling,
    learning,
    looking,
    matching,
    modelling,
    nights,
    patching,
    scoring_commands,
    show,
    synthesizing,
    texturing,
    view,
    whole_road,
)


class InOrder(click.Group):
    """Lists its verbs in the order of the work, not of the alphabet."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the verbs, as they were added."""
        return list(self.commands)


@click.group(
    cls=InOrder,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--home",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Where the local Prefect server keeps its history. "
    "[default: $SEISPROC_HOME, or ~/.seisproc]",
)
@click.version_option(package_name="seisproc", prog_name="seisproc")
def cli(home: Path | None) -> None:
    """Seismic interpretation at scale: SEG-Y in; facies, fault and uncertainty volumes out.

    Begin with `seisproc demo`, then `seisproc run FILE.sgy --output FOLDER`. What makes something
    is a Prefect flow: set PREFECT_API_URL to record it on your own server; otherwise a local one
    runs while it is needed, and `seisproc ui` shows the history.
    """
    if home is not None:
        os.environ["SEISPROC_HOME"] = str(home.expanduser().absolute())


for verb in (
    whole_road.demo,
    whole_road.run,
    looking.scan,
    ingesting.ingest,
    ingesting.pyramid,
    cropping.crop,
    labelling.label,
    matching.match,
    synthesizing.synthesize,
    texturing.texture,
    patching.patches,
    learning.train,
    modelling.models,
    interpreting.interpret,
    scoring_commands.evaluate,
    scoring_commands.compare,
    fault_surfaces.faults,
    show.show,
    diff.diff,
    delivering.export,
    delivering.report,
    view.view,
    looking.verify,
    catalog.catalog,
    nights.nightly,
    nights.basin,
    looking.doctor,
    looking.ui,
):
    cli.add_command(verb)
