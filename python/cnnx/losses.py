"""Losses: what training makes small. Each is the mean over samples of one number a sample."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from cnnx import _core, registry
from cnnx.arrays import Array, Float, as_float32, real_array, whole_numbers
from cnnx.differences import central_differences
from cnnx.geometry import integer, number
from cnnx.information import cross_entropy, entropy

__all__ = [
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "CrossEntropy",
    "FunctionLoss",
    "HalfSquaredError",
    "Loss",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "SparseCategoricalCrossentropy",
    "cross_entropy",
    "entropy",
    "get",
]


class Kernels(NamedTuple):
    """Core functions of a loss."""

    forward: Callable[..., None]
    backward: Callable[..., None]


class Loss(registry.Configurable):
    """
    What the losses share.

    To write a loss, implement `call`, and `derivative` to make it fast. The losses of cnnx have
    class attributes instead, which say what core functions compute them: `on_outputs` from the
    network's outputs, `on_logits` from the net input of its last activation, `fused_activation`,
    which is exact even where that activation saturates.
    """

    name: str
    on_logits: ClassVar[Kernels | None] = None
    fused_activation: ClassVar[str | None] = None
    sparse: ClassVar[bool] = False
    from_logits: bool = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "name" not in vars(cls):
            cls.name = registry.snake_case(cls.__name__)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """
        Return the loss of each sample of a batch.

        Parameters
        ----------
        y_true
            Targets (samples, ...), as they were given but for their dtype.
        y_pred
            Predictions (samples, ...).

        Returns
        -------
        Array (samples,); or (samples, ...), whose mean over the other axes counts; or one number,
        the loss of the batch.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement call(y_true, y_pred)")

    def derivative(self, y_true: Any, y_pred: Any) -> Any:
        """
        Return the derivative of each sample's loss, or of the batch's, by the predictions.

        By default central differences in float64: `call` runs twice for each output of a sample,
        and for each sample too if it returns one number.

        Parameters
        ----------
        y_true, y_pred
            As for `call`.

        Returns
        -------
        Array of the shape of `y_pred`.
        """
        return central_differences(lambda x: self._of_samples(y_true, x), y_pred)

    def _of_samples(self, y_true: Any, y_pred: Any) -> NDArray[Any]:
        """Return the checked result of `call`: (samples,) or one number."""
        found = np.asarray(self.call(y_true, y_pred))
        if found.ndim and len(found) != len(y_pred):
            raise ValueError(
                f"{self.name} must return a loss for each of the {len(y_pred)} samples, or one "
                f"for all; it returned shape {found.shape}"
            )
        return found.reshape(len(found), -1).mean(axis=1) if found.ndim > 1 else found

    def _call_forward(self, outputs: Float, targets: Array, losses: Float) -> None:
        losses[...] = self._of_samples(targets, outputs)

    def _call_backward(
        self, outputs: Float, targets: Array, weights: Float | None, scale: float, gradient: Float
    ) -> None:
        one_number = self._of_samples(targets, outputs).ndim == 0
        if one_number and weights is not None:
            raise ValueError(
                f"{self.name} returns one number for a batch, so its samples cannot be weighted; "
                "return a loss for each sample"
            )
        found = np.asarray(self.derivative(targets, outputs))
        if found.shape != outputs.shape:
            raise ValueError(
                f"{self.name}: the derivative must have the predictions' shape {outputs.shape}, "
                f"got {found.shape}"
            )
        np.multiply(found, scale * (len(outputs) if one_number else 1), out=gradient)
        if weights is not None:
            gradient[weights == 0] = 0  # be the derivative infinite or NaN
            gradient *= weights.reshape(-1, *[1] * (gradient.ndim - 1))

    @property
    def on_outputs(self) -> Kernels:
        """What computes the loss from the outputs."""
        return Kernels(self._call_forward, self._call_backward)

    @property
    def whole(self) -> bool:
        """Whether the loss sees a batch in its own shape, rather than as rows of outputs."""
        return isinstance(type(self).on_outputs, property)

    def check_targets(self, y: Array, output_shape: tuple[int, ...], owner: str) -> Array:
        """
        Return `y` as targets for outputs of shape `output_shape`: of the same shape, or labels.

        Raises
        ------
        ValueError
            If they don't fit the outputs or the loss; `owner` begins the message.
        """
        if y.shape == output_shape:
            return y
        if self.whole and y.shape != output_shape[:-1]:
            return y  # the user's own loss knows what it wants
        if output_shape[-1:] == (1,) and y.shape == output_shape[:-1]:
            return y.reshape(output_shape)
        raise ValueError(
            f"{owner}: {self.name} needs targets of the outputs' shape {output_shape}, "
            f"got {y.shape}{_labels(output_shape, y)}"
        )

    def smooth(self, targets: Float) -> Float:
        """Return the targets that the core functions see."""
        return targets

    def counted(self, targets: Array, weights: Float | None) -> tuple[Array, Float | None, int]:
        """Return targets and weights of rows, and over how many rows the loss is the mean."""
        return targets, weights, len(targets)

    def __call__(self, y_true: Any, y_pred: Any) -> float:
        """
        Return the loss of predictions.

        Parameters
        ----------
        y_true
            Targets: the shape of `y_pred`; labels of shape (...) for the sparse loss.
        y_pred
            Predictions (..., outputs).
        """
        outputs, targets, weights, count = self._rows(y_true, y_pred)
        losses = self._forward(outputs, targets)[1]
        return float(losses.mean() if weights is None else losses @ weights / count)

    def gradient(self, y_true: Any, y_pred: Any) -> Float:
        """
        Return the derivative of the loss with respect to each prediction.

        The loss is a mean over rows of outputs, so each derivative has the factor 1 / rows. For
        categorical cross-entropy it is -target / probability / rows of outputs that sum to 1, and
        (probability - target) / rows with respect to logits.

        Parameters
        ----------
        y_true, y_pred
            As for the loss itself.

        Returns
        -------
        Array of the shape of `y_pred`, float32.
        """
        outputs, targets, weights, count = self._rows(y_true, y_pred)
        seen, _ = self._forward(outputs, targets)
        gradient = np.empty_like(outputs)
        (self._on_logits or self.on_outputs).backward(seen, targets, weights, 1 / count, gradient)
        return gradient.reshape(np.shape(y_pred))

    @property
    def _on_logits(self) -> Kernels | None:
        return self.on_logits if self.from_logits else None

    def _rows(self, y_true: Any, y_pred: Any) -> tuple[Float, Array, Float | None, int]:
        """Return checked outputs, and what `counted` returns, as the core functions take them."""
        outputs = as_float32(y_pred, f"{self.name}: y_pred")
        if outputs.size == 0 or outputs.ndim == 0:
            raise ValueError(f"{self.name}: y_pred is empty or a single number: {outputs.shape}")
        y = real_array(y_true, f"{self.name}: y_true")
        targets = self.check_targets(y, outputs.shape, self.name)
        if self.whole:
            return outputs, targets, None, len(outputs)
        rows = outputs.reshape(-1, outputs.shape[-1])
        if self.sparse:
            wanted, weights, count = self.counted(targets.reshape(-1), None)
            return rows, wanted, weights, max(count, 1)
        float_targets = as_float32(targets, f"{self.name}: y_true")
        return rows, self.smooth(float_targets).reshape(rows.shape), None, len(rows)

    def _forward(self, outputs: Float, targets: Array) -> tuple[Float, Float]:
        """Return what the derivative is computed from, outputs or probabilities, and the losses."""
        losses = np.empty(len(outputs), np.float32)
        if self._on_logits is None:
            self.on_outputs.forward(outputs, targets, losses)
            return outputs, losses
        probabilities = np.empty_like(outputs)
        self._on_logits.forward(outputs, targets, probabilities, losses)
        return probabilities, losses


