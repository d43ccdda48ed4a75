"""What `plot_model` writes beside the figures, and its files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import cnnx
from cnnx import layers, utils
from drawn_networks import (
    CHAINS,
    SVG,
    deep,
    drawn,
    nested,
    number,
    one_filter,
    residual,
    several,
    texts,
)

pytestmark = pytest.mark.one_isa


@pytest.mark.parametrize("network", CHAINS)
def test_names_and_sizes_of_all_layers_are_there_once(network: Any) -> None:
    model = network()
    groups = list(drawn(model).iter(f"{SVG}g"))
    sizes = [model.input_shape, *(layer.output_shape for layer in model.layers)]
    assert [texts(group)[0] for group in groups] == [
        " x ".join(map(str, size[1:])) for size in sizes
    ]
    assert [texts(group)[1] for group in groups] == [
        "input",
        *(layer.name for layer in model.layers),
    ]
    everything = texts(drawn(model))
    assert all(everything.count(layer.name) == 1 for layer in model.layers)


def test_models_used_as_layers_are_one_figure_if_wanted() -> None:
    groups = [texts(group) for group in drawn(nested(), expand_nested=False).iter(f"{SVG}g")]
    assert groups == [
        ["8 x 8 x 1", "input"],
        ["144", "inner", "Sequential", "40 parameters"],
        ["2", "last", "Dense", "290 parameters"],
    ]
    assert len(list(drawn(nested()).iter(f"{SVG}g"))) == 4
    both = layers.Dense(3, name="a"), layers.Dense(4, name="b")
    y = cnnx.Input((5,))
    pair = cnnx.Model(y, [layer(y) for layer in both], name="pair")
    x = cnnx.Input((5,))
    model = cnnx.Model(x, layers.Concatenate()(pair(x)))
    drawing = drawn(model, expand_nested=False)
    assert len(list(drawing.iter(f"{SVG}g"))) == 3
    assert len(list(drawing.iter(f"{SVG}polygon"))) == 2


def test_a_part_of_the_layers_is_drawn() -> None:
    model = residual()
    names = [layer.name for layer in model.layers]
    drawing = drawn(model, layer_range=[names[2], names[4]])
    titles = {name for name in names if name in texts(drawing)}
    assert titles == set(names[2:5])
    with pytest.raises(ValueError, match="plot_model: layer_range: 'x' matches no layer"):
        drawn(model, layer_range=["x", "y"])


def test_dots_and_kinds_of_numbers() -> None:
    plain, large = drawn(one_filter()), drawn(one_filter(), dpi=192, show_dtype=True)
    assert number(large, "width") == pytest.approx(
        2 * float(large.attrib["viewBox"].split()[2]), abs=1
    )
    assert plain.attrib["viewBox"].split()[3] == large.attrib["viewBox"].split()[3]
    assert "30 x 30 x 1 float32" in texts(large)
    assert "float32" in texts(drawn(one_filter(), show_dtype=True, show_shapes=False))


def test_inputs_and_signs_of_sums_are_written() -> None:
    groups = [texts(group) for group in drawn(several()).iter(f"{SVG}g")]
    assert ["28 x 28 x 1", "picture", "input"] in groups
    assert ["6", "facts", "input"] in groups
    assert {group[0] for group in groups} >= {"max", "avg"}
    assert [texts(group)[0] for group in drawn(residual()).iter(f"{SVG}g")].count("+") == 1


def test_what_a_layer_does_is_written_under_its_name() -> None:
    model = cnnx.Sequential(
        [
            cnnx.Input((33, 20, 4)),
            layers.Conv2D(8, (3, 5), strides=2, groups=2, activation="tanh", name="a"),
            layers.Conv2D(1, 2, dilation_rate=(1, 2), use_bias=False, trainable=False, name="b"),
            layers.MaxPooling2D(3, strides=(2, 1), name="c"),
            layers.Dropout(0.25, name="d"),
            layers.Flatten(name="e"),
            layers.Dense(1, use_bias=False, name="f"),
        ]
    )
    groups = list(drawn(model).iter(f"{SVG}g"))
    units = model.layers[-1].input_shape[1]
    assert [texts(group)[2:] for group in groups] == [
        [],
        ["Conv2D 3x5", "stride 2, 2 groups", "tanh", "248 parameters"],
        ["Conv2D 2x2", "dilation 1x2", "32 parameters, frozen"],
        ["MaxPooling2D 3x3", "stride 2x1"],
        ["Dropout 0.25"],
        ["Flatten"],
        ["Dense", f"{units} parameters"],
    ]


def test_sizes_margins_and_noise_are_written() -> None:
    model = cnnx.Sequential(
        [
            cnnx.Input((9, 8, 3)),
            layers.ZeroPadding2D(((2, 2), (0, 1))),
            layers.UpSampling2D((2, 3), interpolation="bilinear"),
            layers.UpSampling2D(2),
            layers.AdaptiveMaxPooling2D((6, 8)),
            layers.Cropping2D(1),
            layers.GaussianNoise(0.5),
            layers.SpatialDropout2D(0.25),
        ]
    )
    groups = list(drawn(model).iter(f"{SVG}g"))
    assert [texts(group)[2:] for group in groups[1:]] == [
        ["ZeroPadding2D 2x0+1"],
        ["UpSampling2D 2x3", "bilinear"],
        ["UpSampling2D 2x2"],
        ["AdaptiveMaxPooling2D to 6x8"],
        ["Cropping2D 1x1"],
        ["GaussianNoise 0.5"],
        ["SpatialDropout2D 0.25"],
    ]


def test_what_a_layer_of_sequences_does() -> None:
    model = cnnx.Sequential(
        [
            cnnx.Input((40, 3)),
            layers.Conv1D(4, 3, strides=2, name="a"),
            layers.DepthwiseConv1D(5, dilation_rate=2, use_bias=False, name="b"),
            layers.MaxPooling1D(3, strides=1, name="c"),
            layers.Conv1DTranspose(2, 2, 2, name="d"),
            layers.SeparableConv1D(1, 2, depth_multiplier=2, activation="relu", name="e"),
        ]
    )
    groups = list(drawn(model).iter(f"{SVG}g"))
    assert [texts(group)[2:] for group in groups[1:]] == [
        ["Conv1D 3", "stride 2", "40 parameters"],
        ["DepthwiseConv1D 5", "dilation 2", "20 parameters"],
        ["MaxPooling1D 3", "stride 1"],
        ["Conv1DTranspose 2", "stride 2", "18 parameters"],
        ["SeparableConv1D 2", "relu", "13 parameters"],
    ]


class Own(layers.Layer):
    """A user's layer, with attributes of its own meaning under names of cnnx."""

    kernel_size = 3
    strides = None
    rate = "high"
    activation = "mine"

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (input_shape[0], 2, *input_shape[1:])


