"""The types of the core (`_core.pyi`) are those of its functions: names, order and defaults."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import NamedTuple

import pytest

import cnnx
from cnnx import _core

pytestmark = pytest.mark.one_isa

STUBS = ast.parse((Path(cnnx.__file__).parent / "_core.pyi").read_text())
FUNCTIONS = {node.name: node for node in STUBS.body if isinstance(node, ast.FunctionDef)}
CLASSES = {node.name: node for node in STUBS.body if isinstance(node, ast.ClassDef)}


class Argument(NamedTuple):
    name: str
    default: object


def arguments(function: ast.FunctionDef) -> list[Argument]:
    """Return the arguments of a function; `...` for those without a default."""
    names = [argument.arg for argument in function.args.args]
    defaults = [ast.literal_eval(node) for node in function.args.defaults]
    missing = [...] * (len(names) - len(defaults))
    return list(map(Argument, names, [*missing, *defaults]))


def of_runtime(documentation: str) -> list[Argument]:
    """Return the arguments by the signature with which pybind11 begins a docstring."""
    signature = documentation.splitlines()[0]
    (function,) = ast.parse(f"def {signature}: ...").body
    assert isinstance(function, ast.FunctionDef)
    return arguments(function)


def test_the_names_are_those_of_the_core() -> None:
    found = {name for name in dir(_core) if not name.startswith("_")}
    assert {*FUNCTIONS, *CLASSES} == found


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_arguments_are_those_of_the_core(name: str) -> None:
    assert arguments(FUNCTIONS[name]) == of_runtime(getattr(_core, name).__doc__)


@pytest.mark.parametrize("name", CLASSES)
def test_the_methods_are_those_of_the_core(name: str) -> None:
    methods = {node.name: node for node in CLASSES[name].body if isinstance(node, ast.FunctionDef)}
    kind = getattr(_core, name)
    assert {*methods} - {"__init__"} == {m for m in vars(kind) if not m.startswith("_")}
    for method, node in methods.items():
        expected = of_runtime(getattr(kind, method).__doc__)
        assert [a.default for a in arguments(node)] == [a.default for a in expected]
