"""What a model is made of: its layers and their shapes, and samples that do not fit them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cnnx
from agreement import normal
from cnnx import layers
from test_model import assert_same_bits, fit, images, small_cnn

pytestmark = pytest.mark.one_isa


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


def table(model: cnnx.Model, **options: Any) -> list[str]:
    """Return the lines of a summary."""
    found: list[str] = []
    model.summary(print_fn=found.append, **options)
    return found[0].split("\n")


def test_a_summary_of_a_given_length() -> None:
    model = small_cnn()
    for length in (40, 77, 150):
        lines = [line for line in table(model, line_length=length) if line[0] not in "M "]
        assert {len(line) for line in lines} == {length}
    names = table(model, line_length=40)
    cells = "".join(line.split("│")[1].strip() for line in names if line.startswith("│"))
    texts = [f"{layer.name} ({type(layer).__name__})" for layer in model.layers]
    assert cells.replace(" ", "") == "".join(texts).replace(" ", "")


@pytest.mark.parametrize("positions", [[0.5, 0.75, 1.0], [40, 60, 80]])
def test_a_summary_with_columns_at_given_places(positions: list[float]) -> None:
    lines = table(small_cnn(), positions=positions, line_length=80)
    walls = {
        tuple(place for place, letter in enumerate(line) if letter in "│┃")
        for line in lines
        if line[0] in "│┃"
    }
    assert walls == {(0, 40, 59, 79) if positions[0] < 1 else (0, 39, 59, 79)}


def test_a_summary_of_some_layers() -> None:
    model = cnnx.Sequential(
        [cnnx.Input((3,)), *(layers.Dense(2, name=f"dense_{name}") for name in "abcd")]
    )
    whole, part = table(model), table(model, layer_range=["dense_b", "dense_[cd]"])
    assert whole[-3:] == part[-3:]
    assert [name for name in "abcd" if any(f"dense_{name}" in line for line in part)] == [*"bcd"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"positions": [0.5, 1.0]}, "positions must say where each of the 3 columns ends"),
        ({"positions": [0.5, 0.5, 1.0]}, "leave a column no room"),
        ({"positions": "wide"}, "positions must say"),
        ({"line_length": 5}, "summary: line_length must be at least 13"),
        ({"layer_range": ["a"]}, "layer_range must hold two names"),
        ({"layer_range": "ab"}, "layer_range must hold two names"),
        ({"layer_range": ["x", "dense"]}, "'x' matches no layer of conv"),
        ({"layer_range": ["head", "conv"]}, "ends before it begins"),
        ({"layer_range": ["(", "conv"]}, "is no pattern"),
    ],
)
def test_wrong_arguments_of_summary_are_refused(options: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        small_cnn().summary(**options)


# --- clones whose layers are called otherwise -----------------------------------------------------


def branched() -> cnnx.Model:
    x = cnnx.Input((4,))
    y = layers.Dense(3, name="a")(x)
    return cnnx.Model(x, layers.Add(name="sum")([y, layers.Dense(3, name="b")(y)]))


def test_call_function_puts_layers_in() -> None:
    model = branched()

    def call(layer: Any, given: Any) -> Any:
        found = layer(given)
        return layers.Dropout(0.5)(found) if isinstance(layer, layers.Dense) else found

    clone = cnnx.models.clone_model(model, call_function=call)
    kinds = [type(layer).__name__ for layer in clone.layers]
    assert kinds == ["InputLayer", "Dense", "Dropout", "Dense", "Dropout", "Add"]
    same = cnnx.models.clone_model(model, None, lambda layer: layer, call)
    x = np.ones((2, 4))
    np.testing.assert_array_equal(same.predict(x, verbose=0), model.predict(x, verbose=0))
    outer_input = cnnx.Input((4,))
    outer = cnnx.Model(outer_input, model(outer_input))
    inner = cnnx.models.clone_model(outer, call_function=call, recursive=True).layers[-1]
    assert [type(layer).__name__ for layer in inner.layers] == kinds
    inner = cnnx.models.clone_model(outer, call_function=call).layers[-1]
    assert [layer.name for layer in inner.layers] == [layer.name for layer in model.layers]


def test_wrong_call_functions_are_refused() -> None:
    with pytest.raises(ValueError, match="call_function is for models of values"):
        cnnx.models.clone_model(small_cnn(), call_function=lambda layer, x: layer(x))
    with pytest.raises(TypeError, match="call_function must return values of layers, got 3"):
        cnnx.models.clone_model(branched(), call_function=lambda layer, x: 3)
