from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

import cnnx
from cnnx import initializers

SHAPE = (3, 3, 20, 50)  # fan in 180, fan out 450
STANDARD_DEVIATIONS = {
    "glorot_uniform": np.sqrt(2 / (180 + 450)),
    "glorot_normal": np.sqrt(2 / (180 + 450)),
    "he_uniform": np.sqrt(2 / 180),
    "he_normal": np.sqrt(2 / 180),
    "lecun_uniform": np.sqrt(1 / 180),
    "lecun_normal": np.sqrt(1 / 180),
    "random_normal": 0.05,
    "random_uniform": 0.1 / np.sqrt(12),
    "truncated_normal": 0.05 * 0.87962566,
    "variance_scaling": np.sqrt(1 / 180),
}


@pytest.mark.parametrize("name", STANDARD_DEVIATIONS)
def test_mean_and_standard_deviation(name: str) -> None:
    cnnx.utils.set_random_seed(1)
    values, deviation = initializers.get(name)(SHAPE), STANDARD_DEVIATIONS[name]
    assert values.shape == SHAPE
    assert values.dtype == np.float32
    assert values.mean() == pytest.approx(0, abs=5 * deviation / np.sqrt(values.size))
    assert values.std() == pytest.approx(deviation, rel=0.02)
    if "uniform" in name:
        assert np.abs(values).max() <= deviation * np.sqrt(3) * (1 + 1e-6)
    elif name != "random_normal":
        assert np.abs(values).max() <= 2 * deviation / 0.87962566 * (1 + 1e-6)


@pytest.mark.parametrize(("mode", "fan"), [("fan_in", 180), ("fan_out", 450), ("fan_avg", 315)])
@pytest.mark.parametrize("distribution", ["truncated_normal", "untruncated_normal", "uniform"])
def test_variance_scaling(mode: str, fan: int, distribution: str) -> None:
    initializer = initializers.VarianceScaling(3.0, mode, distribution, seed=1)
    values = initializer(SHAPE)
    assert values.var() == pytest.approx(3 / fan, rel=0.03)
    largest = {"truncated_normal": 2 / 0.87962566, "untruncated_normal": 6, "uniform": 3**0.5}
    assert np.abs(values).max() <= largest[distribution] * np.sqrt(3 / fan) * (1 + 1e-6)
    assert (np.abs(values).max() > 3 * values.std()) == (distribution == "untruncated_normal")
    again = initializers.get(json.loads(json.dumps(initializers.serialize(initializer))))
    np.testing.assert_array_equal(again(SHAPE), values)


def test_constants() -> None:
    for initializer, value in (("zeros", 0), ("ones", 1), (initializers.Constant(2.5), 2.5)):
        np.testing.assert_array_equal(initializers.get(initializer)((2, 3)), value)


@pytest.mark.parametrize("name", [*STANDARD_DEVIATIONS, "zeros", "ones", "constant"])
def test_seed_and_config_round_trip(name: str) -> None:
    initializer = initializers.get(name)
    copy = initializers.get(json.loads(json.dumps(initializers.serialize(initializer))))
    assert copy.get_config() == initializer.get_config()
    if name in STANDARD_DEVIATIONS:
        seeded = type(initializer)(seed=3)
        np.testing.assert_array_equal(seeded(SHAPE), type(initializer)(seed=3)(SHAPE))
        assert not np.array_equal(seeded(SHAPE), type(initializer)(seed=4)(SHAPE))


def test_constant_takes_given_values() -> None:
    values = np.arange(6.0).reshape(2, 3)
    initializer = initializers.Constant(values)
    np.testing.assert_array_equal(initializer((2, 3)), values)
    np.testing.assert_array_equal(initializer((4, 2, 3)), np.tile(values, (4, 1, 1)))
    assert initializer((2, 3)).dtype == np.float32
    again = initializers.get(json.loads(json.dumps(initializers.serialize(initializer))))
    np.testing.assert_array_equal(again((2, 3)), values)
    with pytest.raises(ValueError, match=r"Constant: values of shape \(2, 3\) .* \(3, 2\)"):
        initializer((3, 2))


def test_large_weights_are_the_numbers_of_one_draw_in_little_more_memory_than_their_own() -> None:
    shape = (1000, 700)  # several times what is drawn at once, and a rest
    tracemalloc.start()
    values = initializers.RandomUniform(-0.5, 0.5, seed=3)(shape)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1.5 * values.nbytes
    expected = cnnx.random.generator(3).uniform(-0.5, 0.5, shape)
    np.testing.assert_array_equal(values, expected.astype(np.float32))
    normal = initializers.RandomNormal(1.0, 2.0, seed=3)(shape)
    expected = cnnx.random.generator(3).normal(1.0, 2.0, shape)
    np.testing.assert_array_equal(normal, expected.astype(np.float32))


