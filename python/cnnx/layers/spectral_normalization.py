"""Layers whose kernel keeps the spectral norm 1 in training."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from cnnx import geometry, registry
from cnnx.arrays import Float, Shape
from cnnx.initializers import TruncatedNormal
from cnnx.layers.call import Call, Traits
from cnnx.layers.layer import Layer
from cnnx.layers.layout import CHANNELS_LAST
from cnnx.layers.weight import Weight

_LEAST = 1e-7
"""Smallest length that a vector is divided by."""


class SpectralNormalization(Layer):
    r"""
    A layer with a kernel, which is divided by its largest singular value before each training step.

    With the kernel as a matrix W, one column for each output, every use in training does

    .. math::

        v = \frac{W u}{\lVert W u \rVert}, \quad u = \frac{W^T v}{\lVert W^T v \rVert}, \quad
        W \leftarrow \frac{W}{v^T W u}

    and then what the layer does. u is a weight, not learned by gradients, so that few iterations a
    step are enough (Miyato et al. 2018, "Spectral Normalization for Generative Adversarial
    Networks").

    Parameters
    ----------
    layer
        Has a weight named kernel: a `Dense`, a convolution or a transposed one, with its channels
        last.
    power_iterations
        How often v and u are computed in a step.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    vector_u: Weight

    def __init__(self, layer: Layer, power_iterations: int = 1, **kwargs: Any) -> None:
        if not isinstance(layer, Layer) or isinstance(layer, SpectralNormalization):
            raise TypeError(
                f"{type(self).__name__}: layer must be a layer with a kernel, such as "
                f"layers.Dense(5), got {layer!r}"
            )
        super().__init__(**kwargs)
        if layer.data_format != CHANNELS_LAST:
            raise ValueError(f"{self}: layer must take its channels last, got {layer}")
        self.layer = layer
        self.power_iterations = geometry.integer(
            power_iterations, f"{self}: power_iterations", limit=1000
        )
        if self.activity_regularizer is None:
            self.activity_regularizer = layer.activity_regularizer

    @property
    def any_size(self) -> bool:  # type: ignore[override]
        """Whether the layer can be used on images of several sizes."""
        return self.layer.any_size

    @property
    def traits(self) -> Traits:
        """Those of the layer."""
        return self.layer.traits

    @property
    def weights(self) -> list[Weight]:
        """The kernel, u, and the other weights of the layer."""
        within = self.layer.weights
        return [*within[:1], *self._weights, *within[1:]]

    @property
    def trainable_weights(self) -> list[Weight]:
        """Those of the layer, unless this one is frozen."""
        return self.layer.trainable_weights if self.trainable else []

    def build(self, input_shape: Shape) -> None:
        """Build the layer, and create u."""
        given = self.saved_values
        if given is not None:
            self.layer.saved_values = lambda path, shape: given(f"{self.name}/{path}", shape)
        try:
            self.layer.build_once(input_shape)
        except ValueError as error:
            raise ValueError(f"{self}: {error}") from error
        finally:
            self.layer.saved_values = None
        if not self.layer.weights or self.layer.weights[0].name != "kernel":
            raise ValueError(f"{self}: {self.layer} has no weight named kernel")
        for weight in self.layer.weights:
            weight.path = f"{self.name}/{self.layer.name}/{weight.name}"
        width = self.layer.weights[0].shape[-1]
        self.vector_u = self.add_weight("vector_u", (1, width), TruncatedNormal(stddev=0.02), False)

    def unbuild(self) -> None:
        """Drop the weights, those of the layer too."""
        super().unbuild()
        self.layer.unbuild()

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return what the layer returns."""
        return self.layer.compute_output_shape(input_shape)

    def bind(self, call: Call) -> None:
        """Let the layer work out what the shapes decide."""
        self.layer.bind(call)
        call.native = call.native and not call.training

    def forward(self, call: Call, x: Float) -> Any:
        """Divide the kernel by its spectral norm in training, and do what the layer does."""
        if call.training:
            self._normalize()
        return self.layer.forward(call, x)

    def backward(self, call: Call, dy: Float) -> Any:
        """Do what the layer does: the norm counts as a constant."""
        return self.layer.backward(call, dy)

    def _normalize(self) -> None:
        kernel = self.layer.weights[0]
        matrix = kernel.value.reshape(-1, kernel.shape[-1])
        if not matrix.any():
            return
        u = self.vector_u.value
        for _ in range(self.power_iterations):
            v = _unit(u @ matrix.T)
            u = _unit(v @ matrix)
        norm = (v @ matrix @ u.T).item()
        self.vector_u.assign(u)
        kernel.assign(kernel.value / np.float32(norm))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {
            "layer": registry.serialize(self.layer),
            "power_iterations": self.power_iterations,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Make the layer within from its config, and this one."""
        from cnnx.layers import LAYERS  # stands above: this is one of them

        within = config.get("layer")
        if isinstance(within, dict) and within.get("class_name") == cls.__name__:
            raise ValueError(f"{cls.__name__}: layer must not be another {cls.__name__}")
        layer = registry.get(f"{cls.__name__}: layer", within, Layer, LAYERS)
        return cls(**config | {"layer": layer})

    def __reduce__(self) -> tuple[Any, ...]:
        restore, (cls, config, shapes, _, own, _) = super().__reduce__()
        weights = [weight.numpy() for weight in (*self.layer.weights, *self._weights)]
        return restore, (cls, config, shapes, weights, own, {})


def _unit(vector: Float) -> Float:
    unit: Float = vector / max(float(np.sqrt(np.square(vector, dtype=np.float64).sum())), _LEAST)
    return unit
