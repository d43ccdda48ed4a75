"""Networks to draw, and where texts, figures and arrows lie in a drawing."""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from typing import Any, NamedTuple

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


def nested() -> cnnx.Model:
    x = cnnx.Input((8, 8, 1))
    inner = cnnx.Sequential([cnnx.Input((8, 8, 1)), layers.Conv2D(4, 3), layers.Flatten()], "inner")
    return cnnx.Model(x, layers.Dense(2, name="last")(inner(x)))


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
