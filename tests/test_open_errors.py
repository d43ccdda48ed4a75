"""What does not fit a network of open sizes is named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import cnnx
from cnnx import layers
from open_networks import OPEN, classifier, images, labels, segmenter

pytestmark = pytest.mark.one_isa


class Halving(layers.Layer):
    """A layer of a user's that works its shape out from numbers."""

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (input_shape[0], input_shape[1] // 2, *input_shape[2:])


REMEDY = "put a global pooling such as GlobalAveragePooling2D before it, or give cnnx.Input a fixed"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: [layers.Flatten(), layers.Dense(3, name="head")],
            rf"'head' makes its kernel .*{REMEDY}",
        ),
        (lambda: [layers.Reshape((6, 6), name="r")], rf"'r' gives samples a fixed shape.*{REMEDY}"),
        (lambda: [layers.PReLU(name="p")], r"'p' has a slope.*\(1, 2\).* or give cnnx.Input"),
        (lambda: [layers.Conv2D(2, 3, bias="untied", name="c")], r"'c' has a bias.*bias='tied'"),
        (
            lambda: [layers.LayerNormalization((1, 2), name="n")],
            r"'n' makes its gamma of shape \(None",
        ),
        (lambda: [Halving(name="own")], rf"'own' works out its shapes .*{REMEDY}"),
    ],
)
def test_what_needs_a_size_says_so_when_built(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cnnx.Sequential([cnnx.Input(OPEN), *make()])


def test_channels_left_open_are_refused() -> None:
    with pytest.raises(ValueError, match=r"Conv2D 'c' .*\(None, 8, 8, None\) leaves a size open"):
        layers.Conv2D(2, 3, name="c")(cnnx.Input((8, 8, None)))


def test_images_that_do_not_fit_are_named() -> None:
    model = classifier()
    with pytest.raises(ValueError, match=r"Conv2D 'conv2d.*does not fit the 2x9 input"):
        model.predict(images(1, 2, 9, 3), verbose=0)
    with pytest.raises(ValueError, match=r"shape \(batch, None, None, 3\), got \(1, 9, 9, 4\)"):
        model.predict(images(1, 9, 9, 4), verbose=0)
    unet = segmenter()
    with pytest.raises(ValueError, match=r"Concatenate 'concatenate.*shapes must agree"):
        unet.predict(images(1, 9, 8, 3), verbose=0)
    unet.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match=r"outputs of shape \(2, 8, 8, 3\), got \(2, 8, 6\)"):
        unet.fit(images(2, 8, 8, 3), labels(2, 8, 6, classes=3), verbose=0)
    assert unet.predict(images(1, 8, 8, 3), verbose=0).shape == (1, 8, 8, 3)


def test_outputs_of_several_sizes_are_no_array() -> None:
    with pytest.raises(ValueError, match="call predict_on_batch for each"):
        segmenter().predict((images(2, *size, 3) for size in [(8, 8), (8, 10)]), verbose=0)
