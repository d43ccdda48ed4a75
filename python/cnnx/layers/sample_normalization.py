"""Normalisation of each sample by itself, the same in training and in use."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from cnnx import _core, geometry
from cnnx.arrays import Float, Shape
from cnnx.layers.affine_layer import AffineLayer
from cnnx.layers.axes_layer import AxesLayer
from cnnx.layers.call import Call, Traits
from cnnx.layers.layer import check_channels_axis
from cnnx.layers.weight import Weight


class Grouping(NamedTuple):
    """
    Which elements of a sample are normalised together.

    Attributes
    ----------
    shape
        In which a sample is seen.
    axes
        Over which mean and variance are taken, the batch being axis 0.
    affine
        Shape of gamma and beta against a sample in that shape.
    """

    shape: Shape
    axes: tuple[int, ...]
    affine: Shape


class Layout(NamedTuple):
    """
    How the elements that are normalised together lie in a sample's memory.

    Attributes
    ----------
    places
        Parts of a sample that are normalised apart, each by groups of its own.
    pixels
        Pixels of a part, whose elements of one group are normalised together.
    groups
        Groups of channels of a pixel.
    order
        Axes of a batch in the order in which parts, pixels and groups lie in memory; None if they
        do as they are.
    """

    places: int
    pixels: int
    groups: int
    order: tuple[int, ...] | None = None


def along_axes(axes: tuple[int, ...], sample_shape: Shape) -> Layout:
    """Return the layout that takes together what lies along axes of a batch."""
    others = tuple(axis for axis in range(1, len(sample_shape) + 1) if axis not in axes)
    order = (0, *others, *axes)
    places = math.prod(sample_shape[axis - 1] for axis in others)
    return Layout(places, 1, 1, None if order == tuple(range(len(order))) else order)


def normalize(
    call: Call,
    x: Float,
    gamma: Weight | None,
    beta: Weight | None,
    epsilon: float,
    centered: bool,
    averaged: bool = True,
) -> None:
    """
    Write the normalised samples; keep mean and 1 / deviation.

    Parameters
    ----------
    call
        With a `layout`.
    x
        The batch.
    gamma, beta
        None for ones and zeros.
    epsilon
        Added to the variance.
    centered
        Whether the mean is subtracted; it counts as 0 otherwise.
    averaged
        Whether the variance is the mean of the squares; it is their sum otherwise.
    """
    if not len(x):
        return
    layout: Layout = call.layout
    shape = layout.places, layout.groups
    call.mean, call.inv_std = call.keep("mean", shape), call.keep("inv_std", shape)
    y = _ordered(call.y, layout)
    _core.sample_norm_forward(
        _ordered(x, layout),
        _value(gamma),
        _value(beta),
        y,
        call.mean,
        call.inv_std,
        layout.pixels,
        epsilon,
        centered,
        averaged,
    )
    _write_back(y, call.y, layout)


def differentiate(
    call: Call,
    dy: Float,
    gamma: Weight | None,
    beta: Weight | None,
    centered: bool,
    averaged: bool = True,
) -> None:
    """
    Write the gradients of gamma, beta and the input of `normalize`.

    With x^ = (x - mean) / deviation and g = gamma dy:
    dx = (g - mean(g) - x^ mean(g x^)) / deviation, without mean(g) if it is not centered, and with
    the sum of g x^ if it is not averaged.
    """
    layout: Layout = call.layout
    dx = call.dx[0]
    ordered_dx = None if dx is None else _ordered(dx, layout)
    _core.sample_norm_backward(
        _ordered(call.xs[0], layout),
        _ordered(dy, layout),
        _value(gamma),
        call.mean,
        call.inv_std,
        ordered_dx,
        _flat(call.gradient(gamma)),
        _flat(call.gradient(beta)),
        layout.pixels,
        centered,
        averaged,
    )
    if ordered_dx is not None:
        _write_back(ordered_dx, dx, layout)


def _ordered(array: Float, layout: Layout) -> Float:
    """Return a batch in the order of the layout: itself, if that is its own."""
    if layout.order is None:
        return array
    return np.ascontiguousarray(array.transpose(layout.order))


def _write_back(ordered: Float, array: Float, layout: Layout) -> None:
    if layout.order is not None:
        array.transpose(layout.order)[...] = ordered


def _value(weight: Weight | None) -> Float | None:
    return None if weight is None else _flat(weight.value)


def _flat(array: Float | None) -> Float | None:
    return None if array is None else array.reshape(-1)


class SampleNormalization(AffineLayer):
    """
    What the layers share that normalise each sample by itself.

    y = gamma (x - mean) / sqrt(variance + epsilon) + beta, with mean and variance over the elements
    of a sample that belong together. Subclasses say which do (`group`), how these lie in memory
    (`layout`), and the shape of gamma and beta (`affine_shape`).

    Parameters
    ----------
    epsilon
        Added to the variance, > 0.
    center, scale
        Whether there is a beta, and a gamma.
    beta_initializer, gamma_initializer
        Name or `cnnx.initializers.Initializer`.
    beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint
        Names or objects of `cnnx.regularizers` and `cnnx.constraints`; None for none.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    def __init__(
        self,
        epsilon: float,
        center: bool,
        scale: bool,
        beta_initializer: Any,
        gamma_initializer: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(center, scale, beta_initializer, gamma_initializer, **kwargs)
        self.epsilon = geometry.number(epsilon, f"{self}: epsilon", 1e-12, np.inf)

    def affine_shape(self, input_shape: Shape) -> tuple[int, ...]:
        """Check `input_shape` and return the shape of gamma and beta."""
        raise NotImplementedError(f"{type(self).__name__} must implement affine_shape")

    def group(self, sample_shape: Shape) -> Grouping:
        """Return which elements of a sample are normalised together."""
        raise NotImplementedError(f"{type(self).__name__} must implement group")

    def layout(self, sample_shape: Shape) -> Layout:
        """Return how what is normalised together lies in memory."""
        raise NotImplementedError(f"{type(self).__name__} must implement layout")

    def build(self, input_shape: Shape) -> None:
        """Create gamma and beta."""
        self.add_gamma_and_beta(self.affine_shape(input_shape))

    traits = Traits(reads_output=False, gradient_in_place=True, native=True)

    def bind(self, call: Call) -> None:
        """Work out what belongs together."""
        call.layout = self.layout(call.shapes[0])
        call.native = call.layout.order is None

    def forward(self, call: Call, x: Float) -> None:
        """Write the normalised samples."""
        normalize(call, x, self.gamma, self.beta, self.epsilon, centered=True)

    def backward(self, call: Call, dy: Float) -> None:
        """Write the gradients of gamma, beta and the input."""
        differentiate(call, dy, self.gamma, self.beta, centered=True)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {"epsilon": self.epsilon}


class LayerNormalization(AxesLayer, SampleNormalization):
    r"""
    Give each place of each sample mean beta and deviation gamma over its channels (Ba et al. 2016).

    .. math::

        y = \gamma \frac{x - \mathrm{mean}}{\sqrt{\mathrm{variance} + \varepsilon}} + \beta

    Mean and variance are taken over `axis`.

    Parameters
    ----------
    axis
        Axis or axes to normalise over, the batch being axis 0: -1 is the last. gamma and beta have
        one number for each element along them.
    epsilon
        Added to the variance, > 0.
    center, scale
        Whether there is a beta, and a gamma.
    beta_initializer, gamma_initializer
        Name or `cnnx.initializers.Initializer`.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    def __init__(
        self,
        axis: int | Sequence[int] = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        *,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        **kwargs: Any,
    ) -> None:
        super().__init__(
            axis,
            epsilon=epsilon,
            center=center,
            scale=scale,
            beta_initializer=beta_initializer,
            gamma_initializer=gamma_initializer,
            **kwargs,
        )

    def affine_shape(self, input_shape: Shape) -> tuple[int, ...]:
        """Return the extents along the axes."""
        return tuple(input_shape[axis] for axis in self.axes(len(input_shape)))

    def group(self, sample_shape: Shape) -> Grouping:
        """Take what lies along the axes together."""
        axes = self.axes(len(sample_shape) + 1)
        affine = tuple(
            extent if axis in axes else 1 for axis, extent in enumerate(sample_shape, start=1)
        )
        return Grouping(sample_shape, axes, affine)

    def layout(self, sample_shape: Shape) -> Layout:
        """Take what lies along the axes together."""
        return along_axes(self.axes(len(sample_shape) + 1), sample_shape)


class GroupNormalization(SampleNormalization):
    r"""
    Give each channel of each sample mean beta and deviation gamma, in groups (Wu & He 2018).

    .. math::

        y = \gamma \frac{x - \mathrm{mean}}{\sqrt{\mathrm{variance} + \varepsilon}} + \beta

    Mean and variance are taken over all pixels of a sample and the channels of a group. Gamma and
    beta have one number a channel. One group takes all channels together; as many groups as
    channels is instance normalisation.

    Parameters
    ----------
    groups
        Number of groups of channels side by side, a divisor of the number of channels; -1 gives
        each channel its own.
    axis
        The channels' axis: -1 or the number of the last one.
    epsilon
        Added to the variance, > 0.
    center, scale
        Whether there is a beta, and a gamma.
    beta_initializer, gamma_initializer
        Name or `cnnx.initializers.Initializer`.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    any_size = True

    def __init__(
        self,
        groups: int = 32,
        axis: int = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        **kwargs: Any,
    ) -> None:
        super().__init__(epsilon, center, scale, beta_initializer, gamma_initializer, **kwargs)
        self.groups = geometry.integer(groups, f"{self}: groups", minimum=-1)
        if not self.groups:
            raise ValueError(f"{self}: groups must be at least 1, or -1, got 0")
        self.axis = geometry.integer(axis, f"{self}: axis", minimum=-1)

    def affine_shape(self, input_shape: Shape) -> tuple[int, ...]:
        """Return (channels,)."""
        check_channels_axis(self, self.axis, input_shape)
        channels = input_shape[-1]
        if channels % self.groups:
            raise ValueError(
                f"{self}: the input's {channels} channels must be a multiple of "
                f"groups={self.groups}; groups=-1 gives each channel its own"
            )
        return (channels,)

    def group(self, sample_shape: Shape) -> Grouping:
        """Take all pixels of a group of channels together."""
        *pixels, channels = sample_shape
        groups = channels if self.groups == -1 else self.groups
        shape = (*pixels, groups, channels // groups)
        axes = (*range(1, len(shape) - 1), len(shape))
        return Grouping(shape, axes, (*(1 for _ in pixels), *shape[-2:]))

    def layout(self, sample_shape: Shape) -> Layout:
        """Take all pixels of a group of channels together."""
        *pixels, channels = sample_shape
        return Layout(1, math.prod(pixels), channels if self.groups == -1 else self.groups)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {"groups": self.groups, "axis": self.axis}