@pytest.mark.parametrize("shape", [(7, 4), (4, 7), (3, 3, 2, 5), (2, 2, 1, 9), (1, 1)])
def test_orthogonal(shape: tuple[int, ...]) -> None:
    values = initializers.Orthogonal(gain=3.0, seed=2)(shape)
    matrix = values.reshape(-1, shape[-1]).astype(np.float64) / 3
    product = matrix @ matrix.T if len(matrix) < shape[-1] else matrix.T @ matrix
    np.testing.assert_allclose(product, np.eye(len(product)), atol=1e-6)
    assert values.dtype == np.float32
    np.testing.assert_array_equal(initializers.Orthogonal(gain=3.0, seed=2)(shape), values)


def test_orthogonal_has_no_preferred_sign() -> None:
    """The first number of Q is as often below 0 as above."""
    cnnx.utils.set_random_seed(1)
    signs = [np.sign(initializers.Orthogonal()((3, 2))[0, 0]) for _ in range(300)]
    assert abs(sum(signs)) < 5 * np.sqrt(300)


def test_identity() -> None:
    np.testing.assert_array_equal(initializers.get("identity")((2, 3)), np.eye(2, 3))
    np.testing.assert_array_equal(initializers.Identity(0.5)((2, 2)), np.eye(2) / 2)


def test_weights_that_are_no_matrices_are_refused() -> None:
    with pytest.raises(ValueError, match=r"Orthogonal: a weight needs two axes or more, got .*3,"):
        initializers.Orthogonal()((3,))
    with pytest.raises(ValueError, match="Identity: a weight needs two axes, got shape"):
        initializers.Identity()((3, 3, 1, 2))


@pytest.mark.parametrize(("mode", "fan"), [("fan_in", 60), ("fan_out", 3000)])
def test_the_axes_of_the_fans_may_be_named(mode: str, fan: int) -> None:
    shape = (3, 20, 50, 60)  # an output sees axes 1 and 0; an input is seen by axes 2 and -1
    initializer = initializers.VarianceScaling(
        1.0, mode, "uniform", seed=1, input_axes=(1, 0), output_axes=[2, -1]
    )
    values = initializer(shape)
    assert values.var() == pytest.approx(1 / fan, rel=0.03)
    again = initializers.get(json.loads(json.dumps(initializers.serialize(initializer))))
    np.testing.assert_array_equal(again(shape), values)
    named = initializers.HeNormal(seed=2, input_axes=[0], output_axes=[1])
    assert named.get_config() == {"seed": 2, "input_axes": [0], "output_axes": [1]}
    assert named(shape).std() == pytest.approx(np.sqrt(2 / 3), rel=0.02)
    with pytest.raises(ValueError, match=r"input_axes=\[0\] and output_axes=None go together"):
        initializers.HeNormal(input_axes=[0])
    with pytest.raises(ValueError, match=r"are not axes of a weight of shape \(3,\)"):
        named((3,))


def test_a_type_may_be_named_if_it_is_that_of_weights() -> None:
    np.testing.assert_array_equal(initializers.Ones()([2, 2], dtype="float32"), np.ones((2, 2)))
    with pytest.raises(ValueError, match="Ones: dtype must be None or 'float32', got 'float16'"):
        initializers.Ones()((2, 2), dtype="float16")


def ramp(shape: tuple[int, ...], dtype: str | None = None) -> np.ndarray:
    assert dtype == "float32"
    return np.arange(np.prod(shape)).reshape(shape)


def test_a_function_makes_first_values(tmp_path: Path) -> None:
    rules = {"kernel_initializer": ramp, "bias_initializer": lambda shape: np.ones(shape)}
    dense = cnnx.layers.Dense(2, **rules)
    model = cnnx.Sequential([cnnx.Input((3,)), dense])
    kernel, bias = dense.get_weights()
    np.testing.assert_array_equal(kernel, [[0, 1], [2, 3], [4, 5]])
    np.testing.assert_array_equal(bias, [1, 1])
    plain = cnnx.Sequential([cnnx.Input((3,)), cnnx.layers.Dense(2, kernel_initializer=ramp)])
    plain.save(tmp_path / "model.safetensors")
    loaded = cnnx.models.load_model(tmp_path / "model.safetensors", custom_objects={"ramp": ramp})
    again = cnnx.models.clone_model(loaded)
    np.testing.assert_array_equal(again.get_weights()[0], kernel)
    with pytest.raises(ValueError, match="'ramp' is no class of cnnx; name it"):
        cnnx.models.load_model(tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match=r"the initializer of kernel made \(2,\), not \(3, 2\)"):
        cnnx.layers.Dense(2, kernel_initializer=lambda shape: np.ones(2)).build_once((None, 3))
    assert model.count_params() == 8
    with pytest.raises(TypeError, match="FunctionInitializer: words must hold real numbers"):
        initializers.get(words)((2,))


def words(shape: tuple[int, ...]) -> list[str]:
    return ["one"] * shape[0]
