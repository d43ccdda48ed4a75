"""Layers of ours made from what a Keras file says of a layer."""

from __future__ import annotations

from typing import Any

from cnnx import activations, constraints, initializers, registry, regularizers
from cnnx.keras_files.configuration import (
    GRAPHS,
    SEQUENTIAL,
    Entry,
    Reference,
    Use,
    layer_entry,
)
from cnnx.keras_files.fixed import Fixed
from cnnx.keras_files.layer_table import INERT, ROWS, TAKEN, TRAINING_ALONE
from cnnx.layers import (
    LAYERS,
    Activation,
    Affine,
    InputLayer,
    Layer,
    Rescaling,
    SpectralNormalization,
)
from cnnx.layers.layout import CHANNELS_FIRST, CHANNELS_LAST

_FLOATS = {"float32", "mixed_float16", "mixed_bfloat16"}
"""Types whose weights are float32."""
_INPUTS = _FLOATS | {"float16", "bfloat16", "float64", "uint8", "int8", "int16", "int32", "int64"}
_MERGES = {"Add", "Subtract", "Multiply", "Maximum", "Minimum"}
_FUNCTIONS = {
    "Celu",
    "Elu",
    "Gelu",
    "HardShrink",
    "HardSigmoid",
    "HardSilu",
    "HardTanh",
    "LeakyRelu",
    "LogSigmoid",
    "LogSoftmax",
    "Relu",
    "Relu6",
    "Selu",
    "Sigmoid",
    "Silu",
    "SoftShrink",
    "Softmax",
    "Softplus",
    "Softsign",
    "Squareplus",
    "Tanh",
    "TanhShrink",
    "Threshold",
}
"""Operations that are activations."""
_UNSAID = {"name", "dtype", "trainable"}


UNKNOWN = "cnnx has no such class or function"


class UnsuitableError(ValueError):
    """Something in the file that cnnx has not."""


