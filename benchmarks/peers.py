"""Other programs that turn SEG-Y into Zarr, timed within the process that runs them.

    PYTHON_WITH_THEM benchmarks/peers.py mdio|segysak SOURCE TARGET

An environment of their own (``pip install multidimio segysak``), since their dependencies and ours
do not agree. Prints the seconds of the conversion alone: imports are left out.
"""

from __future__ import annotations

import sys
import time


def with_mdio(source: str, target: str) -> None:
    from mdio import segy_to_mdio
    from mdio.builder.template_registry import TemplateRegistry
    from segy.standards import get_segy_standard

    template = TemplateRegistry().get("PostStack3DTime")
    segy_to_mdio(get_segy_standard(1.0), template, source, target, overwrite=True)


def with_segysak(source: str, target: str) -> None:
    import segysak  # noqa: F401 - brings its engine to xarray
    import xarray

    survey = xarray.open_dataset(
        source,
        dim_byte_fields={"iline": 189, "xline": 193},
        extra_byte_fields={"cdp_x": 181, "cdp_y": 185},
        chunks={"iline": 64},
    )
    survey.to_zarr(target, mode="w")


WAYS = {"mdio": with_mdio, "segysak": with_segysak}


def main() -> None:
    way, source, target = sys.argv[1:]
    if way == "mdio":
        import mdio  # noqa: F401
    else:
        import segysak  # noqa: F401
    begin = time.perf_counter()
    WAYS[way](source, target)
    print(f"seconds {time.perf_counter() - begin:.2f}")


if __name__ == "__main__":
    main()
