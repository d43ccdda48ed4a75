"""Losses of whole rows in the core, beside their forms in float64."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import reference
from agreement import backends, check, check_threads, normal, run
from cnnx import _core, losses
from cnnx.explain.loss_forms import LOSS_FORMS
from reference import f64
from strategies import seeds

LARGE = (20_001, 10)  # enough for two threads
SCALE = 0.25
rows = st.integers(1, 5)
widths = st.sampled_from([1, 2, 3, 10, 16, 17, 40])


@dataclass
class Loss:
    """A loss, the core's names of it and of its arrays, and what the core is given besides."""

    of: losses.Loss
    name: str
    outputs: str = "probs"
    settings: dict[str, Any] | None = None

    @property
    def given(self) -> dict[str, Any]:
        return self.settings or {}

    def core(self, part: str) -> Callable[..., None]:
        found: Callable[..., None] = getattr(_core, f"{self.name}_{part}")
        return found

    def form(self, targets: Any, outputs: Any) -> Any:
        return LOSS_FORMS[type(self.of)](self.of, targets, f64(outputs))

    def draw(self, seed: int, shape: tuple[int, int]) -> tuple[Any, dict[str, Any]]:
        """Return outputs, and targets by the core's name of them."""
        rng = np.random.default_rng(seed)
        outputs = normal(seed, *shape)
        if self.outputs == "probs":
            outputs = rng.uniform(0.05, 1, shape).astype(np.float32)
        elif self.name == "cosine_loss":  # short rows have long gradients
            outputs += np.copysign(np.float32(0.5), outputs)
        labels = rng.integers(0, shape[1], shape[0])
        if self.of.sparse:
            return outputs, {"labels": labels}
        if self.name == "cosine_loss":
            return outputs, {"targets": normal(seed + 1, *shape)}
        return outputs, {"targets": np.eye(shape[1], dtype=np.float32)[labels]}


def focal(alpha: float | list[float], gamma: float, from_logits: bool = False) -> Loss:
    settings = {"gamma": gamma, "alphas": np.array(alpha, np.float32, ndmin=1)}
    of = losses.CategoricalFocalCrossentropy(alpha, gamma, from_logits)
    if from_logits:
        return Loss(of, "softmax_focal", "logits", settings)
    return Loss(of, "categorical_focal", "probs", settings)


LOSSES = {
    "cosine": Loss(losses.CosineSimilarity(), "cosine_loss", "outputs"),
    "hinge": Loss(losses.CategoricalHinge(), "categorical_hinge", "outputs"),
    "generalized": Loss(
        losses.CategoricalGeneralizedCrossEntropy(0.3),
        "generalized_cross_entropy",
        "probs",
        {"q": 0.3},
    ),
    **{f"focal {gamma}": focal(0.25, gamma) for gamma in (0.0, 0.5, 1.0, 2.0, 3.3)},
    **{f"focal {gamma} of logits": focal(0.3, gamma, True) for gamma in (0.0, 1.3, 2.0)},
}


@pytest.mark.parametrize("name", LOSSES)
@example(*LARGE, 1)
@example(2, 5_003, 1)  # more than a block of a long sum
@given(rows, widths, seeds)
def test_losses_agree_with_float64(name: str, mb: int, n: int, seed: int) -> None:
    loss = LOSSES[name]
    outputs, given_targets = loss.draw(seed, (mb, n))
    expected = loss.form(*given_targets.values(), outputs)
    seen = {}
    if loss.outputs == "logits":
        seen = {"probs": reference.softmax_forward(outputs)}
    for backend in backends():
        backend.use()
        found = run(
            loss.core("forward"),
            {loss.outputs: outputs, **given_targets, **loss.given},
            {"losses": (mb,), **dict.fromkeys(seen, outputs.shape)},
        )
        for name_of, values in {**seen, "losses": expected}.items():
            np.testing.assert_allclose(found[name_of], values, 2e-5, 1e-6, err_msg=str(backend))


