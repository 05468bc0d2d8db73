"""Print the requirements of pyproject.toml, those of the named extras too, one a line.

For the image alone, where the libraries are a layer that stays when our code changes.
"""

import sys
import tomllib
from pathlib import Path

project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
extras = project["optional-dependencies"]
chosen = [name for name in sys.argv[1].split(",") if name]
wanted = [*project["dependencies"], *(line for name in chosen for line in extras[name])]
# Our own package is built in place, by what is installed already.
sys.stdout.write("\n".join([*wanted, "setuptools>=77"]) + "\n")
