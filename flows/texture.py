"""What real sections look like, learned without labels."""

from __future__ import annotations

from prefect import flow

from flows.runs import OPTIONS, run_name
from flows.texture_config import TextureConfig
from tasks.texture import TextureReceipt, learn_texture


@flow(name="texture", flow_run_name=run_name("texture", "output"), **OPTIONS)
def texture(
    sources: list[str],
    output: str,
    learning: TextureConfig = TextureConfig(),
    overwrite: bool = False,
) -> TextureReceipt:
    """Train an autoencoder on sections that nobody has interpreted, and write it as a file.

    Args:
        sources: Survey stores, and sections in .npz files with an array seismic (sample, trace).
        output: File to write, X.safetensors; training adds what it draws to patches.
        learning: Network, and how it is trained.
        overwrite: Replace a file of other sections or settings.
    """
    return learn_texture(
        learning.config(), sources, output, learning.shape, learning.sections, overwrite
    )