@pytest.mark.parametrize("name", LOSSES)
@given(rows, widths, st.booleans(), seeds)
def test_gradients_agree_with_differences_of_float64(
    name: str, mb: int, n: int, weighted: bool, seed: int
) -> None:
    loss = LOSSES[name]
    outputs, given_targets = loss.draw(seed, (mb, n))
    (targets,) = given_targets.values()
    gradient = reference.central_differences(lambda y: loss.form(targets, y), outputs)
    weights = np.random.default_rng(seed).random(mb).astype(np.float32) if weighted else None
    if weights is not None:
        gradient = gradient * weights[:, None]
    seen = {loss.outputs: outputs}
    if loss.outputs == "logits":
        seen = {"probs": reference.softmax_forward(outputs).astype(np.float32)}
    inputs = {**seen, **given_targets, **loss.given, "sample_weights": weights, "scale": SCALE}
    diff = f"diff_{loss.outputs}"
    for backend in backends():
        backend.use()
        found = run(loss.core("backward"), inputs, {diff: outputs.shape})[diff]
        np.testing.assert_allclose(found, SCALE * gradient, 1e-3, 1e-5, err_msg=str(backend))


@pytest.mark.parametrize("name", LOSSES)
def test_any_number_of_threads_gives_the_same_bits(name: str) -> None:
    loss = LOSSES[name]
    outputs, given_targets = loss.draw(3, LARGE)
    seen = {"probs": LARGE} if loss.outputs == "logits" else {}
    given_all = {**given_targets, **loss.given}
    check_threads(
        loss.core("forward"), {loss.outputs: outputs, **given_all}, {"losses": LARGE[:1], **seen}
    )
    weights = np.random.default_rng(1).random(LARGE[0]).astype(np.float32)
    inputs = {"probs" if seen else loss.outputs: np.abs(outputs) / 10, **given_all}
    inputs |= {"sample_weights": weights, "scale": 0.5}
    check_threads(loss.core("backward"), inputs, {f"diff_{loss.outputs}": LARGE})


@pytest.mark.parametrize("name", ["cosine", "hinge", "generalized"])
def test_gradients_may_lie_where_the_outputs_do(name: str) -> None:
    loss = LOSSES[name]
    outputs, given_targets = loss.draw(4, (9, 21))
    inputs = {loss.outputs: outputs, **given_targets, **loss.given}
    inputs |= {"sample_weights": None, "scale": 1.0}
    diff = f"diff_{loss.outputs}"
    for backend in backends():
        backend.use()
        apart = run(loss.core("backward"), inputs, {diff: outputs.shape})[diff]
        together = run(loss.core("backward"), inputs, {diff: outputs}, {diff: loss.outputs})[diff]
        np.testing.assert_array_equal(together, apart)


def test_a_class_of_its_own_weight() -> None:
    """Weights that differ by class, against PyTorch's derivatives."""
    torch = pytest.importorskip("torch")
    weights, gamma = [0.1, 0.9, 0.4], 1.7
    loss = focal(weights, gamma, from_logits=True)
    logits, given_targets = loss.draw(5, (6, 3))
    z = torch.tensor(logits, dtype=torch.float64, requires_grad=True)
    p = z.softmax(1)
    t = torch.tensor(given_targets["targets"]) * torch.tensor(weights)
    (-((1 - p) ** gamma) * t * p.log()).sum().backward()
    inputs = {"probs": p.detach().numpy().astype(np.float32), **given_targets, **loss.given}
    inputs |= {"sample_weights": None, "scale": 1.0}
    check(loss.core("backward"), inputs, {"diff_logits": z.grad.numpy()})


