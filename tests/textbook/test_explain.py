"""Looking inside: S0 11.6.3 (N5), and explanations of networks whose answer is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnnx
from agreement import assert_close, normal
from cnnx import explain, layers

# --- N5: responses of a filter to line patterns ---------------------------------------------------

F = [[-1, 0, 1], [-1, 0, 1], [0, 1, 2]]  # S0 (11.6.2)
K = [[-0.55, 0.04, 0.63], [0.05, -0.03, 0.37], [-0.49, 0.8, 1.03]]  # S0 (11.6.1)


def test_line_patterns_s0_11_6_3() -> None:
    patterns = explain.LINE_PATTERNS
    assert list(patterns) == [f"X{n}" for n in range(1, 9)]
    for n, column in enumerate(np.eye(3)):
        np.testing.assert_array_equal(patterns[f"X{n + 1}"], np.tile(column, (3, 1)))
        np.testing.assert_array_equal(patterns[f"X{n + 5}"], np.tile(column, (3, 1)).T)
    np.testing.assert_array_equal(patterns["X4"], np.eye(3))
    np.testing.assert_array_equal(patterns["X8"], np.eye(3)[::-1])


def test_responses_of_the_hand_made_filter_s0_11_6_3() -> None:
    responses = explain.pattern_responses(F, -0.67)
    expected = [0, 0.33, 1, 0.33, 0, 0, 1, 0.33]
    np.testing.assert_allclose(list(responses.values()), expected, atol=1e-6)


def test_responses_of_the_trained_filter_s0_11_6_3() -> None:
    responses = explain.pattern_responses(K, -0.4)
    # Z2 and Z5 are .41 and 0; printed .42 and 0, from a K of more digits. Z8 is printed .02: with
    # the K that is printed it is -.29, clipped 0.
    expected = [0, 0.41, 1, 0.05, 0, 0, 0.94, 0]
    np.testing.assert_allclose(list(responses.values()), expected, atol=1e-6)
    assert explain.pattern_responses(K, -0.4, clip=None)["X8"] == pytest.approx(-0.29, abs=1e-6)


def test_responses_are_those_of_a_layer() -> None:
    layer = layers.Conv2D(1, 3)
    layer(np.zeros((1, 3, 3, 1)))
    layer.set_weights([np.reshape(F, (3, 3, 1, 1)), [-0.67]])
    kernel, bias = layer.get_weights()
    for name, response in explain.pattern_responses(kernel, bias[0], clip=None).items():
        got = layer(explain.LINE_PATTERNS[name][None, ..., None]).item()
        assert got == pytest.approx(response, abs=1e-6)


def one_filter_network() -> cnnx.Sequential:
    """Return the network of Programme 11.6.12."""
    model = cnnx.Sequential(
        [
            cnnx.Input((32, 32, 1)),
            layers.Conv2D(1, 3),
            layers.Flatten(),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


def with_hand_made_filter(model: cnnx.Sequential) -> cnnx.Sequential:
    """Return a model with F and -.67 for the filter and the dense layer of `model`."""
    fixed = one_filter_network()
    fixed.set_weights([np.reshape(F, (3, 3, 1, 1)), [-0.67], *model.layers[-1].get_weights()])
    return fixed


def test_filter_and_dense_layer_of_opposite_signs_are_the_same_network() -> None:
    """So chance decides whether K comes out like F or like -F."""
    model, opposite = one_filter_network(), one_filter_network()
    K, b_K, w, b = model.get_weights()
    opposite.set_weights([-K, -b_K, -w, b])
    images = normal(1, 5, 32, 32, 1)
    np.testing.assert_array_equal(
        model.predict(images, verbose=0), opposite.predict(images, verbose=0)
    )


@pytest.fixture(scope="module")
def black_on_white(mnist_folder: Path) -> tuple[Any, Any]:
    """Return the 1 (for an I) and the 0 (for a Q) of MNIST as black ink on white paper."""
    (images, digits), _ = cnnx.datasets.mnist.load_data(mnist_folder)
    chosen = np.flatnonzero(digits < 2)[:1216]
    ink = np.pad(images[chosen], ((0, 0), (2, 2), (2, 2)))[..., None] / np.float32(255)
    return 1 - ink, digits[chosen] == 0


@pytest.mark.mnist
@pytest.mark.parametrize(("seed", "sign"), [(0, 1), (5, -1)])
def test_hand_made_filter_under_the_dense_layer_of_the_learnt_one(
    black_on_white: tuple[Any, Any], seed: int, sign: int
) -> None:
    """N5b, Programme 11.6.13: F reaches K's accuracy where K came out like F.

    Where K came out like -F, F answers the opposite.
    """
    cnnx.utils.set_random_seed(seed)
    model = one_filter_network()
    model.fit(*black_on_white, epochs=25, validation_split=0.2, verbose=0)
    assert model.evaluate(*black_on_white, verbose=0)[1] >= 0.99
    kernel = model.get_weights()[0].ravel()
    assert sign * kernel.sum() > 0
    assert sign * np.corrcoef(kernel, np.ravel(F))[0, 1] > 0
    accuracy = with_hand_made_filter(model).evaluate(*black_on_white, verbose=0)[1]
    assert accuracy >= 0.99 if sign == 1 else accuracy <= 0.01


@pytest.mark.mnist
def test_a_dense_layer_learns_to_read_the_hand_made_filter(
    black_on_white: tuple[Any, Any],
) -> None:
    """N5: with F frozen, a dense layer learnt for it reaches 99 %, whatever K came out like."""
    cnnx.utils.set_random_seed(5)
    fixed = with_hand_made_filter(one_filter_network())
    fixed.layers[0].trainable = False
    fixed.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    fixed.fit(*black_on_white, epochs=10, verbose=0)
    assert fixed.evaluate(*black_on_white, verbose=0)[1] >= 0.99
    np.testing.assert_array_equal(fixed.layers[0].get_weights()[0][..., 0, 0], F)


# --- a network whose reasons are known ------------------------------------------------------------


def quadrant_network(outputs: int) -> cnnx.Sequential:
    """Class 0 is brightness in the upper left quarter, class 1 in the lower right one."""
    model = cnnx.Sequential(
        [
            cnnx.Input((8, 8, 1)),
            layers.Conv2D(1, 1, activation="relu", name="conv"),
            layers.Dropout(0.5),
            layers.AveragePooling2D(4, name="pool"),
            layers.Flatten(),
            layers.Dense(outputs, activation="sigmoid" if outputs == 1 else "softmax"),
        ]
    )
    weights = [[1, -1], [0, 0], [0, 0], [-1, 1]]
    model.set_weights(
        [
            np.ones((1, 1, 1, 1)),
            [0],
            np.array(weights)[:, -outputs:] * 8.0,
            np.zeros(outputs),
        ]
    )
    return model


IMAGE = np.zeros((8, 8))
IMAGE[:4, :4] = IMAGE[4:, 4:] = 0.5
IMAGE[1, 1] = 2  # so that it is class 0


@pytest.mark.parametrize("outputs", [1, 2])
def test_gradient_of_a_score_with_respect_to_the_image(outputs: int) -> None:
    model = quadrant_network(outputs)
    expected = np.zeros((8, 8, 1))
    expected[:4, :4] = 0.5  # 8 / 16 of the quarter's pixels, where ReLU lets it through
    expected[4:, 4:] = -0.5
    assert_close(explain.input_gradient(model, IMAGE), expected)
    assert_close(explain.input_gradient(model, IMAGE[..., None], 0), expected)
    assert_close(explain.input_gradient(model, IMAGE[None, ..., None], 1), -expected)
    assert_close(explain.saliency(model, IMAGE), np.abs(expected[..., 0]))


@pytest.mark.parametrize("outputs", [1, 2])
def test_grad_cam_shows_where_a_layer_speaks_for_the_class(outputs: int) -> None:
    model = quadrant_network(outputs)
    # The mean slope of conv's only map is 0: half of the pixels speak for, half against.
    assert not explain.grad_cam(model, IMAGE).any()
    model.layers[4].set_weights(
        [np.array([[1, -1], [0, 0], [0, 0], [0, 0]])[:, -outputs:], np.zeros(outputs)]
    )
    heat = explain.grad_cam(model, IMAGE, class_index=0)
    assert_close(heat, IMAGE / 2)
    assert not explain.grad_cam(model, IMAGE, class_index=1).any()
    pooled = explain.grad_cam(model, IMAGE, class_index=0, layer="pool")
    assert pooled.shape == (8, 8)
    assert pooled[0, 0] == pooled.max() == 1
    assert (np.diff(pooled[0]) <= 0).all()


@pytest.mark.parametrize("outputs", [1, 2])
def test_occlusion_shows_what_the_decision_needs(outputs: int) -> None:
    model = quadrant_network(outputs)
    falls = explain.occlusion(model, IMAGE, size=2, strides=2)
    assert falls.shape == (8, 8)
    assert falls[1, 1] == falls.max() > 0
    assert (falls[4:, 4:] < 0).all()
    np.testing.assert_array_equal(falls[:4, 4:], 0)
    np.testing.assert_allclose(explain.occlusion(model, IMAGE, 1, 2, 2), -falls, atol=1e-6)
    uneven = explain.occlusion(model, IMAGE, size=(3, 5), strides=(2, 3))
    assert np.isfinite(uneven).all()


def test_feature_maps_are_the_outputs_of_every_layer() -> None:
    model = quadrant_network(2)
    maps = explain.feature_maps(model, IMAGE)
    assert list(maps) == [layer.name for layer in model.layers]
    assert [values.shape for values in maps.values()] == [
        layer.output_shape[1:] for layer in model.layers
    ]
    assert_close(maps["pool"][..., 0], [[IMAGE[:4, :4].mean(), 0], [0, 0.5]])
    last = maps[model.layers[-1].name]
    np.testing.assert_array_equal(last, model.predict(IMAGE[None, ..., None], verbose=0)[0])


def test_what_does_not_fit_is_refused() -> None:
    model = quadrant_network(2)
    with pytest.raises(ValueError, match=r"expects one image of shape \(8, 8, 1\), got \(2, 8, 8"):
        explain.saliency(model, np.zeros((2, 8, 8, 1)))
    with pytest.raises(ValueError, match="input_gradient: class_index must be less than 2"):
        explain.saliency(model, IMAGE, class_index=2)
    with pytest.raises(ValueError, match=r"layer 'flatten.*' gives no feature maps"):
        explain.grad_cam(model, IMAGE, layer=model.layers[3].name)
    with pytest.raises(ValueError, match="larger than the image"):
        explain.occlusion(model, IMAGE, size=9)
    with pytest.raises(ValueError, match=r"the pattern X1 .* must have one size"):
        explain.pattern_responses(np.zeros((5, 5)))
    with pytest.raises(ValueError, match="image must be a matrix"):
        explain.match_templates(np.zeros((3, 3, 1)), {"line": "line_vertical"})
    dense = cnnx.Sequential([cnnx.Input((4,)), layers.Dense(2)])
    with pytest.raises(ValueError, match="has no Conv2D"):
        explain.grad_cam(dense, np.zeros(4))


# --- pictures -------------------------------------------------------------------------------------


def pixels(figure: Any) -> Any:
    """Draw a figure as it would be saved."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())


