"""T2 and T3: pooling by hand, and the local receptive fields of a network."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import cnnx
from agreement import assert_close, normal
from cnnx import layers, ops
from cnnx.explain import ReceptiveField, input_gradient, pooling_steps, receptive_field
from single_layer import both
from strategies import seeds

# S1, slide "max pooling"
IMAGE = [[12, 20, 30, 0], [8, 12, 2, 0], [34, 70, 37, 4], [112, 100, 25, 12]]

# --- T2 -------------------------------------------------------------------------------------------

MAX_TEXT = """\
Forward: y is the maximum of each 2x2 window of x

x
  4  -4  2
  4   1  2

Each window, and its maximum:

  y[1,1]          y[1,2]
  4  -4           -4  2
  4   1            1  2
  maximum 4       maximum 2

y
  4  2

Backward: dy is the gradient of the error with respect to y

dy
  3  -5

Input: each dy[i,j] goes to the maximum of its window alone, the first of equal ones

  3 to window [1,1]       -5 to window [1,2]
  3  0                    0  -5
  0  0                    0   0

and dx is their sum

  dx[1,1] = dy[1,1] = 3
  dx[1,2] = 0
  dx[1,3] = dy[1,2] = -5
  dx[2,1] = 0
  dx[2,2] = 0
  dx[2,3] = 0

dx
  3  0  -5
  0  0   0"""


def test_t2_text() -> None:
    steps = pooling_steps([[4, -4, 2], [4, 1, 2]], "max", 2, strides=1, dy=[[3, -5]])
    assert str(steps) == MAX_TEXT


@pytest.mark.parametrize(
    ("kind", "printed", "sums"),
    [
        ("max", [[20, 30], [112, 37]], ["maximum 20", "maximum 112"]),
        # S1 prints 20 for 19.5
        ("average", [[13, 8], [79, 19.5]], ["52/4 = 13", "78/4 = 19.5"]),
        ("sum", [[52, 32], [316, 78]], ["sum 52", "sum 316"]),
        ("weighted", [[13, 8], [79, 19.5]], ["0.25*52 = 13", "0.25*316 = 79"]),
    ],
)
def test_t2_pooling_of_a_4x4_image_of_s1(kind: str, printed: Any, sums: list[str]) -> None:
    """S1 XLI; S0 Figure 11.3.1 has the same sizes: pool 2, stride 2, 4x4 to 2x2."""
    steps = pooling_steps(IMAGE, kind, 2)
    np.testing.assert_array_equal(steps.y[..., 0], printed)
    assert all(text in steps.forward() for text in sums)


def test_t2_max_pooling_sends_the_gradient_to_the_maximum_s3_e8_8() -> None:
    dx = pooling_steps(IMAGE, "max", 2, dy=[[1, 2], [3, 4]]).dx[..., 0]
    np.testing.assert_array_equal(dx, [[0, 1, 2, 0], [0, 0, 0, 0], [0, 0, 4, 0], [3, 0, 0, 0]])
    tied = pooling_steps([[1, 7], [7, 7]], "max", 2, dy=[[5]])
    np.testing.assert_array_equal(tied.dx[..., 0], [[0, 5], [0, 0]])


def test_t2_average_pooling_with_a_weight_s3_p8_3_and_p8_4() -> None:
    """S3: dA repeats lw dLZ over each window; dlw = sum(dLZ * the sums of the windows)."""
    dy = np.array([[1, 2], [-1, 4]])
    steps = pooling_steps(IMAGE, "weighted", 2, dy=dy, weight=0.5)
    np.testing.assert_array_equal(steps.y[..., 0], [[26, 16], [158, 39]])
    np.testing.assert_array_equal(steps.dx[..., 0], np.kron(0.5 * dy, np.ones((2, 2))))
    assert steps.dw.tolist() == [52 + 2 * 32 - 316 + 4 * 78]
    text = " ".join(steps.backward().split())
    assert "dw = 1*52 + 2*32 + (-1)*316 + 4*78 = 112" in text
    assert "dx[1,1] = w dy[1,1] = 0.5*1 = 0.5" in text


def test_t2_each_pixel_of_an_average_gets_its_share_s0_11_5_2() -> None:
    steps = pooling_steps(IMAGE, "average", 2, dy=[[1, 2], [3, 4]])
    np.testing.assert_array_equal(
        steps.dx[..., 0], np.kron([[1, 2], [3, 4]], np.full((2, 2), 0.25))
    )
    assert "dx[4,4] = dy[2,2]/4 = 4/4 = 1" in steps.backward()


@pytest.mark.parametrize("kind", ["max", "average", "sum"])
@pytest.mark.parametrize(("pool_size", "strides"), [(2, None), (3, 1), ((2, 3), (3, 1)), (1, 2)])
def test_t2_agreement_with_the_operation(kind: str, pool_size: Any, strides: Any) -> None:
    name = {"max": "max_pool2d", "average": "avg_pool2d", "sum": "sum_pool2d"}[kind]
    x = normal(1, 6, 7, 2)
    y = getattr(ops, name)(x[None], pool_size, strides)
    dy = normal(2, *y.shape)
    dx = getattr(ops, f"{name}_backward")(x[None], dy, pool_size, strides)
    steps = pooling_steps(x, kind, pool_size, strides, dy=dy[0])
    assert_close(steps.y, y[0])
    assert_close(steps.dx, dx[0])
    assert str(steps).count("to window") == dy.size
    assert max(map(len, steps.backward().splitlines())) <= 100


def test_t2_channels_have_weights_of_their_own() -> None:
    x, dy = normal(1, 4, 6, 3), normal(2, 2, 3, 3)
    layer = layers.WeightedAveragePooling2D(2)
    layer(x[None])
    layer.set_weights([[0.5, -1, 0]])
    expected, dx = both(layer, x[None], dy[None])
    steps = pooling_steps(x, "weighted", 2, dy=dy, weight=[0.5, -1, 0])
    assert_close(steps.y, expected[0])
    assert_close(steps.dx, dx[0])
    assert_close(steps.dw, layer.scale.gradient)
    assert "w[2] dy[1,1,2]" in steps.backward()
    assert "plus" not in steps.forward()


def test_t2_overlapping_windows_add_up() -> None:
    """S2's loop assigns instead, so that the last window wins."""
    steps = pooling_steps([[0, 0, 0], [0, 9, 0], [0, 0, 0]], "max", 2, 1, dy=[[1, 2], [3, 4]])
    assert steps.dx[1, 1, 0] == 10
    text = steps.backward()
    assert "dx[2,2] = dy[1,1] + dy[1,2] + dy[2,1] + dy[2,2] = 1 + 2 + 3 + 4 = 10" in text


