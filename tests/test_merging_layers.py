"""Layers that merge: forward and backward against NumPy and central differences."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import cnnx
import reference
from agreement import assert_close, assert_gradient, normal
from cnnx import layers
from cnnx.layers import Layer
from cnnx.layers.call import alone

Oracle = Callable[..., Any]
CASES: dict[str, tuple[type[Layer], dict[str, Any], Oracle]] = {
    "add": (layers.Add, {}, lambda *xs: sum(xs)),
    "subtract": (layers.Subtract, {}, lambda a, b: a - b),
    "multiply": (layers.Multiply, {}, lambda *xs: np.prod(np.broadcast_arrays(*xs), axis=0)),
    "divide": (layers.Divide, {}, lambda a, b: a / b),
    "select": (layers.Select, {}, lambda c, a, b: np.where(c != 0, a, b)),
    "average": (layers.Average, {}, lambda *xs: sum(xs) / len(xs)),
    "maximum": (layers.Maximum, {}, lambda *xs: np.max(np.broadcast_arrays(*xs), axis=0)),
    "minimum": (layers.Minimum, {}, lambda *xs: np.min(np.broadcast_arrays(*xs), axis=0)),
    "concatenate": (layers.Concatenate, {}, lambda *xs: np.concatenate(xs, -1)),
    "along rows": (layers.Concatenate, {"axis": 1}, lambda *xs: np.concatenate(xs, 1)),
    "along -2": (layers.Concatenate, {"axis": -2}, lambda *xs: np.concatenate(xs, -2)),
}
SHAPES = {
    "two": [(3, 4, 5), (3, 4, 5)],
    "three": [(3, 4, 5)] * 3,
    "repeated": [(3, 4, 5), (1, 4, 1)],
    "repeated first": [(1, 1, 5), (3, 4, 5)],
    "repeated last": [(3, 4, 5), (1, 1, 5)],
    "repeated both": [(3, 1, 5), (1, 1, 5)],
    "repeated channels": [(3, 4, 1), (1, 1, 5)],
}


def fits(name: str, shapes: list[tuple[int, ...]]) -> bool:
    if (name[0] == "a" and name.startswith("along")) or name == "concatenate":
        return len(set(shapes)) == 1
    if name == "select":
        return len(shapes) == 3
    return name not in ("subtract", "divide") or len(shapes) == 2


@pytest.mark.parametrize("shapes", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("name", CASES)
def test_forward_and_backward(name: str, shapes: list[tuple[int, ...]]) -> None:
    if not fits(name, shapes):
        pytest.skip("these shapes are refused: see below")
    cls, arguments, oracle = CASES[name]
    layer = cls(**arguments)
    xs = [normal(place, 2, *shape) for place, shape in enumerate(shapes)]
    y = layer(xs)
    assert_close(y, oracle(*xs))
    assert layer.compute_output_shape(*((None, *shape) for shape in shapes)) == (None, *y.shape[1:])
    call = alone(layer, *xs)
    layer.forward(call, *xs)
    dy = normal(9, *y.shape)
    layer.backward(call, dy.copy())
    for place, x in enumerate(xs):

        def output(a: Any, place: int = place) -> Any:
            return oracle(*xs[:place], a, *xs[place + 1 :]) * dy

        assert_gradient(call.dx[place], reference.central_differences(output, x), f"input {place}")
    copy = cls.from_config(json.loads(json.dumps(layer.get_config())))
    np.testing.assert_array_equal(copy(xs), y)


def test_a_selection_by_zeros_and_repeated_inputs() -> None:
    condition, a, b = np.float32([[[0, 1, 0]], [[2, 0, 0]]]), normal(1, 2, 4, 3), normal(2, 2, 1, 1)
    xs = [condition, a, b]
    layer = layers.Select()
    layer.build_once(*((None, *x.shape[1:]) for x in xs))
    call = alone(layer, *xs)
    layer.forward(call, *xs)
    chosen = np.broadcast_to(condition != 0, a.shape)
    np.testing.assert_array_equal(call.y, np.where(chosen, a, b))
    dy = normal(3, *call.y.shape)
    layer.backward(call, dy)
    np.testing.assert_array_equal(call.dx[0], np.zeros_like(condition))
    np.testing.assert_array_equal(call.dx[1], dy * chosen)
    assert_close(call.dx[2], (dy * ~chosen).sum((1, 2), keepdims=True))


@pytest.mark.parametrize("cls", [layers.Maximum, layers.Minimum])
def test_of_equal_elements_the_first_gets_the_gradient(cls: type[Layer]) -> None:
    xs = [np.ones((1, 2), np.float32), np.array([[1, 2]], np.float32), np.ones((1, 2), np.float32)]
    call = alone(cls(), *xs)
    call_layer = cls()
    call_layer.build_once(*((None, 2),) * 3)
    call_layer.forward(call, *xs)
    call_layer.backward(call, np.array([[3, 4]], np.float32))
    expected = [[3, 0], [0, 4], [0, 0]] if cls is layers.Maximum else [[3, 4], [0, 0], [0, 0]]
    np.testing.assert_array_equal(np.concatenate(call.dx), expected)


DOTS: dict[str, tuple[Any, list[tuple[int, ...]], str]] = {
    "rows": (1, [(4,), (4,)], "nk,nk->n"),
    "sequences": (2, [(5, 4), (3, 4)], "nik,njk->nij"),
    "two axes": ((2, 1), [(5, 4), (4, 3)], "nik,nkj->nij"),
    "a row": ((-1, 1), [(3, 4), (4,)], "nik,nk->ni"),
    "images": ((1, -2), [(4, 2, 3), (2, 4, 3)], "nkij,nlkm->nijlm"),
}


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("name", DOTS)
def test_products_along_an_axis(name: str, normalize: bool) -> None:
    axes, shapes, sum_over = DOTS[name]
    layer = layers.Dot(axes, normalize)
    xs = [normal(place, 2, *shape) for place, shape in enumerate(shapes)]
    places = layer.places([x.ndim for x in xs])

    def oracle(*arrays: Any) -> Any:
        vectors = [
            x / np.linalg.norm(x, axis=axis, keepdims=True) if normalize else x
            for x, axis in zip(arrays, places, strict=True)
        ]
        y = np.einsum(sum_over, *vectors)
        return y[:, None] if y.ndim == 1 else y

    y = layer(xs)
    assert_close(y, oracle(*xs))
    assert layer.compute_output_shape(*((None, *shape) for shape in shapes)) == (None, *y.shape[1:])
    call, dy = alone(layer, *xs), normal(9, *y.shape)
    layer.forward(call, *xs)
    layer.backward(call, dy.copy())
    for place, x in enumerate(xs):

        def output(a: Any, place: int = place) -> Any:
            return oracle(*xs[:place], a, *xs[place + 1 :]) * dy

        assert_gradient(call.dx[place], reference.central_differences(output, x), f"input {place}")
    copy = layers.Dot.from_config(json.loads(json.dumps(layer.get_config())))
    np.testing.assert_array_equal(copy(xs), y)
    np.testing.assert_array_equal(layers.dot(xs, axes, normalize=normalize), y)
    inputs = [cnnx.Input(shape) for shape in shapes]
    dense = [layers.Dense(shape[-1]) for shape in shapes]
    products = layer([part(value) for part, value in zip(dense, inputs, strict=True)])
    model = cnnx.Model(inputs, layers.Dense(2)(layers.Flatten()(products)))
    model.compile(loss="mse")
    assert cnnx.explain.check_gradients(model, xs, normal(8, 2, 2)).agrees


@pytest.mark.parametrize(
    ("layer", "shapes", "message"),
    [
        (layers.Add(name="sum"), [(3, 4)], "Add 'sum' merges a list of at least 2 inputs, got 1"),
        (layers.Add(), [(3, 4), (3, 5)], r"do not fit each other: \(None, 3, 4\), \(None, 3, 5\)"),
        (layers.Add(), [(3, 4), (4,)], "do not fit each other"),
        (layers.Subtract(), [(3,)] * 3, "takes 2 inputs, got 3"),
        (layers.Dot(1), [(3, 4), (2, 4)], r"along axes \(1, 1\) must be the same, got \[3, 2\]"),
        (layers.Dot(1), [(3,)] * 3, "takes 2 inputs, got 3"),
        (layers.Dot(2), [(3,)] * 2, r"axes=\(2,\) must name axes of samples"),
        (layers.Concatenate(), [(3, 4), (2, 4)], r"must agree but for axis -1"),
        (layers.Concatenate(), [(3, 4), (4,)], r"must agree but for axis -1"),
        (layers.Concatenate(3), [(3, 4)] * 2, r"of shape \(None, 3, 4\) has no axis 3"),
    ],
)
def test_shapes_that_do_not_fit(layer: Layer, shapes: list[tuple[int, ...]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        layer([np.zeros((2, *shape)) for shape in shapes])


def test_batches_of_two_sizes_are_refused() -> None:
    x = np.ones((2, 3))
    for inputs in ([x, x[:0]], [x, x[:1]], [x[:1], x]):
        with pytest.raises(ValueError, match=r"Maximum 'large': x must hold batches of one size"):
            cnnx.layers.Maximum(name="large")(inputs)


def test_axis_0_is_the_batch() -> None:
    with pytest.raises(ValueError, match="axis 0 is the batch's"):
        layers.Concatenate(0)


def test_functions_are_the_layers() -> None:
    xs = [normal(1, 2, 3), normal(2, 2, 3)]
    np.testing.assert_array_equal(layers.add(xs), layers.Add()(xs))
    np.testing.assert_array_equal(layers.concatenate(xs, 1), layers.Concatenate(1)(xs))


@pytest.mark.parametrize("shape", [(3, 4, 5), (1, 1, 5)])
@pytest.mark.parametrize("name", ["add", "average", "multiply", "maximum", "minimum"])
def test_an_input_that_comes_twice(name: str, shape: tuple[int, ...]) -> None:
    cls, _, oracle = CASES[name]
    x, other = cnnx.Input((3, 4, 5)), cnnx.Input(shape)
    twice = layers.Activation("tanh")(x)  # nothing else reads it: the sum may lie in its memory
    model = cnnx.Model([x, other], cls()([twice, other, twice]))
    a, b = normal(1, 2, 3, 4, 5), normal(2, 2, *shape)
    assert_close(model.predict([a, b]), oracle(np.tanh(a), b, np.tanh(a)))
    assert_close(model([a, b], training=True), oracle(np.tanh(a), b, np.tanh(a)))


@pytest.mark.parametrize("name", ["add", "average", "maximum", "minimum", "multiply", "subtract"])
def test_functions_are_layers_called_on_values(name: str) -> None:
    a, b = cnnx.Input((3,)), cnnx.Input((3,))
    model = cnnx.Model([a, b], getattr(layers, name)([a, b], name="joined"))
    assert type(model.get_layer("joined")).__name__ == name.capitalize()
    x, y = normal(1, 2, 3), normal(2, 2, 3)
    expected = {
        "add": x + y,
        "average": (x + y) / 2,
        "maximum": np.maximum(x, y),
        "minimum": np.minimum(x, y),
        "multiply": x * y,
        "subtract": x - y,
    }[name]
    np.testing.assert_allclose(model.predict([x, y], verbose=0), expected, rtol=1e-6)
