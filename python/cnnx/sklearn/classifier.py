"""Networks that tell classes apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets

from cnnx.arrays import Array, Double, Float, one_hot
from cnnx.models import Model
from cnnx.sklearn.estimator import CNNEstimator, checked_weights


class CNNClassifier(ClassifierMixin, CNNEstimator):  # type: ignore[misc]
    """
    A network as a classifier of scikit-learn.

    Parameters
    ----------
    build
        Function build(input_shape, outputs) that returns a network for samples of `input_shape`
        with one output a class, whose sum is 1 (softmax); for two classes one output (sigmoid) will
        do. Of a loss with ``from_logits=True`` the outputs are logits. A network that it has
        compiled keeps its optimizer and loss. None takes convolutions and poolings for images and
        series, and dense layers for features; see `default_network`.
    build_options
        Further arguments of `build`, for searches: {"build_options": [{"units": 32}, ...]}.
    input_shape
        What a row of X stands for: a shape such as (28, 28, 1); 'image' for a square image;
        'series' for steps of one channel. None takes samples as they are: features (n,), series
        (steps, channels) or images (height, width, channels).
    epochs
        Number of passes over the data.
    batch_size
        Samples a step.
    optimizer
        Name or `cnnx.optimizers.Optimizer`.
    learning_rate
        A number or a schedule; None for the optimizer's own.
    loss
        Name or `cnnx.losses.Loss`; None for the cross-entropy that suits the outputs.
    early_stopping
        Whether to hold out a share of each class, stop when its loss no longer falls, and keep the
        weights of the best epoch.
    validation_fraction
        That share.
    n_iter_no_change
        Epochs without improvement before training stops.
    class_weight
        Multiplier of the loss of a class's samples: a dict by label, or 'balanced', which gives all
        classes the same sum of weights.
    random_state
        A seed makes weights, order and all else repeatable; so does a `RandomState`. None takes
        NumPy's global generator.
    warm_start
        Whether `fit` goes on with the network that there is.
    verbose
        As for `Model.fit`.

    Attributes
    ----------
    classes_
        The labels, sorted.
    model_
        The network.
    history_
        Figures of each epoch: 'loss', 'accuracy', with early stopping 'val_loss', ....
    n_iter_
        Number of epochs.
    input_shape_
        Shape of a sample for the network.
    n_features_in_
        Number of features, of X (samples, features).

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> x, y = load_digits(return_X_y=True)
    >>> network = CNNClassifier(input_shape=(8, 8, 1), random_state=0).fit(x[:1000], y[:1000])
    >>> network.score(x[1000:], y[1000:]) > 0.9
    True
    """

    _activation = "softmax"
    _loss = "sparse_categorical_crossentropy"
    _metrics = ("accuracy",)

    def __init__(
        self,
        build: Callable[..., Model] | None = None,
        *,
        build_options: Mapping[str, Any] | None = None,
        input_shape: Any = None,
        epochs: int = 20,
        batch_size: int = 32,
        optimizer: Any = "adam",
        learning_rate: Any = None,
        loss: Any = None,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        class_weight: Any = None,
        random_state: Any = None,
        warm_start: bool = False,
        verbose: int = 0,
    ) -> None:
        super().__init__(
            build,
            build_options=build_options,
            input_shape=input_shape,
            epochs=epochs,
            batch_size=batch_size,
            optimizer=optimizer,
            learning_rate=learning_rate,
            loss=loss,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            n_iter_no_change=n_iter_no_change,
            random_state=random_state,
            warm_start=warm_start,
            verbose=verbose,
        )
        self.class_weight = class_weight

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """
        Train the network.

        Parameters
        ----------
        X
            Samples (n, ...).
        y
            Labels (n,) of any kind.
        sample_weight
            Multiplier of each sample's loss, (n,).

        Raises
        ------
        ValueError, TypeError
            For samples, labels or parameters that don't fit.
        """
        goes_on = self.warm_start and hasattr(self, "model_")
        x, y = self._checked(X, y, reset=not goes_on)
        check_classification_targets(y)
        if not goes_on:
            self._begin_with(np.unique(y))
        numbers = self._numbers_of(y)
        weights = self._weights(x, y, sample_weight)
        self._train(x, self._targets(numbers), weights, numbers)
        return self

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """
        Train the network for one pass over some samples.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`.
        classes
            All labels that later calls may bring; needed at the first call.

        Raises
        ------
        ValueError
            As `fit`, for classes that are missing or others than before, and for what needs all
            samples at once: `early_stopping` and ``class_weight="balanced"``.
        """
        owner = type(self).__name__
        if self.early_stopping:
            raise ValueError(f"{owner}: partial_fit does not support early_stopping=True")
        if isinstance(self.class_weight, str):
            raise ValueError(
                f"{owner}: partial_fit does not support class_weight={self.class_weight!r}; give "
                "a dict of weights"
            )
        first = not hasattr(self, "model_")
        x, y = self._checked(X, y, reset=first)
        check_classification_targets(y)
        if first:
            if classes is None:
                raise ValueError(
                    f"{owner}: classes must be passed on the first call to partial_fit"
                )
            self._begin_with(np.unique(classes))
        elif classes is not None and not np.array_equal(np.unique(classes), self.classes_):
            raise ValueError(
                f"{owner}: classes={classes!r} are others than at the first call: {self.classes_}"
            )
        targets = self._targets(self._numbers_of(y))
        self._one_pass(x, targets, self._weights(x, y, sample_weight))
        return self

    def predict_proba(self, X: Any) -> Double:
        """
        Return how likely each class is, (n, classes).

        Raises
        ------
        NotFittedError
            Before `fit`.
        """
        outputs = self._outputs(X).astype(np.float64)
        from_logits = getattr(self.model_.loss, "from_logits", False)
        if outputs.shape[1] < len(self.classes_):
            second = (1 + np.tanh(outputs / 2)) / 2 if from_logits else outputs
            return np.concatenate([1 - second, second], axis=1)
        if from_logits:
            outputs = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        sums = outputs.sum(axis=1, keepdims=True)
        return outputs / np.where(sums > 0, sums, 1)

    def predict_log_proba(self, X: Any) -> Double:
        """Return the logarithms of `predict_proba`."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def predict(self, X: Any) -> Array:
        """
        Return the likeliest label of each sample, (n,).

        Raises
        ------
        NotFittedError
            Before `fit`.
        """
        numbers = self.predict_proba(X).argmax(axis=1)
        labels: Array = self.classes_[numbers]
        return labels

    def _begin_with(self, classes: Array) -> None:
        if len(classes) < 2:
            raise ValueError(
                f"{type(self).__name__}: y needs at least two classes, got {len(classes)} class: "
                f"{classes}"
            )
        self.classes_ = classes
        self._begin(len(classes))

    def _takes(self, model: Model, outputs: int) -> bool:
        is_sigmoid = outputs == 2 and model.output_shape == (None, 1)
        return is_sigmoid or super()._takes(model, outputs)

    def _loss_for(self, model: Model) -> Any:
        return "binary_crossentropy" if model.output_shape[-1] == 1 else self._loss

    def _numbers_of(self, y: Array) -> NDArray[np.int64]:
        numbers = np.searchsorted(self.classes_, y).clip(max=len(self.classes_) - 1)
        unknown = self.classes_[numbers] != y
        if unknown.any():
            label = y[unknown].tolist()[0]
            raise ValueError(
                f"{type(self).__name__}: y holds {label!r}, which is none of the classes "
                f"{self.classes_}"
            )
        return numbers.astype(np.int64)

    def _targets(self, numbers: NDArray[np.int64]) -> Array:
        """Return the targets that the network's loss takes."""
        if getattr(self.model_.loss, "sparse", False):
            return numbers
        if self.model_.output_shape[-1] == 1:
            return numbers[:, None].astype(np.float32)
        return one_hot(numbers, len(self.classes_))

    def _weights(self, x: Array, y: Array, sample_weight: Any) -> Float | None:
        weights = checked_weights(sample_weight, x)
        if self.class_weight is None:
            return weights
        by_class: Float = compute_sample_weight(self.class_weight, y).astype(np.float32)
        return by_class if weights is None else weights * by_class
