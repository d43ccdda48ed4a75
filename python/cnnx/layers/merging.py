"""Layers that make one value of several."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any, ClassVar

import numpy as np

from cnnx import _core, geometry
from cnnx.arrays import Float, Shape
from cnnx.layers.call import Call, Traits
from cnnx.layers.layer import Layer


class Merging(Layer):
    """
    What the merging layers share: they take a list of two inputs or more.

    Parameters
    ----------
    **kwargs
        name and trainable, as in `Layer`.
    """

    merges = True
    most: ClassVar[int | None] = None
    """Number of inputs that the layer takes; None for any."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)

    def build(self, *input_shapes: Shape) -> None:
        """Check that there are several inputs, and that they fit each other."""
        if len(input_shapes) < 2:
            raise ValueError(f"{self} merges a list of at least 2 inputs, got {len(input_shapes)}")
        self.compute_output_shape(*input_shapes)

    def accepts(self, *input_shapes: Shape) -> bool:
        """Return whether the shapes fit each other: there are no weights."""
        self.build(*input_shapes)
        return True


class Elementwise(Merging):
    """
    What the layers share that merge inputs of one shape element by element.

    An extent of 1 is repeated along the others' extents, as NumPy does.
    """

    def build(self, *input_shapes: Shape) -> None:
        """Check that there are as many inputs as the layer takes, and that they fit each other."""
        if self.most is not None and 2 <= len(input_shapes) != self.most:
            raise ValueError(f"{self} takes {self.most} inputs, got {len(input_shapes)}")
        super().build(*input_shapes)

    def compute_output_shape(self, *input_shapes: Shape) -> Shape:
        """Return the shape of all inputs together."""
        try:
            sample = geometry.common_shape([shape[1:] for shape in input_shapes])
            return (input_shapes[0][0], *sample)
        except ValueError:
            raise ValueError(
                f"{self}: the inputs' shapes do not fit each other: "
                f"{', '.join(map(str, input_shapes))}"
            ) from None

    def bind(self, call: Call) -> None:
        """Find out whether the core, which repeats nothing, can merge the inputs."""
        call.alike = all(tuple(shape) == call.y.shape[1:] for shape in call.shapes)
        call.native = call.alike


def give(dx: Float | None, part: Any) -> None:
    """Write a gradient to where it is wanted, summed over the axes along which it was repeated."""
    if dx is None:
        return
    axes = tuple(
        axis
        for axis, (own, whole) in enumerate(zip(dx.shape, part.shape, strict=True))
        if own < whole
    )
    np.copyto(dx, part.sum(axis=axes, keepdims=True) if axes else part)


def _fold(function: np.ufunc, xs: Sequence[Float], y: Float) -> None:
    """Write the result of a function of two arrays, applied to all one after the other."""
    function(xs[0], xs[1], out=y)
    for x in xs[2:]:
        function(y, x, out=y)


class Sum(Elementwise):
    """What the layers share that add up inputs, each times a factor."""

    traits = Traits(False, False, in_place=True, gradient_in_place=True, native=True)

    def factors(self, count: int) -> list[float]:
        """Return the factor of each of `count` inputs."""
        return [1.0] * count

    def bind(self, call: Call) -> None:
        """Find the factors."""
        super().bind(call)
        call.factors = self.factors(len(call.shapes))

    def forward(self, call: Call, *xs: Float) -> None:
        """Write the sum."""
        if call.alike:
            _core.weighted_sum(list(xs), call.factors, call.y)
        else:
            terms = [x * factor for x, factor in zip(xs, call.factors, strict=True)]
            _fold(np.add, terms, call.y)

    def backward(self, call: Call, dy: Float) -> None:
        """Give each input the gradient times its factor."""
        for dx, factor in zip(call.dx, call.factors, strict=True):  # the last may lie where dy does
            if dx is not None and call.alike:
                _core.weighted_sum([dy], [factor], dx)
            elif dx is not None:
                give(dx, dy * factor)


class Add(Sum):
    """
    Add up inputs: y = sum of x_i.

    Parameters are those of `Merging`.
    """


