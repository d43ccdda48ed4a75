"""The plan of a network: arrays that live together lie apart, and sharing memory changes no bit."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cnnx
from agreement import normal
from apart_layout import lie_apart
from cnnx import layers
from cnnx.graph import Graph, Plan, binding, fusions, lent_gradients
from cnnx.graph.lives import Lives
from cnnx.graph.memory import LINE, Place, Region, Timetable, lay_out
from cnnx.layers.call import alone
from layer_cases import CASES

TIMES = st.integers(0, 12)
SPANS = st.lists(TIMES, min_size=2, max_size=4).map(
    lambda times: [*zip(sorted(times)[::2], sorted(times)[1::2], strict=False)]
)
REGIONS = st.lists(st.builds(lambda size, spans: Region(size, *spans), st.integers(1, 40), SPANS))


def meet(one: Region, other: Region) -> bool:
    """Return whether two regions are in use at the same time."""
    times = [
        {time for first, last in region.spans for time in range(first, last + 1)}
        for region in (one, other)
    ]
    return not times[0].isdisjoint(times[1])


@given(REGIONS, st.integers(1, 9), REGIONS)
def test_regions_that_live_together_lie_apart(
    regions: list[Region], rows: int, placed: list[Region]
) -> None:
    ends = np.cumsum([0, *(region.size for region in placed)]).tolist()
    held = dict(zip(placed, map(Place, ends, ends[1:]), strict=True))
    starts, total = lay_out(regions, rows, held)
    places = held | {
        region: Place(start, start + region.size * rows) for region, start in starts.items()
    }
    assert all(place.stop <= total for place in places.values())
    for region in regions:
        assert starts[region] % LINE == 0
    for (region, place), (other, theirs) in itertools.combinations(places.items(), 2):
        apart = place.stop <= theirs.start or theirs.stop <= place.start
        assert apart or not meet(region, other) or {region, other} <= {*placed}


@given(REGIONS)
def test_the_timetable_finds_what_is_in_use_together(regions: list[Region]) -> None:
    timetable = Timetable(13)
    for index, region in enumerate(regions):
        together = {other for other in regions[:index] if meet(region, other)}
        assert timetable.met(region) == together
        timetable.enter(region)


def test_regions_that_follow_one_another_share_memory() -> None:
    chain = [Region(64, (time, time + 1)) for time in range(10)]
    assert lay_out(chain, 1, {})[1] == 2 * 64


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
    monkeypatch.setattr(lent_gradients, "LEAST", 1)
    shared = results(network(middle))
    monkeypatch.setattr(binding, "lay_out", lie_apart)
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


def residual_network(
    merging: type[layers.Layer] = layers.Concatenate, blocks: int = 2
) -> cnnx.Model:
    """Return residual blocks, a concatenation, and what reads all of them."""
    cnnx.utils.set_random_seed(1)
    x = cnnx.Input((8, 8, 2))
    y = layers.Conv2D(4, 3, padding="same")(x)
    for _ in range(blocks):
        z = layers.Conv2D(4, 3, padding="same", use_bias=False)(y)
        z = layers.Activation("tanh")(layers.BatchNormalization()(z))
        z = layers.BatchNormalization()(layers.Conv2D(4, 3, padding="same", use_bias=False)(z))
        y = layers.ReLU()(layers.Add()([z, y]))
    y = merging()([y, layers.Conv2D(4, 1)(y)])
    y = layers.Conv2D(4, 3, padding="same", activation="relu")(y)
    model = cnnx.Model(x, layers.Dense(3)(layers.Flatten()(y)))
    model.compile("sgd", "mse")
    return model


class OwnConcatenate(layers.Concatenate):
    """One that runs in Python, since it is a user's."""


@pytest.mark.parametrize("blocks", [2, 4])
@pytest.mark.parametrize("merging", [layers.Concatenate, OwnConcatenate])
def test_values_computed_again_change_no_bit_and_take_less_memory(
    merging: type[layers.Layer], blocks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trained() -> tuple[list[Any], list[int]]:
        model = residual_network(merging, blocks)
        plan = Plan(model.graph, training=True, learns=True)
        plan.bind(5)
        sizes = [
            lay_out(plan.lives.regions(), 5, {})[1],
            sum(map(len, plan.lives.recomputes.values())),
        ]
        return results(model), sizes

    again, (less, recomputed) = trained()
    # Of every block what is inside, and of every three values in a row, which are the sums and what
    # is side by side, the first two.
    assert recomputed == {2: 2 + 2, 4: 4 + 4}[blocks]
    monkeypatch.setattr(Lives, "_recompute", lambda lives, wanted: None)
    kept, (more, none) = trained()
    assert none == 0
    assert less < 0.9 * more
    for one, other in zip(again, kept, strict=True):
        np.testing.assert_array_equal(one, other)


def test_what_others_want_is_not_computed_again() -> None:
    x = cnnx.Input((8, 8, 2))
    y = layers.BatchNormalization()(layers.Conv2D(4, 3)(x))
    graph = Graph.between([x], [layers.Flatten()(layers.Conv2D(4, 3)(y))])
    assert Plan(graph, training=True, learns=True).lives.recomputes
    for also in (Graph.between([x], [*graph.outputs, y]), graph):
        kept = [y] if also is graph else []
        assert not Plan(also, training=True, learns=True, keep=kept).lives.recomputes


def test_a_gradient_lies_where_the_value_was_that_is_read_last() -> None:
    x = cnnx.Input((8, 8, 4))
    y = layers.MaxPooling2D()(layers.Conv2D(4, 3, padding="same", activation="relu")(x))
    graph = Graph.between([x], [layers.Flatten()(layers.Conv2D(4, 3, padding="same")(y))])
    lives = Plan(graph, training=True, learns=True).lives
    assert lives.gradients[y] is lives.values[y]


AGAIN = [name for name, case in CASES.items() if getattr(case.layer_class.traits, "recomputes", 0)]


@pytest.mark.parametrize("name", AGAIN)
def test_what_is_computed_again_has_the_same_bits(name: str) -> None:
    case = CASES[name]
    layer = case.layer_class(**case.arguments)
    x = normal(1, 3, *case.input_shape)
    layer.build_once(x.shape)
    call = alone(layer, x)
    layer.forward(call, x)
    first, call.y[...] = call.y.copy(), np.nan
    layer.recompute(call)
    np.testing.assert_array_equal(call.y, first)
