"""Activation functions by their names, and with arguments."""

from __future__ import annotations

import copy
import functools
import inspect
import json
import pickle
from typing import Any

import numpy as np
import pytest

import cnnx
import reference
from agreement import normal
from cnnx import activations, layers

FINITE = np.array([-1e30, -200, -20, -3, -1, -1e-3, 0, 1e-30, 0.5, 3, 6, 20, 200, 1e30], np.float32)
NAMED = [name for name in activations.ACTIVATIONS if name != "linear"]


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("name", NAMED)
def test_the_whole_range_of_every_function(name: str) -> None:
    """No overflow, and small values keep their digits; exp(200) alone is infinite."""
    src = FINITE[:-2] if name == "exponential" else FINITE
    got, expected = activations.get(name)(src), getattr(reference, f"{name}_forward")(src)
    sensitive = 1 + np.minimum(np.abs(src), 20) ** 2 if name == "gelu" else 1
    if name == "tanh_shrink":
        sensitive = 2  # a difference of nearly equal numbers
    bound = 16 * 2.0**-24 * sensitive * np.abs(expected) + 2.0**-126
    assert (np.abs(got - expected) <= bound).all(), f"{got} for {expected}"


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("name", NAMED)
def test_nan_stays_nan(name: str) -> None:
    assert np.isnan(activations.get(name)([np.nan])).all()


@pytest.mark.parametrize("name", NAMED)
def test_increasing_functions_increase(name: str) -> None:
    function = activations.get(name)
    x = np.linspace(-8, 8, 4001, dtype=np.float32)
    if function.elementwise:
        assert function.increasing == (np.diff(function(x)) >= -1e-6).all()
    else:
        assert not function.increasing


@pytest.mark.usefixtures("backend")
def test_gradients_at_the_ends_of_the_range() -> None:
    src = FINITE.copy()
    for name in NAMED:
        function = activations.get(name)
        if name == "exponential" or not function.elementwise:
            continue
        seen = src if function.of_input else function(src)
        gradient = np.full_like(src, np.nan)
        function.backward(seen, np.ones_like(src), gradient)
        assert np.isfinite(gradient).all(), name
        assert (np.abs(gradient) < 1.8).all(), name


def test_arguments_of_functions() -> None:
    x = np.linspace(-8, 8, 33, dtype=np.float32)
    rows = x.reshape(3, 11)
    for got, expected in (
        (activations.relu(x, 0.1, 6, 0.5), reference.rectifier_forward(x, 6, 0.1, 0.5)),
        (activations.relu(x, max_value=2), reference.rectifier_forward(x, 2)),
        (activations.leaky_relu(x, negative_slope=0.3), reference.leaky_relu_forward(x, 0.3)),
        (activations.elu(x, 0.4), reference.elu_forward(x, 0.4)),
        (activations.celu(x, alpha=2), reference.celu_forward(x, 2)),
        (activations.gelu(x, approximate=True), reference.gelu_tanh_forward(x)),
        (activations.hard_shrink(x, 1), reference.hard_shrink_forward(x, 1)),
        (activations.soft_shrink(x, 1), reference.soft_shrink_forward(x, 1)),
        (activations.squareplus(x, b=1), reference.squareplus_forward(x, 1)),
        (activations.threshold(x, 2, -1), reference.threshold_forward(x, 2, -1)),
        (activations.softmax(rows, axis=0), reference.softmax_forward(rows, 0)),
    ):
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)
    assert str(inspect.signature(activations.relu)) == (
        "(x, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0)"
    )


