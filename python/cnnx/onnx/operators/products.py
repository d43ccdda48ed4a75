"""Products of matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnx import layers
from cnnx.arrays import Array
from cnnx.onnx.broadcasting import refined
from cnnx.onnx.operators.arithmetic import affine, merged
from cnnx.onnx.tensor import Atom, Tensor, axis, count
from cnnx.onnx.unsupported import UnsupportedError
from cnnx.onnx.use import Use


def gemm(at: Use) -> Tensor:
    """Gemm with a constant right factor: Dense."""
    if not at.is_constant(1):
        return _product_and_sum(at)
    if at.attribute("transA", 0):
        raise UnsupportedError("attribute transA=1")
    kernel = at.floats(1)
    if kernel.ndim != 2:
        raise UnsupportedError(f"its second factor has shape {kernel.shape}")
    if at.attribute("transB", 0):
        kernel = kernel.T
    kernel = kernel * np.float32(at.attribute("alpha", 1.0))
    bias = at.optional(2)
    if bias is not None:
        bias = bias * np.float32(at.attribute("beta", 1.0))
        if bias.ndim > 1 and bias.shape[0] > 1:
            raise UnsupportedError(f"its third factor has shape {bias.shape}: rows of its own")
        bias = np.broadcast_to(bias.reshape(-1), kernel.shape[1:])
    if at.tensor().rank != 2:
        raise UnsupportedError(f"its first factor is an array {at.tensor()}")
    return dense(at, at.tensor(), kernel, bias)


def _product_and_sum(at: Use) -> Tensor:
    """Gemm of matrices that the network computes."""
    factors = [
        _turned(at.tensor(place)) if at.attribute(name, 0) else at.tensor(place)
        for place, name in enumerate(("transA", "transB"))
    ]
    alpha, beta = (np.full(1, at.attribute(name, 1.0), np.float32) for name in ("alpha", "beta"))
    found = affine(at, product(at, *factors), alpha)
    if not at.has(2):
        return found
    if at.is_constant(2):
        return affine(at, found, offset=beta * at.floats(2))
    return merged(at, layers.Add, [found, affine(at, at.tensor(2), beta)])


def dense(at: Use, tensor: Tensor, kernel: Array, bias: Array | None) -> Tensor:
    """
    Return the product of the last axis of a tensor with a matrix.

    Its elements may lie in any order: the rows of the matrix are put in that order too.
    """
    last = tensor.axes[-1]
    if kernel.ndim != 2 or tensor.samples[0] in last or count(last) != len(kernel):
        raise UnsupportedError(f"a matrix of shape {kernel.shape} beside an array {tensor}")
    order = [atom for group in tensor.held for atom in group if atom in last]
    others = [
        part
        for group in tensor.held[1:]
        if (part := tuple(atom for atom in group if atom not in last))
    ]
    tensor = at.arranged(tensor, [*others, tuple(order)])
    rows = kernel.reshape([*(count([atom]) for atom in last), kernel.shape[1]])
    rows = rows.transpose([*(last.index(atom) for atom in order), len(last)])
    weights = [rows.reshape(kernel.shape)] + ([] if bias is None else [bias])
    value = at.value(
        layers.Dense,
        tensor.value,
        weights=weights,
        units=kernel.shape[1],
        use_bias=bias is not None,
    )
    units = axis(kernel.shape[1])
    return Tensor(value, (*tensor.held[:-1], units), (*tensor.axes[:-1], units))


def matrix_product(at: Use) -> Tensor:
    """MatMul: Dense if a factor is a constant matrix, or a constant row or column."""
    if at.is_constant(1):
        kernel = at.floats(1)
        if kernel.ndim == 1:
            found = dense(at, at.tensor(0), kernel[:, None], None)
            return found.seen(found.axes[:-1])
        return dense(at, at.tensor(0), kernel, at.optional(2))
    if at.is_constant(0):
        kernel = at.floats(0)
        if kernel.ndim > 2 or at.tensor(1).rank < 2:
            raise UnsupportedError(f"a factor of shape {kernel.shape} before {at.tensor(1)}")
        found = dense(at, _turned(at.tensor(1)), np.atleast_2d(kernel).T, None)
        return _turned(found) if kernel.ndim == 2 else found.seen(found.axes[:-1])
    return product(at, at.tensor(0), at.tensor(1))


def _turned(tensor: Tensor) -> Tensor:
    """Return matrices with rows and columns exchanged."""
    *front, rows, columns = tensor.axes
    return tensor.seen([*front, columns, rows])


def product(at: Use, one: Tensor, two: Tensor) -> Tensor:
    """Return the products of the last two axes of arrays that the network computes."""
    if min(one.rank, two.rank) < 2:
        raise UnsupportedError(f"the product of {one} and {two}")
    *_, rows, inner = one.axes
    *_, other, columns = two.axes
    if one.samples[0] in (*rows, *inner, *other, *columns):
        raise UnsupportedError(f"the product of {one} and {two}: samples are rows or columns")
    if inner and other:
        pair = refined([one.seen([inner]), two.seen([other])], 0)
        inner = pair[0].axes[0]
        one, two = (found.seen(old.axes) for found, old in zip(pair, (one, two), strict=True))
    rank = max(one.rank, two.rank) - 2
    fronts = [
        tensor.seen([*[()] * (rank + 2 - tensor.rank), *tensor.axes[:-2]]) for tensor in (one, two)
    ]
    for number in range(rank):
        fronts = refined(fronts, number)
    groups = [max((tensor.axes[number] for tensor in fronts), key=len) for number in range(rank)]
    before = [group for group in groups if group != one.samples]
    if any(one.samples[0] in group for group in before):
        raise UnsupportedError(f"the product of {one} and {two}: the samples come with others")
    values = [
        at.arranged(
            tensor,
            [
                *(tensor.axes[n] for n, group in enumerate(groups) if group != one.samples),
                *last,
            ],
        ).value
        for tensor, last in zip(fronts, ((rows, inner), (inner, columns)), strict=True)
    ]
    columns = tuple(Atom(atom.extent) for atom in columns)  # those of the rows may be the same
    value = at.value(layers.MatMul, *values)
    return Tensor(value, (one.samples, *before, rows, columns), (*groups, rows, columns))


OPERATORS: dict[str, Any] = {"Gemm": gemm, "MatMul": matrix_product}
