"""Networks whose inputs leave sizes open predict what those of one size predict."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cnnx
from cnnx import applications, layers
from cnnx.graph.latest import Latest
from cnnx.graph.open_plan import MOST_SIZES, OpenPlan
from open_networks import CASES, OPEN, SIZES, assert_same, classifier, images, labels, twin


@pytest.mark.parametrize(("build", "sizes"), CASES)
def test_a_network_predicts_as_those_of_one_size(
    build: Callable[..., cnnx.Model], sizes: list[tuple[int, ...]]
) -> None:
    model = build()
    for number, size in enumerate([*sizes, sizes[0]]):
        fixed = twin(build, model, size)
        x = images(5, *size, seed=number)
        assert_same([model.predict(x, batch_size=3, verbose=0)], [fixed.predict(x, 3, verbose=0)])
        assert_same([model(x)], [fixed(x)])
        assert_same([model.predict_on_batch(x[:2])], [fixed.predict_on_batch(x[:2])])
        assert model.predict(x[:0], verbose=0).shape == fixed.predict(x[:0], verbose=0).shape


@settings(max_examples=12)
@given(
    st.lists(
        st.tuples(st.integers(1, 4), st.integers(3, 24), st.integers(3, 24)),
        min_size=1,
        max_size=12,
    )
)
def test_any_sequence_of_sizes(shapes: list[tuple[int, int, int]]) -> None:
    model = classifier()
    for rows, height, width in shapes:
        x = images(rows, height, width, 3, seed=height)
        assert_same([model.predict_on_batch(x)], [twin(classifier, model, x.shape[1:])(x)])


def test_models_as_layers() -> None:
    """An open model in a fixed one, a fixed one in an open one, and two of them."""
    body = cnnx.Sequential([cnnx.Input(OPEN), layers.Conv2D(4, 3), layers.ReLU()], name="body")
    image = cnnx.Input((8, 9, 3))
    fixed = cnnx.Model(image, layers.Dense(2)(layers.Flatten()(body(image))))
    assert body(image).shape == (None, 6, 7, 4)
    assert fixed.predict(images(2, 8, 9, 3), verbose=0).shape == (2, 2)
    small = cnnx.Sequential([cnnx.Input((8, 9, 3)), layers.Conv2D(4, 3)], name="small")
    value = cnnx.Input(OPEN)
    both = cnnx.Model(value, layers.GlobalMaxPooling2D()(layers.Add()([body(value), small(value)])))
    assert both.output_shape == (None, 4)
    x = images(2, 11, 7, 3)
    wanted = (body(x) + layers.Conv2D.__call__(small.layers[0], x)).max(axis=(1, 2))
    np.testing.assert_allclose(both.predict(x, verbose=0), wanted, rtol=1e-5)


def test_a_sequential_is_built_for_open_sizes() -> None:
    model = cnnx.Sequential([layers.Conv2D(4, 3), layers.GlobalAveragePooling2D()])
    model.build((None, None, None, 3))
    assert model.output_shape == (None, 4)
    first = cnnx.Sequential(
        [layers.Conv2D(4, 3, input_shape=OPEN), layers.GlobalAveragePooling2D()]
    )
    for one in (model, first):
        for size in SIZES:
            assert one.predict(images(2, *size, 3), verbose=0).shape == (2, 4)


@pytest.mark.parametrize("name", ["MobileNetV3Small", "ResNet18"])
def test_applications_without_their_tops(name: str) -> None:
    build = getattr(applications, name)
    model = build(include_top=False, pooling="avg")
    assert model.input_shape == (None, None, None, 3)
    fixed = build(include_top=False, pooling="avg", input_shape=(40, 33, 3))
    fixed.set_weights(model.get_weights())
    x = images(1, 40, 33, 3)
    assert_same([model(x)], [fixed(x)])
    with pytest.raises(ValueError, match=r"LeNet5: .* leaves a size open"):
        applications.LeNet5(input_shape=(None, None, 1))


def test_u_net_of_any_size() -> None:
    model = applications.UNet(OPEN, depth=2, width=4)
    assert model.predict(images(1, 12, 20, 3), verbose=0).shape == (1, 12, 20, 2)
    with pytest.raises(ValueError, match="Concatenate 'up0_concat'"):
        model.predict(images(1, 13, 20, 3), verbose=0)


def test_threads_predict_side_by_side_at_several_sizes() -> None:
    model = classifier()
    batches = [images(2, 8 + number, 20 - number, 3, seed=number) for number in range(6)]
    wanted = [model.predict_on_batch(x) for x in batches]
    found: list[Any] = []

    def predict(number: int) -> None:
        for step in range(20):
            place = (number + step) % len(batches)
            found.append(np.array_equal(model.predict_on_batch(batches[place]), wanted[place]))

    threads = [threading.Thread(target=predict, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 80
    assert all(found)


def test_threads_judge_side_by_side_at_several_sizes() -> None:
    model = classifier()
    model.compile("sgd", "sparse_categorical_crossentropy")
    batches = [(images(4, 6 + number, 12, 3, seed=number), labels(4)) for number in range(12)]
    wanted = [model.evaluate(x, y, verbose=0) for x, y in batches]
    found: list[Any] = []

    def judge(number: int) -> None:
        for step in range(24):
            place = (number * 5 + step) % len(batches)
            found.append(model.evaluate(*batches[place], verbose=0) == wanted[place])

    threads = [threading.Thread(target=judge, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 96


def test_what_was_used_last_stays() -> None:
    latest = Latest[str, str](2)
    made: list[str] = []
    for key in "abacabb":
        assert latest.get(key, lambda key: made.append(key) or key.upper()) == key.upper()
        assert len(latest) <= 2
    assert "".join(made) == "abcb"


def test_the_plans_of_the_last_sizes_alone_stay() -> None:
    plan = OpenPlan(classifier().flat_graph)
    largest = images(2, 50, 50, 3)
    wanted = plan.forward(largest)[0].copy()
    memory, kept, passes = plan.arena.at_least(0), plan.at([largest]), dict(plan._passes)
    for extent in range(10, 30):
        plan.forward(images(1, extent, 41, 3))
        assert plan.at([largest]) is kept  # what is used stays
        assert len(plan._sized) <= MOST_SIZES
    assert plan.arena.at_least(0) is memory
    assert len(plan.arena.users) <= MOST_SIZES + 1
    assert plan._passes.items() >= passes.items()  # they hold what is made of the weights
    assert len(plan._passes) <= len(passes) + 1  # odd sizes are pooled by themselves
    np.testing.assert_array_equal(plan.forward(largest)[0], wanted)


def test_steps_of_the_last_sizes_alone_stay() -> None:
    model = classifier()
    model.compile("sgd", "sparse_categorical_crossentropy", ["accuracy"])
    for extent in range(10, 30):
        model.train_on_batch(images(2, extent, 12, 3), labels(2))
        step = model.training_step("test")
        assert len(step._sized) <= MOST_SIZES
    assert len(step._training.arena.users) <= MOST_SIZES + 1


def test_memory_that_grows_leaves_no_plan_with_the_old_one() -> None:
    model = classifier()
    small, large = images(1, 9, 9, 3), images(3, 30, 31, 3)
    wanted = model(small)
    for x in (small, large, small, images(4, 9, 9, 3), small):
        found = model(x)
        if x is small:
            np.testing.assert_array_equal(found, wanted)