class CrossEntropy(Loss):
    """What the cross-entropies share: logits instead of probabilities, smoothed targets."""

    def __init__(self, from_logits: bool = False, label_smoothing: float = 0.0) -> None:
        self.from_logits = bool(from_logits)
        self.label_smoothing = number(
            label_smoothing, f"{self.name}: label_smoothing", 0, 1, include_high=True
        )

    def uniform(self, classes: int) -> float:
        """Return the value that label smoothing mixes into each target."""
        return 1 / classes

    def smooth(self, targets: Float) -> Float:
        """Return (1 - s) targets + s / classes, with s the label smoothing."""
        if self.label_smoothing == 0:
            return targets
        share = self.uniform(targets.shape[-1]) * self.label_smoothing
        return targets * np.float32(1 - self.label_smoothing) + np.float32(share)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"from_logits": self.from_logits, "label_smoothing": self.label_smoothing}


def ignored_label(label: int | None, name: str) -> int | None:
    """Return a label that does not count, any whole number; None if all count."""
    return None if label is None else integer(label, name, minimum=-(2**31))


def _require_shares(loss: Loss, targets: Array, owner: str) -> None:
    """Raise ValueError for a target outside 0 to 1; NaN passes, and gives a loss of NaN."""
    lowest = np.fmin.reduce(targets, axis=None, initial=1)
    highest = np.fmax.reduce(targets, axis=None, initial=0)
    if lowest < 0 or highest > 1:
        raise ValueError(
            f"{owner}: {loss.name} needs targets from 0 to 1, got "
            f"{lowest if lowest < 0 else highest:g}; take (y + 1) / 2 of -1 and 1, y / 255 of "
            "masks of 0 and 255"
        )


