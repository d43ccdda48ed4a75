"""`utils.plot_model`: what the drawing says, and that nothing in it lies over anything else."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import cnnx
from cnnx import layers, utils

SVG = "{http://www.w3.org/2000/svg}"


class Box(NamedTuple):
    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: Box) -> bool:
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )


def perceptron() -> cnnx.Sequential:
    return cnnx.Sequential([cnnx.Input((5,)), layers.Dense(3, "relu"), layers.Dense(2, "softmax")])


def one_filter() -> cnnx.Sequential:
    return cnnx.Sequential(
        [
            cnnx.Input((32, 32, 1)),
            layers.Conv2D(1, 3),
            layers.Flatten(),
            layers.Dense(1, activation="sigmoid"),
        ]
    )


def deep() -> cnnx.Sequential:
    """Twenty-two layers, of odd and of very different sizes."""
    model = cnnx.Sequential([cnnx.Input((301, 67, 3)), layers.Rescaling(1 / 255)])
    for filters in (7, 64, 200, 512):
        model.add(layers.Conv2D(filters, (3, 2), strides=(2, 1), padding="same"))
        model.add(layers.BatchNormalization(name=f"a_rather_long_name_of_a_layer_{filters}"))
        model.add(layers.ReLU())
        model.add(layers.MaxPooling2D(2))
    model.add(layers.GlobalAveragePooling2D(keepdims=True))
    model.add(layers.Flatten())
    for units in (11, 10):
        model.add(layers.Dense(units))
    return model


def unusual() -> cnnx.Sequential:
    """Return samples of one, two and four axes."""
    return cnnx.Sequential(
        [
            cnnx.Input((4, 6)),
            layers.Dense(300),
            layers.Reshape((3, 2, 20, 10)),
            layers.Flatten(),
            layers.Dense(1),
        ]
    )


def residual() -> cnnx.Model:
    """Return two blocks, with a shortcut and with a branch of layers."""
    x = cnnx.Input((16, 16, 3))
    y = layers.Conv2D(8, 3, padding="same", activation="relu")(x)
    z = layers.Conv2D(8, 3, padding="same")(layers.BatchNormalization()(y))
    y = layers.ReLU()(layers.BatchNormalization()(z) + y)
    z = layers.Conv2D(16, 3, padding="same")(layers.MaxPooling2D()(y))
    y = z - layers.Conv2D(16, 1, strides=2)(y)
    return cnnx.Model(x, layers.Dense(10, "softmax")(layers.GlobalAveragePooling2D()(y)))


def u_shape() -> cnnx.Model:
    """Return a network with shortcuts within shortcuts, too wide for a row."""
    x = y = cnnx.Input((32, 32, 1))
    skips = []
    for filters in (4, 8, 16):
        skips.append(layers.Conv2D(filters, 3, padding="same", activation="relu")(y))
        y = layers.MaxPooling2D()(skips[-1])
    for filters in (16, 8, 4):
        y = layers.Concatenate()([skips.pop(), layers.Conv2DTranspose(filters, 2, 2)(y)])
    return cnnx.Model(x, layers.Conv2D(2, 1, activation="softmax")(y))


def several() -> cnnx.Model:
    """Return a network of two inputs and three outputs, with branches and a layer used twice."""
    x, z = cnnx.Input((28, 28, 1), name="picture"), cnnx.Input((6,), name="facts")
    branches = [layers.Conv2D(2, size, padding="same")(x) for size in (1, 3, 5)]
    branches.append(layers.Conv2D(2, 1)(layers.MaxPooling2D(3, strides=1, padding="same")(x)))
    y = layers.Flatten()(layers.Maximum()([layers.Concatenate()(branches[:2])] * 2))
    shared = layers.Dense(8, "relu", name="shared")
    y = layers.Concatenate()([layers.Dense(6)(y), shared(z), shared(layers.Dense(6)(z))])
    heads = [layers.Dense(n)(y) for n in (10, 1)]
    return cnnx.Model([x, z], [*heads, layers.Average()(branches[2:])])


def dense() -> cnnx.Model:
    """Return a network each layer of which reads all before it."""
    values = [cnnx.Input((8, 8, 4))]
    for _ in range(4):
        merged = layers.Concatenate()(values) if len(values) > 1 else values[0]
        values.append(layers.Conv2D(2, 3, padding="same")(merged))
    return cnnx.Model(values[0], layers.Concatenate()(values))


CHAINS = [perceptron, one_filter, deep, unusual]
GRAPHS = [residual, u_shape, several, dense]


def drawn(model: cnnx.Model, **options: Any) -> ET.Element:
    return ET.fromstring(str(utils.plot_model(model, None, **options)))


def texts(drawing: ET.Element) -> list[str]:
    return [element.text or "" for element in drawing.iter(f"{SVG}text")]


def number(element: ET.Element, name: str) -> float:
    return float(element.attrib[name])


def text_box(element: ET.Element) -> Box:
    """Return the box of a text, 7 pixels a letter: wide fonts of 11 pixels need less."""
    x, y, half = number(element, "x"), number(element, "y"), 3.5 * len(element.text or "")
    return Box(x - half, y - 9, x + half, y + 3)


def figure_box(group: ET.Element) -> Box:
    boxes = [
        Box(x - r, y - r, x + r, y + r)
        for element in list(group.iter(f"{SVG}circle"))[:1]
        for x, y, r in [(number(element, "cx"), number(element, "cy"), number(element, "r"))]
    ]
    boxes += [
        Box(x, y, x + number(element, "width"), y + number(element, "height"))
        for element in group.iter(f"{SVG}rect")
        for x, y in [(number(element, "x"), number(element, "y"))]
    ]
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return Box(min(lefts), min(tops), max(rights), max(bottoms))


SIGNS = {"+", "\N{MINUS SIGN}", "\N{MULTIPLICATION SIGN}", "avg", "max", "min"}


def boxes(drawing: ET.Element) -> list[Box]:
    """Return those of all figures and texts, but not of signs within figures."""
    found = []
    for group in drawing.iter(f"{SVG}g"):
        found.append(figure_box(group))
        found += [text_box(item) for item in group.iter(f"{SVG}text") if item.text not in SIGNS]
    return found


def arrow_pieces(drawing: ET.Element) -> Iterator[Box]:
    for element in (*drawing.iter(f"{SVG}polyline"), *drawing.iter(f"{SVG}polygon")):
        points = [tuple(map(float, pair.split(","))) for pair in element.attrib["points"].split()]
        for (x1, y1), (x2, y2) in itertools.pairwise(points):
            yield Box(min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2))


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


@pytest.mark.parametrize(("shapes", "rankdir"), [(True, "LR"), (False, "LR"), (True, "TB")])
@pytest.mark.parametrize("network", CHAINS + GRAPHS)
def test_nothing_lies_over_anything_else(network: Any, shapes: bool, rankdir: str) -> None:
    drawing = drawn(network(), show_shapes=shapes, rankdir=rankdir)
    _, _, width, height = map(float, drawing.attrib["viewBox"].split())
    placed = boxes(drawing)
    pieces = list(arrow_pieces(drawing))
    for one, other in itertools.combinations(placed, 2):
        assert not one.overlaps(other), (one, other)
    for box in placed:
        assert not any(box.overlaps(piece) for piece in pieces), box
    for box in (*placed, *pieces):
        assert box.left >= 0
        assert box.top >= 0
        assert box.right <= width
        assert box.bottom <= height


@pytest.mark.parametrize("network", CHAINS)
def test_an_arrow_from_each_figure_to_the_next(network: Any) -> None:
    drawing = drawn(network())
    figures = [figure_box(group) for group in drawing.iter(f"{SVG}g")]
    heads = [e.attrib["points"].split()[0] for e in drawing.iter(f"{SVG}polygon")]
    tails = [e.attrib["points"].split()[0] for e in drawing.iter(f"{SVG}polyline")]
    assert len(heads) == len(tails) == len(figures) - 1
    for (before, after), head, tail in zip(itertools.pairwise(figures), heads, tails, strict=True):
        (x, y), (from_x, from_y) = (map(float, point.split(",")) for point in (head, tail))
        assert x == pytest.approx(after.left - 4, abs=0.2)
        assert y == pytest.approx((after.top + after.bottom) / 2, abs=0.2)
        assert from_x == pytest.approx(before.right + 4, abs=0.2)
        assert from_y == pytest.approx((before.top + before.bottom) / 2, abs=0.2)


@pytest.mark.parametrize("network", GRAPHS)
def test_an_arrow_to_each_figure_from_all_that_it_reads(network: Any) -> None:
    model = network()
    drawing = drawn(model)
    graph = model.flat_graph
    places = {}
    for value, group in zip([*graph.inputs, *graph.values], drawing.iter(f"{SVG}g"), strict=True):
        box = figure_box(group)
        middle = (box.top + box.bottom) / 2
        places[value] = (box.right + 4, middle), (box.left - 4, middle)
    arrows = []
    for line, head in zip(
        drawing.iter(f"{SVG}polyline"), drawing.iter(f"{SVG}polygon"), strict=True
    ):
        ends = (element.attrib["points"].split()[0] for element in (line, head))
        arrows.append(tuple(round(float(part), 0) for end in ends for part in end.split(",")))
    expected = {
        tuple(round(part, 0) for part in (*places[source][0], *places[value][1]))
        for value in graph.values
        for source in value.node.inputs
    }
    assert len(arrows) == len(expected)
    for arrow in expected:
        assert min(np.abs(np.subtract(arrow, other)).max() for other in arrows) <= 1, arrow


@pytest.mark.parametrize("network", CHAINS + GRAPHS)
def test_from_top_to_bottom_each_figure_lies_below_what_it_reads(network: Any) -> None:
    model = network()
    drawing = drawn(model, rankdir="TB")
    graph = model.flat_graph
    values = [*graph.inputs, *graph.values]
    places = dict(zip(values, map(figure_box, drawing.iter(f"{SVG}g")), strict=True))
    expected = set()
    for value in graph.values:
        for source in value.node.inputs:
            assert places[source].bottom < places[value].top
            box, reader = places[source], places[value]
            expected.add(((box.left + box.right) / 2, (reader.left + reader.right) / 2))
    found = []
    for line, head in zip(
        drawing.iter(f"{SVG}polyline"), drawing.iter(f"{SVG}polygon"), strict=True
    ):
        ends = [element.attrib["points"].split()[0].split(",") for element in (line, head)]
        found.append(tuple(float(end[0]) for end in ends))
        assert float(ends[0][1]) < float(ends[1][1])
    for arrow in expected:
        assert min(np.abs(np.subtract(arrow, other)).max() for other in found) < 0.2, arrow


def nested() -> cnnx.Model:
    x = cnnx.Input((8, 8, 1))
    inner = cnnx.Sequential([cnnx.Input((8, 8, 1)), layers.Conv2D(4, 3), layers.Flatten()], "inner")
    return cnnx.Model(x, layers.Dense(2, name="last")(inner(x)))


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


def test_branches_lie_below_and_shortcuts_above() -> None:
    """The longest way runs straight, in rows; the lone figure beside it is that of the branch."""
    drawing = drawn(residual())
    heights: dict[float, list[str]] = {}
    for group in drawing.iter(f"{SVG}g"):
        box = figure_box(group)
        middle = round((box.top + box.bottom) / 2)
        heights.setdefault(middle, []).append(" ".join(texts(group)))
    alone = [found for found in heights.values() if len(found) == 1]
    assert len(alone) == 1
    assert "Conv2D 1x1" in alone[0][0]
    rises = []
    for line in drawing.iter(f"{SVG}polyline"):
        ys = [float(point.split(",")[1]) for point in line.attrib["points"].split()]
        rises.append(ys[0] - min(ys) if ys[0] == ys[-1] else 0)
    assert max(rises) > 46, "the shortcut passes above figures 92 high"


def test_inputs_and_signs_of_sums_are_written() -> None:
    groups = [texts(group) for group in drawn(several()).iter(f"{SVG}g")]
    assert ["28 x 28 x 1", "picture", "input"] in groups
    assert ["6", "facts", "input"] in groups
    assert {group[0] for group in groups} >= {"max", "avg"}
    assert [texts(group)[0] for group in drawn(residual()).iter(f"{SVG}g")].count("+") == 1


def test_a_few_layers_take_one_row_and_many_take_several() -> None:
    rows = {}
    for network in (one_filter, deep):
        figures = [figure_box(group) for group in drawn(network()).iter(f"{SVG}g")]
        rows[network] = len({round((box.top + box.bottom) / 2) for box in figures})
    assert rows[one_filter] == 1
    assert rows[deep] > 3
    assert number(drawn(deep()), "width") < 1100


def test_figures_grow_with_what_they_stand_for() -> None:
    model = cnnx.Sequential([cnnx.Input((256, 128, 1))])
    for filters in (2, 3, 16, 512):
        model.add(layers.Conv2D(filters, 2, strides=2))
    model.add(layers.GlobalAveragePooling2D())
    for units in (10, 2):
        model.add(layers.Dense(units))
    groups = list(drawn(model).iter(f"{SVG}g"))
    sheets = [list(group.iter(f"{SVG}rect")) for group in groups[:5]]
    counts = [len(of_layer) for of_layer in sheets]
    assert counts == [1, 2, 3, 5, 10]  # 1 + log2 of many
    heights = [number(of_layer[0], "height") for of_layer in sheets]
    widths = [number(of_layer[0], "width") for of_layer in sheets]
    assert heights == sorted(heights, reverse=True)
    assert all(width < height for width, height in zip(widths, heights, strict=True))
    assert min(widths) >= 12  # of 8 pixels, where 256 are drawn as 92
    circles = [len(list(group.iter(f"{SVG}circle"))) for group in groups[5:]]
    assert circles == [11 + 3, 10, 2]  # of 512: the first and the last, and three dots


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
