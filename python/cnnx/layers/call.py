"""One use of a layer: the arrays that it reads and writes, and what it keeps until its backward."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike

from cnnx.arrays import Array, Float, Shape, empty
from cnnx.buffer import Buffer
from cnnx.layers.weight import Weight

if TYPE_CHECKING:
    from cnnx.layers.layer import Layer


@dataclass(frozen=True)
class Traits:
    """
    What the plan of the memory has to know of an operation; the default is careful.

    Attributes
    ----------
    reads_inputs, reads_output
        Whether `backward` reads `call.xs`, and `call.y`.
    in_place
        Whether `forward` may write its output where its first input lies.
    gradient_in_place
        Whether `backward` may write the last input's gradient where `dy` lies.
    gradient_over_input
        Whether `backward` may write the first input's gradient where that input lies.
    view
        Whether the output is the first input in another shape: neither pass is run.
    identity_in_use
        Whether the output is the input outside training.
    activates
        Of a pass: whether `differentiate_activation` comes before `backward`, and reads `call.y`
        instead. It comes as soon as the output's gradient is whole: the output can go then.
    adds_last
        Whether the last input is only added to the rest: `backward` never reads it.
    adds_gradient
        Whether `backward` adds `call.gradient_so_far` to the gradient of the first input. This is
        what other readers of the input gave already, in an array apart; None if there is nothing.
    accumulates
        The same, but `call.gradient_so_far` is the array that `backward` writes to.
    recomputes
        Whether `recompute` can write the output again before the backward pass reads it. A plan
        may let go of it until then, and keep the inputs instead.
    native
        Whether both passes only call the core, with the same arguments each time. They are then
        recorded, and run again without Python until a weight or a setting changes.
    """

    reads_inputs: bool = True
    reads_output: bool = True
    in_place: bool = False
    gradient_in_place: bool = False
    gradient_over_input: bool = False
    view: bool = False
    identity_in_use: bool = False
    activates: bool = False
    adds_last: bool = False
    adds_gradient: bool = False
    accumulates: bool = False
    recomputes: bool = False
    native: bool = False


class Call:
    """
    One use of a layer in one plan, for one number of samples.

    A layer may set further attributes in `forward` and find them in `backward`.

    Parameters
    ----------
    name
        Of the layer, for errors.
    shapes
        Of one sample of each input.
    xs, y
        The batches that `forward` reads, and the array for its output.
    training
        Whether to compute as in `fit`.
    differentiates
        Whether `backward` follows.
    dx
        Where the gradient of each input is to be written; None where nobody wants it.
    gradients
        Where the gradients of weights are to be written; those left out are frozen. A layer asks
        `call.gradient(weight)`, which is None for a frozen weight, and for None.
    kept
        Memory of other calls of this use, by name.

    Attributes
    ----------
    native
        Whether this use only calls the core, if its layer may: `bind` can say no for its shapes.
    gradient_so_far
        See `Traits.adds_gradient`.
    """

    def __init__(
        self,
        name: str,
        shapes: Sequence[Shape],
        xs: Sequence[Float],
        y: Float,
        training: bool,
        differentiates: bool,
        dx: Sequence[Float | None] = (),
        gradients: Mapping[Weight | None, Float] | None = None,
        kept: dict[str, Buffer] | None = None,
    ) -> None:
        self.name = name
        self.shapes = shapes
        self.xs = list(xs)
        self.y = y
        self.training = training
        self.differentiates = differentiates
        self.dx: list[Any] = list(dx) or [None] * len(self.xs)
        self.gradient: Callable[[Weight | None], Float | None] = (gradients or {}).get
        self.native = True
        self.gradient_so_far: Float | None = None
        self._kept = {} if kept is None else kept

    def keep(self, name: str, sample_shape: Shape, dtype: DTypeLike = np.float32) -> Array:
        """Return an array (samples, *sample_shape) that keeps its content until `backward`."""
        buffer = self._kept.get(name)
        if buffer is None:
            buffer = self._kept[name] = Buffer(tuple(sample_shape), dtype)
        return buffer.rows(len(self.y))

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...
        def __setattr__(self, name: str, value: Any) -> None: ...


def take_output(call: Call, y: Any) -> None:
    """Make what `forward` returned the output."""
    if y is not call.y:
        _take(call, call.y, y, "forward returned")


def take_gradients(call: Call, dx: Any) -> None:
    """Make what `backward` returned the gradients of the inputs."""
    parts = dx if isinstance(dx, (tuple, list)) else [dx]
    for target, part in zip(call.dx, parts, strict=False):
        if target is not None and part is not target:
            _take(call, target, part, "backward returned")


def _take(call: Call, target: Float, found: Any, what: str) -> None:
    """Copy an array that a user's layer made to where it belongs."""
    array = np.asarray(found)
    if array.shape != target.shape:
        raise ValueError(f"{call.name}: {what} an array of shape {array.shape}, not {target.shape}")
    np.copyto(target, array, casting="same_kind")


def alone(layer: Layer, *xs: Float, training: bool = True, differentiates: bool = True) -> Call:
    """
    Return a call of a layer by itself, with memory of its own.

    Parameters
    ----------
    layer
        Built.
    xs
        Batches, float32 and contiguous.
    training
        Whether to compute as in `fit`.
    differentiates
        Whether `backward` follows.
    """
    rows = len(xs[0])
    shapes = [x.shape[1:] for x in xs]
    output = layer.compute_output_shape(*((None, *shape) for shape in shapes))
    learned = layer.trainable_weights if training and differentiates else []
    call = Call(
        str(layer),
        shapes,
        xs,
        empty(str(layer), (rows, *output[1:])),
        training,
        differentiates,
        dx=[empty(str(layer), x.shape) for x in xs] if differentiates else (),
        gradients={weight: weight.gradient for weight in learned},
    )
    layer.bind(call)
    return call
