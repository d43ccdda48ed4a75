"""Where `plot_model` puts figures and arrows."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import cnnx
from cnnx import layers
from drawn_networks import (
    CHAINS,
    GRAPHS,
    SVG,
    arrow_pieces,
    boxes,
    deep,
    drawn,
    figure_box,
    number,
    one_filter,
    residual,
    texts,
)

pytestmark = pytest.mark.one_isa


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