def test_the_gated_linear_unit_of_an_axis() -> None:
    x = normal(1, 3, 4, 5)
    a, b = x[:, :2], x[:, 2:]
    np.testing.assert_allclose(activations.glu(x, axis=1), a * reference.sigmoid_forward(b), 1e-6)
    with pytest.raises(ValueError, match="glu: axis -1 of x must have an even length"):
        activations.glu(x)
    with pytest.raises(ValueError, match="glu: axis=3 is none of x"):
        activations.glu(x, axis=3)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: activations.relu([1.0], slope=1), TypeError, "relu: .*slope.*it is relu"),
        (lambda: activations.relu.configured(max_value=-1), ValueError, "relu: max_value must be"),
        (lambda: activations.sigmoid.configured(2), TypeError, "sigmoid takes no argument but x"),
        (lambda: activations.celu.configured(0), ValueError, "celu: alpha must be more than 0"),
        (lambda: activations.elu.configured("1"), TypeError, "elu: alpha must be a number"),
        (lambda: activations.softmax.configured(1.5), TypeError, "softmax: axis must be a whole"),
        (lambda: activations.get({"class_name": "elu"}), TypeError, "activation must be one of"),
        (
            lambda: activations.get(lambda x: x.sum()),
            ValueError,
            "an array of its argument",
        ),
        (lambda: activations.get(lambda x: x - x.max()), ValueError, "each element by itself"),
        (lambda: activations.get(lambda x: activations.relu(x)), ValueError, "too coarse"),
        (lambda: layers.Dense(2, activation=layers.PReLU()), TypeError, "activation must be one"),
        (
            lambda: layers.Softmax(axis=2)(np.ones((2, 3))),
            ValueError,
            "axis=2 must be one of",
        ),
        (lambda: layers.Softmax(axis=-2)(np.ones((2, 3))), ValueError, "axis=-2 must be"),
        (
            lambda: layers.Dense(2, activation=activations.softmax.configured(0))(np.ones((2, 3))),
            ValueError,
            "activation: axis=0 must be one of the 2 axes",
        ),
    ],
)
def test_what_is_refused(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


def steep(x: Any) -> Any:
    return np.sin(3 * x)


def steeper(x: Any) -> Any:
    return x**3


steeper.gradient = lambda x: 3 * x**2  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "activation",
    [
        activations.leaky_relu.configured(0.1),
        layers.LeakyReLU(0.1),
        functools.partial(activations.relu, max_value=2),
        {"class_name": "elu", "config": {"alpha": 0.5}},
        activations.gelu.configured(approximate=True),
        steep,
        steeper,
    ],
    ids=str,
)
def test_layers_take_functions_with_arguments_and_functions_of_the_user(
    activation: Any, tmp_path: Any
) -> None:
    """They train by the derivative, and come back from files and copies."""
    model = cnnx.Sequential(
        [cnnx.Input((3, 3, 2)), layers.Conv2D(4, 3, activation=activation), layers.Flatten()]
    )
    model.compile("sgd", "mse")
    x, y = normal(1, 5, 3, 3, 2), normal(2, 5, 4)
    assert cnnx.explain.check_gradients(model, x, y).agrees
    model.save(tmp_path / "model")
    again = cnnx.models.load_model(
        tmp_path / "model", custom_objects={"steep": steep, "steeper": steeper}
    )
    expected = model.predict(x, verbose=0)
    for other in (again, copy.deepcopy(model), cnnx.models.clone_model(model)):
        other.set_weights(model.get_weights())
        np.testing.assert_array_equal(other.predict(x, verbose=0), expected)


def test_what_serialize_writes_is_what_get_takes() -> None:
    for function in (
        activations.mish,
        activations.relu.configured(max_value=3, threshold=0.5),
        activations.threshold.configured(1, -1),
        activations.log_softmax.configured(1),
    ):
        config = json.loads(json.dumps(activations.serialize(function)))
        again = activations.deserialize(config)
        assert (again.name, again.settings, again.core) == (
            function.name,
            function.settings,
            function.core,
        )
        assert pickle.loads(pickle.dumps(function)).settings == function.settings


def test_names_of_keras() -> None:
    assert activations.get("swish") is activations.swish is activations.silu
    assert activations.get("hard_swish") is activations.hard_swish is activations.hard_silu
    assert activations.get("HardSigmoid") is activations.hard_sigmoid
    with pytest.raises(ValueError, match=r"unknown. Did you mean 'gelu'\? Valid names: arctan"):
        activations.get("gelo")


def test_copies_of_functions() -> None:
    for function in activations.ACTIVATIONS.values():
        assert copy.deepcopy(function) is function
        assert pickle.loads(pickle.dumps(function)) is function
    own = layers.ReLU(max_value=2).activation
    np.testing.assert_array_equal(copy.deepcopy(own)([-1.0, 1.0, 3.0]), [0, 1, 2])


def test_plain_rectifiers_are_those_of_the_core() -> None:
    assert layers.ReLU().activation is activations.relu
    assert layers.ReLU(6).activation is activations.relu6
    assert layers.ReLU(negative_slope=0.2).activation is activations.leaky_relu
    assert layers.LeakyReLU(0.2).activation is activations.leaky_relu
    assert layers.LeakyReLU(0).activation is activations.relu
    assert layers.ELU().activation is activations.elu


def test_prelu_needs_axes_that_are_there() -> None:
    with pytest.raises(ValueError, match=r"shared_axes=\(2,\) must be less than 2, the number of"):
        layers.PReLU(shared_axes=2)(np.ones((2, 3)))
