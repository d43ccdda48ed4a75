"""Initial values of weights."""

import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Self

import numpy as np

from cnnx import random, registry
from cnnx.arrays import Array, Float, real_array
from cnnx.geometry import MAX_RANK, integers, number

__all__ = [
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Ones",
    "Orthogonal",
    "RandomNormal",
    "RandomUniform",
    "TruncatedNormal",
    "VarianceScaling",
    "Zeros",
    "deserialize",
    "get",
    "serialize",
]

_INFINITY = float("inf")
_DRAWN_AT_ONCE = 1 << 16


class Initializer(registry.Configurable):
    """
    Makes the first values of a weight; subclasses implement `__call__`, or `make`.

    Parameters
    ----------
    seed
        None draws from the global generator (`cnnx.utils.set_random_seed`); a whole number gives
        the same values at every call.
    """

    def __init__(self, seed: int | None = None) -> None:
        self.seed = (
            None if seed is None else random.check_seed(seed, f"{type(self).__name__}: seed")
        )

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Float:
        """Return float32 values of shape `shape`; `dtype` is None or "float32"."""
        if dtype is not None and np.dtype(dtype) != np.float32:
            raise ValueError(
                f"{type(self).__name__}: dtype must be None or 'float32', got {dtype!r}: weights "
                "are float32"
            )
        return self.make(tuple(shape))

    def make(self, shape: tuple[int, ...]) -> Float:
        """Return float32 values of shape `shape`."""
        raise NotImplementedError(f"{type(self).__name__} must implement __call__(shape)")

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"seed": self.seed}


def _drawn(shape: tuple[int, ...], draw: Callable[[int], Array]) -> Float:
    """Return what `draw` gives for a number of elements, without all of it in float64 at once."""
    values = np.empty(math.prod(shape), np.float32)
    for start in range(0, values.size, _DRAWN_AT_ONCE):
        part = values[start : start + _DRAWN_AT_ONCE]
        part[...] = draw(part.size)
    return values.reshape(shape)


def _uniform(shape: tuple[int, ...], low: float, high: float, seed: int | None) -> Float:
    generator = random.generator(seed)
    return _drawn(shape, lambda count: generator.uniform(low, high, count))


def _truncated_normal(
    shape: tuple[int, ...], mean: float, stddev: float, seed: int | None
) -> Float:
    """Draw from a normal distribution again wherever a value is over 2 deviations from the mean."""
    generator = random.generator(seed)
    values = generator.standard_normal(shape)
    outside = np.abs(values) > 2
    while outside.any():
        values[outside] = generator.standard_normal(np.count_nonzero(outside))
        outside = np.abs(values) > 2
    return (mean + stddev * values).astype(np.float32)


def _fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return how many inputs an output sees, and how many outputs see an input."""
    if len(shape) < 2:
        extent = shape[0] if shape else 1
        return extent, extent
    window = int(np.prod(shape[:-2]))
    return window * shape[-2], window * shape[-1]


def _axes(value: Any, name: str) -> tuple[int, ...] | None:
    return None if value is None else integers(value, name, minimum=-MAX_RANK)


class VarianceScaling(Initializer):
    """
    Zero mean and variance scale / fan: the base of the Glorot, He and LeCun initializers.

    Parameters
    ----------
    scale
        > 0.
    mode
        What the fan is: 'fan_in', how many inputs an output sees; 'fan_out', how many outputs see
        an input; or 'fan_avg', their mean.
    distribution
        'truncated_normal' (within two standard deviations, before which it is widened to have the
        variance), 'untruncated_normal' or 'uniform'.
    seed
        As in `Initializer`.
    input_axes, output_axes
        The axes of a weight whose extents, multiplied, are the fans, where they are not those of a
        kernel (..., inputs, outputs); both or neither.
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: int | None = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        super().__init__(seed)
        name = type(self).__name__
        self.input_axes = _axes(input_axes, f"{name}: input_axes")
        self.output_axes = _axes(output_axes, f"{name}: output_axes")
        if (self.input_axes is None) != (self.output_axes is None):
            raise ValueError(
                f"{name}: input_axes={input_axes} and output_axes={output_axes} go together"
            )
        self.scale = number(scale, f"{name}: scale", 1e-30, _INFINITY)
        self.mode = registry.choice(mode, f"{name}: mode", "fan_in", "fan_out", "fan_avg")
        self.distribution = registry.choice(
            distribution,
            f"{name}: distribution",
            "truncated_normal",
            "untruncated_normal",
            "uniform",
        )

    def make(self, shape: tuple[int, ...]) -> Float:
        """Return float32 values of shape `shape`, a kernel's (..., inputs, outputs)."""
        fan_in, fan_out = self._fans(shape)
        fans = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}
        variance = self.scale / max(fans[self.mode], 1.0)
        if self.distribution == "uniform":
            limit = float(np.sqrt(3 * variance))
            return _uniform(shape, -limit, limit, self.seed)
        stddev = float(np.sqrt(variance))
        if self.distribution == "untruncated_normal":
            return RandomNormal(0.0, stddev, self.seed).make(shape)
        # The standard deviation of the normal distribution truncated at 2 is 0.8796...
        return _truncated_normal(shape, 0.0, stddev / 0.87962566103423978, self.seed)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {
            "scale": self.scale,
            "mode": self.mode,
            "distribution": self.distribution,
            "seed": self.seed,
            **self._axes_config(),
        }

    def _fans(self, shape: tuple[int, ...]) -> tuple[int, int]:
        if self.input_axes is None or self.output_axes is None:
            return _fans(shape)
        try:
            inputs, outputs = (
                math.prod(shape[axis] for axis in axes)
                for axes in (self.input_axes, self.output_axes)
            )
        except IndexError:
            raise ValueError(
                f"{type(self).__name__}: input_axes={self.input_axes} and "
                f"output_axes={self.output_axes} are not axes of a weight of shape {shape}"
            ) from None
        return inputs, outputs

    def _axes_config(self) -> dict[str, Any]:
        pair = {"input_axes": self.input_axes, "output_axes": self.output_axes}
        return {name: axes and list(axes) for name, axes in pair.items()}


