"""A network of a file while nodes that belong together are put together."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

import numpy as np

from cnnx.arrays import Array, Float
from cnnx.onnx.folding import fold, folds, known
from cnnx.onnx.model_file import Network, Node
from cnnx.onnx.unsupported import UnsupportedError

Pattern: TypeAlias = Callable[["Rewriting", Node], Node | None]
"""Looks at a node and what stands before it; returns what takes its place, or None."""


class Rewriting:
    """
    A network while its nodes are put together, in running order.

    Attributes
    ----------
    constants
        Arrays by name, those that patterns make included.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self.constants = dict(network.constants)
        self._makers: dict[str, Node] = {}
        readers = [name for node in network.nodes for name in node.inputs]
        self._readers = Counter([*readers, *network.outputs, *network.outputs])

    def nodes(self, patterns: Mapping[str, tuple[Pattern, ...]]) -> list[Node]:
        """Return the nodes, put together."""
        found: list[Node] = []
        for node in self._network.nodes:
            if self._fold(node):
                continue
            for pattern in patterns.get(node.operator, ()):
                node = pattern(self, node) or node
            for name in node.outputs:
                self._makers[name] = node
            found.append(node)
        return found

    def _fold(self, node: Node) -> bool:
        """Work a node out whose inputs are constants; return whether that was possible."""
        if not folds(node) or any(name not in self.constants for name in node.inputs if name):
            return False
        arrays = [known(self.constants[name]) if name else None for name in node.inputs]
        try:
            made = fold(node, self._network.opset, arrays)
        except UnsupportedError:
            return False  # the error comes where layers are made
        self.constants |= {n: a[0] for n, a in zip(node.outputs, made, strict=False) if n}
        return True

    def maker(self, name: str, *operators: str, alone: bool = True) -> Node | None:
        """
        Return the node that makes an array, if it is a use of one of some operators.

        Parameters
        ----------
        name
            Of the array.
        operators
            Those that are looked for.
        alone
            Whether nobody else may read the array.
        """
        node = self._makers.get(name)
        if node is None or node.operator not in operators:
            return None
        return None if alone and self._readers[name] > 1 else node

    def constant(self, name: str) -> Float | None:
        """Return a constant of numbers, or None."""
        array = self.constants.get(name)
        return array if array is not None and array.dtype == np.float32 else None

    def number(self, name: str) -> float | None:
        """Return a constant that is one number, or None."""
        array = self.constants.get(name)
        if array is None or array.size != 1 or array.dtype.kind not in "fiu":
            return None
        return float(array.ravel()[0])

    def is_number(self, name: str, wanted: float) -> bool:
        """Return whether an array is a certain number."""
        found = self.number(name)
        return found is not None and math.isclose(found, wanted, rel_tol=1e-5)

    def beside_constant(self, node: Node) -> tuple[str, Float] | None:
        """Return the input and the constant of a node that has one of each, in any order."""
        if len(node.inputs) != 2:
            return None
        for name, other in (node.inputs, node.inputs[::-1]):
            constant = self.constant(other)
            if constant is not None and name not in self.constants:
                return name, constant
        return None

    def beside_number(self, node: Node | None, wanted: float) -> str | None:
        """Return the other input of a node, one of whose inputs is a certain number."""
        if node is None or len(node.inputs) != 2:
            return None
        for name, other in (node.inputs, node.inputs[::-1]):
            if self.is_number(other, wanted):
                return name
        return None

    def keep(self, array: Array, like: str) -> str:
        """Add a constant; return its name."""
        number = len(self.constants)
        while f"{like}/{number}" in self.constants:
            number += 1
        self.constants[f"{like}/{number}"] = np.ascontiguousarray(array, np.float32)
        return f"{like}/{number}"

    def readers(self, name: str) -> Iterator[Node]:
        """Yield the nodes of the file that read an array."""
        for node in self._network.nodes:
            if name in node.inputs:
                yield node

    def is_read_once(self, name: str) -> bool:
        """Return whether one node reads an array, and it is no output."""
        return self._readers[name] == 1

    def is_output(self, name: str) -> bool:
        """Return whether an array is an output of the network."""
        return name in self._network.outputs


def made(node: Node, operator: str, inputs: list[str], **attributes: float) -> Node:
    """Return what takes the place of a node."""
    return Node(operator, node.name, inputs, node.outputs, dict(attributes))


def pairs(node: Node) -> Iterator[tuple[str, str]]:
    """Yield the two inputs of a node in both orders."""
    if len(node.inputs) == 2:
        yield (node.inputs[0], node.inputs[1])
        yield (node.inputs[1], node.inputs[0])


def is_hard_gate(node: Node) -> bool:
    """Return whether a HardSigmoid is min(max(x + 3, 0), 6) / 6."""
    alpha, beta = node.attributes.get("alpha", 0.2), node.attributes.get("beta", 0.5)
    return math.isclose(alpha, 1 / 6, rel_tol=1e-5) and beta == 0.5
