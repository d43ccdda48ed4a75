"""What all networks have in common: the arguments of Keras, the input, the head, the weights."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from cnnx import geometry, layers
from cnnx.applications.imagenet_utils import DEVIATION, MEAN
from cnnx.applications.weight_file import Naming, is_of_torch, load, modules_in
from cnnx.files import regular_file
from cnnx.layers.value import Value
from cnnx.models import Model
from cnnx.registry import choice

__all__ = ["Application", "Request", "application"]

LIBRARIES = ("keras", "torch")


@dataclass(frozen=True)
class Request:
    """
    What a user asks of a network, as the functions of Keras name it.

    Attributes
    ----------
    owner
        The function's name, with which errors begin.
    """

    owner: str
    include_top: bool = True
    weights: str | os.PathLike[str] | None = None
    input_tensor: Value | None = None
    input_shape: Sequence[int | None] | None = None
    pooling: str | None = None
    classes: int = 1000
    classifier_activation: Any = "softmax"
    name: str | None = None
    variant: str | None = None

    def __post_init__(self) -> None:
        if self.pooling is not None:
            choice(self.pooling, f"{self.owner}: pooling", "avg", "max")
        if self.variant is not None:
            choice(self.variant, f"{self.owner}: variant", *LIBRARIES)
        geometry.integer(self.classes, f"{self.owner}: classes")
        if self.weights is None:
            return
        if not isinstance(self.weights, (str, os.PathLike)):
            raise TypeError(
                f"{self.owner}: weights must be None or the path of a file, got {self.weights!r}"
            )
        if self.weights in ("imagenet", "DEFAULT"):
            raise ValueError(
                f"{self.owner}: weights={self.weights!r} would be a download, which cnnx does not "
                "make; fetch the file of Keras, torchvision or timm, and give its path"
            )
        regular_file(self.weights)

    @property
    def is_torch(self) -> bool:
        """Whether the network shall be built as PyTorch's libraries build it."""
        if self.variant is None:
            return self.weights is not None and is_of_torch(self.weights)
        return self.variant == "torch"

    def holds(self, module: str) -> bool:
        """Return whether the weights are a file of PyTorch that holds a module of this name."""
        path = self.weights
        return path is not None and is_of_torch(path) and module in modules_in(path)

    def image(self, side: int, least: int = 32, channels: int = 3) -> Value:
        """
        Return the value that the network reads.

        Parameters
        ----------
        side
            Height and width unless the user says otherwise. Without the top they are left open.
        least
            Smallest height and width.
        channels
            Unless the user says otherwise.
        """
        given = self.input_tensor
        if given is not None and (not isinstance(given, Value) or len(given.shape) != 4):
            raise TypeError(
                f"{self.owner}: input_tensor must be a value (batch, height, width, channels), "
                f"such as cnnx.Input((224, 224, 3)), got {given!r}"
            )
        shape = self.input_shape
        if shape is None:
            size = (side, side) if self.include_top else (None, None)
            shape = (*size, channels) if given is None else given.shape[1:]
        shape = tuple(shape)
        if len(shape) != 3 or (given is not None and shape != tuple(given.shape[1:])):
            wanted = "(height, width, channels)" if given is None else f"{given.shape[1:]}"
            raise ValueError(f"{self.owner}: input_shape must be {wanted}, got {shape}")
        if any(isinstance(extent, int) and extent < least for extent in shape[:2]):
            raise ValueError(
                f"{self.owner}: input_shape must have {least} rows and columns or more, got {shape}"
            )
        return layers.Input(shape) if given is None else given

    def pixels(self, image: Value) -> Value:
        """Return pixels from 0 to 255 in the range that a network of PyTorch learned from."""
        x = layers.Rescaling(1 / 255)(image)
        variance = [deviation**2 for deviation in DEVIATION]
        value: Value = layers.Normalization(mean=list(MEAN), variance=variance)(x)
        return value

    def head(self, x: Value, top: Callable[[Value], Value]) -> Value:
        """Return what the network ends with: its own top, pooled features, or features."""
        if self.include_top:
            return top(x)
        if self.pooling is None:
            return x
        average = self.pooling == "avg"
        pool = layers.GlobalAveragePooling2D if average else layers.GlobalMaxPooling2D
        value: Value = pool(name=f"{self.pooling}_pool")(x)
        return value

    def classified(self, x: Value, dropout: float = 0.0) -> Value:
        """Return the shares of the classes from the mean of each channel."""
        x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
        if dropout:
            x = layers.Dropout(dropout, name="top_dropout")(x)
        return self.predictions(x)

    def predictions(self, x: Value) -> Value:
        """Return the shares of the classes from rows of features."""
        value: Value = layers.Dense(
            self.classes, activation=self.classifier_activation, name="predictions"
        )(x)
        return value

    def model(self, image: Value, output: Value, namings: Sequence[Naming] = ()) -> Model:
        """
        Return the network, with its weights.

        Parameters
        ----------
        image, output
            What it reads and computes.
        namings
            How libraries of PyTorch call the modules of its layers: functions of a layer's name.
        """
        model = Model(_sources(image), output, name=self.name or self.owner)
        if self.weights is not None:
            load(model, self.weights, namings, strict=self.include_top)
        return model


