"""What every activation function is."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Any, TypeAlias

from cnnx import _core
from cnnx.arrays import Float, Shape, as_float32, empty

Named: TypeAlias = str | tuple[str, tuple[float, ...]]
"""A function of the core: its name, or its name and its parameters."""


@dataclass(frozen=True, repr=False)
class Activation:
    """
    A function of a layer's net input, and its derivative.

    Parameters
    ----------
    name
        Its Keras name.
    forward
        `forward(src, dst)`; dst may be src.
    backward
        `backward(dst, diff_dst, diff_src)`, or `backward(src, diff_dst, diff_src)` if `of_input`;
        diff_src may be diff_dst.
    of_input
        Whether the derivative is computed from the function's argument, not from its value. The
        argument is then kept until the backward pass.
    elementwise
        Whether each value depends on its own element alone; softmax's do on a whole row.
    increasing
        Whether a larger argument never gives a smaller value. A max pooling may then come first.
    core
        What the core knows the function by. The core can apply it within the pass of another
        operation; in training only if the derivative is not computed from the argument. None: not
        at all.
    settings
        Its arguments that are not the usual ones, by Keras' names.
    """

    name: str
    forward: Callable[[Float, Float], None]
    backward: Callable[[Float, Float, Float], None]
    of_input: bool = False
    elementwise: bool = True
    increasing: bool = False
    core: Named | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def native(self) -> bool:
        """Whether both functions only call the core."""
        functions = (self.forward, self.backward)
        return self.core is not None or all(
            getattr(getattr(function, "func", function), "__module__", None) == _core.__name__
            for function in functions
        )

    def __call__(self, x: Any) -> Float:
        """Return the function's values at `x`, an array of any shape."""
        src = as_float32(x, f"{self.name}: x")
        dst = empty(self.name, src.shape)
        self.forward(src, dst)
        return dst

    def check_axis(self, shape: Shape, owner: str) -> None:
        """
        Check that there is an axis for a softmax, and that it is not that of the samples.

        Parameters
        ----------
        shape
            Of a batch of arguments.
        owner
            What errors begin with.
        """
        if self.elementwise:
            return
        if len(shape) < 2:
            raise ValueError(f"{owner} expects (batch, ..., outputs), got shape {shape}")
        axis = self.settings.get("axis", -1)
        if not -len(shape) < axis < len(shape) or axis == 0:
            raise ValueError(
                f"{owner}: axis={axis} must be one of the {len(shape)} axes of shape {shape}, and "
                "not the first, that of the samples"
            )

    def configured(self, *args: Any, **settings: Any) -> Activation:
        """Return the function with other arguments than the usual ones; this one takes none."""
        if args or settings:
            raise TypeError(f"{self.name} takes no argument but x, got {[*args, *settings]}")
        return self

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.settings.items())
        return f"{self.name}({arguments})" if arguments else self.name

    def __reduce__(self) -> tuple[Any, ...]:
        known = ACTIVATIONS.get(self.name)
        if known is self or (known is not None and self.settings):
            return _named, (self.name, dict(self.settings))
        return Activation, tuple(getattr(self, field.name) for field in fields(Activation))


@dataclass(frozen=True, repr=False)
class Family(Activation):
    """
    A function that takes arguments, as it is with the usual ones.

    Parameters
    ----------
    make
        Returns the function for arguments, or None where they are the usual ones.
    """

    make: Callable[..., Activation | None] = lambda: None
    _arguments: inspect.Signature = field(init=False, compare=False)

    def __post_init__(self) -> None:
        # Once, so that loading a file looks into no function.
        object.__setattr__(self, "_arguments", inspect.signature(self.make))

    @property
    def __signature__(self) -> inspect.Signature:
        x = inspect.Parameter("x", inspect.Parameter.POSITIONAL_OR_KEYWORD)
        return inspect.Signature([x, *self._arguments.parameters.values()])

    def __call__(self, x: Any, *args: Any, **settings: Any) -> Float:
        """Return the function's values at `x`, an array of any shape, for these arguments."""
        return Activation.__call__(self.configured(*args, **settings), x)

    def configured(self, *args: Any, **settings: Any) -> Activation:
        """
        Return the function with these arguments, for layers.

        Raises
        ------
        TypeError, ValueError
            For arguments that it does not take.
        """
        try:
            self._arguments.bind(*args, **settings)
        except TypeError as error:
            raise TypeError(
                f"{self.name}: {error}; it is {self.name}{self.__signature__}"
            ) from None
        return self.make(*args, **settings) or self


ACTIVATIONS: dict[str, Activation] = {}
"""The functions by name, entered by `cnnx.activations`."""


def _named(name: str, settings: Mapping[str, Any]) -> Activation:
    """Return a function of the table; for pickle and copy."""
    return ACTIVATIONS[name].configured(**settings)


def of_core(
    name: str,
    *,
    of_input: bool = False,
    parameters: tuple[float, ...] = (),
    keras: str | None = None,
    settings: Mapping[str, Any] | None = None,
    increasing: bool | None = None,
    make: Callable[..., Activation | None] | None = None,
) -> Activation:
    """
    Return a function of the core.

    Parameters
    ----------
    name
        In the core.
    of_input, increasing
        As of an Activation; what is computed from the value is increasing.
    parameters
        In the core, if they are not the usual ones.
    keras
        Its name in Keras, if it is another one.
    settings
        Of an Activation.
    make
        Of a Family.
    """
    forward, backward = getattr(_core, f"{name}_forward"), getattr(_core, f"{name}_backward")
    if parameters:
        forward = partial(forward, parameters=parameters)
        backward = partial(backward, parameters=parameters)
    values: dict[str, Any] = {
        "name": keras or name,
        "forward": forward,
        "backward": backward,
        "of_input": of_input,
        "increasing": not of_input if increasing is None else increasing,
        "core": (name, parameters) if parameters else name,
        "settings": settings or {},
    }
    return Activation(**values) if make is None else Family(**values, make=make)