@pytest.mark.parametrize(
    ("x", "options", "error", "message"),
    [
        ([1, 2], {}, ValueError, r"pooling_steps: x .*\(2,\)"),
        (IMAGE, {"kind": "median"}, ValueError, "pooling_steps: kind must be .*'median'"),
        (IMAGE, {"pool_size": 0}, ValueError, "pool_size must be at least 1, got 0"),
        (IMAGE, {"pool_size": 5}, ValueError, "a 5x5 pool .* does not fit the 4x4 input"),
        (IMAGE, {"dy": [[1]]}, ValueError, r"dy must have shape \(2, 2\), got \(1, 1\)"),
        (np.ones((4, 4, 2)), {"dy": np.ones((2, 2))}, ValueError, r"shape \(2, 2, 2\)"),
        (IMAGE, {"weight": 1}, ValueError, "weight is for kind='weighted', got kind='max'"),
        (IMAGE, {"kind": "weighted", "weight": [1, 2]}, ValueError, r"shape \(1,\), got \(2,\)"),
        (IMAGE, {"kind": "weighted", "weight": "a"}, TypeError, "weight must hold real numbers"),
    ],
)
def test_t2_wrong_input(
    x: Any, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        pooling_steps(x, **options)


# --- T3: S1 XV, S3 on weight sharing --------------------------------------------------------------


def seen_by_perturbation(model: cnnx.Sequential) -> NDArray[np.bool_]:
    """Return which pixels change which outputs, (height, width, rows, columns) or fewer axes."""
    _, height, width, channels = model.input_shape
    grey = np.full((1, height, width, channels), 1, np.float32)
    before = model.predict(grey, verbose=0)
    seen = np.zeros((height, width, *before.shape[1:-1]), bool)
    for row, column in np.ndindex(height, width):
        image = grey.copy()
        image[0, row, column] += 1000
        seen[row, column] = (model.predict(image, verbose=0) != before)[0].any(axis=-1)
    return seen


def positive(model: cnnx.Sequential) -> cnnx.Sequential:
    for layer in model.layers:
        layer.set_weights([np.ones(weight.shape) for weight in layer.weights])
    return model


def check_fields(*stack: Any, size: tuple[int, int] = (17, 14)) -> None:
    """Compare the field of every output of the last layer with what really changes it."""
    model = positive(cnnx.Sequential([cnnx.Input((*size, 2)), *copy.deepcopy(stack)]))
    field = receptive_field(model)[model.layers[-1].name]
    seen = seen_by_perturbation(model)
    seen = seen.reshape(*seen.shape, *[1] * (4 - seen.ndim))
    for i, j in np.ndindex(*seen.shape[2:]):
        first = np.array(field.start) + np.array((i, j)) * field.jump
        last = first + field.size - 1
        places = np.argwhere(seen[:, :, i, j])
        if (first >= 0).all() and (last < size).all():
            np.testing.assert_array_equal(places.min(axis=0), first)
            np.testing.assert_array_equal(places.max(axis=0), last)
        else:  # some of it is padding, of the image or of a layer
            assert ((first <= places) & (places <= last)).all()


@pytest.mark.parametrize(
    "stack",
    [
        [layers.Conv2D(1, 3)],
        [layers.Conv2D(1, 3, padding="same"), layers.MaxPooling2D(2), layers.Conv2D(1, 3)],
        [layers.Conv2D(2, (5, 2), strides=(2, 3), padding=((1, 0), (0, 1)))],
        [layers.Conv2D(1, 3, padding="full"), layers.Conv2D(1, 2, strides=2, padding="same")],
        [
            layers.Conv2D(1, 3, strides=2, padding="same"),
            layers.SumPooling2D(3, 2),
            layers.Activation("relu"),
        ],
        [layers.AveragePooling2D((2, 3), padding="same"), layers.Conv2D(1, 2, padding=1)],
        [layers.MaxPooling2D(3, 2, padding=1), layers.Dense(2), layers.Conv2D(1, (1, 3))],
        [layers.Conv2D(1, 3, operation="convolution"), layers.Dropout(0.5), layers.Conv2D(1, 2)],
        [layers.ZeroPadding2D(((2, 0), (1, 3))), layers.Conv2D(1, 3, 2), layers.Identity()],
        [layers.Conv2D(1, 2, 2), layers.Cropping2D(((2, 1), (1, 0))), layers.SumPooling2D(2)],
        [
            layers.DepthwiseConv2D(3, 2, "same"),
            layers.SeparableConv2D(2, (2, 3), depth_multiplier=2),
        ],
        [layers.Conv2D(1, 2, 2), layers.Conv2DTranspose(2, (3, 2), padding="same")],
        [layers.Conv2DTranspose(1, 2, dilation_rate=(2, 1)), layers.Conv2D(1, 3)],
    ],
)
def test_t3_fields_are_what_changes_an_output(stack: list[Any]) -> None:
    check_fields(*stack)


@given(
    st.lists(
        st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(0, 2)), min_size=1, max_size=2
    ),
    seeds,
)
def test_t3_fields_of_any_chain(windows: list[tuple[int, int, int]], seed: int) -> None:
    chance = np.random.default_rng(seed)
    stack: list[layers.Layer] = []
    for extent, stride, zeros in windows:
        if chance.random() < 0.5:
            stack.append(layers.Conv2D(1, extent, stride, padding=zeros))
        else:
            stack.append(layers.SumPooling2D(extent, stride, padding=min(zeros, extent - 1)))
    check_fields(*stack, size=(13, 12))


