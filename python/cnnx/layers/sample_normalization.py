"""Normalisation of each sample by itself, the same in training and in use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from cnnx import geometry
from cnnx.arrays import Float, Shape
from cnnx.layers.affine_layer import AffineLayer
from cnnx.layers.axes_layer import AxesLayer
from cnnx.layers.call import Call, Traits
from cnnx.layers.layer import check_channels_axis


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


class SampleNormalization(AffineLayer):
    """
    What the layers share that normalise each sample by itself.

    y = gamma (x - mean) / sqrt(variance + epsilon) + beta, with mean and variance over the elements
    of a sample that belong together. Subclasses say which do (`group`), and the shape of gamma and
    beta (`affine_shape`).

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

    def build(self, input_shape: Shape) -> None:
        """Create gamma and beta."""
        self.add_gamma_and_beta(self.affine_shape(input_shape))

    traits = Traits(reads_output=False, gradient_in_place=True)

    def bind(self, call: Call) -> None:
        """Work out what belongs together."""
        call.grouping = self.group(call.shapes[0])

    def forward(self, call: Call, x: Float) -> None:
        """Write the normalised samples; keep mean and 1 / deviation."""
        grouping: Grouping = call.grouping
        x, y = _seen(x, grouping), _seen(call.y, grouping)
        call.mean = _mean(x, grouping)
        np.subtract(x, call.mean, out=y)
        call.inv_std = 1 / np.sqrt(_mean(np.square(y), grouping) + np.float32(self.epsilon))
        y *= call.inv_std
        if self.gamma is not None:
            y *= self.gamma.value.reshape(grouping.affine)
        if self.beta is not None:
            y += self.beta.value.reshape(grouping.affine)

    def backward(self, call: Call, dy: Float) -> None:
        """
        Write the gradients of gamma, beta and the input.

        With x^ = (x - mean) / deviation and g = gamma dy:
        dx = (g - mean(g) - x^ mean(g x^)) / deviation.
        """
        grouping: Grouping = call.grouping
        dy = _seen(dy, grouping)
        normal = (_seen(call.xs[0], grouping) - call.mean) * call.inv_std
        _add_up(dy * normal, grouping, call.gradient(self.gamma))
        _add_up(dy, grouping, call.gradient(self.beta))
        if call.dx[0] is None:
            return
        if self.gamma is not None:
            dy *= self.gamma.value.reshape(grouping.affine)
        normal *= _mean(dy * normal, grouping)
        dx = _seen(call.dx[0], grouping)
        np.subtract(dy, _mean(dy, grouping), out=dx)
        dx -= normal
        dx *= call.inv_std

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {"epsilon": self.epsilon}


def _seen(array: Float, grouping: Grouping) -> Float:
    return array.reshape(len(array), *grouping.shape)


def _mean(x: Float, grouping: Grouping) -> Float:
    """Return the mean of what belongs together, added up in float64."""
    mean: Float = x.mean(axis=grouping.axes, dtype=np.float64, keepdims=True).astype(np.float32)
    return mean


def _add_up(products: Float, grouping: Grouping, gradient: Float | None) -> None:
    """Write the sums over the elements that share a number of gamma or beta."""
    if gradient is None:
        return
    shared = tuple(axis for axis, extent in enumerate(grouping.affine, 1) if extent == 1)
    total = products.sum(axis=(0, *shared), dtype=np.float64)
    np.copyto(gradient, total.reshape(gradient.shape), casting="same_kind")


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

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {"groups": self.groups, "axis": self.axis}
