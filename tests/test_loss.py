from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

import reference
from agreement import check, normal
from cnnx import _core
from strategies import seeds

SCALE = 0.25
LOGIT_LOSSES = [
    "softmax_cross_entropy",
    "sparse_softmax_cross_entropy",
    "sigmoid_cross_entropy",
]
PROBABILITY_LOSSES = [
    "categorical_cross_entropy",
    "sparse_categorical_cross_entropy",
    "binary_cross_entropy",
]
ERRORS = ["mean_squared_error", "half_squared_error", "mean_absolute_error"]
LOSSES = [*LOGIT_LOSSES, *PROBABILITY_LOSSES, *ERRORS]
rows = st.integers(4, 20)  # a single sample may have no loss to speak of
widths = st.sampled_from([2, 3, 10, 16, 17, 40])
LARGE = (20_001, 10)  # enough for two threads


class Case:
    """One loss with random outputs and targets, in the terms of the core and of the oracle."""

    def __init__(self, name: str, mb: int, n: int, seed: int) -> None:
        self.forward = getattr(_core, f"{name}_forward")
        self.backward = getattr(_core, f"{name}_backward")
        self.oracle = getattr(reference, name.removeprefix("sparse_"))
        rng = np.random.default_rng(seed)
        self.from_logits = name in LOGIT_LOSSES
        self.outputs = normal(seed, mb, n)
        if name in PROBABILITY_LOSSES:
            self.outputs = reference.softmax_forward(self.outputs).astype(np.float32)
        self.inputs_name = (
            "logits" if self.from_logits else "probs" if name in PROBABILITY_LOSSES else "outputs"
        )
        labels = rng.integers(0, n, mb)
        self.targets: NDArray[Any] = reference.one_hot(labels, n).astype(np.float32)
        self.given: dict[str, Any] = {"targets": self.targets}
        if name.startswith("sparse"):
            self.given = {"labels": labels}
        elif not name.endswith("categorical_cross_entropy"):
            self.targets[...] = rng.random((mb, n))
        self.sample_weights = rng.random(mb).astype(np.float32)

    def probs(self) -> NDArray[np.float32]:
        activation = (
            reference.sigmoid_forward
            if self.oracle is reference.sigmoid_cross_entropy
            else reference.softmax_forward
        )
        return activation(self.outputs).astype(np.float32)


@pytest.mark.parametrize("name", LOSSES)
@example(*LARGE, 1)
@given(rows, widths, seeds)
def test_losses_agree_with_the_oracle(name: str, mb: int, n: int, seed: int) -> None:
    case = Case(name, mb, n, seed)
    losses, _ = case.oracle(case.outputs, case.targets)
    expected = {"losses": losses}
    if case.from_logits:
        expected["probs"] = case.probs()
    inputs = {case.inputs_name: case.outputs, **case.given}
    check(case.forward, inputs, expected)
    if case.from_logits:
        check(case.forward, inputs, expected, in_place={"probs": "logits"})


@pytest.mark.parametrize("name", LOSSES)
@example(*LARGE, True, 1)
@given(rows, widths, st.booleans(), seeds)
def test_gradients_agree_with_the_oracle(
    name: str, mb: int, n: int, weighted: bool, seed: int
) -> None:
    case = Case(name, mb, n, seed)
    _, gradient = case.oracle(case.outputs, case.targets)
    weights = case.sample_weights if weighted else None
    if weights is not None:
        gradient = gradient * weights[:, None]
    inputs_name = "probs" if case.from_logits else case.inputs_name
    outputs = case.probs() if case.from_logits else case.outputs
    diff_name = f"diff_{case.inputs_name}"
    check(
        case.backward,
        {inputs_name: outputs, **case.given, "sample_weights": weights, "scale": SCALE},
        {diff_name: SCALE * gradient},
        in_place={diff_name: inputs_name} if case.from_logits and not weighted else None,
    )


@pytest.mark.parametrize("name", LOSSES)
def test_gradient_is_the_central_difference(name: str) -> None:
    case = Case(name, 4, 5, 1)
    inputs_name = "probs" if case.from_logits else case.inputs_name
    check(
        case.backward,
        {
            inputs_name: case.probs() if case.from_logits else case.outputs,
            **case.given,
            "sample_weights": None,
            "scale": 1.0,
        },
        {
            f"diff_{case.inputs_name}": reference.central_differences(
                lambda o: case.oracle(o, case.targets)[0], case.outputs
            )
        },
    )


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("name", LOGIT_LOSSES)
def test_logits_of_ten_thousand_give_finite_losses_and_gradients(name: str) -> None:
    case = Case(name, 6, 4, 1)
    case.outputs[...] = np.sign(case.outputs) * np.float32(1e4)
    probs, diff_logits = np.empty_like(case.outputs), np.empty_like(case.outputs)
    losses = np.empty(6, np.float32)
    case.forward(case.outputs, *case.given.values(), probs, losses)
    case.backward(probs, *case.given.values(), None, 1.0, diff_logits)
    np.testing.assert_allclose(losses, case.oracle(case.outputs, case.targets)[0], rtol=1e-6)
    assert np.isfinite(probs).all()
    assert np.isfinite(diff_logits).all()


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("name", PROBABILITY_LOSSES)
def test_probabilities_of_zero_and_one_are_clipped(name: str) -> None:
    case = Case(name, 2, 2, 1)
    case.outputs[...] = [[0, 1], [1, 0]]
    losses, diff_probs = np.empty(2, np.float32), np.empty((2, 2), np.float32)
    case.forward(case.outputs, *case.given.values(), losses)
    case.backward(case.outputs, *case.given.values(), None, 1.0, diff_probs)
    expected, gradient = case.oracle(case.outputs, case.targets)
    np.testing.assert_allclose(losses, expected, rtol=1e-5, atol=1e-7)
    np.testing.assert_array_equal(diff_probs, gradient)


@pytest.mark.usefixtures("backend")
def test_the_derivative_of_the_absolute_error_at_zero_is_zero() -> None:
    outputs, diff_outputs = np.array([[1, 2, 3, np.nan]], np.float32), np.empty((1, 4), np.float32)
    targets = np.array([[1, 5, 0, 0]], np.float32)
    _core.mean_absolute_error_backward(outputs, targets, None, 4.0, diff_outputs)
    np.testing.assert_array_equal(diff_outputs, [[0, -1, 1, np.nan]])
