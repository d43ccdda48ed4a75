from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

import reference
from agreement import backends, check, normal, run, whole
from cnnx import _core
from strategies import channels, seeds

EPSILON, MOMENTUM = 1e-3, 0.9
LARGE = (40_003,)  # enough for two threads
# Of few rows, the gradient is the small difference of large terms: no relative error is small.
shapes = st.one_of(
    st.tuples(st.integers(8, 40)),
    st.tuples(st.integers(1, 3), st.integers(2, 6), st.integers(4, 7)),
)
# Forward, and backward from the output and its gradient.
ACTIVATIONS: dict[str, tuple[Any, Any]] = {
    "linear": (lambda x: x, lambda _, dy: dy),
    "relu": (reference.relu_forward, reference.relu_backward),
    "leaky_relu": (reference.leaky_relu_forward, reference.leaky_relu_backward),
    "tanh": (reference.tanh_forward, reference.tanh_backward),
    "relu6": (reference.relu6_forward, reference.relu6_backward),
}


def parameters(seed: int, c: int) -> dict[str, Any]:
    return {"gamma": normal(seed, c), "beta": normal(seed + 1, c)}


@example(LARGE, 24, True, 0.0, 1)
@given(shapes, channels, st.booleans(), st.sampled_from([1.0, 3.0]), seeds)  # no mean that cancels
def test_training_agrees_with_the_oracle(
    rows: tuple[int, ...], c: int, affine: bool, offset: float, seed: int
) -> None:
    src = normal(seed, *rows, c) + np.float32(offset)
    scale = parameters(seed + 1, c) if affine else {"gamma": None, "beta": None}
    gamma, beta = (scale["gamma"], scale["beta"]) if affine else (1.0, 0.0)
    moving_mean, moving_variance = normal(seed + 3, c), np.abs(normal(seed + 4, c))
    mean, variance = reference.batch_norm_statistics(src)
    inv_std = 1 / np.sqrt(variance + EPSILON)
    check(
        _core.batch_norm_forward_training,
        {"src": src, **scale, "epsilon": EPSILON, "momentum": MOMENTUM},
        {
            "dst": reference.batch_norm_forward(src, gamma, beta, mean, variance, EPSILON),
            "mean": mean,
            "inv_std": inv_std,
            "moving_mean": MOMENTUM * moving_mean.astype(float) + (1 - MOMENTUM) * mean,
            "moving_variance": MOMENTUM * moving_variance.astype(float) + (1 - MOMENTUM) * variance,
        },
        start={"moving_mean": moving_mean, "moving_variance": moving_variance},
    )
    diff_dst = normal(seed + 5, *src.shape)
    diff_src, diff_gamma, diff_beta = reference.batch_norm_backward(src, diff_dst, gamma, EPSILON)
    check(
        _core.batch_norm_backward,
        {
            "src": src,
            "diff_dst": diff_dst,
            "gamma": scale["gamma"],
            "mean": mean.astype(np.float32),
            "inv_std": inv_std.astype(np.float32),
        },
        {
            "diff_src": diff_src,
            "diff_gamma": diff_gamma if affine else None,
            "diff_beta": diff_beta if affine else None,
        },
        in_place={"diff_src": "diff_dst"} if affine else None,
    )


@example(LARGE, 24, 1)
@given(shapes, channels, seeds)
def test_inference_agrees_with_the_oracle(rows: tuple[int, ...], c: int, seed: int) -> None:
    src, scale = normal(seed, *rows, c), parameters(seed + 1, c)
    mean, variance = normal(seed + 3, c), np.abs(normal(seed + 4, c))
    check(
        _core.batch_norm_forward_inference,
        {
            "src": src,
            **scale,
            "moving_mean": mean,
            "moving_variance": variance,
            "epsilon": EPSILON,
        },
        {
            "dst": reference.batch_norm_forward(
                src, **scale, mean=mean, variance=variance, epsilon=EPSILON
            )
        },
    )


