from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import cnnx
from agreement import assert_close, normal
from cnnx import constraints
from cnnx.constraints import Constraint, MaxNorm, MinMaxNorm, NonNeg, UnitNorm
from cnnx.layers import Conv2D, Dense
from cnnx.optimizers import SGD

EVERY = [
    NonNeg(),
    MaxNorm(1.5),
    MaxNorm(1.5, [0, 1, 2]),
    UnitNorm([0, 2]),
    UnitNorm(-1),
    MinMaxNorm(0.5, 1.0, 0.3, [1, 2]),
]


def by_hand(constraint: Constraint, w: Any) -> Any:
    """Loop over all units."""
    if isinstance(constraint, NonNeg):
        return np.where(w > 0, w, 0)
    assert isinstance(constraint, MinMaxNorm)
    given = constraint.axis if isinstance(constraint.axis, list) else [constraint.axis]
    axes = [axis % w.ndim for axis in given]
    kept = [axis for axis in range(w.ndim) if axis not in axes]
    result = w.copy()
    for place in np.ndindex(*(w.shape[axis] for axis in kept)):
        at: list[Any] = [slice(None)] * w.ndim
        for axis, index in zip(kept, place, strict=True):
            at[axis] = index
        unit = w[tuple(at)]
        norm = np.sqrt((unit**2).sum())
        within = min(max(norm, constraint.min_value), constraint.max_value)
        wanted = constraint.rate * within + (1 - constraint.rate) * norm
        result[tuple(at)] = unit * wanted / (norm + 1e-7)
    return result


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("constraint", EVERY, ids=repr)
def test_constraints_do_what_a_loop_over_the_units_does(constraint: Constraint) -> None:
    w = normal(1, 3, 2, 4, 5)
    expected = by_hand(constraint, w.astype(np.float64))
    assert_close(constraint(w), expected)
    place = w.copy()
    constraint.apply(place)
    assert_close(place, expected)
    config = json.loads(json.dumps(constraints.serialize(constraint)))
    assert constraints.deserialize(config).get_config() == constraint.get_config()


class Halved(Constraint):
    """Of the user's."""

    def __call__(self, w: Any) -> Any:
        return w / 2


def test_weights_obey_after_each_step_of_fit_and_of_a_loop() -> None:
    model = cnnx.Sequential(
        [
            cnnx.Input((5, 5, 2)),
            Conv2D(3, 3, kernel_constraint=MaxNorm(0.5, [0, 1, 2]), name="conv"),
            cnnx.layers.Flatten(),
            Dense(2, kernel_constraint="non_neg", bias_constraint=Halved(), name="dense"),
        ]
    )
    model.compile(SGD(0.5), "mse")
    x, y = normal(1, 8, 5, 5, 2), normal(2, 8, 2)
    kernel, dense, bias = (model.weights[place] for place in (0, 2, 3))

    def assert_obeyed() -> None:
        assert (np.sqrt((kernel.numpy() ** 2).sum((0, 1, 2))) <= 0.5 + 1e-6).all()
        assert (dense.numpy() >= 0).all()

    for _ in range(3):
        model.train_on_batch(x, y)
        assert_obeyed()
    assert (dense.numpy() == 0).any()
    bias.assign([1.0, 2.0])
    model.forward(x, training=True)
    zeros = [np.zeros(weight.shape) for weight in model.trainable_weights]
    model.compiled_optimizer.apply(zeros, model.trainable_weights)
    np.testing.assert_array_equal(bias.numpy(), [0.5, 1.0])
    assert_obeyed()
    before = kernel.numpy()
    model.get_layer("conv").trainable = False
    model.train_on_batch(x, y)
    np.testing.assert_array_equal(kernel.numpy(), before)


def test_names_and_errors() -> None:
    assert isinstance(constraints.get("unit_norm"), UnitNorm)
    assert constraints.get(None) is None
    assert constraints.max_norm is MaxNorm
    with pytest.raises(ValueError, match=r"Dense 'd': kernel_constraint 'norm' is unknown"):
        Dense(2, kernel_constraint="norm", name="d")
    with pytest.raises(ValueError, match=r"MaxNorm needs axes of the shape \(4, 2\), got axis=2"):
        cnnx.Sequential([cnnx.Input((4,)), Dense(2, kernel_constraint=MaxNorm(axis=2))])
    with pytest.raises(ValueError, match=r"MinMaxNorm: min_value=2.0 must be at most max_value"):
        MinMaxNorm(2.0, 1.0)
