"""Batch normalisation."""

from typing import Any

import numpy as np

import cnnx.layers.joint_statistics as joint_statistics
from cnnx import _core, distributed, geometry, initializers
from cnnx.activations.activation import Named
from cnnx.arrays import Codes, Float, Shape
from cnnx.layers.affine_layer import AffineLayer
from cnnx.layers.call import Call, Traits
from cnnx.layers.layer import check_channels_axis
from cnnx.layers.weight import Weight


class BatchNormalization(AffineLayer):
    r"""
    Give each channel (last axis) mean beta and deviation gamma (Ioffe & Szegedy 2015).

    .. math::

        y = \gamma \frac{x - \mathrm{mean}}{\sqrt{\mathrm{variance} + \varepsilon}} + \beta

    In training, mean and variance are those of the batch, over all axes but the last. The moving
    statistics follow them, with mu for the momentum:

    .. math::

        \mathrm{moving} \leftarrow \mu \cdot \mathrm{moving} + (1 - \mu) \cdot \mathrm{batch}

    In use, and when the layer is frozen (trainable=False), mean and variance are the moving ones.

    Parameters
    ----------
    axis
        The channels' axis: -1 or the number of the last one, or 1 where they come first.
    momentum
        Share of the old moving statistics kept at each step, in [0, 1].
    epsilon
        Added to the variance, > 0.
    center, scale
        Whether there is a beta, and a gamma.
    beta_initializer, gamma_initializer, moving_mean_initializer, moving_variance_initializer
        Name or `cnnx.initializers.Initializer`.
    beta_regularizer, gamma_regularizer
        Name or `cnnx.regularizers.Regularizer`; None for none.
    beta_constraint, gamma_constraint
        Name or `cnnx.constraints.Constraint`; None for none.
    synchronized
        Whether in training the ranks of a group (`cnnx.distributed`) take the mean and variance of
        their samples together, rather than each of its own. The gradients are those of that.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    any_size = True

    moving_mean: Weight
    moving_variance: Weight

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        synchronized: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(center, scale, beta_initializer, gamma_initializer, **kwargs)
        self.axis = geometry.integer(axis, f"{self}: axis", minimum=-1)
        self.momentum = geometry.number(momentum, f"{self}: momentum", 0, 1, include_high=True)
        self.epsilon = geometry.number(epsilon, f"{self}: epsilon", 1e-12, float("inf"))
        self.synchronized = bool(synchronized)
        self.moving_mean_initializer = initializers.get(
            moving_mean_initializer, f"{self}: moving_mean_initializer"
        )
        self.moving_variance_initializer = initializers.get(
            moving_variance_initializer, f"{self}: moving_variance_initializer"
        )

    def puts_channels_first(self, input_shape: Shape) -> bool:
        """Return whether axis 1 is that of the channels, and not the last."""
        return self.axis == 1 and len(input_shape) > 2

    def settings_for_channels_last(self) -> dict[str, Any]:
        """Return the axis by which the same layer takes its channels last."""
        return {"axis": -1}

    def build(self, input_shape: Shape) -> None:
        """Create gamma, beta and the moving statistics."""
        check_channels_axis(self, self.axis, input_shape)
        shape = (input_shape[-1],)
        self.add_gamma_and_beta(shape)
        self.moving_mean = self.add_weight(
            "moving_mean", shape, self.moving_mean_initializer, trainable=False
        )
        self.moving_variance = self.add_weight(
            "moving_variance", shape, self.moving_variance_initializer, trainable=False
        )

    @property
    def joins(self) -> bool:
        """Whether other ranks' samples count in training too."""
        return self.synchronized and self.trainable and distributed.group().size > 1

    @property
    def traits(self) -> Traits:
        """A frozen layer's gradient is a product with what its weights are at the time."""
        if self.joins:
            return Traits(reads_output=False)
        return Traits(reads_output=False, gradient_in_place=True, native=self.trainable)

    def bind(self, call: Call) -> None:
        """Make room for the statistics of a batch."""
        call.mean, call.inv_std = np.empty((2, call.shapes[0][-1]), np.float32)

    def normalize(
        self,
        call: Call,
        x: Float,
        activation: Named = "linear",
        pool: bool = False,
        codes: Codes | None = None,
        addend: Float | None = None,
    ) -> None:
        """
        Write activation(normalised batch), if `pool` after 2x2 max pooling, to `call.y`.

        `codes`, of y's shape, receives what `differentiate` needs if there was pooling. Without
        pooling an `addend`, apart from y, may be added before the activation.
        """
        if not len(x):
            return
        gamma, beta = self._affine_values()
        if call.training and self.trainable:
            moving = self.moving_mean.writable(), self.moving_variance.writable()
            _core.batch_norm_forward_training(
                x,
                gamma,
                beta,
                call.y,
                call.mean,
                call.inv_std,
                *moving,
                self.epsilon,
                self.momentum,
                activation,
                pool,
                codes,
                addend,
            )
        else:
            moving = self.moving_mean.value, self.moving_variance.value
            _core.batch_norm_forward_inference(
                x, gamma, beta, *moving, call.y, self.epsilon, activation, pool, addend
            )

    def find_statistics(self, call: Call, x: Float) -> None:
        """
        Move the moving statistics alone, in training; others make the normalised batch.

        It is scale (x - mean) + shift, with the three rows of `call.columns`.
        """
        moving = self.moving_mean.writable(), self.moving_variance.writable()
        _core.batch_norm_statistics(
            x,
            *self._affine_values(),
            call.columns,
            call.inv_std,
            *moving,
            self.epsilon,
            self.momentum,
        )

    def renormalize(self, call: Call, activation: Named, addend: Float | None) -> None:
        """Write what `normalize` wrote to `call.y`, without pooling, once more; in training."""
        _core.batch_norm_recompute(
            call.xs[0],
            *self._affine_values(),
            call.mean,
            call.inv_std,
            call.y,
            activation,
            addend,
        )

    def differentiate(
        self,
        call: Call,
        dy: Float,
        activation: Named = "linear",
        codes: Codes | None = None,
        y: Float | None = None,
        addend_gradient: Float | None = None,
    ) -> None:
        """
        Write the gradients of gamma, beta and the input, from that of `normalize`'s output.

        The input's gradient may lie where the input does, and without pooling and addend where `dy`
        does. For a trainable layer alone.

        Parameters
        ----------
        call, activation, codes
            As in `normalize`.
        dy
            The gradient.
        y
            The output, if there was an addend.
        addend_gradient
            Where the addend's gradient is to be written; may be `dy`.
        """
        gamma, beta = self._affine_values()
        _core.batch_norm_backward(
            call.xs[0],
            dy,
            gamma,
            call.mean,
            call.inv_std,
            call.dx[0],
            call.gradient(self.gamma),
            call.gradient(self.beta),
            activation,
            beta,
            codes,
            y,
            addend_gradient,
        )

    def differentiate_from_sums(self, call: Call, dy: Float, activation: Named) -> None:
        """Do what `differentiate` does over `dy`, whose sums are in `call.sums`."""
        _core.batch_norm_backward_from_sums(
            call.xs[0],
            dy,
            call.columns,
            activation,
            call.inv_std,
            call.sums,
            dy,
            call.gradient(self.gamma),
            call.gradient(self.beta),
        )

    def _affine_values(self) -> tuple[Float | None, Float | None]:
        return (
            None if self.gamma is None else self.gamma.value,
            None if self.beta is None else self.beta.value,
        )

    def forward(self, call: Call, x: Float) -> None:
        """Write the normalised batch."""
        if call.training and self.joins:
            joint_statistics.normalize(self, call, x, *self._affine_values())
        else:
            self.normalize(call, x)

    def backward(self, call: Call, dy: Float) -> None:
        """Write the gradients of gamma, beta and the input."""
        if call.training and self.joins:
            joint_statistics.differentiate(self, call, dy, *self._affine_values())
        elif call.training and self.trainable:
            self.differentiate(call, dy)
        else:
            np.multiply(dy, self.affine()[0], out=call.dx[0])

    def affine(self) -> tuple[Float, Float]:
        """Return scale and shift, one a channel: the layer in use is scale x + shift."""
        scale = 1 / np.sqrt(self.moving_variance.value + np.float32(self.epsilon))
        if self.gamma is not None:
            scale *= self.gamma.value
        shift = -self.moving_mean.value * scale
        return scale, shift if self.beta is None else shift + self.beta.value

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {
            "axis": self.axis,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
            "synchronized": self.synchronized,
            "moving_mean_initializer": initializers.serialize(self.moving_mean_initializer),
            "moving_variance_initializer": initializers.serialize(self.moving_variance_initializer),
        }
