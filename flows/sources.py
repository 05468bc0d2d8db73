"""What a user names as sources: SEG-Y files, or an array; looked at, and ingested."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from seisproc.errors import ConfigError
from seisproc.jobs import BUDGET_MIB
from seisproc.segy.patterns import matching_files
from seisproc.segy.source import Source
from seisproc.volumes.recognise import volume_format

if TYPE_CHECKING:
    from flows.header_config import HeaderConfig
    from flows.volume_config import VolumeConfig
    from seisproc.jobs import IngestReceipt
    from seisproc.segy.scan import SegyScan
    from seisproc.volumes.volume import Volume


def is_array(sources: Sequence[str]) -> bool:
    """Whether the source is an array or a store, and no SEG-Y.

    Raises
    ------
    ConfigError
        If there are several, one of which is.
    """
    sources = matching_files(sources)
    arrays = [url for url in sources if volume_format(url) is not None]
    if arrays and len(sources) > 1:
        raise ConfigError(
            "only SEG-Y files can make one survey together",
            found=f"{Source(arrays[0]).name} among {len(sources)} sources",
            do="Ingest arrays one by one",
        )
    return bool(arrays)


def look(
    sources: Sequence[str], headers: HeaderConfig, volume: VolumeConfig
) -> SegyScan | Volume:
    """Read the headers of SEG-Y files, or the frame of an array.

    Raises
    ------
    SeisprocError
        If they make no survey, or were described as something else.
    """
    if is_array(sources):
        from seisproc.volumes.opening import open_volume

        return open_volume(matching_files(sources)[0], volume.settings(headers))
    from seisproc.segy.scan import scan

    require_no_volume(sources, volume)
    return scan(sources, headers.overrides())


def ingest_sources(
    sources: Sequence[str],
    store: str,
    headers: HeaderConfig,
    volume: VolumeConfig,
    address: str,
    overwrite: bool,
    drop_labels: Collection[str] = (),
    budget_mib: int = BUDGET_MIB,
) -> IngestReceipt:
    """Run the stage that fits the sources."""
    from tasks.ingest import ingest_array, ingest_segy

    if is_array(sources):
        settings = volume.settings(headers)
        (source,) = matching_files(sources)
        return ingest_array(source, store, settings, address, overwrite, drop_labels, budget_mib)
    require_no_volume(sources, volume)
    return ingest_segy(
        sources, store, headers.overrides(), address, overwrite, drop_labels, budget_mib
    )


def require_no_volume(sources: Sequence[str], volume: VolumeConfig) -> None:
    """Raise :class:`ConfigError` if SEG-Y files were described as an array."""
    from seisproc.volumes.ingest import require_array_settings

    if sources:
        require_array_settings(volume.settings(), sources[0])