class NamedScaling(VarianceScaling):
    """A `VarianceScaling` whose `settings` have a name."""

    settings: ClassVar[tuple[float, str, str]]

    def __init__(
        self,
        seed: int | None = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        super().__init__(*self.settings, seed, input_axes, output_axes)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"seed": self.seed, **self._axes_config()}


class GlorotUniform(NamedScaling):
    """Uniform in +-sqrt(6 / (fan_in + fan_out)) (Glorot & Bengio 2010)."""

    settings = 1.0, "fan_avg", "uniform"


class GlorotNormal(NamedScaling):
    """Truncated normal with variance 2 / (fan_in + fan_out) (Glorot & Bengio 2010)."""

    settings = 1.0, "fan_avg", "truncated_normal"


class HeUniform(NamedScaling):
    """Uniform in +-sqrt(6 / fan_in) (He et al. 2015)."""

    settings = 2.0, "fan_in", "uniform"


class HeNormal(NamedScaling):
    """Truncated normal with variance 2 / fan_in (He et al. 2015)."""

    settings = 2.0, "fan_in", "truncated_normal"


class LecunUniform(NamedScaling):
    """Uniform in +-sqrt(3 / fan_in) (LeCun et al. 1998)."""

    settings = 1.0, "fan_in", "uniform"


class LecunNormal(NamedScaling):
    """Truncated normal with variance 1 / fan_in (LeCun et al. 1998)."""

    settings = 1.0, "fan_in", "truncated_normal"


class RandomNormal(Initializer):
    """Normal with the given mean and standard deviation."""

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        super().__init__(seed)
        self.mean = number(mean, f"{type(self).__name__}: mean", -_INFINITY, _INFINITY)
        self.stddev = number(stddev, f"{type(self).__name__}: stddev", 0, _INFINITY)

    def make(self, shape: tuple[int, ...]) -> Float:
        """Return float32 values of shape `shape`."""
        generator = random.generator(self.seed)
        return _drawn(shape, lambda count: generator.normal(self.mean, self.stddev, count))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"mean": self.mean, "stddev": self.stddev, "seed": self.seed}


class TruncatedNormal(RandomNormal):
    """Normal, drawn again where a value is more than two standard deviations from the mean."""

    def make(self, shape: tuple[int, ...]) -> Float:
        """Return float32 values of shape `shape`."""
        return _truncated_normal(shape, self.mean, self.stddev, self.seed)


class RandomUniform(Initializer):
    """Uniform in [minval, maxval)."""

    def __init__(
        self, minval: float = -0.05, maxval: float = 0.05, seed: int | None = None
    ) -> None:
        super().__init__(seed)
        self.minval = number(minval, "RandomUniform: minval", -_INFINITY, _INFINITY)
        self.maxval = number(maxval, "RandomUniform: maxval", self.minval, _INFINITY)

    def make(self, shape: tuple[int, ...]) -> Float:
        """Return float32 values of shape `shape`."""
        return _uniform(shape, self.minval, self.maxval, self.seed)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"minval": self.minval, "maxval": self.maxval, "seed": self.seed}


class Orthogonal(Initializer):
    """
    A matrix with orthonormal columns, or rows if it has fewer rows than columns (Saxe et al. 2014).

    Its rows are all axes of the weight but the last: in a convolution each filter is a column. It
    is the factor Q of a matrix of normal numbers, times the signs of the diagonal of R.

    Parameters
    ----------
    gain
        Factor of the values.
    seed
        As for `Initializer`.
    """

    def __init__(self, gain: float = 1.0, seed: int | None = None) -> None:
        super().__init__(seed)
        self.gain = number(gain, "Orthogonal: gain", -_INFINITY, _INFINITY)

    def make(self, shape: tuple[int, ...]) -> Float:
        """Return float32 values of shape `shape`; raises ValueError for fewer than two axes."""
        if len(shape) < 2:
            raise ValueError(f"Orthogonal: a weight needs two axes or more, got shape {shape}")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        tall = max(rows, columns), min(rows, columns)
        q, r = np.linalg.qr(random.generator(self.seed).normal(size=tall))
        q *= np.where(np.diagonal(r) < 0, -self.gain, self.gain)
        matrix = q.T if rows < columns else q
        return np.ascontiguousarray(matrix, np.float32).reshape(shape)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"gain": self.gain, "seed": self.seed}