def test_pictures() -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    model = quadrant_network(2)
    maps = explain.feature_maps(model, IMAGE)
    history = cnnx.callbacks.History()
    history.on_epoch_end(0, {"loss": 1.0, "val_loss": 1.5, "accuracy": 0.5})
    history.on_epoch_end(1, {"loss": 0.5, "val_loss": 1.0, "accuracy": 0.75})
    responses = explain.pattern_responses(F, -0.67)
    matches = explain.match_templates(IMAGE, {"line": "line_vertical"})
    figures = {
        "history": (history.plot(), ["loss", "accuracy"]),
        "confusion": (explain.plot_confusion_matrix([[5, 1], [0, 4]], ["cat", "dog"]), [""]),
        "filters": (explain.plot_filters(normal(1, 3, 3, 2, 2), numbers=True), []),
        "layer": (explain.plot_filters(model.layers[0]), []),
        "matrix": (explain.plot_filters(F), []),
        "maps": (explain.plot_feature_maps(maps), []),
        "patterns": (explain.plot_pattern_responses(responses), []),
        "matches": (explain.plot_matches(IMAGE, matches), []),
        "map": (explain.plot_map(IMAGE, IMAGE, "map"), []),
        "signed map": (explain.plot_map(normal(1, 8, 8, 3), IMAGE, signed=True), []),
    }
    for name, (figure, labels) in figures.items():
        drawn = pixels(figure)[..., :3]
        assert drawn.std() > 10, f"{name} is empty"
        assert (drawn[:2] == 255).all(), f"{name} is cut off at the top"
        for axes, label in zip(figure.axes, labels, strict=False):
            assert axes.get_ylabel() == (label or "true")