class Conversion:
    """
    Makes layers, and notes what is left out.

    Parameters
    ----------
    keras_2
        Whether the file is Keras 2's.

    Attributes
    ----------
    left_out
        Arguments that matter in training alone and that ours have not.
    fixed
        What the weights of some layers are made of.
    """

    def __init__(self, keras_2: bool) -> None:
        self.keras_2 = keras_2
        self.left_out: list[str] = []
        self.fixed: dict[Layer, Fixed] = {}

    def layers(self, entry: Entry) -> list[Layer]:
        """
        Return the layer of an entry, and those that its activation needs after it.

        Raises
        ------
        UnsuitableError
            For what cnnx has not.
        """
        if entry.class_name == "InputLayer":
            return [self._input(entry)]
        if entry.class_name == "Lambda":
            raise UnsuitableError("it holds code, and nothing in a file is run")
        if entry.class_name == "SpectralNormalization" and _of_keras(entry.module):
            return self._spectral_normalization(entry)
        if _is_operation(entry):
            return [_operation(entry)]
        if entry.class_name == "Normalization" and _of_keras(entry.module):
            return [self._normalization(entry)]
        if entry.class_name == "Rescaling" and isinstance(entry.config.get("scale"), list):
            scale, offset = entry.config["scale"], entry.config.get("offset", 0)
            return [self._affine(entry, Fixed(scale, offset))]
        row = ROWS.get(entry.class_name)
        if row is None or not _of_keras(entry.module):
            return [_own_layer(entry)]
        following: list[Layer] = []
        arguments: dict[str, Any] = {
            "name": entry.name,
            "trainable": bool(entry.config.get("trainable", True)),
        }
        taken = TAKEN[row.name]
        for name, value in entry.config.items():
            key = row.renamed.get(name, name)
            if name in INERT | row.inert:
                continue
            if name == "dtype":
                _check_type(value, _FLOATS)
            elif name == "data_format":
                if _is_first(value):
                    arguments[name] = value
            elif name == "activation":
                arguments[name], following = self._activation(value, entry)
            elif name.endswith(TRAINING_ALONE) and key in taken:
                arguments |= self._restraint(name, value, entry)
            elif name.endswith("_initializer") and key in taken:
                arguments |= _initializer(name, value)
            elif key in taken:
                arguments[key] = _alone(value) if name == "axis" else value
            elif value is None or value is False or _nothing(value):
                pass
            elif name.endswith(TRAINING_ALONE) or row.trained.get(name, value) != value:
                self.left_out.append(f"{name} of {entry.name}")
            elif name not in row.trained:
                raise UnsuitableError(f"{name}={str(value)[:100]} is nothing that cnnx has")
        return [row.layer(**arguments), *following]

    def _spectral_normalization(self, entry: Entry) -> list[Layer]:
        within = layer_entry(entry.config.get("layer"), f"the layer within {entry}")
        if within.class_name == entry.class_name:
            raise UnsuitableError("it holds another one")
        layer, *following = self.layers(within)
        steps = entry.config.get("power_iterations", 1)
        trainable = bool(entry.config.get("trainable", True))
        around = SpectralNormalization(layer, steps, name=entry.name, trainable=trainable)
        return [around, *following]

    def _restraint(self, name: str, value: Any, entry: Entry) -> dict[str, Any]:
        """Return the argument for a regularizer or a constraint; note one that is unknown."""
        family = regularizers if name.endswith("_regularizer") else constraints
        try:
            return {name: family.get(value)}
        except (TypeError, ValueError):
            self.left_out.append(f"{name} of {entry.name}")
            return {}

    def _normalization(self, entry: Entry) -> Layer:
        config = entry.config
        if config.get("invert") or _alone(config.get("axis")) is None:
            raise UnsuitableError("it inverts a normalization, or has one mean for all")
        if config.get("mean") is None:
            fixed = Fixed()
        else:
            fixed = Fixed.of_statistics(config["mean"], config.get("variance"))
        return self._affine(entry, fixed, _alone(config["axis"]))

    def _affine(self, entry: Entry, fixed: Fixed, axis: Any = -1) -> Layer:
        """Return a layer that gives each channel a factor and a summand, and learns neither."""
        _check_type(entry.config.get("dtype"), _FLOATS)
        layer = Affine(axis, name=entry.name, trainable=False)
        self.fixed[layer] = fixed
        return layer

    def check_uses(self, entry: Entry) -> None:
        """Raise UnsuitableError if a layer is called with something that ours would ignore."""
        for number, use in enumerate(entry.uses):
            options = {name: value for name, value in use.options.items() if value is not None}
            training = options.pop("training", None)
            if not use.arguments and "inputs" in options:
                entry.uses[number] = Use([options.pop("inputs")], {})
            if options:
                raise UnsuitableError(f"it is called with {', '.join(map(str, options))}")
            if self.keras_2 and training and not entry.class_name.startswith("Random"):
                raise UnsuitableError("it is called with training=True, so that it acts as in fit")

    def _input(self, entry: Entry) -> InputLayer:
        config = entry.config
        _check_type(config.get("dtype"), _INPUTS)
        if config.get("sparse") or config.get("ragged"):
            raise UnsuitableError("its samples are sparse or ragged")
        return InputLayer(sample_shape(input_shape(config)), name=entry.name)

    def _activation(self, value: Any, entry: Entry) -> tuple[Any, list[Layer]]:
        """Return what stands for an activation, and the layers that it needs."""
        if isinstance(value, dict):
            name, config = value.get("class_name"), value.get("config")
            if isinstance(name, str) and isinstance(config, dict) and name in ROWS:
                label = f"{entry.name}_activation"
                part = Entry(name, str(value.get("module") or ""), label, {**config, "name": label})
                return None, self.layers(part)
            value = config if name in ("function", None) else name
        if value is None:
            return None, []
        if not isinstance(value, str):
            raise UnsuitableError(f"activation={str(value)[:100]}")
        if self.keras_2 and value == "hard_sigmoid":
            raise UnsuitableError("activation='hard_sigmoid' of Keras 2 is another than today's")
        try:
            return activations.get(value), []
        except ValueError:
            return activations.get(_own(value)), []  # an Activation of the user's


def model_class(entry: Entry) -> Any:
    """Return our class for a model; raises UnsuitableError if there is none."""
    if entry.class_name in (SEQUENTIAL, *GRAPHS) and _of_keras(entry.module):
        return registry.MODELS["Sequential" if entry.sequential else "Model"]
    cls = _own(entry.class_name)
    if not (isinstance(cls, type) and issubclass(cls, registry.MODELS["Model"])):
        raise UnsuitableError(f"{cls!r} is no class of Model")
    return cls


def sample_shape(shape: Any) -> list[int | None]:
    """Return the shape of a sample, from one with the batch first."""
    if not isinstance(shape, list) or not shape:
        raise UnsuitableError(f"the shape of its samples is {str(shape)[:100]}")
    return shape[1:]


def input_shape(config: dict[str, Any]) -> Any:
    """Return the shape, batch first, that a layer's config gives its input, or None."""
    return config.get("batch_shape", config.get("batch_input_shape"))


