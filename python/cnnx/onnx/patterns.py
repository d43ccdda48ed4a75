"""
Groups of nodes that are one layer: they are put together before layers are made of them.

Exporters write activations, normalisation and biases as the sums and products that they are made
of. A pattern looks at one node and what stands before it. What it puts in the place of that node
computes the same; what nobody reads any more is left out at the end.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from cnnx.arrays import Array, Float
from cnnx.onnx.folding import fold, folds, known
from cnnx.onnx.model_file import Network, Node
from cnnx.onnx.unsupported import UnsupportedError

Pattern: TypeAlias = Callable[["Rewriting", Node], Node | None]


def put_together(network: Network) -> Network:
    """Return a network with fewer nodes that computes the same."""
    rewriting = Rewriting(network)
    nodes = rewriting.nodes()
    read = set(network.outputs)
    kept: list[Node] = []
    for node in reversed(nodes):
        if not read.isdisjoint(node.outputs):
            read.update(node.inputs)
            kept.append(node)
    constants = {name: array for name, array in rewriting.constants.items() if name in read}
    return replace(network, nodes=kept[::-1], constants=constants)


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

    def nodes(self) -> list[Node]:
        """Return the nodes, put together."""
        found: list[Node] = []
        for node in self._network.nodes:
            if self._fold(node):
                continue
            for pattern in PATTERNS.get(node.operator, ()):
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


def _made(node: Node, operator: str, inputs: list[str], **attributes: float) -> Node:
    """Return what takes the place of a node."""
    return Node(operator, node.name, inputs, node.outputs, dict(attributes))


# Activations.


def _pairs(node: Node) -> Iterator[tuple[str, str]]:
    if len(node.inputs) == 2:
        yield (node.inputs[0], node.inputs[1])
        yield (node.inputs[1], node.inputs[0])


def gated(r: Rewriting, node: Node) -> Node | None:
    """Find x sigmoid(x), x hard_sigmoid(x) and x tanh(softplus(x))."""
    for x, gate in _pairs(node):
        sigmoid = r.maker(gate, "Sigmoid")
        if sigmoid is not None and x == _unscaled(r, sigmoid.inputs[0]):
            return _made(node, "Swish", [x])
        hard = r.maker(gate, "HardSigmoid")
        if hard is not None and hard.inputs[0] == x and _is_hard_gate(hard):
            return _made(node, "HardSwish", [x])
        tanh = r.maker(gate, "Tanh")
        softplus = None if tanh is None else r.maker(tanh.inputs[0], "Softplus")
        if softplus is not None and softplus.inputs[0] == x:
            return _made(node, "Mish", [x])
    return None


def _unscaled(r: Rewriting, name: str) -> str:
    """Return what an array is made of, if that was multiplied by 1."""
    return r.beside_number(r.maker(name, "Mul"), 1) or name


def _is_hard_gate(node: Node) -> bool:
    alpha, beta = node.attributes.get("alpha", 0.2), node.attributes.get("beta", 0.5)
    return math.isclose(alpha, 1 / 6, rel_tol=1e-5) and beta == 0.5


def hard_swish(r: Rewriting, node: Node) -> Node | None:
    """Find x clip(x + 3, 0, 6) / 6, divided before or after."""
    whole = r.maker(node.inputs[0], "Mul") if node.operator == "Div" else None
    if node.operator == "Div" and r.is_number(node.inputs[-1], 6) and whole is not None:
        for x, gate in _pairs(whole):
            if x == _clipped(r, gate):
                return _made(node, "HardSwish", [x])
    if node.operator != "Mul":
        return None
    other = r.beside_number(node, 1 / 6)
    whole = None if other is None else r.maker(other, "Mul")
    for x, gate in _pairs(whole) if whole is not None else ():
        if x == _clipped(r, gate):
            return _made(node, "HardSwish", [x])
    for x, gate in _pairs(node):
        sixth = r.maker(gate, "Div")
        if sixth is None or not r.is_number(sixth.inputs[-1], 6):
            continue
        if x == _clipped(r, sixth.inputs[0]):
            return _made(node, "HardSwish", [x])
    return None


def _clipped(r: Rewriting, name: str) -> str | None:
    """Return x if an array is clip(x + 3, 0, 6)."""
    clip = r.maker(name, "Clip")
    if clip is None:
        return None
    if len(clip.inputs) == 3:
        fits = r.is_number(clip.inputs[1], 0) and r.is_number(clip.inputs[2], 6)
    else:
        fits = (clip.attributes.get("min"), clip.attributes.get("max")) == (0, 6)
    return r.beside_number(r.maker(clip.inputs[0], "Add"), 3) if fits else None


def gelu(r: Rewriting, node: Node) -> Node | None:
    """Find x / 2 (1 + erf(x / sqrt(2))), with the half in any place."""
    half = r.beside_number(node, 0.5)
    if half is not None:
        whole = r.maker(half, "Mul")
        for x, gate in _pairs(whole) if whole is not None else ():
            if x == _of_erf(r, gate):
                return _made(node, "Gelu", [x])
    for first, gate in _pairs(node):
        inner = _of_erf(r, gate)
        if inner is not None and r.beside_number(r.maker(first, "Mul"), 0.5) == inner:
            return _made(node, "Gelu", [inner])
        halved = r.beside_number(r.maker(gate, "Mul"), 0.5)
        if halved is not None and _of_erf(r, halved) == first:
            return _made(node, "Gelu", [first])
    return None


def _of_erf(r: Rewriting, name: str) -> str | None:
    """Return x if an array is 1 + erf(x / sqrt(2))."""
    inner = r.beside_number(r.maker(name, "Add"), 1)
    erf = None if inner is None else r.maker(inner, "Erf")
    if erf is None:
        return None
    scaled = r.maker(erf.inputs[0], "Div", "Mul")
    if scaled is not None and scaled.operator == "Div":
        return scaled.inputs[0] if r.is_number(scaled.inputs[1], math.sqrt(2)) else None
    return r.beside_number(scaled, math.sqrt(0.5))


# Normalisation.


def layer_normalization(r: Rewriting, node: Node) -> Node | None:
    """Find gamma (x - mean) / sqrt(variance + epsilon) + beta over the last axis."""
    found = r.beside_constant(node)
    scaled = None if found is None else r.maker(found[0], "Mul")
    inner = None if scaled is None else r.beside_constant(scaled)
    quotient = None if inner is None else r.maker(inner[0], "Div")
    if found is None or inner is None or quotient is None or found[1].ndim != 1:
        return None
    centred = r.maker(quotient.inputs[0], "Sub", alone=False)
    root = r.maker(quotient.inputs[1], "Sqrt")
    total = None if root is None else r.maker(root.inputs[0], "Add")
    sides = None if total is None else r.beside_constant(total)
    variance = None if sides is None else r.maker(sides[0], "ReduceMean")
    squares = None if variance is None else r.maker(variance.inputs[0], "Pow", "Mul")
    if centred is None or sides is None or variance is None or squares is None:
        return None
    mean = r.maker(centred.inputs[1], "ReduceMean")
    two = squares.inputs[1]
    is_square = r.is_number(two, 2) if squares.operator == "Pow" else two == centred.outputs[0]
    if (
        mean is None
        or mean.inputs[0] != centred.inputs[0]
        or squares.inputs[0] != centred.outputs[0]
        or not is_square
        or not (_over_last(r, mean) and _over_last(r, variance))
        or inner[1].shape != found[1].shape
        or sides[1].size != 1
    ):
        return None
    names = [r.keep(constant, node.name) for constant in (inner[1], found[1])]
    epsilon = float(sides[1].ravel()[0])
    return _made(node, "LayerNormalization", [centred.inputs[0], *names], epsilon=epsilon)


def _over_last(r: Rewriting, node: Node) -> bool:
    """Return whether a mean is over the last axis alone, and keeps it."""
    axes = node.attributes.get("axes")
    if len(node.inputs) > 1:
        axes = r.constants.get(node.inputs[1], np.zeros(0)).tolist()
    return axes == [-1] and node.attributes.get("keepdims", 1) == 1


# Scales and offsets beside products.


def _of_channels(constant: Float, rank: int, channels: int) -> Float | None:
    """Return a constant beside images or sequences, if it has a number for each channel or one."""
    if constant.size == 1:
        return np.full(channels, constant.ravel()[0], np.float32)
    shape = (1,) * (rank - constant.ndim) + constant.shape
    if len(shape) != rank or constant.size != channels or shape[1] != channels:
        return None
    return constant.reshape(-1)


def after_product(r: Rewriting, node: Node) -> Node | None:
    """Put a scale or an offset after a convolution or a product into its weights."""
    found = r.beside_constant(node)
    product = None if found is None else r.maker(found[0], *_PRODUCTS)
    if found is None or product is None:
        return None
    if node.operator in ("Sub", "Div") and found[0] != node.inputs[0]:
        return None
    with np.errstate(all="ignore"):
        constant = {"Sub": np.negative, "Div": np.reciprocal}.get(node.operator, np.array)(found[1])
    return _with_affine(r, product, node, constant, node.operator in ("Mul", "Div"))


_PRODUCTS = ("Conv", "ConvTranspose", "MatMul")


def _with_affine(
    r: Rewriting, product: Node, last: Node, constant: Float, scales: bool
) -> Node | None:
    """Return a product whose weights hold a scale or an offset as well."""
    kernel = r.constant(product.inputs[1])
    if kernel is None or kernel.ndim < 2:
        return None
    if product.operator == "MatMul":
        if kernel.ndim != 2 or constant.size not in (1, constant.shape[-1] if constant.ndim else 1):
            return None
        channels = kernel.shape[1]
        if constant.size not in (1, channels):
            return None
        numbers: Float | None = np.broadcast_to(constant.reshape(-1), (channels,))
        beside = numbers
    else:
        transposed = product.operator == "ConvTranspose"
        groups = product.attributes.get("group", 1)
        channels = kernel.shape[1] * groups if transposed else kernel.shape[0]
        numbers = _of_channels(constant, kernel.ndim, channels)
        ones = (1,) * (kernel.ndim - 2)
        if numbers is None or (transposed and groups > 1 and scales):
            return None
        beside = numbers.reshape((1, -1, *ones) if transposed else (-1, 1, *ones))
    if numbers is None or beside is None or not np.isfinite(numbers).all():
        return None
    bias = r.constant(product.inputs[2]) if len(product.inputs) > 2 else None
    if bias is None and len(product.inputs) > 2 and product.inputs[2]:
        return None
    names = list(product.inputs[:2])
    if scales:
        names[1] = r.keep(kernel * beside, product.name)
        bias = None if bias is None else bias * numbers
    else:
        bias = numbers if bias is None else bias + numbers
    if bias is not None:
        names.append(r.keep(bias, product.name))
    return replace(product, inputs=names, outputs=last.outputs)


def hard_sigmoid(r: Rewriting, node: Node) -> Node | None:
    """Put the slope of a hard sigmoid into the convolution before it."""
    if _is_hard_gate(node):
        return None
    product = r.maker(node.inputs[0], *_PRODUCTS)
    alpha, beta = node.attributes.get("alpha", 0.2), node.attributes.get("beta", 0.5)
    for constant, scales in ((6 * alpha, True), (6 * beta - 3, False)):
        if product is None:
            return None
        number = np.full(1, constant, np.float32)
        product = _with_affine(r, product, product, number, scales)
    if product is None:
        return None
    # The nodes before stay as they are in the list; the new one takes the place of the first.
    old = r.maker(node.inputs[0], *_PRODUCTS)
    assert old is not None
    old.inputs = product.inputs
    return replace(node, attributes={"alpha": 1 / 6, "beta": 0.5})


def before_convolution(r: Rewriting, node: Node) -> Node | None:
    """Put a scale and an offset before a convolution without padding into its weights."""
    name = node.inputs[0]
    if r.is_output(name) or not all(_is_unpadded(reader) for reader in r.readers(name)):
        return None
    found = _affine_before(r, node)
    while found is not None:
        node = found
        found = _affine_before(r, node) if r.is_read_once(node.inputs[0]) else None
    return node


def _affine_before(r: Rewriting, node: Node) -> Node | None:
    first = r.maker(node.inputs[0], "Mul", "Add", alone=False)
    sides = None if first is None else r.beside_constant(first)
    kernel = r.constant(node.inputs[1])
    if first is None or sides is None or kernel is None or sides[1].size != 1:
        return None
    number = sides[1].ravel()[0]
    if not np.isfinite(number):
        return None
    bias = r.constant(node.inputs[2]) if len(node.inputs) > 2 else None
    if bias is None and len(node.inputs) > 2 and node.inputs[2]:
        return None
    names = [sides[0], *node.inputs[1:]]
    if first.operator == "Mul":
        names[1] = r.keep(kernel * number, node.name)
    else:
        sums = kernel.reshape(len(kernel), -1).sum(axis=1, dtype=np.float64) * number
        total = sums if bias is None else bias + sums
        names = [*names[:2], r.keep(total, node.name)]
    return replace(node, inputs=names)


def _is_unpadded(node: Node) -> bool:
    if node.operator != "Conv" or node.attributes.get("auto_pad", "NOTSET") not in _UNPADDED:
        return False
    return not any(node.attributes.get("pads") or [])


_UNPADDED = ("NOTSET", "VALID")


def gate_and_input(r: Rewriting, node: Node) -> Node | None:
    """Make of x + x g, as squeeze-and-excitation may end, x (g + 1)."""
    for x, other in _pairs(node):
        product = r.maker(other, "Mul")
        for same, gate in _pairs(product) if product is not None else ():
            if same == x and x not in r.constants and r.maker(gate, *_GATES):
                one = r.keep(np.ones(1), node.name)
                maker = r.maker(gate, *_GATES)
                assert maker is not None
                assert product is not None
                product.operator, product.inputs = "Add", [gate, one]
                return _made(node, "Mul", [x, product.outputs[0]])
    return None


_GATES = ("HardSigmoid", "Sigmoid")

PATTERNS: dict[str, tuple[Pattern, ...]] = {
    "Add": (after_product, layer_normalization, gate_and_input),
    "Conv": (before_convolution,),
    "Div": (hard_swish, after_product),
    "HardSigmoid": (hard_sigmoid,),
    "Mul": (gated, hard_swish, gelu, after_product),
    "Sub": (after_product,),
}
"""What is tried at a node of each operator, in turn."""
