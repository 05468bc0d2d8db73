"""`seisproc models`: what there is to interpret with, what it is worth, and which one is used."""

from __future__ import annotations

import dataclasses
from typing import Any

import click

from flows.options import LOCATION, json_option, overwrite_option, print_json
from flows.references import MODEL, resolve_model


@click.group()
def models() -> None:
    """Look at models, and keep them in a registry with versions.

    A registry is a folder or a URL, REGISTRY/NAME/VERSION each a bundle. Whoever names
    REGISTRY/NAME gets the version that was promoted to production.
    """


@models.command("list")
@click.argument("registry", required=False, type=LOCATION)
@json_option
def list_models(registry: str | None, as_json: bool) -> None:
    """List the models of a REGISTRY with their versions, or those that ship."""
    from flows.describe_model import print_registry, print_shipped

    if registry is None:
        from models import shipped

        found = [resolve_model(name) for name in shipped.names()]
        if as_json:
            print_json({"models": [_described(model) for model in found]})
        else:
            print_shipped(found)
        return
    from seisproc.places import reaching

    with reaching(registry):
        listed = _listed(registry)
    if as_json:
        print_json({"registry": registry, "models": listed})
    else:
        print_registry(registry, listed)


@models.command()
@click.argument("model", type=MODEL)
@json_option
def show(model: str, as_json: bool) -> None:
    """Show a MODEL's card: scores beside their floors, what it learned from, where it fails."""
    from flows.describe_model import print_card

    found = resolve_model(model)
    if as_json:
        print_json(_described(found))
    else:
        print_card(found)


@models.command()
@click.argument("bundle", type=MODEL)
@click.argument("registry", type=LOCATION)
@click.argument("name")
@json_option
def publish(bundle: str, registry: str, name: str, as_json: bool) -> None:
    """Copy a BUNDLE into a REGISTRY as the next version of NAME.

    It is read back and checked. It is not in production until it is promoted.
    """
    from models.bundle_registry import Registry
    from seisproc.places import reaching, require_writable

    require_writable(registry)
    address = resolve_model(bundle).address
    with reaching(registry):
        version = Registry(registry).publish(address, name)
    if as_json:
        print_json(dataclasses.asdict(version))
        return
    click.echo(f"published {name}@{version.number}: {version.url}, sha256 {version.sha256}")
    click.echo(f"In production with: seisproc models promote {registry} {name} {version.number}")


@models.command()
@click.argument("registry", type=LOCATION)
@click.argument("name")
@click.argument("version", type=click.IntRange(min=1))
@json_option
def promote(registry: str, name: str, version: int, as_json: bool) -> None:
    """Put a VERSION of NAME into production; an earlier one rolls back.

    Its bundle is checked whole before.
    """
    from models.bundle_registry import Registry
    from seisproc.places import reaching, require_writable

    require_writable(registry)
    with reaching(registry):
        pointer = Registry(registry).promote(name, version)
    if as_json:
        print_json({"name": name, **dataclasses.asdict(pointer)})
        return
    click.echo(f"{registry}/{name} is version {pointer.version}, sha256 {pointer.sha256}")


@models.command()
@click.argument("bundles", type=MODEL, nargs=-1, required=True)
@click.option("--output", required=True, type=LOCATION, metavar="BUNDLE", help="Where it goes.")
@overwrite_option
@json_option
def join(bundles: tuple[str, ...], output: str, overwrite: bool, as_json: bool) -> None:
    """Make one model of several BUNDLES: their probabilities are averaged.

    They must be for the same target, classes, window and inputs. What they disagree on becomes
    part of the uncertainty. DeepLabv3+ and the GAN together are what Kaur et al. 2023 recommend.
    """
    from models.joining import join_bundles
    from seisproc.places import reaching, require_writable

    require_writable(output)
    addresses = [resolve_model(bundle).address for bundle in bundles]
    with reaching(output):
        sha256 = join_bundles(addresses, output, overwrite=overwrite)
    if as_json:
        print_json({"url": output, "sha256": sha256, "joined": addresses})
        return
    click.echo(f"joined {len(addresses)} models: {output}, sha256 {sha256}")


@models.command()
@click.argument("model", type=MODEL)
@json_option
def verify(model: str, as_json: bool) -> None:
    """Check a MODEL whole: every hash, and that its network can be built and takes the weights.

    Ends with exit code 2 and one line if anything is damaged, missing or changed.
    """
    from models.bundle import open_bundle
    from seisproc.places import reaching

    found = resolve_model(model)
    with reaching(found.url):
        open_bundle(found.address).build()
    if as_json:
        print_json({"reference": model, "url": found.url, "sha256": found.sha256, "sound": True})
        return
    click.echo(f"{found.url} is sound, sha256 {found.sha256}")


def _described(model: Any) -> dict[str, Any]:
    """Card of a model, and what was settled on."""
    settled = {
        "reference": model.reference,
        "url": model.url,
        "version": model.version,
        "sha256": model.sha256,
    }
    return {**settled, **dataclasses.asdict(model.card)}


def _listed(url: str) -> list[dict[str, Any]]:
    """Versions of every model of a registry, with what their cards say.

    Raises
    ------
    ConfigError
        If there is no registry.
    """
    from models.bundle import read_card
    from models.bundle_registry import Registry
    from models.errors import BundleError
    from seisproc.errors import ConfigError

    registry, rows = Registry(url), []
    for name in registry.names():
        pointer = registry.production(name)
        for version in registry.versions(name):
            row = {
                **dataclasses.asdict(version),
                "production": pointer is not None and pointer.version == version.number,
                "target": "",
                "network": "",
                "state": "half-written",
            }
            if version.complete:
                try:
                    card, _ = read_card(version.url, version.sha256)
                    row |= {"target": card.target, "network": card.network, "state": "complete"}
                except BundleError:
                    row["state"] = "changed or damaged"
            rows.append(row)
    if not rows:
        raise ConfigError(
            f"{url}: no registry of models, or an empty one",
            expected="a folder with NAME/VERSION/card.json in it",
            do=f"Publish a bundle: seisproc models publish BUNDLE {url} NAME",
        )
    return rows