def _flat(rows: Sequence[int], y: Array) -> str:
    """Return the remedy where a network gives a result for each pixel, and a sample has a label."""
    if len(rows) > 1 and y.shape in ((rows[0],), (rows[0], 1)):
        return (
            "; for one label a sample put layers.Flatten() or layers.GlobalAveragePooling2D() "
            "before the last Dense layer"
        )
    return ""


def _labels(output_shape: tuple[int, ...], y: Array) -> str:
    """Return the remedy where labels are given for several outputs."""
    if output_shape[-1] > 1 and y.shape in (output_shape[:-1], (*output_shape[:-1], 1)):
        return (
            "; labels of classes go with sparse_categorical_crossentropy, or become one-hot rows: "
            f"cnnx.utils.to_categorical(y, {output_shape[-1]})"
        )
    return ""


def _require_classes(loss: Loss, output_shape: tuple[int, ...], owner: str) -> None:
    if output_shape[-1] < 2:
        raise ValueError(
            f"{owner}: {loss.name} compares classes, but the network has one output; use "
            "binary_crossentropy and a sigmoid, or one output for each class"
        )


class CategoricalCrossentropy(CrossEntropy):
    """
    -sum over classes of target * ln(probability), in nats; the mean over samples.

    Outputs that do not sum to 1 (but for 1e-4) are divided by their sum, as in Keras.

    Parameters
    ----------
    from_logits
        True if the outputs are logits: the softmax is then part of the loss.
    label_smoothing
        Share s of each target that is spread over all classes: (1 - s) target + s / classes.
    """

    name = "categorical_crossentropy"
    on_outputs = Kernels(
        _core.categorical_cross_entropy_forward, _core.categorical_cross_entropy_backward
    )
    on_logits = Kernels(_core.softmax_cross_entropy_forward, _core.softmax_cross_entropy_backward)
    fused_activation = "softmax"

    def check_targets(self, y: Array, output_shape: tuple[int, ...], owner: str) -> Array:
        """Return the one-hot targets; raises ValueError for labels."""
        _require_classes(self, output_shape, owner)
        if y.shape != output_shape and y.shape in (output_shape[:-1], (*output_shape[:-1], 1)):
            raise ValueError(
                f"{owner}: categorical_crossentropy needs one-hot targets of shape "
                f"{output_shape}, got labels of shape {y.shape}; use "
                "sparse_categorical_crossentropy, or "
                f"cnnx.utils.to_categorical(y, {output_shape[-1]})"
            )
        targets = super().check_targets(y, output_shape, owner)
        _require_shares(self, targets, owner)
        return targets


