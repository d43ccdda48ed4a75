"""The plan of a network: arrays that live together lie apart, and sharing memory changes no bit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cnnx
from agreement import normal
from cnnx import layers
from cnnx.graph import Graph, Plan, fusions, plan
from cnnx.graph.memory import LINE, Region, Timetable, lay_out
from layer_cases import CASES

TIMES = st.integers(0, 12)
REGIONS = st.lists(st.tuples(st.integers(1, 40), TIMES, TIMES), max_size=12)


@given(REGIONS, st.integers(1, 9))
def test_regions_that_live_together_lie_apart(sizes: list[tuple[int, int, int]], rows: int) -> None:
    regions = [Region(size, min(one, other), max(one, other)) for size, one, other in sizes]
    starts, total = lay_out(regions, rows)
    for index, region in enumerate(regions):
        assert starts[region] % LINE == 0
        assert starts[region] + region.size * rows <= total
        for other in regions[:index]:
            apart = (
                starts[region] + region.size * rows <= starts[other]
                or starts[other] + other.size * rows <= starts[region]
            )
            assert apart or region.last < other.first or other.last < region.first


@given(REGIONS)
def test_the_timetable_finds_what_is_in_use_together(sizes: list[tuple[int, int, int]]) -> None:
    regions = [Region(size, min(one, other), max(one, other)) for size, one, other in sizes]
    timetable = Timetable(13)
    for index, region in enumerate(regions):
        together = {
            other
            for other in regions[:index]
            if other.first <= region.last and region.first <= other.last
        }
        found = timetable.met(region)
        assert set(found) == together
        assert len(found) == len(together)
        timetable.enter(region)


def test_regions_that_follow_one_another_share_memory() -> None:
    chain = [Region(64, time, time + 1) for time in range(10)]
    assert lay_out(chain, 1)[1] == 2 * 64


NETWORKS: dict[str, list[layers.Layer]] = {
    "views, noise, functions": [
        layers.Rescaling(2.0),
        layers.Reshape((8, 4, 4)),
        layers.Activation("linear"),
        layers.Dropout(0.2, seed=1),
        layers.Conv2D(3, 3),
        layers.Activation("softmax"),
        layers.Activation("tanh"),
        layers.Reshape((4, 3, 3), order="F"),
        layers.Flatten(),
        layers.Activation("elu"),
    ],
    "passes": [
        layers.Conv2D(4, 3),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.MaxPooling2D(),
        layers.Conv2D(4, 2, activation="sigmoid"),
        layers.BatchNormalization(),
        layers.MaxPooling2D(1),
    ],
    "frozen below and between": [
        layers.Conv2D(4, 3, trainable=False, activation="relu"),
        layers.Dense(5),
        layers.BatchNormalization(trainable=False),
        layers.Dense(4, trainable=False, activation="tanh"),
        layers.WeightedAveragePooling2D(2),
    ],
}


def network(middle: Sequence[layers.Layer]) -> cnnx.Sequential:
    cnnx.utils.set_random_seed(1)
    fresh = [type(layer).from_config(layer.get_config()) for layer in middle]
    model = cnnx.Sequential([cnnx.Input((8, 8, 2)), *fresh, layers.Flatten(), layers.Dense(3)])
    model.compile("sgd", "mse")
    return model


def results(model: cnnx.Sequential) -> list[Any]:
    """Return all bits that come of steps and predictions with changing numbers of samples."""
    found: list[Any] = []
    for rows in (4, 7, 3, 4):
        x, y = normal(rows, rows, 8, 8, 2), normal(rows + 1, rows, 3)
        found += [model.train_on_batch(x, y), model.test_on_batch(x, y)]
        found += [model.predict_on_batch(x), *model.get_weights()]
    return found


@pytest.mark.parametrize("middle", NETWORKS.values(), ids=NETWORKS)
def test_sharing_memory_changes_no_bit(
    middle: list[layers.Layer], monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = results(network(middle))

    def apart(regions: Sequence[Region], rows: int) -> tuple[dict[Region, int], int]:
        ends = np.cumsum([region.size * rows for region in regions])
        starts = [0, *ends[:-1].tolist()]
        return dict(zip(regions, starts, strict=True)), int(ends[-1])

    monkeypatch.setattr(plan, "lay_out", apart)
    for one, other in zip(shared, results(network(middle)), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_memory_of_a_chain_is_that_of_two_layers() -> None:
    model = network([layers.Conv2D(16, 1, activation="softmax") for _ in range(6)])
    in_use = Plan(model.graph)
    in_use.forward(normal(1, 10, 8, 8, 2))
    assert in_use.arena.at_least(0).size == pytest.approx(2 * 10 * 8 * 8 * 16, rel=0.01)


def test_a_users_layer_returns_what_it_likes() -> None:
    class Odd(layers.Layer):
        def forward(self, call: Any, x: Any) -> Any:
            call.sign = np.sign(x)
            return np.abs(x).astype(np.float64)

        def backward(self, call: Any, dy: Any) -> Any:
            return (call.sign * dy).astype(np.float64)

    class Cut(layers.Layer):
        def forward(self, call: Any, x: Any) -> Any:
            return x[:, :-1]

    model = network([Odd()])
    assert cnnx.explain.check_gradients(
        model, normal(1, 3, 8, 8, 2), normal(2, 3, 3), references={Odd: lambda layer, x: np.abs(x)}
    ).agrees
    with pytest.raises(ValueError, match=r"Cut 'cut': forward returned an array of shape \(2, 7, "):
        network([Cut()]).predict(normal(1, 2, 8, 8, 2), verbose=0)


@pytest.mark.parametrize("name", CASES)
def test_what_our_layers_say_of_themselves_counts(name: str) -> None:
    """A class that defines `forward` has to declare its traits itself, or they are not believed."""
    case = CASES[name]
    layer = case.layer_class(**case.arguments)
    layer.build_once((None, *case.input_shape))
    x = cnnx.Input(case.input_shape)
    (step,) = fusions.fuse(Graph.between([x], [layer(x)]), training=True)
    if step.operation is layer:
        assert step.traits == layer.traits


def test_gradients_of_several_readers_are_summed_in_passes_that_run_anyway() -> None:
    x = cnnx.Input((8, 8, 4))
    y = layers.Conv2D(4, 3, padding="same")(x)
    for _ in range(2):  # two residual blocks, then a fork that meets again, as in a U-Net
        z = layers.BatchNormalization()(layers.Conv2D(4, 3, padding="same", use_bias=False)(y))
        y = layers.ReLU()(layers.Add()([z, y]))
    inner = layers.Conv2DTranspose(4, 2, strides=2)(layers.MaxPooling2D()(y))
    y = layers.Concatenate()([y, inner])
    graph = Graph.between([x], [layers.GlobalAveragePooling2D()(y)])
    parts = Plan(graph, training=True, learns=True).lives.parts.values()
    assert sum(part.so_far is not None for part in parts) == 3
    assert all(part.adds for part in parts if part.so_far is not None)
