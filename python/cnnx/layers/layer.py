"""What every layer is."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnx import geometry, initializers, registry
from cnnx.arrays import Float, Shape, as_float32
from cnnx.initializers import Initializer
from cnnx.layers.call import Call, Traits, alone, take_output
from cnnx.layers.weight import Weight

_MOST_ELEMENTS = 2**59  # of float64: 2**62 bytes

_counters: defaultdict[str, Iterator[int]] = defaultdict(itertools.count)


def automatic_name(class_name: str) -> str:
    """Return the next free name of a class: conv2d, conv2d_1, ...."""
    base = registry.snake_case(class_name)
    count = next(_counters[base])
    return f"{base}_{count}" if count else base


class Layer(registry.Configurable):
    """
    One step of a network: a function of a batch, its gradient, and the weights that it learns.

    To write a layer, implement `forward` and `backward`; `compute_output_shape` if the output has
    another shape than the input, `build` if it has weights, and `get_config` if its constructor
    takes arguments. Shapes carry the batch first, None where any size will do. A layer holds
    settings and weights; what belongs to one use of it lives in a `Call`.

    Parameters
    ----------
    input_shape
        Shape of one sample, without the batch; needed by a model's first layer alone, and there
        too only to build the model before it sees data.
    name
        By default the class name and a number: conv2d, conv2d_1, ....
    trainable
        False freezes the weights: they keep their values in training.
    """

    def __init__(
        self,
        *,
        input_shape: Sequence[int] | None = None,
        name: str | None = None,
        trainable: bool = True,
        **unknown: Any,
    ) -> None:
        if unknown:
            raise TypeError(f"{type(self).__name__} takes no argument {', '.join(unknown)}")
        if name is not None and not (isinstance(name, str) and name):
            raise TypeError(f"{type(self).__name__}: name must be a text, got {name!r}")
        self.name = automatic_name(type(self).__name__) if name is None else name
        self.declared_input_shape = (
            None
            if input_shape is None
            else geometry.sample_shape(input_shape, f"{self}: input_shape")
        )
        self.built = False
        self.input_shape: Shape = ()
        self.output_shape: Shape = ()
        self.weights: list[Weight] = []
        self.on_freeze: Callable[[], None] | None = None
        """Set by the model that holds this layer: called when `trainable` changes."""
        self.saved_values: Callable[[str, tuple[int, ...]], Float] | None = None
        """Set while a saved model is loaded: returns a weight's values, by its path and shape."""
        self._trainable = bool(trainable)

    # What a new layer implements.

    @property
    def traits(self) -> Traits:
        """What a plan may do with the arrays; the careful default suits every layer."""
        return Traits()

    def build(self, input_shape: Shape) -> None:
        """Check `input_shape` and create the weights with `add_weight`."""

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the output for an input of shape `input_shape`."""
        return input_shape

    def bind(self, call: Call) -> None:
        """Work out what the shapes of a call decide; runs once for each call, before `forward`."""

    def forward(self, call: Call, *xs: Any) -> Any:
        """
        Compute the output for the batches `xs`, which are not written to.

        Write it to `call.y`, or return an array. `call.training` says whether to compute as in
        `fit`. What `backward` needs may be kept as attributes of `call`; it finds the batches in
        `call.xs`.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement forward(call, x)")

    def backward(self, call: Call, dy: Any) -> Any:
        """
        Propagate the gradient of the loss, `dy`, which may be overwritten.

        Write the gradient of each input to `call.dx`, or return it (several as a tuple); where
        `call.dx` is None nobody wants it. Write the gradient of each weight to
        `call.gradient(weight)`, which is None if it is frozen.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement backward(call, dy)")

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as JSON-serialisable values."""
        return {"name": self.name, "trainable": self.trainable}

    # What every layer gets.

    def add_weight(
        self,
        name: str,
        shape: tuple[int, ...],
        initializer: Initializer | str = "glorot_uniform",
        trainable: bool = True,
    ) -> Weight:
        """
        Create a weight, and list it after those created before.

        Parameters
        ----------
        name
            Such as "kernel".
        shape
            Of positive ints.
        initializer
            Makes its first values.
        trainable
            False for values that are not learned by gradients.
        """
        path = f"{self.name}/{name}"
        if self.saved_values is None:
            if math.prod(shape) > _MOST_ELEMENTS:
                raise ValueError(f"{self}: {name} of shape {shape} is too large for any memory")
            value = np.ascontiguousarray(initializers.get(initializer)(shape), np.float32)
        else:
            value = self.saved_values(path, shape)
        if value.shape != shape:
            raise ValueError(f"{self}: the initializer of {name} made {value.shape}, not {shape}")
        weight = Weight(path, value, trainable)
        self.weights.append(weight)
        return weight

    def build_once(self, input_shape: Shape) -> Shape:
        """Build the layer for inputs of `input_shape` if it is not built; return its output's."""
        if 0 in input_shape[1:]:
            raise ValueError(f"{self}: the input's samples are empty: its shape is {input_shape}")
        if not self.built:
            try:
                if not self.weights:  # else a caller has built it by hand
                    self.build(input_shape)
                self.output_shape = self.compute_output_shape(input_shape)
            except Exception:
                self.unbuild()
                raise
            self.input_shape = input_shape
            self.built = True
        elif input_shape[1:] != self.input_shape[1:]:
            raise ValueError(
                f"{self} was built for inputs of shape {self.input_shape}, got {input_shape}"
            )
        return self.output_shape

    def unbuild(self) -> None:
        """Drop the weights, so that the layer can be built for another shape."""
        self.built = False
        self.weights.clear()

    def __call__(self, x: Any, training: bool = False) -> Float:
        """
        Return the layer's output for a batch, building the layer at its first use.

        Parameters
        ----------
        x
            Batch first; any real dtype.
        training
            True as in `fit`: dropout drops, batch normalisation uses the batch's statistics.
        """
        batch = as_float32(x, f"{self}: x")
        if batch.ndim == 0:
            raise ValueError(f"{self}: x must be a batch, got a single number")
        self.build_once((None, *batch.shape[1:]))
        call = alone(self, batch, training=training, differentiates=False)
        y = self.forward(call, batch)
        if y is not None:
            take_output(call, y)
        return call.y

    @property
    def trainable(self) -> bool:
        """Whether training changes the weights; a change takes effect at the next step."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = bool(value)
        if self.on_freeze is not None:
            self.on_freeze()

    @property
    def trainable_weights(self) -> list[Weight]:
        """The weights that training changes."""
        return [weight for weight in self.weights if weight.trainable and self.trainable]

    @property
    def non_trainable_weights(self) -> list[Weight]:
        """The weights that training does not change by gradients."""
        return [weight for weight in self.weights if not (weight.trainable and self.trainable)]

    def count_params(self) -> int:
        """Return the number of elements of all weights."""
        return sum(weight.size for weight in self.weights)

    def get_weights(self) -> list[Float]:
        """Return copies of the weights, in the order of Keras."""
        return [weight.numpy() for weight in self.weights]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """
        Replace the weights by arrays or nested lists of the shapes that `get_weights` returns.

        Raises
        ------
        ValueError
            For another number of arrays, or another shape; nothing is changed then.
        """
        assign_weights(str(self), self.weights, weights)

    def __reduce__(self) -> tuple[Any, ...]:
        shape = self.input_shape if self.built else None
        return _restore, (type(self), self.get_config(), shape, self.get_weights())

    def __repr__(self) -> str:
        return f"<{self}, built={self.built}>"

    def __str__(self) -> str:
        return f"{type(self).__name__} '{self.name}'"


def _restore(
    cls: type[Layer], config: dict[str, Any], input_shape: Shape | None, weights: list[Float]
) -> Layer:
    """Make the copy of a layer; for pickle and copy. No random number is drawn."""
    layer = cls.from_config(config)
    if input_shape is not None:
        values = iter(weights)
        layer.saved_values = lambda path, shape: next(values)
        layer.build_once(input_shape)
        layer.saved_values = None
    return layer


def check_weights(
    owner: str, weights: Sequence[Weight], values: Sequence[Any]
) -> list[NDArray[Any]]:
    """Return `values` as arrays if they fit all `weights` of `owner`, else raise an error."""
    if not isinstance(values, (Sequence, np.ndarray)):
        raise TypeError(f"{owner}: set_weights takes a list of arrays, got {values!r}")
    if len(values) != len(weights):
        raise ValueError(
            f"{owner} has {len(weights)} weights, got {len(values)}; "
            f"set_weights takes arrays of shapes {[weight.shape for weight in weights]}"
        )
    return [weight.check(value) for weight, value in zip(weights, values, strict=True)]


def assign_weights(owner: str, weights: Sequence[Weight], values: Sequence[Any]) -> None:
    """Check `values` against all `weights` of `owner`, then copy them in."""
    checked = check_weights(owner, weights, values)
    for weight, array in zip(weights, checked, strict=True):
        weight.assign(array)


_AXES = {
    1: ("sequences", "(batch, steps, channels)", "sequences of one channel", "(0, 2, 1)"),
    2: ("images", "(batch, height, width, channels)", "grey images", "(0, 2, 3, 1)"),
}
"""By the number of axes that windows slide along: what is expected, and the remedies."""


def check_rank(layer: Layer, input_shape: Shape, rank: int) -> Shape:
    """Return the shape of one sample of an input that must hold images; with rank 1, sequences."""
    if len(input_shape) != rank + 2:
        kind, axes, single, _ = _AXES[rank]
        lacks_channels = len(input_shape) == rank + 1
        remedy = f"; {single} need a channel axis: x[..., None]" if lacks_channels else ""
        raise ValueError(f"{layer} expects {kind} {axes}, got shape {tuple(input_shape)}{remedy}")
    return input_shape[1:]


def image_shape(layer: Layer, input_shape: Shape) -> tuple[int, int, int]:
    """Return (height, width, channels) of an input that must be a batch of images."""
    height, width, channels = check_rank(layer, input_shape, 2)
    return height, width, channels


def check_channels_last(layer: Layer, data_format: str | None, rank: int = 2) -> None:
    """Raise ValueError for any layout but that with the channels last."""
    if data_format is None or (isinstance(data_format, str) and data_format == "channels_last"):
        return
    kind, axes, _, order = _AXES[rank]
    raise ValueError(
        f"{layer}: data_format must be 'channels_last', got {data_format!r}; {kind} are "
        f"{axes}: transpose others with np.transpose(x, {order})"
    )
