"""What classifiers and regressors have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from cnnx import optimizers, random
from cnnx.arrays import Array, Float
from cnnx.callbacks import EarlyStopping
from cnnx.geometry import fits, integer, number
from cnnx.models import Model
from cnnx.sklearn.default_network import default_network
from cnnx.sklearn.sample_shape import sample_shape


class CNNEstimator(BaseEstimator):  # type: ignore[misc]
    """A network that scikit-learn takes as one of its estimators."""

    _activation: str | None
    _loss: str
    _metrics: tuple[str, ...] = ()
    input_shape_: tuple[int, ...]

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
        random_state: Any = None,
        warm_start: bool = False,
        verbose: int = 0,
    ) -> None:
        self.build = build
        self.build_options = build_options
        self.input_shape = input_shape
        self.epochs = epochs
        self.batch_size = batch_size
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.loss = loss
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.random_state = random_state
        self.warm_start = warm_start
        self.verbose = verbose

    # Samples.

    def _checked(self, x: Any, y: Any = "no_validation", *, reset: bool, **options: Any) -> Any:
        """Return x, or x and y, as arrays of numbers, after scikit-learn's checks."""
        owner = type(self).__name__
        # Of more axes than two scikit-learn would count the second one as features.
        options |= {"allow_nd": True, "ensure_2d": getattr(x, "ndim", 2) <= 2}
        found = validate_data(self, x, y, reset=reset, **options)
        with_targets = isinstance(found, tuple)
        x = found[0] if with_targets else found
        shape = sample_shape(x, self.input_shape, owner)
        if not reset and shape != self.input_shape_:
            raise ValueError(
                f"{owner}: samples of shape {shape} do not fit the network, which was fitted to "
                f"{self.input_shape_}"
            )
        if reset:
            self.input_shape_ = shape
        x = x.reshape(len(x), *shape)
        return (x, found[1]) if with_targets else x

    # The network.

    def _begin(self, outputs: int) -> None:
        """Make the network, and the source of random numbers."""
        owner = type(self).__name__
        self._random = check_random_state(self.random_state)
        with random.seeded(self._seed()):
            if self.build is None:
                model = default_network(self.input_shape_, outputs, self._activation)
            else:
                model = self.build(self.input_shape_, outputs, **(self.build_options or {}))
            if not isinstance(model, Model):
                raise TypeError(f"{owner}: build must return a cnnx.Model, got {model!r}")
            if not model.built:
                model.build((None, *self.input_shape_))
        fitting = fits(self.input_shape_, model.input_shape[1:])
        if not fitting or not self._takes(model, outputs):
            raise ValueError(
                f"{owner}: the network takes {model.input_shape} to {model.output_shape}, but X "
                f"and y need {(None, *self.input_shape_)} to {(None, outputs)}; build it from "
                "what build(input_shape, outputs) is given"
            )
        if model.optimizer is None:
            loss = self._loss_for(model) if self.loss is None else self.loss
            model.compile(self._new_optimizer(), loss, [*self._metrics])
        self.model_ = model
        self.history_: dict[str, list[float]] = {}
        self.n_iter_ = 0

    def _takes(self, model: Model, outputs: int) -> bool:
        """Tell whether a network's outputs are those that the targets need."""
        return bool(model.output_shape == (None, outputs))

    def _loss_for(self, model: Model) -> Any:
        return self._loss

    def _new_optimizer(self) -> optimizers.Optimizer:
        """Return an optimizer of its own for the network, as an optimizer belongs to one."""
        owner = type(self).__name__
        given = optimizers.get(self.optimizer, f"{owner}: optimizer")
        config = given.get_config()
        if self.learning_rate is not None:
            config["learning_rate"] = self.learning_rate
        return type(given).from_config(config)

    def _seed(self) -> int:
        return int(self._random.randint(np.iinfo(np.int32).max))

    # Training.

    def _train(
        self, x: Array, y: Array, sample_weight: Float | None, groups: NDArray[np.int64]
    ) -> None:
        """Train for the epochs that the parameters say."""
        owner = type(self).__name__
        epochs = integer(self.epochs, f"{owner}: epochs")
        callbacks = []
        held_out = None
        with random.seeded(self._seed()):
            if self.early_stopping:
                patience = integer(self.n_iter_no_change, f"{owner}: n_iter_no_change")
                callbacks = [EarlyStopping(patience=patience, restore_best_weights=True)]
                held = self._held_out(groups)
                held_out = _parts(x, y, sample_weight, held)
                x, y, sample_weight = _parts(x, y, sample_weight, ~held)
            self._fit_model(x, y, sample_weight, epochs, callbacks, held_out)

    def _one_pass(self, x: Array, y: Array, sample_weight: Float | None) -> None:
        with random.seeded(self._seed()):
            self._fit_model(x, y, sample_weight, 1)

    def _held_out(self, groups: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Choose the samples that early stopping watches: a share of each group."""
        from cnnx.data.stratified_split import held_back  # with cnnx.data come readers of files

        owner = type(self).__name__
        share = number(self.validation_fraction, f"{owner}: validation_fraction", 0, 1)
        order = random.generator().permutation(len(groups))
        held = np.zeros(len(groups), np.bool_)
        held[order[held_back(groups[order], share)]] = True
        if not held.any() or held.all():
            raise ValueError(
                f"{owner}: validation_fraction={share} of {len(groups)} samples holds out "
                f"{held.sum()}; early_stopping needs some on both sides"
            )
        return held

    def _fit_model(
        self,
        x: Array,
        y: Array,
        sample_weight: Float | None,
        epochs: int,
        callbacks: Any = None,
        held_out: Any = None,
    ) -> None:
        history = self.model_.fit(
            x,
            y,
            batch_size=integer(self.batch_size, f"{type(self).__name__}: batch_size"),
            epochs=epochs,
            verbose=self.verbose,
            callbacks=callbacks,
            validation_data=held_out,
            sample_weight=sample_weight,
        ).history
        for name, values in history.items():
            self.history_.setdefault(name, []).extend(values)
        self.n_iter_ += len(history["loss"])

    def _outputs(self, x: Any) -> Float:
        """Return the network's outputs for samples."""
        check_is_fitted(self)
        x = self._checked(x, reset=False)
        outputs: Float = self.model_.predict(x, batch_size=max(self.batch_size, 32), verbose=0)
        return outputs

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags


def checked_weights(sample_weight: Any, x: Array) -> Float | None:
    """Return weights of samples as an array, after scikit-learn's checks."""
    if sample_weight is None:
        return None
    weights: Float = _check_sample_weight(
        sample_weight, x, dtype=np.float32, ensure_non_negative=True
    )
    return weights


def _parts(x: Array, y: Array, weights: Float | None, chosen: NDArray[np.bool_]) -> Any:
    return x[chosen], y[chosen], None if weights is None else weights[chosen]
