from __future__ import annotations

import copy
import functools
import inspect
import json
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cnnx
import reference
from agreement import assert_close, check, normal
from cnnx import _core, activations, layers
from strategies import seeds

NAMES = [
    "relu",
    "sigmoid",
    "tanh",
    "arctan",
    "elu",
    "leaky_relu",
    "softplus",
    "exponential",
    "relu6",
    "hard_sigmoid",
    "selu",
    "celu",
    "softsign",
    "hard_tanh",
    "log_sigmoid",
    "hard_shrink",
    "soft_shrink",
    "squareplus",
]
OF_INPUT = {
    "silu": [],
    "gelu": [],
    "gelu_tanh": [],
    "mish": [],
    "hard_silu": [-3, 3],
    "tanh_shrink": [],
    "threshold": [0],
}
"""Those whose derivatives are computed from the argument, and where they bend."""
PARAMETERS = [
    ("elu", (0.7,)),
    ("elu", (0.0,)),
    ("leaky_relu", (0.01,)),
    ("celu", (0.3,)),
    ("celu", (2.5,)),
    ("hard_shrink", (1.25,)),
    ("soft_shrink", (0.0,)),
    ("squareplus", (0.25,)),
    ("rectifier", (6.0, 0.1, 0.0)),
    ("rectifier", (1.5, 0.0, 0.5)),
    ("rectifier", (np.inf, 0.25, 1.0)),
    ("threshold", (0.5, -2.0)),
]
Operation = Callable[..., Any]
RELATIVE_ERROR = 4e-7
SMALLEST_NORMAL = 2.0**-126  # below it, results may be flushed to zero


def operations(name: str) -> tuple[Operation, Operation, Operation, Operation]:
    return (
        getattr(_core, f"{name}_forward"),
        getattr(_core, f"{name}_backward"),
        getattr(reference, f"{name}_forward"),
        getattr(reference, f"{name}_backward"),
    )


@pytest.mark.parametrize("name", NAMES)
@given(
    st.lists(st.integers(1, 19), min_size=1, max_size=3),
    st.sampled_from([0.01, 1.0, 10.0]),
    st.booleans(),
    seeds,
)
def test_activation_agrees_with_the_oracle(
    name: str, shape: list[int], scale: float, in_place: bool, seed: int
) -> None:
    forward, backward, oracle, oracle_backward = operations(name)
    src, diff_dst = normal(seed, *shape) * np.float32(scale), normal(seed + 1, *shape)
    check(
        forward,
        {"src": src},
        {"dst": oracle(src)},
        in_place={"dst": "src"} if in_place else None,
    )
    dst = oracle(src).astype(np.float32)
    expected = oracle_backward(dst, diff_dst)
    if np.linalg.norm(expected) > 0.02 * np.linalg.norm(diff_dst):  # else a difference of few bits
        check(
            backward,
            {"dst": dst, "diff_dst": diff_dst},
            {"diff_src": expected},
            in_place={"diff_src": "diff_dst"} if in_place else None,
        )


@pytest.mark.parametrize("name", OF_INPUT)
@given(st.lists(st.integers(1, 19), min_size=1, max_size=3), st.booleans(), seeds)
def test_activation_of_its_input_agrees_with_the_oracle(
    name: str, shape: list[int], in_place: bool, seed: int
) -> None:
    forward, backward, oracle, oracle_backward = operations(name)
    src, diff_dst = 3 * normal(seed, *shape), normal(seed + 1, *shape)
    check(
        forward, {"src": src}, {"dst": oracle(src)}, in_place={"dst": "src"} if in_place else None
    )
    check(
        backward,
        {"dst": src, "diff_dst": diff_dst},
        {"diff_src": oracle_backward(src, diff_dst)},
        in_place={"diff_src": "diff_dst"} if in_place else None,
    )
    smooth = src
    for bend in OF_INPUT[name]:
        smooth = np.where(abs(smooth - bend) < 0.01, np.float32(1), smooth)
    smooth, step = smooth.astype(np.float64), 1e-5
    differences = diff_dst * (oracle(smooth + step) - oracle(smooth - step)) / (2 * step)
    error = np.linalg.norm(oracle_backward(smooth, diff_dst) - differences)
    assert error <= 1e-6 * np.linalg.norm(diff_dst)


@pytest.mark.parametrize("name", NAMES)
def test_gradient_is_the_central_difference(name: str) -> None:
    _, backward, oracle, _ = operations(name)
    src, diff_dst = normal(1, 4, 9), normal(2, 4, 9)
    check(
        backward,
        {"dst": oracle(src).astype(np.float32), "diff_dst": diff_dst},
        {"diff_src": reference.central_differences(lambda s: oracle(s) * diff_dst, src)},
    )


@pytest.mark.parametrize(("name", "parameters"), PARAMETERS, ids=str)
def test_parameters_in_the_place_of_the_usual_ones(
    name: str, parameters: tuple[float, ...]
) -> None:
    forward, backward, oracle, oracle_backward = operations(name)
    src, diff_dst = 2 * normal(3, 5, 37), normal(4, 5, 37)
    y = oracle(src, *parameters)
    given = {"parameters": parameters}
    check(forward, {"src": src, **given}, {"dst": y})
    seen = src if name in OF_INPUT else y.astype(np.float32)
    check(
        backward,
        {"dst": seen, "diff_dst": diff_dst, **given},
        {"diff_src": oracle_backward(seen, diff_dst, *parameters)},
    )
    bends = np.abs(np.abs(src)[..., None] - [0, *parameters]).min(-1) < 0.01
    smooth = np.where(bends, np.float32(0.111), src)
    seen = smooth if name in OF_INPUT else oracle(smooth, *parameters)
    differences = reference.central_differences(lambda s: oracle(s, *parameters) * diff_dst, smooth)
    assert_close(oracle_backward(seen, diff_dst, *parameters), differences, 1e-4)