@example((9, 33, 64), 3, "relu", 1)
@example((2, 65, 129), 17, "linear", 1)
@given(
    st.tuples(st.integers(2, 3), st.integers(2, 9), st.integers(3, 9)),
    channels,
    st.sampled_from(sorted(ACTIVATIONS)),
    seeds,
)
def test_activation_and_pooling_in_the_same_pass(
    images: tuple[int, int, int], c: int, activation: str, seed: int
) -> None:
    mb, h, w = images
    # Equal pixels stay equal, and no others become so.
    src, gamma, beta = whole(seed, mb, h, w, c), normal(seed + 1, c), normal(seed + 2, c)
    mean, variance = reference.batch_norm_statistics(src)
    normalized = reference.batch_norm_forward(src, gamma, beta, mean, variance, EPSILON)
    assume(np.abs(normalized).min() > 1e-4)  # on either side of 0 activations differ
    activate, derive = ACTIVATIONS[activation]
    moving = {
        "moving_mean": mean.astype(np.float32),
        "moving_variance": variance.astype(np.float32),
    }
    inv_std = 1 / np.sqrt(variance + EPSILON)
    statistics = {"mean": mean, "inv_std": inv_std}
    forward = {"src": src, "gamma": gamma, "beta": beta, "epsilon": EPSILON}
    backward = {
        "src": src,
        "gamma": gamma,
        "beta": beta,
        "activation": activation,
        **{name: value.astype(np.float32) for name, value in statistics.items()},
    }

    window = {"pool_size": (2, 2), "strides": (2, 2), "padding": (0, 0)}
    pooled, argmax = reference.max_pool2d_forward(normalized, (h // 2, w // 2), **window)
    codes = argmax.astype(np.uint8)
    for pool, before in [(False, normalized), (True, pooled)]:
        epilogue = {"activation": activation, "pool": pool}
        dst = activate(before)
        outputs = {"dst": dst, "codes": codes} if pool else {"dst": dst}
        start = {"codes": np.full(codes.shape, 99, np.uint8)} if pool else {}
        check(
            _core.batch_norm_forward_training,
            {**forward, "momentum": MOMENTUM, **epilogue},
            {**outputs, **statistics, **moving},
            start={**start, **moving},
        )
        check(_core.batch_norm_forward_inference, {**forward, **moving, **epilogue}, {"dst": dst})

        diff_dst = np.abs(normal(seed + 3, *dst.shape))
        gradient = derive(dst, diff_dst)
        if pool:
            gradient = reference.max_pool2d_backward(gradient, argmax, (h, w), **window)
        gradients = reference.batch_norm_backward(src, gradient, gamma, EPSILON)
        check(
            _core.batch_norm_backward,
            {**backward, "diff_dst": diff_dst, "codes": codes if pool else None},
            dict(zip(["diff_src", "diff_gamma", "diff_beta"], gradients, strict=True)),
            in_place={"diff_src": "src"} if seed % 2 else None,
            tolerance=1e-4,  # of few rows, the sums may nearly cancel
        )


@example(LARGE, 24, "relu", 1)
@given(shapes, channels, st.sampled_from(sorted(ACTIVATIONS)), seeds)
def test_an_addend_in_the_same_pass(
    rows: tuple[int, ...], c: int, activation: str, seed: int
) -> None:
    src, addend, gamma, beta = (
        normal(seed, *rows, c),
        normal(seed + 1, *rows, c),
        normal(seed + 2, c),
        normal(seed + 3, c),
    )
    mean, variance = reference.batch_norm_statistics(src)
    total = reference.batch_norm_forward(src, gamma, beta, mean, variance, EPSILON) + addend
    assume(np.abs(total).min() > 1e-6)  # on either side of 0 activations differ
    activate, derive = ACTIVATIONS[activation]
    moving = {
        "moving_mean": mean.astype(np.float32),
        "moving_variance": variance.astype(np.float32),
    }
    statistics = {"mean": mean, "inv_std": 1 / np.sqrt(variance + EPSILON)}
    forward = {"src": src, "gamma": gamma, "beta": beta, "epsilon": EPSILON, "addend": addend}
    forward["activation"] = activation
    dst = activate(total)
    check(
        _core.batch_norm_forward_training,
        {**forward, "momentum": MOMENTUM},
        {"dst": dst, **statistics, **moving},
        start=moving,
    )
    check(_core.batch_norm_forward_inference, {**forward, **moving}, {"dst": dst})

    diff_dst = normal(seed + 4, *dst.shape)
    gradient = derive(dst.astype(np.float32), diff_dst)
    diff_src, diff_gamma, diff_beta = reference.batch_norm_backward(src, gradient, gamma, EPSILON)
    inputs = {
        "src": src,
        "diff_dst": diff_dst,
        "gamma": gamma,
        "dst": dst.astype(np.float32),
        "activation": activation,
        **{name: value.astype(np.float32) for name, value in statistics.items()},
    }
    expected = {"diff_src": diff_src, "diff_gamma": diff_gamma, "diff_beta": diff_beta}
    check(
        _core.batch_norm_backward,
        inputs,
        {**expected, "diff_addend": gradient},
        in_place={"diff_addend": "diff_dst", "diff_src": "src"} if seed % 2 else None,
        tolerance=1e-4,
    )
    check(_core.batch_norm_backward, inputs, {**expected, "diff_addend": None}, tolerance=1e-4)


@example(LARGE, 24, "tanh", True, True, 1)
@given(shapes, channels, st.sampled_from(sorted(ACTIVATIONS)), st.booleans(), st.booleans(), seeds)
def test_the_output_is_computed_again_to_the_same_bits(
    rows: tuple[int, ...], c: int, activation: str, affine: bool, adds: bool, seed: int
) -> None:
    src = normal(seed, *rows, c)
    inputs = {
        "src": src,
        **(parameters(seed + 1, c) if affine else {"gamma": None, "beta": None}),
        "activation": activation,
        "addend": normal(seed + 3, *src.shape) if adds else None,
    }
    moving = {"moving_mean": np.zeros(c, np.float32), "moving_variance": np.ones(c, np.float32)}
    outputs = {"dst": src.shape, "mean": (c,), "inv_std": (c,), **moving}
    for backend in backends():
        backend.use()
        once = {**inputs, "epsilon": EPSILON, "momentum": MOMENTUM}
        first = run(_core.batch_norm_forward_training, once, outputs)
        statistics = {name: first[name] for name in ("mean", "inv_std")}
        again = run(_core.batch_norm_recompute, inputs | statistics, {"dst": src.shape})
        np.testing.assert_array_equal(again["dst"], first["dst"])


@pytest.mark.usefixtures("backend")
def test_what_an_addend_needs_is_named() -> None:
    src, dst, ones = normal(1, 2, 4, 4, 3), normal(2, 2, 4, 4, 3), np.ones((4, 3), np.float32)
    for output, pool, addend, problem in [
        (dst, False, dst, "dst must not share memory with an input"),
        (np.zeros((2, 2, 2, 3), np.float32), True, src, "addend cannot be added before pooling"),
    ]:
        with pytest.raises(ValueError, match=problem):
            _core.batch_norm_forward_inference(
                src, None, None, ones[0], ones[1], output, EPSILON, "relu", pool, addend
            )
    results = (np.empty_like(src), None, None, "relu")
    for last, problem in [
        ((None, None, None, dst.copy()), "diff_addend needs dst"),
        ((None, None, dst, dst), "diff_addend must not share memory with an input"),
        ((None, None, src, results[0]), "diff_addend must not share memory with an input"),
    ]:
        with pytest.raises(ValueError, match=problem):
            _core.batch_norm_backward(src, dst, None, ones[0], ones[1], *results, *last)


def test_gradients_are_the_central_differences() -> None:
    src, diff_dst, scale = normal(1, 7, 3), normal(2, 7, 3), parameters(3, 3)
    mean, variance = reference.batch_norm_statistics(src)

    def loss(s: Any = src, gamma: Any = scale["gamma"], beta: Any = scale["beta"]) -> Any:
        statistics = reference.batch_norm_statistics(s)
        return reference.batch_norm_forward(s, gamma, beta, *statistics, EPSILON) * diff_dst

    check(
        _core.batch_norm_backward,
        {
            "src": src,
            "diff_dst": diff_dst,
            "gamma": scale["gamma"],
            "mean": mean.astype(np.float32),
            "inv_std": (1 / np.sqrt(variance + EPSILON)).astype(np.float32),
        },
        {
            "diff_src": reference.central_differences(lambda s: loss(s=s), src),
            "diff_gamma": reference.central_differences(lambda g: loss(gamma=g), scale["gamma"]),
            "diff_beta": reference.central_differences(lambda b: loss(beta=b), scale["beta"]),
        },
    )


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("rows", [4096, 100_000])
def test_a_mean_far_from_zero_leaves_the_variance_accurate(rows: int) -> None:
    """E[x^2] - E[x]^2 would lose every digit here."""
    src = (np.arange(rows, dtype=np.float32) % 2 + 10_000).reshape(-1, 1)
    dst, mean, inv_std = np.empty_like(src), np.empty(1, np.float32), np.empty(1, np.float32)
    moving_mean, moving_variance = np.zeros(1, np.float32), np.zeros(1, np.float32)
    _core.batch_norm_forward_training(
        src, None, None, dst, mean, inv_std, moving_mean, moving_variance, 1e-6, 0.0
    )
    assert mean.item() == 10_000.5
    assert moving_variance.item() == pytest.approx(0.25, rel=1e-5)
    np.testing.assert_allclose(np.abs(dst), 1, rtol=1e-5)


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("rows", [1, 10])
def test_a_constant_channel_gives_beta(rows: int) -> None:
    src, beta = np.full((rows, 2), 7, np.float32), np.array([0.5, -2], np.float32)
    dst, rest = np.empty_like(src), np.ones((4, 2), np.float32)
    _core.batch_norm_forward_training(src, rest[0].copy(), beta, dst, *rest, EPSILON, MOMENTUM)
    np.testing.assert_array_equal(dst, np.broadcast_to(beta, dst.shape))