class SparseCategoricalCrossentropy(CrossEntropy):
    """
    -ln(probability of the labelled class), in nats; the mean over samples.

    Outputs that do not sum to 1 (but for 1e-4) are divided by their sum, as in Keras.

    Parameters
    ----------
    from_logits
        True if the outputs are logits: the softmax is then part of the loss.
    ignore_class
        A label, such as 255 for pixels that nobody labelled, whose samples or pixels do not count:
        the loss of a batch is the mean over all others, and 'accuracy' leaves them out too.
    """

    name = "sparse_categorical_crossentropy"
    on_outputs = Kernels(
        _core.sparse_categorical_cross_entropy_forward,
        _core.sparse_categorical_cross_entropy_backward,
    )
    on_logits = Kernels(
        _core.sparse_softmax_cross_entropy_forward, _core.sparse_softmax_cross_entropy_backward
    )
    fused_activation = "softmax"
    sparse = True

    def __init__(self, from_logits: bool = False, ignore_class: int | None = None) -> None:
        super().__init__(from_logits)
        self.ignore_class = ignored_label(ignore_class, f"{self.name}: ignore_class")

    def counted(self, targets: Array, weights: Float | None) -> tuple[Array, Float | None, int]:
        """Return labels in range, and the weight 0 where they are to be ignored."""
        if self.ignore_class is None:
            return super().counted(targets, weights)
        counts = targets != self.ignore_class
        factors = counts.astype(np.float32)
        if weights is not None:
            factors *= weights
        return np.where(counts, targets, 0), factors, int(np.count_nonzero(counts))

    def check_targets(self, y: Array, output_shape: tuple[int, ...], owner: str) -> Array:
        """Return the labels as int64 of shape `output_shape[:-1]`, all in range."""
        _require_classes(self, output_shape, owner)
        *rows, classes = output_shape
        if y.shape == output_shape:
            raise ValueError(
                f"{owner}: sparse_categorical_crossentropy needs integer labels of shape "
                f"{tuple(rows)}, got {y.shape}; one-hot targets go with categorical_crossentropy"
            )
        if y.shape not in (tuple(rows), (*rows, 1)):
            raise ValueError(
                f"{owner}: sparse_categorical_crossentropy needs labels of shape {tuple(rows)} "
                f"for outputs of shape {output_shape}, got {y.shape}{_flat(rows, y)}"
            )
        labels = whole_numbers(y, f"{owner}: labels").reshape(rows)
        found = labels
        if self.ignore_class is not None:
            found = labels[labels != self.ignore_class]
        # Seen as unsigned, a negative label is a huge one: one comparison serves both ends.
        if found.size and found.view(np.uint64).max() >= classes:
            wrong = found[(found < 0) | (found >= classes)].flat[0]
            raise ValueError(
                f"{owner}: label {wrong} is out of range: labels must run from 0 to "
                f"{classes - 1}; the network has {classes} outputs"
            )
        return labels

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"from_logits": self.from_logits, "ignore_class": self.ignore_class}