class Identity(Initializer):
    """
    Ones on the diagonal of a matrix, and zeros beside it.

    Parameters
    ----------
    gain
        Factor of the ones.
    """

    def __init__(self, gain: float = 1.0) -> None:
        super().__init__()
        self.gain = number(gain, "Identity: gain", -_INFINITY, _INFINITY)

    def make(self, shape: tuple[int, ...]) -> Float:
        """Return float32 values of shape `shape`; raises ValueError unless it has two axes."""
        if len(shape) != 2:
            raise ValueError(f"Identity: a weight needs two axes, got shape {shape}")
        return self.gain * np.eye(*shape, dtype=np.float32)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"gain": self.gain}


class Constant(Initializer):
    """
    The same value everywhere, or given values.

    Parameters
    ----------
    value
        A number, or numbers that NumPy broadcasts to the weight's shape.
    """

    def __init__(self, value: Any = 0.0) -> None:
        super().__init__()
        if isinstance(value, (np.ndarray, list, tuple)):
            if _has_text(value):
                raise TypeError("Constant: value must hold real numbers, got text")
            self.value: Any = real_array(value, "Constant: value").tolist()
        else:
            self.value = number(value, "Constant: value", -_INFINITY, _INFINITY)

    def make(self, shape: tuple[int, ...]) -> Float:
        """Return float32 values of shape `shape`; raises ValueError if they don't fit it."""
        values = np.asarray(self.value, np.float32)
        try:
            return np.broadcast_to(values, shape).copy()
        except ValueError as error:
            raise ValueError(
                f"Constant: values of shape {values.shape} don't fit a weight of shape {shape}"
            ) from error

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"value": self.value}


def _has_text(value: Any) -> bool:
    """Return whether nested sequences hold a text, each copy of which NumPy would pad."""
    if isinstance(value, (list, tuple)):
        return any(map(_has_text, value))
    return isinstance(value, str)


class Zeros(Constant):
    """Zero everywhere."""

    def __init__(self) -> None:
        super().__init__(0.0)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments: none."""
        return {}


class Ones(Constant):
    """One everywhere."""

    def __init__(self) -> None:
        super().__init__(1.0)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments: none."""
        return {}


class FunctionInitializer(Initializer):
    """
    A function of your own as an initializer; a layer makes one of a function that it is given.

    Parameters
    ----------
    function
        f(shape), or f(shape, dtype=...) as in Keras: returns values of that shape.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        if not registry.is_function(function):
            raise TypeError(f"FunctionInitializer: function must be a function, got {function!r}")
        self.function = function

    def make(self, shape: tuple[int, ...]) -> Float:
        """Return what the function returns."""
        takes = inspect.signature(self.function).parameters
        found = self.function(shape, **({"dtype": "float32"} if "dtype" in takes else {}))
        name = getattr(self.function, "__name__", type(self.function).__name__)
        return real_array(found, f"FunctionInitializer: {name}").astype(np.float32)

    def get_config(self) -> dict[str, Any]:
        """Return the name of the function."""
        return {"function": registry.name_of(self.function)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Make an initializer of a function that is known by its name."""
        return cls(registry.function_of(config["function"]))


_CLASSES: tuple[type[Initializer], ...] = (
    GlorotUniform,
    GlorotNormal,
    HeUniform,
    HeNormal,
    LecunUniform,
    LecunNormal,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
    VarianceScaling,
    Orthogonal,
    Identity,
    Constant,
    Zeros,
    Ones,
)
INITIALIZERS = {registry.snake_case(cls.__name__): cls for cls in _CLASSES}


def get(identifier: Any, owner: str = "initializer") -> Initializer:
    """
    Return an initializer from its name, class, config, a function or itself.

    Errors begin with `owner`.
    """
    if registry.is_function(identifier):
        return FunctionInitializer(identifier)
    if isinstance(identifier, dict) and identifier.get("class_name") == "FunctionInitializer":
        return FunctionInitializer.from_config(identifier["config"])
    return registry.get(owner, identifier, Initializer, INITIALIZERS)


def serialize(initializer: Initializer) -> dict[str, Any]:
    """Return what `get` makes the same initializer from."""
    return registry.serialize(initializer)


def deserialize(config: Any) -> Initializer:
    """Return the initializer that `serialize` wrote; raises as `get`."""
    return get(config)