def test_a_layer_of_the_user() -> None:
    model = cnnx.Sequential([cnnx.Input((5, 4)), Own(name="own")])
    assert texts(drawn(model)) == ["5 x 4", "input", "2 x 5 x 4", "own", "Own"]


def test_options_leave_texts_out() -> None:
    model = one_filter()
    assert "30 x 30 x 1" not in texts(drawn(model, show_shapes=False))
    assert "sigmoid" in texts(drawn(model))
    assert "sigmoid" not in texts(drawn(model, show_layer_activations=False))


def test_what_training_changes_is_written_if_wanted() -> None:
    model = deep()
    assert not {"trainable", "not trainable"} & set(texts(drawn(model)))
    for layer in model.layers[:9]:
        layer.trainable = False
    found = [text for text in texts(drawn(model, show_trainable=True)) if "trainable" in text]
    with_weights = [bool(layer.trainable_weights) for layer in model.layers if layer.weights]
    assert found == ["trainable" if learns else "not trainable" for learns in with_weights]
    assert 0 < sum(with_weights) < len(with_weights)
    assert "dense" not in " ".join(texts(drawn(model, show_layer_names=False)))


def test_names_are_escaped_and_what_xml_cannot_hold_is_replaced() -> None:
    model = cnnx.Sequential(
        [
            cnnx.Input((3,)),
            layers.Dense(1, name="</text><script>&\"'"),
            layers.Dense(1, name="a\0b\ud800c層"),
        ],
        name="<&>",
    )
    drawing = drawn(model)
    assert list(drawing.iter(f"{SVG}script")) == []
    assert texts(drawing)[3] == "</text><script>&\"'"
    assert "a\ufffdb\ufffdc層" in texts(drawing)
    title = drawing.find(f"{SVG}title")
    assert title is not None
    assert title.text == "<&>"


def test_the_file_is_the_text_that_a_notebook_shows(tmp_path: Path) -> None:
    drawing = utils.plot_model(one_filter(), tmp_path / "a.svg")
    assert (tmp_path / "a.svg").read_text("utf-8") == str(drawing) == drawing._repr_svg_()
    drawing.save(str(tmp_path / "B.SVG"))
    assert (tmp_path / "B.SVG").read_bytes() == (tmp_path / "a.svg").read_bytes()
    assert repr(drawing) == f"<Drawing, {len(str(drawing)):,} characters of SVG>"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["B.SVG", "a.svg"]


def test_the_default_name_and_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    utils.plot_model(one_filter(), to_file=None)
    assert list(tmp_path.iterdir()) == []
    utils.plot_model(one_filter())
    assert [path.name for path in tmp_path.iterdir()] == ["model.svg"]


def test_one_model_gives_one_text() -> None:
    model = deep()
    assert str(utils.plot_model(model, None)) == str(utils.plot_model(model, None))


@pytest.mark.parametrize("name", ["model.png", "model", "a/model.pdf", ".svg", ""])
def test_other_formats_are_refused_with_the_remedy(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"plot_model: to_file must end in \.svg, got") as error:
        utils.plot_model(one_filter(), name)
    remedy = re.search(r"write '(.+?\.svg)'", str(error.value))
    assert remedy is not None
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "a").mkdir()
    utils.plot_model(one_filter(), remedy[1])


def test_what_cannot_be_drawn_is_refused() -> None:
    wrong: Any = 3
    with pytest.raises(TypeError, match=r"plot_model: model must be a cnnx.Model, got 3"):
        utils.plot_model(wrong, None)
    unbuilt = cnnx.Sequential([layers.Dense(2)], name="fresh")
    with pytest.raises(ValueError, match=r"plot_model: model 'fresh' is not built .* call build"):
        utils.plot_model(unbuilt, None)
    unbuilt.build((None, 3))
    utils.plot_model(unbuilt, None)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="does not exist"):
        utils.plot_model(one_filter(), tmp_path / "absent" / "model.svg")