class Subtract(Sum):
    """
    Subtract the second input from the first.

    Parameters are those of `Merging`.
    """

    most = 2

    def factors(self, count: int) -> list[float]:
        """Return 1 and -1."""
        return [1.0, -1.0]


class Average(Sum):
    """
    Average inputs: y = sum of x_i / their number.

    Parameters are those of `Merging`.
    """

    def factors(self, count: int) -> list[float]:
        """Return equal shares."""
        return [1 / count] * count


class Multiply(Elementwise):
    """
    Multiply inputs element by element: y = product of x_i.

    Parameters are those of `Merging`.
    """

    traits = Traits(reads_output=False, native=True)

    def bind(self, call: Call) -> None:
        """Find out whether the core can merge the inputs, or give each channel a factor."""
        super().bind(call)
        ones = (1,) * (len(call.shapes[0]) - 1)
        gates = [place for place, shape in enumerate(call.shapes) if tuple(shape[:-1]) == ones]
        call.gate = gates[0] if len(call.shapes) == 2 and len(gates) == 1 else None
        if call.gate is not None and (
            tuple(call.shapes[1 - call.gate]) != call.y.shape[1:]
            or call.shapes[call.gate][-1] != call.y.shape[-1]
        ):
            call.gate = None
        call.native = call.alike or (call.gate is not None and not call.differentiates)

    def forward(self, call: Call, *xs: Float) -> None:
        """Write the product."""
        if call.alike:
            _core.product(list(xs), call.y)
        elif call.gate is not None:
            for x, gate, y in zip(xs[1 - call.gate], xs[call.gate], call.y, strict=True):
                _core.bias_multiply_forward(x, gate.reshape(-1), y)
        else:
            _fold(np.multiply, xs, call.y)

    def backward(self, call: Call, dy: Float) -> None:
        """Give each input the gradient times the product of the others."""
        for place, dx in enumerate(call.dx):
            factors = [dy, *call.xs[:place], *call.xs[place + 1 :]]
            if dx is not None and call.alike:
                _core.product(factors, dx)
            elif dx is not None:
                part = np.empty_like(dy)
                _fold(np.multiply, factors, part)
                give(dx, part)


class Divide(Elementwise):
    """
    Divide the first input by the second, element by element.

    Parameters are those of `Merging`.
    """

    most = 2
    traits = Traits(reads_output=False)

    def forward(self, call: Call, a: Float, b: Float) -> None:
        """Write the quotient."""
        with np.errstate(all="ignore"):
            np.divide(a, b, out=call.y)

    def backward(self, call: Call, dy: Float) -> None:
        """Give dy / b to the first input, and -dy a / b^2 to the second."""
        a, b = call.xs
        with np.errstate(all="ignore"):
            part = dy / b
            give(call.dx[0], part)
            if call.dx[1] is not None:
                give(call.dx[1], -part * (a / b))


class Select(Elementwise):
    """
    Take each element from the second input where the first is not 0, and elsewhere from the third.

    The gradient goes to where an element came from; the first input gets none.

    Parameters are those of `Merging`.
    """

    most = 3
    traits = Traits(reads_output=False)

    def forward(self, call: Call, condition: Float, a: Float, b: Float) -> None:
        """Write the chosen elements."""
        np.copyto(call.y, b)
        np.copyto(call.y, a, where=condition != 0)

    def backward(self, call: Call, dy: Float) -> None:
        """Give each element's gradient to where it came from."""
        chosen = call.xs[0] != 0
        parts = np.zeros_like(dy), dy * chosen, dy * ~chosen
        for dx, part in zip(call.dx, parts, strict=True):
            give(dx, part)


class Maximum(Elementwise):
    """
    Keep the largest element of the inputs; the gradient goes to the first of equal ones alone.

    Parameters are those of `Merging`.
    """

    traits = Traits(native=True)

    def forward(self, call: Call, *xs: Float) -> None:
        """Write the largest."""
        if call.alike:
            _core.maximum_forward(list(xs), call.y)
        else:
            _fold(np.maximum, xs, call.y)

    def backward(self, call: Call, dy: Float) -> None:
        """Give the gradient to the input that was the largest."""
        if call.alike:
            _core.maximum_backward(call.xs, dy, call.dx)
        else:
            _give_to_first(call, dy)


