"""Dropout, and other noise in training."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from cnnx import _core, geometry
from cnnx.arrays import Float, Shape
from cnnx.layers.call import Call, Traits
from cnnx.layers.layer import check_rank, image_shape
from cnnx.layers.random_layer import RandomLayer


class NoiseLayer(RandomLayer):
    """
    What the layers share that disturb each batch in training, and pass it on otherwise.

    Subclasses implement `disturb` and `disturb_gradient`, with random numbers that depend on a seed
    and the place of an element alone.

    Parameters
    ----------
    seed
        None draws from the global generator; a whole number makes this layer repeatable by itself.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    traits = Traits(False, False, in_place=True, gradient_in_place=True, identity_in_use=True)

    @property
    def quiet(self) -> bool:
        """Whether nothing is disturbed in training either."""
        raise NotImplementedError(f"{type(self).__name__} must implement quiet")

    def disturb(self, src: Float, dst: Float, noise_seed: int) -> None:
        """Write `src`, disturbed by the random numbers of a seed, to `dst`, which may be `src`."""
        raise NotImplementedError(f"{type(self).__name__} must implement disturb")

    def disturb_gradient(self, src: Float, dst: Float, noise_seed: int) -> None:
        """Write the gradient of what `disturb` disturbed to `dst`, which may be `src`."""
        raise NotImplementedError(f"{type(self).__name__} must implement disturb_gradient")

    def draw_seed(self) -> int:
        """Draw the seed of the random numbers for one batch."""
        return int(self.generator.bit_generator.random_raw())

    def forward(self, call: Call, x: Float) -> None:
        """Write the disturbed batch, or the input itself."""
        call.noise_seed = None
        if not call.training or self.quiet:
            np.copyto(call.y, x)
            return
        call.noise_seed = self.draw_seed()
        self.disturb(x, call.y, call.noise_seed)

    def backward(self, call: Call, dy: Float) -> None:
        """Write the gradient for the same random numbers."""
        if call.noise_seed is None:
            np.copyto(call.dx[0], dy)
        else:
            self.disturb_gradient(dy, call.dx[0], call.noise_seed)