def test_a_wrong_number_of_parameters_is_refused() -> None:
    x = np.ones(3, np.float32)
    with pytest.raises(ValueError, match="elu_forward: parameters of elu must be 1, got 2"):
        _core.elu_forward(x, x.copy(), (1.0, 2.0))


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2])
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@given(st.lists(st.integers(1, 19), min_size=3, max_size=3), st.booleans(), seeds)
def test_softmax_along_any_axis(
    name: str, axis: int, shape: list[int], in_place: bool, seed: int
) -> None:
    forward, backward, oracle, oracle_backward = operations(name)
    src, diff_dst = 4 * normal(seed, *shape), normal(seed + 1, *shape)
    place = {"axis": axis}
    check(
        forward,
        {"src": src, **place},
        {"dst": oracle(src, axis)},
        in_place={"dst": "src"} if in_place else None,
    )
    dst = oracle(src, axis).astype(np.float32)
    expected = oracle_backward(dst, diff_dst, axis)
    if np.linalg.norm(expected) > 1e-3:  # of one element it is 0 but for rounding
        check(
            backward,
            {"dst": dst, "diff_dst": diff_dst, **place},
            {"diff_src": expected},
            in_place={"diff_src": "diff_dst"} if in_place else None,
        )


def test_softmax_of_many_columns_on_two_threads() -> None:
    for shape in ((3, 7, 90_001), (200, 5, 301)):
        src = normal(1, *shape)
        expected = reference.softmax_forward(src, 1)
        check(_core.softmax_forward, {"src": src, "axis": 1}, {"dst": expected})


@pytest.mark.parametrize("name", NAMES)
def test_arrays_large_enough_for_two_threads(name: str) -> None:
    forward, backward, oracle, oracle_backward = operations(name)
    x = normal(1, 300_001)
    y = oracle(x).astype(np.float32)
    check(forward, {"src": x}, {"dst": oracle(x)})
    check(backward, {"dst": y, "diff_dst": x}, {"diff_src": oracle_backward(y, x)})


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize(
    "name", ["sigmoid", "tanh", "arctan", "elu", "softplus", "exponential", "relu6"]
)
def test_relative_error_over_the_whole_range(name: str) -> None:
    forward, _, oracle, _ = operations(name)
    magnitudes = np.geomspace(1e-30, 100, 40_001)
    src = np.concatenate([-magnitudes, [0.0], magnitudes, np.linspace(-90, 90, 40_001)])
    src = src.astype(np.float32)
    if name == "exponential":
        src = src[src < 88]  # above, float32 overflows
    dst = np.empty_like(src)
    forward(src, dst)
    expected = oracle(src)
    error = np.abs(dst - expected)
    allowed = RELATIVE_ERROR * np.abs(expected) + np.where(
        np.abs(expected) < SMALLEST_NORMAL, SMALLEST_NORMAL, 0
    )
    worst = np.argmax(error / allowed.clip(SMALLEST_NORMAL))
    assert error[worst] <= allowed[worst], f"{name}({src[worst]}) = {dst[worst]}"


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize(
    ("name", "low", "at_zero", "high"),
    [
        ("relu", 0, 0, None),
        ("sigmoid", 0, 0.5, 1),
        ("hard_sigmoid", 0, 0.5, 1),
        ("tanh", -1, 0, 1),
        ("elu", -1, 0, None),
        ("softplus", 0, np.log(2), None),
        ("exponential", 0, 1, np.inf),
    ],
)
def test_saturation_nan_and_infinity(
    name: str, low: float, at_zero: float, high: float | None
) -> None:
    src = np.array([-np.inf, -1e30, -100, 0, 100, 1e30, np.inf, np.nan], np.float32)
    dst = np.empty_like(src)
    getattr(_core, f"{name}_forward")(src, dst)
    assert np.isnan(dst[-1])
    upper = src[4:7] if high is None else [high] * 3
    np.testing.assert_allclose(dst[:-1], [low] * 3 + [at_zero, *upper], rtol=2e-7, atol=1e-37)


@pytest.mark.usefixtures("backend")
def test_arctan_saturates_with_its_derivative() -> None:
    """The derivative is that of the output: exact to 6e-8 although the output is rounded."""
    src = np.array([np.inf, -np.inf, 1e30, -3e4, 1e4, -1000, 30, 2.5, -1, 0, np.nan], np.float32)
    dst, diff_src = np.empty_like(src), np.empty_like(src)
    _core.arctan_forward(src, dst)
    np.testing.assert_allclose(dst, np.arctan(src.astype(np.float64)), rtol=4e-7)
    _core.arctan_backward(dst, np.ones_like(src), diff_src)
    np.testing.assert_allclose(diff_src, 1 / (1 + src.astype(np.float64) ** 2), rtol=0, atol=2e-7)
    assert (diff_src[:-1] >= 0).all()


@pytest.mark.usefixtures("backend")
def test_the_derivative_of_relu_at_zero_is_zero() -> None:
    zeros, diff_src = np.array([0.0, -0.0], np.float32), np.full(2, np.nan, np.float32)
    _core.relu_backward(zeros, np.ones(2, np.float32), diff_src)
    np.testing.assert_array_equal(diff_src, 0)


# --- functions by their names ---------------------------------------------------------------------

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
    bound = 16 * 2.0**-24 * sensitive * np.abs(expected) + SMALLEST_NORMAL
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
