"""Networks that estimate numbers."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import RegressorMixin

from cnnx.arrays import Array, Double
from cnnx.sklearn.estimator import CNNEstimator, checked_weights


class CNNRegressor(RegressorMixin, CNNEstimator):  # type: ignore[misc]
    """
    A network as a regressor of scikit-learn.

    Networks learn targets of about 1 best: `sklearn.compose.TransformedTargetRegressor` scales them
    and back.

    Parameters
    ----------
    build
        Function build(input_shape, outputs) that returns a network for samples of `input_shape`
        with an output for each target. A network that it has compiled keeps its optimizer and loss.
        None takes convolutions and poolings for images and series, and dense layers for features;
        see `default_network`.
    build_options, input_shape, epochs, batch_size, optimizer, learning_rate
        As for `CNNClassifier`.
    loss
        Name or `cnnx.losses.Loss`; None for the mean squared error.
    early_stopping
        Whether to hold out a share of the samples, stop when its loss no longer falls, and keep the
        weights of the best epoch.
    validation_fraction, n_iter_no_change, random_state, warm_start, verbose
        As for `CNNClassifier`.

    Attributes
    ----------
    model_, history_, n_iter_, input_shape_, n_features_in_
        As for `CNNClassifier`.
    """

    _activation = None
    _loss = "mean_squared_error"

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """
        Train the network.

        Parameters
        ----------
        X
            Samples (n, ...).
        y
            Targets (n,) or (n, targets).
        sample_weight
            Multiplier of each sample's loss, (n,).

        Raises
        ------
        ValueError, TypeError
            For samples, targets or parameters that don't fit.
        """
        x, targets = self._begun(X, y, goes_on=self.warm_start and hasattr(self, "model_"))
        self._train(x, targets, checked_weights(sample_weight, x), np.zeros(len(x), np.int64))
        return self

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """
        Train the network for one pass over some samples.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`.

        Raises
        ------
        ValueError
            As `fit`, and for `early_stopping`, which needs all samples at once.
        """
        if self.early_stopping:
            owner = type(self).__name__
            raise ValueError(f"{owner}: partial_fit does not support early_stopping=True")
        x, targets = self._begun(X, y, goes_on=hasattr(self, "model_"))
        self._one_pass(x, targets, checked_weights(sample_weight, x))
        return self

    def predict(self, X: Any) -> Double:
        """
        Return the estimates, (n,) or (n, targets) as the targets were.

        Raises
        ------
        NotFittedError
            Before `fit`.
        """
        outputs = self._outputs(X).astype(np.float64)
        return outputs[:, 0] if self._is_flat else outputs

    def _begun(self, X: Any, y: Any, goes_on: bool) -> tuple[Array, Array]:
        """Return checked samples and targets; the network is there then."""
        x, y = self._checked(X, y, reset=not goes_on, multi_output=True, y_numeric=True)
        targets = y[:, None] if y.ndim == 1 else y
        if not goes_on:
            self._begin(targets.shape[1])
        elif targets.shape[1] != self.model_.output_shape[-1]:
            raise ValueError(
                f"{type(self).__name__}: y has {targets.shape[1]} targets a sample, but the "
                f"network was fitted to {self.model_.output_shape[-1]}"
            )
        self._is_flat = y.ndim == 1
        return x, targets.astype(np.float32)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