class BinaryCrossentropy(CrossEntropy):
    """
    The mean over outputs of -(t ln p + (1 - t) ln(1 - p)), in nats; the mean over samples.

    Each output is its own yes or no. With a softmax and one-hot targets this is the per-class
    binary cross-entropy.

    Parameters
    ----------
    from_logits
        True if the outputs are logits: the sigmoid is then part of the loss.
    label_smoothing
        Share s by which targets move towards 1/2: (1 - s) target + s / 2.
    """

    name = "binary_crossentropy"
    on_outputs = Kernels(_core.binary_cross_entropy_forward, _core.binary_cross_entropy_backward)
    on_logits = Kernels(_core.sigmoid_cross_entropy_forward, _core.sigmoid_cross_entropy_backward)
    fused_activation = "sigmoid"

    def uniform(self, classes: int) -> float:
        """Return 1/2: yes and no are two classes."""
        return 0.5

    def check_targets(self, y: Array, output_shape: tuple[int, ...], owner: str) -> Array:
        """Return the targets; raises ValueError for one outside 0 to 1."""
        targets = super().check_targets(y, output_shape, owner)
        _require_shares(self, targets, owner)
        return targets


class MeanSquaredError(Loss):
    """The mean over outputs of (output - target)^2; the mean over samples."""

    name = "mean_squared_error"
    on_outputs = Kernels(_core.mean_squared_error_forward, _core.mean_squared_error_backward)


class HalfSquaredError(Loss):
    """Half the sum over outputs of (output - target)^2, so that the gradient is output - target."""

    name = "half_squared_error"
    on_outputs = Kernels(_core.half_squared_error_forward, _core.half_squared_error_backward)


class MeanAbsoluteError(Loss):
    """The mean size of output - target over the outputs; its derivative at 0 is 0."""

    name = "mean_absolute_error"
    on_outputs = Kernels(_core.mean_absolute_error_forward, _core.mean_absolute_error_backward)


LOSSES: dict[str, type[Loss]] = {
    cls.name: cls
    for cls in (
        BinaryCrossentropy,
        CategoricalCrossentropy,
        HalfSquaredError,
        MeanAbsoluteError,
        MeanSquaredError,
        SparseCategoricalCrossentropy,
    )
}
_ALIASES: dict[str, type[Loss]] = {
    "mse": MeanSquaredError,
    "mae": MeanAbsoluteError,
    "bce": BinaryCrossentropy,
}


class FunctionLoss(Loss):
    """
    A function of your own as a loss; `compile` makes one of a function that it is given.

    Parameters
    ----------
    function
        f(y_true, y_pred), as `Loss.call`.
    gradient
        Its derivative g(y_true, y_pred), as `Loss.derivative`: by default the attribute `gradient`
        of the function, and central differences if there is none.
    """

    def __init__(
        self, function: Callable[[Any, Any], Any], gradient: Callable[[Any, Any], Any] | None = None
    ) -> None:
        for name, item in (("function", function), ("gradient", gradient)):
            if not callable(item) and (name, item) != ("gradient", None):
                raise TypeError(f"FunctionLoss: {name} must be a function, got {item!r}")
        self.function, self.gradient_function = function, gradient
        self.name = getattr(function, "__name__", type(function).__name__)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return what the function returns."""
        return self.function(y_true, y_pred)

    def derivative(self, y_true: Any, y_pred: Any) -> Any:
        """Return what the gradient function returns, or central differences."""
        own = self.gradient_function or getattr(self.function, "gradient", None)
        return super().derivative(y_true, y_pred) if own is None else own(y_true, y_pred)

    def get_config(self) -> dict[str, Any]:
        """Return the names of the functions."""
        gradient = self.gradient_function
        return {
            "function": registry.name_of(self.function),
            "gradient": None if gradient is None else registry.name_of(gradient),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Make a loss of functions that are registered, or among the custom objects."""
        return cls(*(registry.function_of(config[name]) for name in ("function", "gradient")))


def get(identifier: Any, owner: str = "loss") -> Loss:
    """Return a loss from its name, class, config, a function or itself."""
    if registry.is_function(identifier):
        return FunctionLoss(identifier)
    if isinstance(identifier, dict) and identifier.get("class_name") == "FunctionLoss":
        return FunctionLoss.from_config(identifier["config"])
    return registry.get(owner, identifier, Loss, LOSSES | _ALIASES)
