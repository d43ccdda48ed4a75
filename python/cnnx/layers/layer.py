"""What every layer is."""

from __future__ import annotations

import inspect
import itertools
import math
import weakref
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from cnnx import constraints, geometry, initializers, random, registry, regularizers
from cnnx.arrays import Float, Shape, as_float32
from cnnx.initializers import Initializer
from cnnx.layers.call import Call, Traits, alone, take_output
from cnnx.layers.laid_out import OF_ITS_LAYOUT, LaidOut
from cnnx.layers.layout import CHANNELS_LAST, moved_first, moved_last
from cnnx.layers.restraint import Restraint
from cnnx.layers.value import Node, Value
from cnnx.layers.weight import Weight

_counters: defaultdict[str, Iterator[int]] = defaultdict(itertools.count)


def forget_names() -> None:
    """Let automatic names begin anew."""
    _counters.clear()


def automatic_name(class_name: str) -> str:
    """Return the next free name of a class: conv2d, conv2d_1, ...."""
    base = registry.snake_case(class_name)
    count = next(_counters[base])
    return f"{base}_{count}" if count else base


class Layer(LaidOut):
    """
    One step of a network: a function of a batch, its gradient, and the weights that it learns.

    To write a layer, implement `forward` and `backward`; `compute_output_shape` if the output has
    another shape than the first input, `build` if it has weights, and `get_config` if its
    constructor takes arguments. A layer of several inputs sets `merges = True`. Shapes carry the
    batch first, None where any size will do. A layer holds settings and weights; what belongs to
    one use of it lives in a `Call`.

    Parameters
    ----------
    input_shape
        Shape of one sample, without the batch; needed by a model's first layer alone, and there
        too only to build the model before it sees data. None leaves a size open.
    name
        By default the class name and a number: conv2d, conv2d_1, ....
    trainable
        False freezes the weights: they keep their values in training.
    activity_regularizer
        Name or `cnnx.regularizers.Regularizer` of the output: its penalty of all samples, over
        their number, counts in the loss.
    dtype
        None or "float32", in which all layers compute.
    """

    def __init__(
        self,
        *,
        input_shape: Sequence[int | None] | None = None,
        name: str | None = None,
        trainable: bool = True,
        activity_regularizer: Any = None,
        dtype: Any = None,
    ) -> None:
        if name is not None and not (isinstance(name, str) and name):
            raise TypeError(f"{type(self).__name__}: name must be a text, got {name!r}")
        self.name = automatic_name(type(self).__name__) if name is None else name
        self.declared_input_shape = (
            None
            if input_shape is None
            else geometry.open_shape(input_shape, f"{self}: input_shape")
        )
        _check_dtype(self, dtype)
        self.activity_regularizer = regularizers.get(
            activity_regularizer, f"{self}: activity_regularizer"
        )
        self._restraints: dict[str, Restraint] = {}
        self.built = False
        self.input_shape: Shape = ()
        self.output_shape: Shape = ()
        self._weights: list[Weight] = []
        self._values: list[weakref.ref[Value]] = []
        self.saved_values: Callable[[str, tuple[int, ...]], Float] | None = None
        """Set while a saved model is loaded: returns a weight's values, by its path and shape."""
        self._trainable = bool(trainable)
        self._channels_last_form: Layer | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        forward = vars(cls).get("forward")
        if forward is not None and "training" in inspect.signature(forward).parameters:
            raise TypeError(
                f"{cls.__name__}.forward must take (self, call, x), and backward (self, call, dy): "
                "call.training says whether to compute as in fit"
            )

    if not TYPE_CHECKING:  # for which every attribute would exist

        def __setattr__(self, name: str, value: Any) -> None:
            super().__setattr__(name, value)
            if not name.startswith("_"):
                Weight.count_arrangement()  # a setting, which recorded calls hold
                form = self.__dict__.get("_channels_last_form")
                if form is not None and name not in OF_ITS_LAYOUT:
                    setattr(form, name, value)

    # What a new layer implements.

    @property
    def traits(self) -> Traits:
        """What a plan may do with the arrays; the careful default suits every layer."""
        return Traits()

    def build(self, *input_shapes: Any) -> None:
        """Check the shape of each input, and create the weights with `add_weight`."""

    def compute_output_shape(self, *input_shapes: Any) -> Shape:
        """Return the shape of the output for the shapes of the inputs: that of the first."""
        shape: Shape = input_shapes[0]
        return shape

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

    def recompute(self, call: Call) -> None:
        """Write the output to `call.y` once more, if `traits` say that this can be done."""
        self.forward(call, *call.xs)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as JSON-serialisable values."""
        config: dict[str, Any] = {"name": self.name, "trainable": self.trainable}
        if self.data_format != CHANNELS_LAST:
            config["data_format"] = self.data_format
        if self.activity_regularizer is not None:
            config["activity_regularizer"] = registry.serialize(self.activity_regularizer)
        for restraint in self._restraints.values():
            config |= restraint.config()
        return config

    # What every layer gets.

    def restrain(self, weight: str, argument: str, regularizer: Any, constraint: Any) -> None:
        """
        Give a weight that `add_weight` will make a regularizer and a constraint, or None.

        Parameters
        ----------
        weight
            Its name.
        argument
            How the arguments begin: "kernel" of kernel_regularizer and kernel_constraint.
        regularizer, constraint
            What the constructor was given.
        """
        self._restraints[weight] = Restraint(
            argument,
            regularizers.get(regularizer, f"{self}: {argument}_regularizer"),
            constraints.get(constraint, f"{self}: {argument}_constraint"),
        )

    def add_weight(
        self,
        name: str,
        shape: tuple[int, ...],
        initializer: Initializer | str = "glorot_uniform",
        trainable: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
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
        regularizer, constraint
            Names or objects of `cnnx.regularizers` and `cnnx.constraints`; None for none.
        """
        if None in shape:
            raise open_size_error(self, None, f"makes its {name} of shape {shape}")
        path = f"{self.name}/{name}"
        held = self._restraints.get(name, Restraint(name, None, None))
        penalty = regularizers.get(regularizer, f"{self}: regularizer") or held.regularizer
        rule = constraints.get(constraint, f"{self}: constraint") or held.constraint
        if rule is not None:
            rule.check(shape, f"{self}: {name}")
        if self.saved_values is None:
            geometry.check_elements(shape, f"{self}: {name}")
            try:
                value = np.ascontiguousarray(initializers.get(initializer)(shape), np.float32)
            except MemoryError:
                size = math.prod(shape) * 4 / 2**20
                raise MemoryError(
                    f"{self}: no memory for its {name} of shape {shape}, {size:,.0f} MiB"
                ) from None
        else:
            value = self.saved_values(path, shape)
        if value.shape != shape:
            raise ValueError(f"{self}: the initializer of {name} made {value.shape}, not {shape}")
        weight = Weight(path, value, trainable, penalty, rule)
        self._weights.append(weight)
        return weight

    def build_once(self, *input_shapes: Shape) -> Shape:
        """Build the layer for these input shapes if it is not built; return the output's shape."""
        for shape in input_shapes:
            if 0 in shape[1:]:
                raise ValueError(f"{self}: the input's samples are empty: its shape is {shape}")
        if self.puts_channels_first(input_shapes[0]):
            return self._build_channels_first(input_shapes[0])
        if self.built:
            if not self.accepts(*input_shapes):
                found = ", ".join(map(str, input_shapes))
                raise ValueError(
                    f"{self} was built for inputs of shape {self.input_shape}, got {found}"
                )
            return self._output_shape(*input_shapes)
        try:
            self.output_shape = self._output_shape(*input_shapes, builds=not self._weights)
            geometry.check_elements(self.output_shape, f"{self}: the output")
        except Exception:
            self.unbuild()
            raise
        self.input_shape = input_shapes[0] if len(input_shapes) == 1 else input_shapes
        self.built = True
        return self.output_shape

    def _output_shape(self, *input_shapes: Shape, builds: bool = False) -> Shape:
        """Return the shape of the output, after building the layer if a caller has not."""
        try:
            if builds:
                self.build(*input_shapes)
            return self.compute_output_shape(*input_shapes)
        except TypeError as error:  # of arithmetic with None
            found = next(filter(geometry.is_open, input_shapes), None)
            if found is None:
                raise
            raise open_size_error(self, found, "works out its shapes from numbers") from error

    def accepts(self, *input_shapes: Shape) -> bool:
        """Return whether the layer, which is built, can be used on other inputs."""
        built_for = [self.input_shape] if len(input_shapes) == 1 else self.input_shape
        if self.any_size:  # the rank and the channels have to be the same
            built_for = [(*[None] * (len(shape) - 1), shape[-1]) for shape in built_for]
        return all(
            geometry.fits(shape[1:], expected[1:])
            for shape, expected in zip(input_shapes, built_for, strict=True)
        )

    any_size: ClassVar[bool] = False
    """Whether one layer can be used on images of several sizes."""

    def unbuild(self) -> None:
        """Drop the weights, so that the layer can be built for another shape."""
        self.built = False
        self._weights = []
        self._channels_last_form = None

    def __call__(self, inputs: Any, training: bool = False) -> Any:
        """
        Return the layer's output, building the layer at its first use.

        Parameters
        ----------
        inputs
            A batch of any real dtype; or what `cnnx.Input` or another layer returned, for a value
            of a network. Layers that merge take a list.
        training
            True as in `fit`: dropout drops, batch normalisation uses the batch's statistics.
        """
        several = isinstance(inputs, (list, tuple)) and self.merges
        given = list(inputs) if several else [inputs]
        if all(isinstance(value, Value) for value in given):
            return self._use(given)
        batches = [self._batch(x) for x in given]
        counts = [len(batch) for batch in batches]
        if len(set(counts)) > 1:
            raise ValueError(f"{self}: x must hold batches of one size, got {counts} samples")
        self.build_once(*((None, *batch.shape[1:]) for batch in batches))
        if self.puts_channels_first(batches[0].shape):
            made = self.channels_last_form(moved_last(batches[0]), training)
            return moved_first(made) if made.ndim == batches[0].ndim else made
        call = alone(self, *batches, training=training, differentiates=False)
        y = self.forward(call, *batches)
        if y is not None:
            take_output(call, y)
        return call.y

    merges: ClassVar[bool] = False
    """Whether the layer takes a list of inputs."""

    def _batch(self, x: Any) -> Float:
        batch = as_float32(x, f"{self}: x")
        if batch.ndim == 0:
            raise ValueError(f"{self}: x must be a batch, got a single number")
        return batch

    def _use(self, values: Sequence[Value]) -> Value:
        """Return the value of a network that the layer computes from others."""
        shape = self.build_once(*(value.shape for value in values))
        value = Value(shape, Node(self, tuple(values)))
        self._values = [item for item in self._values if item() is not None]
        self._values.append(weakref.ref(value))  # networks hold it; a layer does not
        return value

    @property
    def output(self) -> Value:
        """The value that the layer computes in a network; raises ValueError if it is not one."""
        values = [value for item in self._values if (value := item()) is not None]
        if len(values) != 1:
            raise ValueError(
                f"{self} is used {len(values)} times: it has no single output"
                if values
                else f"{self} is not part of a network yet: call it on a value, or add it to one"
            )
        return values[0]

    @property
    def input(self) -> Any:
        """The value that the layer reads in a network, or a list; raises as `output` does."""
        sources = list(self.output.node.inputs)
        return sources[0] if len(sources) == 1 else sources

    @property
    def weights(self) -> list[Weight]:
        """All weights, in the order in which they were created."""
        return self._weights

    @property
    def trainable(self) -> bool:
        """Whether training changes the weights; a change takes effect at the next step."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = bool(value)

    @property
    def trainable_weights(self) -> list[Weight]:
        """The weights that training changes."""
        return [weight for weight in self.weights if weight.trainable] if self.trainable else []

    def __reduce__(self) -> tuple[Any, ...]:
        shapes: Any = None
        if self.built:
            shapes = list(self.input_shape) if self.merges else [self.input_shape]
        config = self.get_config()
        own = registry.own_items(config)
        held = {
            name: value
            for name, value in vars(self).items()
            if name != "_channels_last_form" and _holds_layers(value)
        }
        return _restore, (type(self), config, shapes, self.get_weights(), own, held)

    def __repr__(self) -> str:
        return f"<{self}, built={self.built}>"

    def __str__(self) -> str:
        return f"{type(self).__name__} '{self.name}'"


def open_size_error(
    layer: Layer,
    input_shape: Shape | None,
    need: str,
    remedy: str = "put a global pooling such as GlobalAveragePooling2D before it",
) -> ValueError:
    """Return the error of a layer that cannot work on inputs which leave a size open."""
    seen = "its input" if input_shape is None else f"its input of shape {tuple(input_shape)}"
    return ValueError(
        f"{layer} {need}, but {seen} leaves a size open; {remedy}, or give cnnx.Input a fixed size"
    )


def _restore(
    cls: type[Layer],
    config: dict[str, Any],
    shapes: list[Shape] | None,
    weights: list[Float],
    own: dict[str, Any],
    held: dict[str, Any],
) -> Layer:
    """Make the copy of a layer; for pickle and copy. No random number is drawn."""
    before = random.get_state() if held else {}
    with registry.custom_objects(own, str(cls)):
        layer = cls.from_config(config)
    if shapes is not None:
        values = iter(weights)
        layer.saved_values = lambda path, shape: next(values)
        layer.build_once(*shapes)
        layer.saved_values = None
    if held:
        random.set_state(before)  # those that it made anew have drawn
        vars(layer).update(held)
    return layer


def _holds_layers(value: Any) -> bool:
    """Return whether an attribute is a layer, or a list of layers."""
    items = value if isinstance(value, (list, tuple)) else [value]
    return bool(items) and all(isinstance(item, Layer) for item in items)


_AXES = {
    1: ("sequences", "(batch, steps, channels)", "sequences of one channel"),
    2: ("images", "(batch, height, width, channels)", "grey images"),
}
"""By the number of axes that windows slide along: what is expected, and what may be meant."""


def _check_dtype(layer: Layer, dtype: Any) -> None:
    """Raise ValueError for any type but float32."""
    given = dtype.get("config", {}).get("name") if isinstance(dtype, dict) else dtype
    try:
        fits = given is None or np.dtype(getattr(given, "name", given)) == np.float32
    except TypeError:  # such as "mixed_float16"
        fits = False
    if not fits:
        raise ValueError(
            f"{layer}: dtype must be None or 'float32', got {dtype!r}: cnnx has kernels for "
            "float32 alone; samples of other types are converted batch by batch"
        )


def check_rank(layer: Layer, input_shape: Shape, rank: int) -> Shape:
    """Return the shape of one sample of an input that must hold images; with rank 1, sequences."""
    if len(input_shape) != rank + 2:
        kind, axes, single = _AXES[rank]
        lacks_channels = len(input_shape) == rank + 1
        remedy = f"; {single} need a channel axis: x[..., None]" if lacks_channels else ""
        if remedy and input_shape[0] is None:
            remedy += f" for arrays, Input({(*input_shape[1:], 1)}) for a network"
        raise ValueError(f"{layer} expects {kind} {axes}, got shape {tuple(input_shape)}{remedy}")
    return input_shape[1:]


def image_shape(layer: Layer, input_shape: Shape) -> tuple[int, int, int]:
    """Return (height, width, channels) of an input that must be a batch of images."""
    height, width, channels = check_rank(layer, input_shape, 2)
    return height, width, channels


def check_channels_axis(layer: Layer, axis: int, input_shape: Shape) -> None:
    """Raise ValueError unless `axis` is the last of an input that has a channel axis."""
    last = len(input_shape) - 1
    if last < 1:
        raise ValueError(f"{layer} expects (batch, ..., channels), got shape {input_shape}")
    if axis not in (-1, last):
        raise ValueError(
            f"{layer}: axis must be -1 or {last}, the last of shape {input_shape}, "
            f"got {axis}; the channels come last"
        )