def _sources(value: Value) -> Any:
    """Return the inputs of the network that computes a value."""
    waiting, found = [value], list[Value]()
    seen: set[Value] = set()
    while waiting:
        value = waiting.pop()
        if value in seen:
            continue
        seen.add(value)
        waiting += value.node.inputs
        if not value.node.inputs:
            found.append(value)
    return found[0] if len(found) == 1 else found


class Application(Protocol):
    """A function that builds a network."""

    __name__: str

    def __call__(
        self,
        include_top: bool = True,
        weights: str | os.PathLike[str] | None = None,
        input_tensor: Value | None = None,
        input_shape: Sequence[int | None] | None = None,
        pooling: str | None = None,
        classes: int = 1000,
        classifier_activation: Any = "softmax",
        name: str | None = None,
        variant: str | None = None,
    ) -> Model:
        """Return the network."""


_DOCUMENTATION = """
    {summary}

    Parameters
    ----------
    include_top
        Whether the network ends with its classifier, and not with features.
    weights
        None for random ones, or the path of a file of Keras (.keras, .weights.h5, .h5), of PyTorch
        (.pth, .pt, .safetensors: torchvision's and timm's) or of cnnx. Nothing is downloaded.
    input_tensor
        A value that the network reads, such as `cnnx.Input((224, 224, 3))`.
    input_shape
        (height, width, channels); by default that of the paper with the top, and (None, None, 3)
        without it: pictures of any size.
    pooling
        Without the top: None for the last features, 'avg' or 'max' for one number a channel.
    classes
        Number of classes.
    classifier_activation
        Of the classifier: 'softmax', or None for logits.
    name
        Of the model.
    variant
        As which library builds the network, 'keras' or 'torch': they differ in borders of strided
        convolutions and in constants. By default that whose file `weights` is, and else 'keras'.

    Returns
    -------
    Model

    Raises
    ------
    ValueError
        A shape that is too small, a file that is damaged or of another network.
    """


def application(build: Callable[[Request], Model], owner: str, summary: str) -> Application:
    """
    Return the function that builds a network, with the arguments of Keras.

    Parameters
    ----------
    build
        Makes the network of a request.
    owner
        Its name.
    summary
        What the network is, in a sentence.
    """

    def make(
        include_top: bool = True,
        weights: str | os.PathLike[str] | None = None,
        input_tensor: Value | None = None,
        input_shape: Sequence[int | None] | None = None,
        pooling: str | None = None,
        classes: int = 1000,
        classifier_activation: Any = "softmax",
        name: str | None = None,
        variant: str | None = None,
    ) -> Model:
        return build(
            Request(
                owner,
                bool(include_top),
                weights,
                input_tensor,
                input_shape,
                pooling,
                classes,
                classifier_activation,
                name,
                variant,
            )
        )

    make.__name__ = make.__qualname__ = owner
    make.__doc__ = _DOCUMENTATION.format(summary=summary)
    return make
