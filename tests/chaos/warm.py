"""Preloaded by the server that forks off what is killed: everything imported, compiled, hashed.

zarr and fsspec start their threads anew in a forked process; there are no others by then.
"""

import importlib
import tempfile
from pathlib import Path

from seisproc.cluster.installation import installation
from seisproc.interpretation.run import interpret

victim = importlib.import_module("victim")

with tempfile.TemporaryDirectory() as folder:
    url = victim.recipes.make_survey(Path(folder) / "survey.zarr", (17, 17, 16))
    interpret(victim.make_plan(url))
installation()