@pytest.mark.usefixtures("backend")
def test_cosines_of_very_long_and_very_short_rows() -> None:
    outputs = np.array([[3e30, 4e30], [3e-30, 4e-30], [0, 0], [3, 4], [np.nan, 1]], np.float32)
    targets = np.array([[3, 4], [3, 4], [3, 4], [0, 0], [3, 4]], np.float32)
    found, gradient = np.empty(5, np.float32), np.empty((5, 2), np.float32)
    _core.cosine_loss_forward(outputs, targets, found)
    np.testing.assert_allclose(found, [-1, -5e-23, 0, 0, np.nan], 1e-6, 1e-12)
    _core.cosine_loss_backward(outputs, targets, None, 1.0, gradient)
    np.testing.assert_allclose(gradient[:2], [[0, 0], [-6e6, -8e6]], 1e-6, 1e-12)
    np.testing.assert_allclose(gradient[2:4], [[-6e6, -8e6], [0, 0]], 1e-6)


@pytest.mark.usefixtures("backend")
def test_of_equal_outputs_the_first_has_the_derivative_of_the_hinge() -> None:
    outputs = np.array([[1, 2, 2, 0], [5, 0, 0, 0]], np.float32)
    targets = np.array([[1, 0, 0, 0]] * 2, np.float32)
    gradient = np.empty((2, 4), np.float32)
    _core.categorical_hinge_backward(outputs, targets, None, 1.0, gradient)
    np.testing.assert_array_equal(gradient, [[-1, 1, 0, 0], [0, 0, 0, 0]])


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_sure_and_impossible_classes_have_finite_focal_losses(gamma: float) -> None:
    probs = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 0], [2, 0, 0]], np.float32)
    targets = np.array([[1, 0, 0]] * 4, np.float32)
    alphas = np.ones(1, np.float32)
    found, gradient = np.empty(4, np.float32), np.empty((4, 3), np.float32)
    _core.categorical_focal_forward(gamma, alphas, probs, targets, found)
    np.testing.assert_allclose(found, [0, -np.log(1e-7), -np.log(1e-7), 0], 1e-5, 2e-7)
    _core.categorical_focal_backward(gamma, alphas, probs, targets, None, 1.0, gradient)
    np.testing.assert_array_equal(gradient, 0)


@pytest.mark.usefixtures("backend")
def test_impossible_labels_have_the_largest_generalized_loss() -> None:
    probs = np.array([[0.0, 1.0], [-1.0, 0.5], [1.0, 0.0], [np.nan, 0.0]], np.float32)
    labels, found = np.zeros(4, np.int64), np.empty(4, np.float32)
    _core.generalized_cross_entropy_forward(0.5, probs, labels, found)
    np.testing.assert_allclose(found, [2, 2, 0, np.nan], 1e-6, 1e-7)
    gradient = np.empty_like(probs)
    _core.generalized_cross_entropy_backward(0.5, probs, labels, None, 1.0, gradient)
    np.testing.assert_allclose(gradient[:3], [[-(1e-7**-0.5), 0], [-(1e-7**-0.5), 0], [-1, 0]])


def test_wrong_arguments() -> None:
    two, one = np.full((1, 2), 0.5, np.float32), np.empty(1, np.float32)
    alphas = np.ones(3, np.float32)
    with pytest.raises(ValueError, match=r"alphas must have shape \(2, \), got \(3, \)"):
        _core.categorical_focal_forward(2.0, alphas, two, two, one)
    with pytest.raises(ValueError, match="diff_logits must not share memory with an input"):
        _core.softmax_focal_backward(2.0, alphas[:1], two, two, None, 1.0, two)
    with pytest.raises(ValueError, match=r"labels must lie in \[0, 2\), got 2 in row 0"):
        _core.generalized_cross_entropy_forward(0.5, two, np.array([2]), one)
    loss = losses.CategoricalFocalCrossentropy([0.1, 0.2, 0.7])
    with pytest.raises(ValueError, match="alpha has 3 weights for 2 classes"):
        loss([[0, 1]], two)
