"""Scales and offsets beside convolutions and products go into their weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cnnx.arrays import Float
from cnnx.onnx.model_file import Node
from cnnx.onnx.rewriting import Rewriting, is_hard_gate


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
    if is_hard_gate(node):
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
