"""What the losses share."""

import math
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cnnx import registry
from cnnx.arrays import Array, Float, as_float32, real_array
from cnnx.differences import central_differences
from cnnx.losses.targets import hint_of_labels, weights_of_rows


class Kernels(NamedTuple):
    """Core functions of a loss."""

    forward: Callable[..., None]
    backward: Callable[..., None]


MEANS = ("sum_over_batch_size", "mean", "mean_with_sample_weight")
REDUCTIONS = (*MEANS, "sum", "none")


class Loss(registry.Configurable):
    """
    What the losses share.

    To write a loss, implement `call`, and `derivative` to make it fast. The losses of cnnx see rows
    of outputs instead, and have class attributes that say what functions compute them: `on_outputs`
    from the network's outputs, `on_logits` from the net input of its last activation,
    `fused_activation`, which is exact even where that activation saturates.

    Parameters
    ----------
    name
        By default the class's in snake case.
    reduction
        How the losses of rows become one: 'sum_over_batch_size' or 'mean', their sum, each times
        its weight, over their number; 'mean_with_sample_weight', over the sum of the weights;
        'sum'. None or 'none' keeps them apart, which training cannot use.
    """

    name: str = "loss"
    reduction: str = "sum_over_batch_size"
    fused_activation: ClassVar[str | None] = None
    sparse: ClassVar[bool] = False
    from_logits: bool = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "name" not in vars(cls):
            cls.name = registry.snake_case(cls.__name__)

    def __init__(
        self, name: str | None = None, reduction: str | None = "sum_over_batch_size"
    ) -> None:
        if name is not None:
            if not (isinstance(name, str) and name):
                raise TypeError(f"{self.name}: name must be a text, got {name!r}")
            self.name = name
        self.reduction = registry.choice(
            "none" if reduction is None else reduction, f"{self.name}: reduction", *REDUCTIONS
        )

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments that are not the usual ones."""
        usual = {"name": type(self).name, "reduction": Loss.reduction}
        return {key: getattr(self, key) for key in usual if getattr(self, key) != usual[key]}

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
        found = self._of_samples(targets, outputs)
        losses[...] = found / len(outputs) if self._is_shared_out(found) else found

    def _call_backward(
        self, outputs: Float, targets: Array, weights: Float | None, scale: float, gradient: Float
    ) -> None:
        of_samples = self._of_samples(targets, outputs)
        one_number = of_samples.ndim == 0
        self._check_weights(of_samples, weights)
        found = np.asarray(self.derivative(targets, outputs))
        if found.shape != outputs.shape:
            raise ValueError(
                f"{self.name}: the derivative must have the predictions' shape {outputs.shape}, "
                f"got {found.shape}"
            )
        times = len(outputs) if one_number and not self._is_shared_out(of_samples) else 1
        np.multiply(found, scale * times, out=gradient, casting="same_kind")
        if weights is not None:
            gradient[weights == 0] = 0  # be the derivative infinite or NaN
            gradient *= weights.reshape(-1, *[1] * (gradient.ndim - 1))

    def _is_shared_out(self, found: NDArray[Any]) -> bool:
        """Return whether a batch has one loss, of which each sample of a sum takes a part."""
        return found.ndim == 0 and self.reduction == "sum"

    def _check_weights(self, found: NDArray[Any], weights: Float | None) -> None:
        if found.ndim == 0 and weights is not None:
            raise ValueError(
                f"{self.name} returns one number for a batch, so its samples cannot be weighted; "
                "return a loss for each sample"
            )

    @property
    def on_outputs(self) -> Kernels:
        """What computes the loss from the outputs."""
        return Kernels(self._call_forward, self._call_backward)

    @property
    def on_logits(self) -> Kernels | None:
        """What computes it from logits, if anything does, and its derivatives from outputs."""
        return None

    @property
    def whole(self) -> bool:
        """Whether the loss sees a batch in its own shape, rather than as rows of outputs."""
        return bool(type(self).on_outputs is Loss.on_outputs)

    def check_targets(self, y: Array, output_shape: tuple[int, ...], owner: str) -> Array:
        """
        Return `y` as targets for outputs of shape `output_shape`: of the same shape, or labels.

        Raises
        ------
        ValueError
            If they don't fit the outputs or the loss; `owner` begins the message.
        """
        if self.whole and y.shape not in (output_shape, output_shape[:-1]):
            return y  # the user's own loss knows what it wants
        return self.fitted(y, output_shape, owner)

    def fitted(self, y: Array, output_shape: tuple[int, ...], owner: str) -> Array:
        """Return targets in the outputs' shape; raises ValueError if they have another."""
        if y.shape == output_shape:
            return y
        if y.shape in (output_shape[:-1], (*output_shape, 1)) and y.size == math.prod(output_shape):
            return y.reshape(output_shape)  # single numbers, with an axis of their own or without
        raise ValueError(
            f"{owner}: {self.name} needs targets of the outputs' shape {output_shape}, "
            f"got {y.shape}{hint_of_labels(output_shape, y)}"
        )

    def smooth(self, targets: Float) -> Float:
        """Return the targets that the core functions see."""
        return targets

    def counted(self, targets: Array, weights: Float | None) -> tuple[Array, Float | None, int]:
        """Return targets and weights of rows, and over how many rows the loss is the mean."""
        return targets, weights, len(targets)

    def extent(self, count: int, weights: Float | None) -> float:
        """Return what the sum of the losses of rows is divided by; 0 for a sum."""
        if self.reduction == "sum":
            return 0.0
        if self.reduction == "mean_with_sample_weight" and weights is not None:
            return float(weights.sum(dtype=np.float64))
        return count

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """
        Return the loss of predictions.

        Parameters
        ----------
        y_true
            Targets: the shape of `y_pred`; labels of shape (...) for the sparse loss.
        y_pred
            Predictions (..., outputs).
        sample_weight
            What the losses count: a number for each sample, or for each row of outputs.

        Returns
        -------
        A number; without a reduction, an array of the losses of rows of outputs.
        """
        outputs, targets, weights, count = self._rows(y_true, y_pred, sample_weight)
        losses = self._forward(outputs, targets)[1]
        if self.whole:
            found = self._of_samples(targets, outputs)
            self._check_weights(found, weights)
            if self.reduction == "none" and found.ndim == 0:
                return float(found)
        if weights is not None:
            losses = np.where(weights == 0, 0, losses * weights)
        if self.reduction == "none":
            shape = np.shape(y_pred)
            return losses.reshape(shape[:1] if self.whole else shape[:-1])
        return float(losses.sum(dtype=np.float64) / (self.extent(count, weights) or 1))

    def gradient(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Float:
        """
        Return the derivative of the loss with respect to each prediction.

        A mean over rows of outputs gives each derivative the factor 1 / rows. For categorical
        cross-entropy it is -target / probability / rows of outputs that sum to 1, and
        (probability - target) / rows with respect to logits.

        Parameters
        ----------
        y_true, y_pred, sample_weight
            As for the loss itself.

        Returns
        -------
        Array of the shape of `y_pred`, float32.
        """
        outputs, targets, weights, count = self._rows(y_true, y_pred, sample_weight)
        seen, _ = self._forward(outputs, targets)
        gradient = np.empty_like(outputs)
        scale = 1 / (self.extent(count, weights) or 1)
        (self._on_logits or self.on_outputs).backward(seen, targets, weights, scale, gradient)
        return gradient.reshape(np.shape(y_pred))

    @property
    def _on_logits(self) -> Kernels | None:
        return self.on_logits if self.from_logits else None

    def _rows(
        self, y_true: Any, y_pred: Any, sample_weight: Any
    ) -> tuple[Float, Array, Float | None, int]:
        """Return checked outputs, and what `counted` returns, as the functions take them."""
        outputs = as_float32(y_pred, f"{self.name}: y_pred")
        if outputs.size == 0 or outputs.ndim == 0:
            raise ValueError(f"{self.name}: y_pred is empty or a single number: {outputs.shape}")
        y = real_array(y_true, f"{self.name}: y_true")
        targets = self.check_targets(y, outputs.shape, self.name)
        shape = outputs.shape[:1] if self.whole else outputs.shape[:-1]
        weights = None
        if sample_weight is not None:
            weights = weights_of_rows(sample_weight, shape, self.name).reshape(-1)
        if self.whole:
            return outputs, targets, weights, len(outputs)
        rows = outputs.reshape(-1, outputs.shape[-1])
        if self.sparse:
            return rows, *self.counted(targets.reshape(-1), weights)
        float_targets = as_float32(targets, f"{self.name}: y_true")
        smooth = self.smooth(float_targets).reshape(rows.shape)
        return rows, smooth, weights, len(rows)

    def _forward(self, outputs: Float, targets: Array) -> tuple[Float, Float]:
        """Return what the derivative is computed from, outputs or probabilities, and the losses."""
        losses = np.empty(len(outputs), np.float32)
        if self._on_logits is None:
            self.on_outputs.forward(outputs, targets, losses)
            return outputs, losses
        probabilities = np.empty_like(outputs)
        self._on_logits.forward(outputs, targets, probabilities, losses)
        return probabilities, losses


class PlainLoss(Loss):
    """
    A loss of ours: its first arguments are those of Keras.

    Parameters
    ----------
    reduction, name
        As for `Loss`. The arguments before them that `arguments` names are attributes too.
    """

    arguments: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = None
    ) -> None:
        super().__init__(name, reduction)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {name: getattr(self, name) for name in self.arguments} | super().get_config()