def _of_keras(module: str) -> bool:
    return module.partition(".")[0] in ("", "keras", "tensorflow", "tf_keras", "keras_core")


def _own(name: str) -> Any:
    """Return the user's class or function of a name."""
    try:
        return registry.known_item(name)
    except ValueError:
        raise UnsuitableError(UNKNOWN) from None


def _own_layer(entry: Entry) -> Layer:
    """Return a layer of the user's."""
    cls = _own(entry.class_name)
    if not (isinstance(cls, type) and issubclass(cls, Layer)):
        raise UnsuitableError(f"{cls!r} is no class of Layer")
    _check_type(entry.config.get("dtype"), _FLOATS)
    ignored = {"dtype", *INERT} - {"name", "trainable"}
    return cls.from_config(
        {
            name: value
            for name, value in entry.config.items()
            if name not in ignored and not (value is None and name.endswith(TRAINING_ALONE))
        }
    )


def _check_type(value: Any, known: set[str]) -> None:
    """Raise UnsuitableError for numbers of another type."""
    if isinstance(value, dict):
        config = value.get("config")
        value = config.get("name") if isinstance(config, dict) else config
    if value is not None and value not in known:
        raise UnsuitableError(f"dtype={str(value)[:100]!r}: cnnx computes in float32")


def _is_first(value: Any) -> bool:
    """Return whether a layer takes its channels first."""
    if value not in (None, CHANNELS_LAST, CHANNELS_FIRST):
        raise UnsuitableError(
            f"data_format={str(value)[:100]!r} is neither 'channels_last' nor 'channels_first'"
        )
    return bool(value == CHANNELS_FIRST)


def _alone(value: Any) -> Any:
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _nothing(value: Any) -> bool:
    """Return whether a regularizer adds nothing."""
    config = value.get("config") if isinstance(value, dict) else None
    return isinstance(config, dict) and bool(config) and not any(config.values())


def _initializer(name: str, value: Any) -> dict[str, Any]:
    """Return the argument for an initializer of ours; others don't matter: values are loaded."""
    if isinstance(value, dict):
        kind, config = value.get("class_name"), value.get("config")
        given = config if isinstance(config, dict) else {}
        value = {"class_name": kind, "config": {k: v for k, v in given.items() if v is not None}}
    try:
        return {name: initializers.get(value)}
    except (TypeError, ValueError):
        return {}


# Operations of Keras 3 that are no layers there: x + y, x * 2, ops.relu(x).


def _is_operation(entry: Entry) -> bool:
    if entry.module.startswith(("keras.src.ops", "keras.ops")):
        return True
    return entry.class_name in _MERGES and any(len(use.arguments) == 2 for use in entry.uses)


def _operation(entry: Entry) -> Layer:
    """Return the layer that does what an operation does, and let the entry's use call it so."""
    if len(entry.uses) != 1 or not 0 < len(entry.uses[0].arguments) < 3:
        raise UnsuitableError("it is called more than once, or not with one or two arguments")
    operation = entry.class_name
    values = entry.uses[0].arguments
    read = [value for value in values if isinstance(value, Reference)]
    if len(values) == 1:
        further = {key: value for key, value in entry.config.items() if key not in _UNSAID}
        if operation not in _FUNCTIONS:
            raise UnsuitableError(UNKNOWN)
        try:
            function = activations.get(operation).configured(**further)
        except (TypeError, ValueError) as error:
            raise UnsuitableError(str(error)) from None
        return Activation(function, name=entry.name)
    if len(read) == 2 and operation in _MERGES:
        entry.uses[0] = Use([read], {})
        return LAYERS[operation](name=entry.name)
    if len(read) != 1:
        raise UnsuitableError(UNKNOWN)
    swapped = values[1] is read[0]
    entry.uses[0] = Use(read, {})
    return Rescaling(*_scale(operation, values[0 if swapped else 1], swapped), name=entry.name)


def _scale(operation: str, number: Any, swapped: bool) -> tuple[float, float]:
    """Return the factor and the summand of an operation with a number."""
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        raise UnsuitableError(f"it is called with {str(number)[:100]}")
    if operation == "Add":
        return 1.0, number
    if operation == "Subtract":
        return (-1.0, number) if swapped else (1.0, -number)
    if operation == "Multiply":
        return number, 0.0
    if operation in ("Divide", "TrueDivide") and number and not swapped:
        return 1 / number, 0.0
    raise UnsuitableError(UNKNOWN)
