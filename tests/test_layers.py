"""Imports run one way only: flows -> tasks -> seisproc, models -> libraries."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("flows", "tasks", "seisproc", "models")

FORBIDDEN = {
    "seisproc": {"flows", "tasks", "models", "torch", "prefect", "monai", "pydantic", "click"},
    "models": {"flows", "tasks", "seisproc", "prefect", "zarr", "dask", "distributed", "xarray"},
    "tasks": {"flows", "click"},
    "flows": set(),
}

SYNTHETIC_MAY = {"numpy", "scipy", "numba", "seisproc"}
"""What a GPU image has: training on fresh synthetics must need nothing else."""

STANDARD = set(__import__("sys").stdlib_module_names)


def imported_roots(file: Path) -> set[str]:
    """Top-level packages that a file imports anywhere, also inside functions."""
    roots: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            roots |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            roots.add(node.module.split(".")[0])
    return roots


@pytest.mark.parametrize("package", PACKAGES)
def test_no_import_runs_against_the_layers(package):
    files = sorted((ROOT / package).rglob("*.py"))
    assert files, f"{package} holds no Python files"
    against = {
        str(file.relative_to(ROOT)): sorted(imported_roots(file) & FORBIDDEN[package])
        for file in files
        if imported_roots(file) & FORBIDDEN[package]
    }
    assert not against


def test_synthetic_needs_only_numpy_scipy_numba():
    for file in (ROOT / "seisproc" / "synthetic").rglob("*.py"):
        foreign = imported_roots(file) - STANDARD - SYNTHETIC_MAY
        assert not foreign, f"{file.name} imports {sorted(foreign)}"


def test_no_relative_imports_hide_a_layer():
    for package in PACKAGES:
        for file in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                assert not (isinstance(node, ast.ImportFrom) and node.level), file