def test_t3_dilation_leaves_holes_within_the_field() -> None:
    model = cnnx.Sequential(
        [cnnx.Input((11, 11, 1)), layers.Conv2D(1, 3, dilation_rate=(2, 3), name="holes")]
    )
    assert receptive_field(model)["holes"] == ((5, 7), (1, 1), (0, 0))
    check_fields(layers.Conv2D(1, 3), layers.Conv2D(1, 3, dilation_rate=2), size=(9, 9))


@pytest.mark.parametrize(
    "tail",
    [
        [layers.Flatten(), layers.Dense(3)],
        [layers.GlobalAveragePooling2D()],
        [layers.Cropping2D(1), layers.Flatten(), layers.RepeatVector(2)],
        [layers.GlobalAveragePooling2D(keepdims=True), layers.Conv2D(2, 3, padding="same")],
        [layers.Flatten(), layers.Dense(4), layers.Reshape((2, 2, 1)), layers.Conv2D(1, 2)],
        [layers.Reshape((-1, 1)), layers.Conv1D(2, 3, 2, "same"), layers.GlobalAveragePooling1D()],
        [layers.Reshape((-1, 1)), layers.Conv1D(2, 3), layers.GlobalMaxPooling1D()],
    ],
)
def test_t3_in_the_end_everything_is_seen(tail: list[Any]) -> None:
    check_fields(layers.Conv2D(1, 3, padding="same"), *tail, size=(6, 5))
    # A partial window that is dropped stays unseen.
    check_fields(layers.MaxPooling2D(2), *tail, size=(7, 6))


