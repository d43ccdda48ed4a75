"""What docs/differences.md says of PyTorch and scikit-learn, beside them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cnnx
from agreement import normal
from cnnx import layers, optimizers

torch = pytest.importorskip("torch", reason="PyTorch is not installed")


def stepped(ours: optimizers.Optimizer, theirs: Any) -> tuple[Any, Any]:
    """Take six steps of a linear model with both; return the kernels."""
    model = cnnx.Sequential([cnnx.Input((4,)), layers.Dense(2, use_bias=False)])
    model.compile(ours, "mse")
    kernel = torch.tensor(model.get_weights()[0], requires_grad=True)
    optimizer = theirs([kernel])
    for step in range(6):
        x, y = normal(step, 5, 4), normal(step + 50, 5, 2)
        model.train_on_batch(x, y)
        optimizer.zero_grad()
        ((torch.tensor(x) @ kernel - torch.tensor(y)) ** 2).mean().backward()
        optimizer.step()
    return model.get_weights()[0], kernel.detach().numpy()


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (optimizers.Adam(0.1, epsilon=0.1), lambda w: torch.optim.Adam(w, 0.1, eps=0.1)),
        (
            optimizers.AdamW(0.1, weight_decay=0.01, epsilon=0.1),
            lambda w: torch.optim.AdamW(w, 0.1, eps=0.1),
        ),
        (
            optimizers.RMSprop(0.1, 0.99, epsilon=0.1, epsilon_in_root=False),
            lambda w: torch.optim.RMSprop(w, 0.1, eps=0.1),
        ),
        (optimizers.SGD(0.1, 0.9), lambda w: torch.optim.SGD(w, 0.1, 0.9)),
    ],
    ids=["adam", "adamw", "rmsprop", "sgd"],
)
def test_steps_of_optimizers(ours: optimizers.Optimizer, theirs: Any) -> None:
    got, expected = stepped(ours, theirs)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


def test_the_other_epsilons_give_other_steps() -> None:
    for ours, theirs in (
        (
            optimizers.Adam(0.1, epsilon=0.1, epsilon_hat=True),
            lambda w: torch.optim.Adam(w, 0.1, eps=0.1),
        ),
        (
            optimizers.RMSprop(0.1, 0.99, epsilon=0.1),
            lambda w: torch.optim.RMSprop(w, 0.1, eps=0.1),
        ),
    ):
        got, expected = stepped(ours, theirs)
        assert np.abs(got - expected).max() > 0.01


def test_padding_with_a_stride() -> None:
    """PyTorch's padding=1 is ZeroPadding2D(1) and "valid"; "same" pads below and to the right."""
    x, kernel = normal(1, 1, 6, 6, 2), normal(2, 3, 3, 2, 4)
    weights = torch.tensor(kernel.transpose(3, 2, 0, 1).copy())
    images = torch.tensor(x.transpose(0, 3, 1, 2).copy())
    expected = torch.conv2d(images, weights, stride=2, padding=1).numpy().transpose(0, 2, 3, 1)
    padded = layers.ZeroPadding2D(1)(x)
    got = cnnx.ops.conv2d(padded, kernel, strides=2)
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)
    same = cnnx.ops.conv2d(x, kernel, strides=2, padding="same")
    assert np.abs(same - expected).max() > 0.1


def test_what_batch_normalisation_keeps() -> None:
    x = normal(3, 5, 4)
    ours, theirs = layers.BatchNormalization(momentum=0.0), torch.nn.BatchNorm1d(4, momentum=1.0)
    ours(x, training=True)
    theirs(torch.tensor(x))
    np.testing.assert_allclose(ours.moving_variance.numpy(), x.var(axis=0), rtol=1e-5)
    np.testing.assert_allclose(theirs.running_var.numpy(), x.var(axis=0, ddof=1), rtol=1e-5)
    defaults = torch.nn.BatchNorm1d(4)
    assert (defaults.momentum, defaults.eps) == (0.1, 1e-5)
    config = layers.BatchNormalization().get_config()
    assert (config["momentum"], config["epsilon"]) == (0.99, 1e-3)


def test_defaults() -> None:
    assert layers.LeakyReLU().get_config()["negative_slope"] == 0.3
    assert torch.nn.LeakyReLU().negative_slope == 0.01
    defaults = torch.optim.AdamW([torch.zeros(1)]).defaults
    assert (defaults["eps"], defaults["weight_decay"]) == (1e-8, 0.01)
    config = optimizers.AdamW().get_config()
    assert (config["epsilon"], config["weight_decay"]) == (1e-7, 0.004)


def test_probabilities_are_divided_by_their_sum_and_pytorch_takes_them_as_they_are() -> None:
    p, labels = np.array([[0.2, 0.6]], np.float32), [1]
    loss = cnnx.losses.SparseCategoricalCrossentropy()
    assert loss(labels, p) == pytest.approx(-np.log(0.75), rel=1e-5)
    theirs = torch.nn.functional.nll_loss(torch.log(torch.tensor(p)), torch.tensor(labels))
    assert theirs.item() == pytest.approx(-np.log(0.6), rel=1e-5)


def test_one_hot_of_scikit_learn() -> None:
    sklearn = pytest.importorskip("sklearn.preprocessing", reason="scikit-learn is not installed")
    labels = ["b", "a", "b"]
    theirs = sklearn.OneHotEncoder().fit_transform([[label] for label in labels])
    ours = cnnx.data.OneHotEncoder().fit_transform(labels)
    assert theirs.dtype == np.float64
    assert ours.dtype == np.float32
    np.testing.assert_array_equal(theirs.toarray(), ours)