class DropoutLayer(NoiseLayer):
    """
    What the dropout layers share: in training, elements are multiplied by random numbers.

    Subclasses implement `multiply`.

    Parameters
    ----------
    rate
        In [0, 1).
    seed
        None draws from the global generator; a whole number makes this layer repeatable by itself.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    any_size = True

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(seed, **kwargs)
        self.rate = geometry.number(rate, f"{self}: rate", 0, 1)

    @property
    def quiet(self) -> bool:
        """Whether the rate is 0."""
        return self.rate == 0

    def multiply(self, src: Float, dst: Float, noise_seed: int) -> None:
        """Write `src` times the random numbers of a seed to `dst`, which may be `src`."""
        raise NotImplementedError(f"{type(self).__name__} must implement multiply")

    def disturb(self, src: Float, dst: Float, noise_seed: int) -> None:
        """Multiply by random numbers."""
        self.multiply(src, dst, noise_seed)

    def disturb_gradient(self, src: Float, dst: Float, noise_seed: int) -> None:
        """Multiply by the same numbers."""
        self.multiply(src, dst, noise_seed)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {"rate": self.rate}


class Dropout(DropoutLayer):
    """
    In training, set each element to 0 with probability `rate` and divide the others by 1 - `rate`.

    Otherwise return the input as it is (Srivastava et al. 2014, "inverted" so that the expected
    value stays the same).

    Parameters
    ----------
    rate
        In [0, 1).
    noise_shape
        Shape of the random numbers, the batch first: where it is 1, the elements along that axis
        are kept or dropped together. None stands for the input's extent, or for its whole shape.
        `(None, 1, 1, 1)` drops whole images of a batch: before an `Add` it leaves out the branch
        (Huang et al. 2016, "Deep Networks with Stochastic Depth").
    seed
        None draws from the global generator; a whole number makes this layer repeatable by itself.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    def __init__(
        self,
        rate: float,
        noise_shape: Sequence[int | None] | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(rate, seed, **kwargs)
        self.noise_shape = None
        if noise_shape is not None:
            self.noise_shape = _noise_shape(noise_shape, f"{self}: noise_shape")

    def build(self, input_shape: Shape) -> None:
        """Check that the random numbers can be repeated along the input."""
        wanted = self.noise_shape
        if wanted is not None and (
            len(wanted) != len(input_shape)
            or any(
                number not in (None, 1, extent) and extent is not None
                for number, extent in zip(wanted, input_shape, strict=True)
            )
        ):
            raise ValueError(
                f"{self}: noise_shape={wanted} must have an extent for each axis of the input, "
                f"which has shape {input_shape}: the same, 1 or None"
            )

    def accepts(self, *input_shapes: Shape) -> bool:
        """Return whether the random numbers can be repeated along the input, too."""
        self.build(*input_shapes)
        return super().accepts(*input_shapes)

    def multiply(self, src: Float, dst: Float, noise_seed: int) -> None:
        """Multiply `src` by the random numbers."""
        _drop(src, dst, self.rate, noise_seed, self._factor_shape(src.shape))

    def _factor_shape(self, shape: Shape) -> Shape:
        """Return the shape of the random numbers for a batch."""
        if self.noise_shape is None:
            return shape
        batch = self.noise_shape[0]
        if batch not in (None, 1, shape[0]):
            raise ValueError(
                f"{self}: noise_shape={self.noise_shape} is for batches of {batch}, got "
                f"{shape[0]} samples; None suits batches of any size"
            )
        pairs = zip(self.noise_shape, shape, strict=True)
        return tuple(extent if number is None else number for number, extent in pairs)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        shape = None if self.noise_shape is None else list(self.noise_shape)
        return super().get_config() | {"noise_shape": shape}


def _noise_shape(value: Any, name: str) -> tuple[int | None, ...]:
    """Return the shape of random numbers, None where it is the input's."""
    if not isinstance(value, (tuple, list)):
        raise TypeError(f"{name} must be a tuple such as (None, 1, 1, 1), got {value!r}")
    geometry.check_rank(value, name)
    return tuple(None if extent is None else geometry.integer(extent, name) for extent in value)


def _drop(src: Float, dst: Float, rate: float, noise_seed: int, shape: Shape) -> None:
    """Multiply by random numbers of a shape, which are repeated along `src`."""
    if tuple(shape) == src.shape:
        _core.dropout(src, dst, rate, noise_seed)
        return
    factors = np.ones(shape, np.float32)
    _core.dropout(factors, factors, rate, noise_seed)
    np.multiply(src, factors, out=dst)


class AlphaDropout(Dropout):
    r"""
    In training, set each element to a' with probability `rate`, and scale and shift all of them.

    With :math:`a' = -1.7581`, the least value of the activation selu, q = 1 - rate and a mask m:

    .. math::

        y = a (m x + (1 - m) a') + b, \quad
        a = \frac{1}{\sqrt{q + q (1 - q) a'^2}}, \quad b = -a (1 - q) a'

    so that mean 0 and variance 1 stay as they are (Klambauer et al. 2017, "Self-Normalizing Neural
    Networks"). Otherwise return the input as it is.

    Parameters are those of `Dropout`: rate, noise_shape, seed.
    """

    @property
    def _scale(self) -> float:
        kept = 1 - self.rate
        return float((kept + kept * self.rate * _LEAST_SELU**2) ** -0.5)

    def multiply(self, src: Float, dst: Float, noise_seed: int) -> None:
        """Multiply what is kept by a, and the rest by 0."""
        super().multiply(src, dst, noise_seed)
        dst *= np.float32(self._scale * (1 - self.rate))

    def disturb(self, src: Float, dst: Float, noise_seed: int) -> None:
        """Scale and shift, and set to a' what is dropped."""
        mask = np.ones(self._factor_shape(src.shape), np.float32)
        _core.dropout(mask, mask, self.rate, noise_seed)
        self.multiply(src, dst, noise_seed)
        dropped, all_of_it = self._scale * _LEAST_SELU, -self._scale * self.rate * _LEAST_SELU
        dst += np.where(mask == 0, np.float32(dropped + all_of_it), np.float32(all_of_it))


_LEAST_SELU = -1.0507009873554804934193349852946 * 1.6732632423543772848170429916717


class GaussianDropout(DropoutLayer):
    """
    In training, multiply each element by a normal number of mean 1 and variance rate / (1 - rate).

    Otherwise return the input as it is. Mean and variance of what multiplies an element are those
    of `Dropout` (Srivastava et al. 2014, section 10).

    Parameters are those of `DropoutLayer`: rate, seed.
    """

    def multiply(self, src: Float, dst: Float, noise_seed: int) -> None:
        """Multiply `src` by the random numbers."""
        _core.gaussian_dropout(src, dst, self.rate, noise_seed)


class SpatialDropout(DropoutLayer):
    """
    What SpatialDropout1D and SpatialDropout2D share: whole channels of a sample are dropped.

    Parameters are those of `DropoutLayer`: rate, seed.
    """

    def multiply(self, src: Float, dst: Float, noise_seed: int) -> None:
        """Multiply each channel of each sample of `src` by one random number."""
        shape = (len(src), *(1,) * (src.ndim - 2), src.shape[-1])
        _drop(src, dst, self.rate, noise_seed, shape)


class SpatialDropout1D(SpatialDropout):
    """
    In training, set each channel of a sequence to 0 with probability `rate`.

    The others are divided by 1 - `rate`. Input (batch, steps, channels) (Tompson et al. 2015).

    Parameters are those of `DropoutLayer`: rate, seed.
    """

    def build(self, input_shape: Shape) -> None:
        """Check that there are sequences."""
        check_rank(self, input_shape, 1)


class SpatialDropout2D(SpatialDropout):
    """
    In training, set each channel of an image to 0 with probability `rate`.

    The others are divided by 1 - `rate`. Neighbouring pixels are so much alike that `Dropout` would
    hide little. Input (batch, height, width, channels) (Tompson et al. 2015).

    Parameters
    ----------
    rate
        In [0, 1).
    data_format
        None or 'channels_last', or 'channels_first' for arrays (batch, channels, ...).
    seed
        None draws from the global generator; a whole number makes this layer repeatable by itself.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    def __init__(
        self,
        rate: float,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(rate, seed, **kwargs)
        self.take_layout(data_format, 2)

    def build(self, input_shape: Shape) -> None:
        """Check that there are images."""
        image_shape(self, input_shape)


class GaussianNoise(NoiseLayer):
    """
    In training, add a normal number of mean 0 and deviation `stddev` to each element.

    Parameters
    ----------
    stddev
        >= 0.
    seed
        None draws from the global generator; a whole number makes this layer repeatable by itself.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    def __init__(self, stddev: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(seed, **kwargs)
        self.stddev = geometry.number(stddev, f"{self}: stddev", 0, np.inf)

    @property
    def quiet(self) -> bool:
        """Whether the deviation is 0."""
        return self.stddev == 0

    def draw(self, shape: Shape, noise_seed: int) -> Float:
        """Return the random numbers of a seed."""
        noise = np.ones(shape, np.float32)
        _core.gaussian_dropout(noise, noise, 0.5, noise_seed)  # 1 + a standard normal number
        noise -= 1
        noise *= np.float32(self.stddev)
        return noise

    def disturb(self, src: Float, dst: Float, noise_seed: int) -> None:
        """Add random numbers."""
        np.add(src, self.draw(src.shape, noise_seed), out=dst)

    def disturb_gradient(self, src: Float, dst: Float, noise_seed: int) -> None:
        """Pass the gradient on: the sum grows as its input does."""
        np.copyto(dst, src)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {"stddev": self.stddev}
