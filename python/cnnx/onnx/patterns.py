"""
Groups of nodes that are one layer: they are put together before layers are made of them.

Exporters write activations, normalisation and biases as the sums and products that they are made
of. A pattern looks at one node and what stands before it. What it puts in the place of that node
computes the same; what nobody reads any more is left out at the end.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from cnnx.onnx.model_file import Network, Node
from cnnx.onnx.rewriting import Pattern, Rewriting, is_hard_gate, made, pairs
from cnnx.onnx.weight_patterns import after_product, before_convolution, hard_sigmoid


def put_together(network: Network) -> Network:
    """Return a network with fewer nodes that computes the same."""
    rewriting = Rewriting(network)
    nodes = rewriting.nodes(PATTERNS)
    read = set(network.outputs)
    kept: list[Node] = []
    for node in reversed(nodes):
        if not read.isdisjoint(node.outputs):
            read.update(node.inputs)
            kept.append(node)
    constants = {name: array for name, array in rewriting.constants.items() if name in read}
    return replace(network, nodes=kept[::-1], constants=constants)


# Activations.


def gated(r: Rewriting, node: Node) -> Node | None:
    """Find x sigmoid(x), x hard_sigmoid(x) and x tanh(softplus(x))."""
    for x, gate in pairs(node):
        sigmoid = r.maker(gate, "Sigmoid")
        if sigmoid is not None and x == _unscaled(r, sigmoid.inputs[0]):
            return made(node, "Swish", [x])
        hard = r.maker(gate, "HardSigmoid")
        if hard is not None and hard.inputs[0] == x and is_hard_gate(hard):
            return made(node, "HardSwish", [x])
        tanh = r.maker(gate, "Tanh")
        softplus = None if tanh is None else r.maker(tanh.inputs[0], "Softplus")
        if softplus is not None and softplus.inputs[0] == x:
            return made(node, "Mish", [x])
    return None


def _unscaled(r: Rewriting, name: str) -> str:
    """Return what an array is made of, if that was multiplied by 1."""
    return r.beside_number(r.maker(name, "Mul"), 1) or name


def hard_swish(r: Rewriting, node: Node) -> Node | None:
    """Find x clip(x + 3, 0, 6) / 6, divided before or after."""
    whole = r.maker(node.inputs[0], "Mul") if node.operator == "Div" else None
    if node.operator == "Div" and r.is_number(node.inputs[-1], 6) and whole is not None:
        for x, gate in pairs(whole):
            if x == _clipped(r, gate):
                return made(node, "HardSwish", [x])
    if node.operator != "Mul":
        return None
    other = r.beside_number(node, 1 / 6)
    whole = None if other is None else r.maker(other, "Mul")
    for x, gate in pairs(whole) if whole is not None else ():
        if x == _clipped(r, gate):
            return made(node, "HardSwish", [x])
    for x, gate in pairs(node):
        sixth = r.maker(gate, "Div")
        if sixth is None or not r.is_number(sixth.inputs[-1], 6):
            continue
        if x == _clipped(r, sixth.inputs[0]):
            return made(node, "HardSwish", [x])
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
        for x, gate in pairs(whole) if whole is not None else ():
            if x == _of_erf(r, gate):
                return made(node, "Gelu", [x])
    for first, gate in pairs(node):
        inner = _of_erf(r, gate)
        if inner is not None and r.beside_number(r.maker(first, "Mul"), 0.5) == inner:
            return made(node, "Gelu", [inner])
        halved = r.beside_number(r.maker(gate, "Mul"), 0.5)
        if halved is not None and _of_erf(r, halved) == first:
            return made(node, "Gelu", [first])
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
    return made(node, "LayerNormalization", [centred.inputs[0], *names], epsilon=epsilon)


def _over_last(r: Rewriting, node: Node) -> bool:
    """Return whether a mean is over the last axis alone, and keeps it."""
    axes = node.attributes.get("axes")
    if len(node.inputs) > 1:
        axes = r.constants.get(node.inputs[1], np.zeros(0)).tolist()
    return axes == [-1] and node.attributes.get("keepdims", 1) == 1


def gate_and_input(r: Rewriting, node: Node) -> Node | None:
    """Make of x + x g, as squeeze-and-excitation may end, x (g + 1)."""
    for x, other in pairs(node):
        product = r.maker(other, "Mul")
        for same, gate in pairs(product) if product is not None else ():
            if same == x and x not in r.constants and r.maker(gate, *_GATES):
                one = r.keep(np.ones(1), node.name)
                maker = r.maker(gate, *_GATES)
                assert maker is not None
                assert product is not None
                product.operator, product.inputs = "Add", [gate, one]
                return made(node, "Mul", [x, product.outputs[0]])
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
