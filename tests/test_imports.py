"""The package imports downwards: no circles, and nothing below imports from above."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import cnnx

pytestmark = pytest.mark.one_isa

PACKAGE = Path(cnnx.__file__).parent
STOREYS = ("ops", "optimizers", "layers", "graph", "models", "callbacks")
"""Packages from below to above: none imports one that stands later."""


def imports_of(tree: ast.Module) -> set[str]:
    """Return what a module imports when it is itself imported, names included."""
    found = set()
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found


def modules() -> dict[str, set[str]]:
    """Return the package's modules, each with those of the package that it imports."""
    sources = {
        ".".join(("cnnx", *path.relative_to(PACKAGE).with_suffix("").parts)): path
        for path in PACKAGE.rglob("*.py")
        if path.name != "__init__.py"
    }
    inits = {
        ".".join(("cnnx", *path.parent.relative_to(PACKAGE).parts)): path
        for path in PACKAGE.rglob("__init__.py")
    }
    trees = {name: ast.parse(path.read_text()) for name, path in (sources | inits).items()}
    return {name: imports_of(tree) & set(trees) - {"cnnx", name} for name, tree in trees.items()}


def test_there_are_no_circles() -> None:
    found = modules()
    assert found["cnnx.layers.dense"] >= {"cnnx.layers.linear", "cnnx.geometry"}
    tuple(TopologicalSorter(found).static_order())  # raises CycleError, which names the circle


def test_nothing_below_imports_from_above() -> None:
    for name, imported in modules().items():
        storey = name.split(".")[1:2]
        if not storey or storey[0] not in STOREYS:
            continue
        above = STOREYS[STOREYS.index(storey[0]) + 1 :]
        assert not {other for other in imported if other.split(".")[1] in above}, name