class Minimum(Elementwise):
    """
    Keep the smallest element of the inputs; the gradient goes to the first of equal ones alone.

    Parameters are those of `Merging`.
    """

    def forward(self, call: Call, *xs: Float) -> None:
        """Write the smallest."""
        _fold(np.minimum, xs, call.y)

    def backward(self, call: Call, dy: Float) -> None:
        """Give the gradient to the input that was the smallest."""
        _give_to_first(call, dy)


def _give_to_first(call: Call, dy: Float) -> None:
    """Give the gradient to the first input that the output was taken from."""
    left = np.ones(dy.shape, np.bool_)
    for x, dx in zip(call.xs, call.dx, strict=True):
        here = left & (x == call.y)
        give(dx, dy * here)
        left &= ~here


class Concatenate(Merging):
    """
    Put inputs side by side along an axis.

    Parameters
    ----------
    axis
        -1, the last, or the number of another axis but the batch's, which is 0.
    **kwargs
        name and trainable, as in `Layer`.
    """

    traits = Traits(False, False, recomputes=True, native=True)

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = geometry.integer(axis, f"{self}: axis", minimum=-32)
        if self.axis == 0:
            raise ValueError(f"{self}: axis 0 is the batch's; give the axis to join, such as -1")

    def compute_output_shape(self, *input_shapes: Shape) -> Shape:
        """Return the shape with the extents along the axis added up."""
        first = list(input_shapes[0])
        rank = len(first)
        axis = self.axis + rank if self.axis < 0 else self.axis
        if not 0 < axis < rank:
            raise ValueError(f"{self}: an input of shape {tuple(first)} has no axis {self.axis}")
        if any(len(shape) != rank for shape in input_shapes):
            raise self._misfit(input_shapes)
        for place, extents in enumerate(zip(*input_shapes, strict=True)):
            if place == 0:
                continue
            if place == axis:
                first[place] = None if None in extents else sum(extents)
                continue
            known = set(extents) - {None}
            if len(known) > 1:
                raise self._misfit(input_shapes)
            first[place] = next(iter(known), None)
        return tuple(first)

    def _misfit(self, input_shapes: Sequence[Shape]) -> ValueError:
        return ValueError(
            f"{self}: the inputs' shapes must agree but for axis {self.axis}, got "
            f"{', '.join(map(str, input_shapes))}"
        )

    def bind(self, call: Call) -> None:
        """Find where the inputs begin in the output."""
        call.axis = self.axis if self.axis > 0 else self.axis + call.y.ndim
        ends = accumulate(shape[call.axis - 1] for shape in call.shapes)
        call.begins = [0, *ends][:-1]

    def forward(self, call: Call, *xs: Float) -> None:
        """Write the inputs side by side."""
        _core.concatenate(list(xs), call.y, call.axis)

    def backward(self, call: Call, dy: Float) -> None:
        """Give each input its part of the gradient."""
        pairs = zip(call.dx, call.begins, strict=True)
        wanted = [(dx, begin) for dx, begin in pairs if dx is not None]
        _core.split(dy, [dx for dx, _ in wanted], [begin for _, begin in wanted], call.axis)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {"axis": self.axis}


def add(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """Return `Add(**kwargs)(inputs)`."""
    return Add(**kwargs)(inputs)


def concatenate(inputs: Sequence[Any], axis: int = -1, **kwargs: Any) -> Any:
    """Return `Concatenate(axis, **kwargs)(inputs)`."""
    return Concatenate(axis, **kwargs)(inputs)


def average(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """Return `Average(**kwargs)(inputs)`."""
    return Average(**kwargs)(inputs)


def maximum(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """Return `Maximum(**kwargs)(inputs)`."""
    return Maximum(**kwargs)(inputs)


def minimum(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """Return `Minimum(**kwargs)(inputs)`."""
    return Minimum(**kwargs)(inputs)


def multiply(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """Return `Multiply(**kwargs)(inputs)`."""
    return Multiply(**kwargs)(inputs)


def subtract(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """Return `Subtract(**kwargs)(inputs)`."""
    return Subtract(**kwargs)(inputs)