def test_colours_of_a_photo_are_drawn_as_they_are() -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    photo = np.full((8, 9, 3), 100, np.uint8)
    photo[:4] = [90, 100, 110]
    for picture, expected in ((photo, photo), (photo / 255.0, (photo - 90.0) / 20)):
        (axes,) = explain.plot_pictures([picture], ["photo"]).axes
        np.testing.assert_allclose(axes.images[0].get_array(), expected, atol=1e-6)


def test_matplotlib_keeps_its_global_state() -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    import matplotlib

    before = dict(matplotlib.rcParams)
    pixels(explain.plot_filters(F))
    assert dict(matplotlib.rcParams) == before


def test_pictures_that_cannot_be_drawn_are_refused() -> None:
    with pytest.raises(ValueError, match="counts must be square"):
        explain.plot_confusion_matrix([[1, 2, 3], [4, 5, 6]])
    with pytest.raises(ValueError, match="1 labels for 2 classes"):
        explain.plot_confusion_matrix([[1, 2], [4, 5]], ["cat"])
    with pytest.raises(ValueError, match="no epochs yet"):
        cnnx.callbacks.History().plot()
    with pytest.raises(ValueError, match="is not built yet"):
        explain.plot_filters(layers.Conv2D(1, 3))
    with pytest.raises(ValueError, match=r"filters must be a Conv2D.*\(3,\)"):
        explain.plot_filters([1, 2, 3])
