from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

import reference
from agreement import backends, check, normal, restore_backend
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
ERRORS = {
    "mean_squared_error": ("squared", True),
    "half_squared_error": ("half_squared", False),
    "mean_absolute_error": ("absolute", True),
}
"""The core's names of these, and whether they are means; test_losses.py tries the others."""
LOSSES = [*LOGIT_LOSSES, *PROBABILITY_LOSSES, *ERRORS]
rows = st.integers(4, 20)  # a single sample may have no loss to speak of
widths = st.sampled_from([2, 3, 10, 16, 17, 40])
LARGE = (20_001, 10)  # enough for two threads


def core(name: str, part: str) -> Any:
    """Return the core's function of a loss, forward or backward."""
    if name not in ERRORS:
        return getattr(_core, f"{name}_{part}")
    loss, mean = ERRORS[name]
    return partial(getattr(_core, f"elementwise_loss_{part}"), loss, [], mean)


class Case:
    """One loss with random outputs and targets, in the terms of the core and of the oracle."""

    def __init__(self, name: str, mb: int, n: int, seed: int) -> None:
        self.forward, self.backward = core(name, "forward"), core(name, "backward")
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


@pytest.mark.parametrize("name", ["sigmoid_cross_entropy", "binary_cross_entropy", *ERRORS])
@pytest.mark.parametrize("mb", [5, 37, 200_003])
def test_rows_of_one_output_agree_with_the_oracle(name: str, mb: int) -> None:
    case = Case(name, mb, 1, seed=mb)
    if name == "binary_cross_entropy":
        case.outputs = reference.sigmoid_forward(normal(mb, mb, 1)).astype(np.float32)
    losses, _ = case.oracle(case.outputs, case.targets)
    expected = {"losses": losses} | ({"probs": case.probs()} if case.from_logits else {})
    check(case.forward, {case.inputs_name: case.outputs, **case.given}, expected)


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


@pytest.mark.parametrize("name", PROBABILITY_LOSSES[:2])
@example(*LARGE, 1)
@given(rows, widths, seeds)
def test_outputs_are_divided_by_their_sum(name: str, mb: int, n: int, seed: int) -> None:
    """Those of a sigmoid, say."""
    case = Case(name, mb, n, seed)
    case.outputs = reference.sigmoid_forward(normal(seed, mb, n)).astype(np.float32)
    losses, gradient = case.oracle(case.outputs, case.targets)
    shares = case.outputs / case.outputs.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(losses, -np.log(shares[case.targets == 1]), rtol=1e-3)
    check(case.forward, {"probs": case.outputs, **case.given}, {"losses": losses})
    given = {**case.given, "sample_weights": None, "scale": SCALE}
    check(case.backward, {"probs": case.outputs, **given}, {"diff_probs": SCALE * gradient})


def test_the_gradient_of_outputs_that_are_divided_is_the_central_difference() -> None:
    outputs = reference.sigmoid_forward(normal(1, 6, 5))
    targets = np.random.default_rng(1).random((6, 5))
    expected = reference.central_differences(
        lambda o: reference.categorical_cross_entropy(o, targets)[0], outputs
    )
    found = reference.categorical_cross_entropy(outputs, targets)[1]
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-8)


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("name", PROBABILITY_LOSSES[:2])
def test_outputs_of_a_softmax_are_taken_as_they_are(name: str) -> None:
    """To the bit: -log p, and -1 / p for the class."""
    case = Case(name, 50, 10, 1)
    losses, diff_probs = np.empty(50, np.float32), np.empty((50, 10), np.float32)
    case.backward(case.outputs, *case.given.values(), None, 1.0, diff_probs)
    np.testing.assert_array_equal(diff_probs, np.where(case.targets, -1 / case.outputs, 0))
    case.forward(case.outputs, *case.given.values(), losses)
    np.testing.assert_allclose(losses, -np.log(case.outputs[case.targets == 1]), rtol=3e-7)


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("name", PROBABILITY_LOSSES[:2])
def test_outputs_of_zero_have_a_finite_loss(name: str) -> None:
    case = Case(name, 2, 3, 1)
    case.outputs[...] = 0
    losses, diff_probs = np.empty(2, np.float32), np.empty((2, 3), np.float32)
    case.forward(case.outputs, *case.given.values(), losses)
    case.backward(case.outputs, *case.given.values(), None, 1.0, diff_probs)
    np.testing.assert_allclose(losses, -np.log(1e-7), rtol=1e-6)
    np.testing.assert_array_equal(diff_probs, 0)


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
    core("mean_absolute_error", "backward")(outputs, targets, None, 4.0, diff_outputs)
    np.testing.assert_array_equal(diff_outputs, [[0, -1, 1, np.nan]])


def computed(name: str, logits: Any, targets: Any) -> Iterator[tuple[Any, Any]]:
    """Yield the losses and probabilities on every instruction set."""
    with restore_backend():
        for backend in backends():
            backend.use()
            losses, probs = np.empty(len(logits), np.float32), np.empty_like(logits)
            getattr(_core, f"{name}_forward")(logits, targets, probs, losses)
            yield losses, probs


@pytest.mark.parametrize("target", [0.0, 1.0])
@pytest.mark.parametrize("logit", [np.inf, -np.inf, np.nan])
def test_sigmoid_cross_entropy_of_infinite_logits(logit: float, target: float) -> None:
    logits, targets = (np.full((1, 3), value, np.float32) for value in (logit, target))
    expected = np.nan
    if not np.isnan(logit):
        expected = 0.0 if (logit > 0) == (target == 1) else np.inf
    for losses, probs in computed("sigmoid_cross_entropy", logits, targets):
        np.testing.assert_array_equal(losses, [expected])
        np.testing.assert_array_equal(probs, np.full((1, 3), np.heaviside(logit, 0.5)))


@pytest.mark.parametrize("label", [0, 1])
@pytest.mark.parametrize("n", [3, 17, 40])
def test_softmax_cross_entropy_of_classes_ruled_out(n: int, label: int) -> None:
    """A logit of -inf costs nothing where the target is 0, and everything where it is the class."""
    logits = normal(n, 2, n)
    logits[:, 1] = -np.inf
    targets = reference.one_hot(np.full(2, label), n).astype(np.float32)
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore"):
        wanted = -np.log(expected[:, label])
    for losses, probs in computed("softmax_cross_entropy", logits, targets):
        np.testing.assert_allclose(losses, wanted, 1e-5)
        np.testing.assert_allclose(probs, expected, 1e-5)


@pytest.mark.parametrize("name", [*ERRORS, "binary_cross_entropy"])
def test_a_row_of_a_million_outputs_loses_no_digits(name: str) -> None:
    n = 1_000_003
    outputs, targets = np.full((1, n), 0.9, np.float32), np.full((1, n), 0.6, np.float32)
    losses, _ = getattr(reference, name)(outputs, targets)
    given = {"probs" if name == "binary_cross_entropy" else "outputs": outputs, "targets": targets}
    check(core(name, "forward"), given, {"losses": losses}, tolerance=4e-6)