def test_t3_a_3x3_region_of_9_inputs_and_the_whole_image() -> None:
    """S1 XV: a hidden unit of a convolution sees 3x3 inputs, one of a dense layer all 784."""
    model = cnnx.Sequential(
        [
            cnnx.Input((28, 28, 1)),
            layers.Conv2D(4, 3, name="local"),
            layers.MaxPooling2D(2, name="pool"),
            layers.Conv2D(4, 3, padding="same", activation="relu", name="wider"),
            layers.BatchNormalization(name="norm"),
            layers.Flatten(name="vec"),
            layers.Dense(30, name="full"),
        ]
    )
    fields = receptive_field(model)
    assert fields["local"] == ReceptiveField(size=(3, 3), jump=(1, 1), start=(0, 0))
    assert fields["pool"] == ((4, 4), (2, 2), (0, 0))
    assert fields["wider"] == fields["norm"] == ((8, 8), (2, 2), (-2, -2))
    assert fields["wider"].centre == (1.5, 1.5)
    assert fields["vec"] == fields["full"] == ((28, 28), (0, 0), (0, 0))
    assert (
        str(fields)
        == """\
layer    size   jump    start       centre
local     3x3    1x1     0, 0         1, 1
pool      4x4    2x2     0, 0     1.5, 1.5
wider     8x8    2x2   -2, -2     1.5, 1.5
norm      8x8    2x2   -2, -2     1.5, 1.5
vec     28x28      -     0, 0   13.5, 13.5
full    28x28      -     0, 0   13.5, 13.5"""
    )


def test_t3_the_gradient_of_an_output_is_zero_outside_its_field() -> None:
    """Another witness: one output of a net of positive weights, differentiated by the image."""
    chain = [layers.Conv2D(1, 3, strides=2, padding=1), layers.Conv2D(1, 3, padding="same")]
    model = positive(cnnx.Sequential([cnnx.Input((15, 13, 1)), *chain, layers.Flatten()]))
    field = receptive_field(model)[chain[-1].name]
    columns = model.layers[1].output_shape[2]
    for i, j in ((0, 0), (2, 3), (7, 6)):
        gradient = input_gradient(model, np.ones((15, 13)), i * columns + j)[..., 0]
        first = [max(field.start[a] + (i, j)[a] * field.jump[a], 0) for a in (0, 1)]
        last = [field.start[a] + (i, j)[a] * field.jump[a] + field.size[a] for a in (0, 1)]
        expected = np.zeros((15, 13), bool)
        expected[first[0] : last[0], first[1] : last[1]] = True
        np.testing.assert_array_equal(gradient != 0, expected)


def test_t3_other_models_are_refused() -> None:
    with pytest.raises(ValueError, match=r"must take images .*its input shape is \(5,\)"):
        receptive_field(cnnx.Sequential([cnnx.Input((5,)), layers.Dense(2)]))

    model = cnnx.Sequential([cnnx.Input((4, 4, 1)), layers.Conv2DTranspose(1, 3, 2, name="up")])
    with pytest.raises(ValueError, match=r"'up' see fields of different sizes, .*get_layer\("):
        receptive_field(model)

    class Mirror(layers.Layer):
        def forward(self, call: Any, x: Any) -> Any:
            return x[:, :, ::-1]

    below = layers.Conv2D(1, 3, padding="same", name="below")
    model = cnnx.Sequential([cnnx.Input((4, 4, 1)), below, Mirror(name="mirror")])
    with pytest.raises(ValueError, match=r"outputs of Mirror 'mirror' see.*get_layer\("):
        receptive_field(model)
    larger = cnnx.Sequential([cnnx.Input((4, 4, 1)), layers.UpSampling2D(name="larger")])
    with pytest.raises(
        ValueError, match=r"UpSampling2D 'larger' lie at uneven distances.*get_layer\("
    ):
        receptive_field(larger)
    uneven = cnnx.Sequential([cnnx.Input((4, 4, 1)), layers.AdaptiveMaxPooling2D(3, name="thirds")])
    with pytest.raises(ValueError, match=r"windows of .*'thirds' are not all alike.*get_layer\("):
        receptive_field(uneven)
    halves = cnnx.Sequential([cnnx.Input((4, 4, 1)), layers.AdaptiveMaxPooling2D(2, name="halves")])
    assert receptive_field(halves)["halves"] == ((2, 2), (2, 2), (0, 0))
    whole = cnnx.Model(model.input, model.get_layer("mirror").input)
    assert receptive_field(whole)["below"].size == (3, 3)


@pytest.mark.parametrize(
    ("norm", "whole"),
    [
        (layers.LayerNormalization(), False),
        (layers.LayerNormalization([1, 2]), True),
        (layers.GroupNormalization(1), True),
    ],
)
def test_t3_statistics_of_an_image_see_it_all(norm: layers.Layer, whole: bool) -> None:
    model = cnnx.Sequential([cnnx.Input((7, 6, 2)), layers.Conv2D(2, 3), copy.deepcopy(norm)])
    field = receptive_field(model)[model.layers[-1].name]
    assert field == (((7, 6), (0, 0), (0, 0)) if whole else ((3, 3), (1, 1), (0, 0)))
