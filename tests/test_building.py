"""What a model is made of: its layers and their shapes, and samples that do not fit them."""

from __future__ import annotations

import numpy as np
import pytest

import cnnx
from agreement import normal
from cnnx import layers
from test_model import assert_same_bits, fit, images, small_cnn


def test_names_cannot_steer_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A file's names reach it through the table and the lines of figures."""
    evil = "\x1b]0;gone\x07\x9b2J\r"
    dense = layers.Dense(2, name=f"{evil}\nTotal params: 0")
    model = cnnx.Sequential([cnnx.Input((3,)), dense], name=evil)
    found: list[str] = []
    model.summary(print_fn=found.append)
    model.summary()
    model.compile("sgd", "mse", [cnnx.metrics.MeanAbsoluteError(evil)])
    model.evaluate(np.ones((2, 3)), np.ones((2, 2)))
    for text in (found[0], capsys.readouterr().out):
        assert all(letter.isprintable() or letter == "\n" for letter in text)
        assert r"\x1b]0;gone\x07\x9b2J\r" in text
    assert "\nTotal params: 0" not in found[0]


def test_summary_lists_layers_shapes_and_parameters() -> None:
    lines: list[str] = []
    small_cnn().summary(print_fn=lines.append)
    text = "\n".join(lines)
    for part in ("conv", "norm", "head", "(None, 6, 6, 4)", "(None, 36)", "76", "16", "111"):
        assert part in text, part
    assert "Total params: 203" in text
    assert "Trainable params: 195" in text
    assert "Non-trainable params: 8" in text


def test_shapes_are_inferred_from_input_shape_or_the_first_batch() -> None:
    declared = cnnx.Sequential()
    declared.add(layers.Conv2D(2, 3, input_shape=(5, 5, 1)))
    declared.add(layers.Flatten())
    declared.add(layers.Dense(4))
    assert declared.output_shape == (None, 4)
    deferred = cnnx.Sequential([layers.Flatten(), layers.Dense(4)])
    deferred.compile(optimizer="sgd", loss="mse")
    deferred.fit(normal(1, 4, 3, 2), normal(2, 4, 4), verbose=0)
    assert deferred.input_shape == (None, 3, 2)
    assert [weight.shape for weight in deferred.get_weights()] == [(6, 4), (4,)]


def test_a_layer_added_later_takes_part() -> None:
    model = cnnx.Sequential([cnnx.Input((4,)), layers.Dense(3)])
    assert len(model.get_weights()) == 2
    model.add(layers.Dense(2))
    assert model.predict(normal(1, 5, 4), verbose=0).shape == (5, 2)
    assert len(model.get_weights()) == 4


def test_recompiling_keeps_the_weights() -> None:
    model = small_cnn()
    fit(model, *images())
    before = model.get_weights()
    model.compile(optimizer="sgd", loss="mse")
    assert_same_bits(model.get_weights(), before)


def test_a_build_that_fails_can_be_done_again() -> None:
    model = cnnx.Sequential([layers.Conv2D(2, 5), layers.Flatten(), layers.Dense(3)])
    with pytest.raises(ValueError, match=r"conv2d.*5"):
        model.build((None, 3, 3, 1))
    assert not model.built
    assert not any(layer.built for layer in model.layers)
    model.build((None, 8, 8, 1))
    assert model.output_shape == (None, 3)


@pytest.mark.parametrize(
    ("given", "remedy"),
    [
        ((5, 6, 6), "add the channel axis"),
        ((6, 6, 1), "one sample is a batch too"),
        ((5, 1, 6, 6), "channels last"),
        ((5, 36), r"x.reshape\(\(-1, 6, 6, 1\)\)"),
    ],
)
def test_samples_of_a_wrong_shape_get_a_remedy(given: tuple[int, ...], remedy: str) -> None:
    model = cnnx.Sequential([cnnx.Input((6, 6, 1)), layers.Flatten(), layers.Dense(2)])
    with pytest.raises(ValueError, match=remedy):
        model.predict(np.zeros(given), verbose=0)


def test_samples_that_are_not_flat_get_a_remedy() -> None:
    model = cnnx.Sequential([cnnx.Input((36,)), layers.Dense(2)])
    with pytest.raises(ValueError, match=r"x.reshape\(len\(x\), -1\)"):
        model.predict(np.zeros((5, 6, 6)), verbose=0)


def test_layers_by_index_and_freezing_them_all() -> None:
    model = small_cnn()
    assert model.get_layer(index=-1) is model.get_layer("head")
    assert model.trainable
    model.trainable = False
    assert not model.trainable
    assert not model.trainable_weights
    assert len(model.non_trainable_weights) == len(model.weights)
    assert repr(model) == f"<Sequential '{model.name}', 6 layers>"
