"""Models as people name them, settled once at the boundary: what goes on to stages is pinned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from flows.options import Location
from seisproc.errors import ConfigError

if TYPE_CHECKING:
    from models.reference import Model


class ModelReference(Location):
    """A bundle that ships, by its name; else a path, made absolute, or a URL."""

    name = "model"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Leave the name of a bundle that ships as it is, and make a local path absolute."""
        from models import shipped

        return value if value in shipped.names() else super().convert(value, param, ctx)


MODEL = ModelReference()

model_option = click.option(
    "--model",
    "models",
    multiple=True,
    type=MODEL,
    metavar="MODEL",
    help="A model: the folder of a bundle, REGISTRY/NAME (the version in production),"
    " REGISTRY/NAME@VERSION, or one that ships, e.g. fault-3d. Give one for facies, one for"
    " faults, or both.",
)


def resolve_model(reference: str) -> Model:
    """Settle which bundle a reference means now.

    Raises
    ------
    BundleError
        Nothing is there, or it is not what its hash says.
    AccessError
        The place cannot be reached.
    """
    from models.errors import ModelError
    from models.reference import resolve
    from seisproc.places import reaching

    with reaching(reference):
        try:
            return resolve(reference)
        except ModelError as error:
            refused = error
    raise refused


def pin_models(references: Sequence[str]) -> list[str]:
    """Settle which bundles references mean now: ``URL@sha256:HASH`` of each.

    What is pinned already stays what it is, once its card is found to be that of the hash.
    """
    return [resolve_model(reference).address for reference in references]


def models_for_survey(named: Sequence[str], shipped_too: bool = True) -> list[str]:
    """Pin the models that were named, and add the shipped one for faults where none of them is.

    Raises
    ------
    ConfigError
        If nothing was named and nothing ships.
    """
    from models import shipped

    models = [resolve_model(reference) for reference in named]
    wanted = shipped_too and not any(model.card.target == "fault" for model in models)
    if wanted and shipped.FAULT_3D in shipped.names():
        models.append(resolve_model(shipped.FAULT_3D))
    if not models:
        raise ConfigError(
            "no model",
            expected="--model MODEL: a bundle, REGISTRY/NAME, or the name of one that ships",
            do="Run `seisproc demo` to make some, or see what ships with `seisproc models list`",
        )
    return [model.address for model in models]
