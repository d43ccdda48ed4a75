"""Any real array gives what its float32 copy gives, or is refused; inputs are never written."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import cnnx
from argument_table import LAYERS, OPS
from cnnx import layers, ops

Float = NDArray[np.float32]
SHAPE = (6, 8, 8, 2)
PIXELS = np.random.default_rng(1).integers(0, 128, SHAPE).astype(np.float32)
LABELS = np.arange(6) % 3


def transposed(x: Float) -> Float:
    """Channels first in memory."""
    if x.ndim < 3:
        return np.asfortranarray(x)
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(x, -1, 1)), 1, -1)


def unaligned(x: Float) -> Float:
    memory = np.empty(x.nbytes + 1, np.uint8)[1:]
    result = memory.view(np.float32).reshape(x.shape)
    result[...] = x
    return result


def strided(x: Float) -> Float:
    wide = np.full((*x.shape[:-1], 2 * x.shape[-1]), np.nan, np.float32)
    wide[..., ::2] = x
    return wide[..., ::2]


def read_only(x: Float) -> Float:
    x = x.copy()
    x.flags.writeable = False
    return x


LAYOUTS: dict[str, Callable[[Float], Any]] = {
    **{
        str(np.dtype(kind)): lambda x, kind=kind: x.astype(kind)
        for kind in ("u1", "i1", "i2", "i4", "i8", "u8", "f2", "f8", ">f4", ">i4", ">f8")
    },
    "longdouble": lambda x: x.astype(np.longdouble),
    "fortran": np.asfortranarray,
    "transposed": transposed,
    "strided": strided,
    "negative strides": lambda x: np.flip(np.flip(x).copy()),
    "read-only": read_only,
    "unaligned": unaligned,
    "list": lambda x: x.tolist(),
    "tuple of arrays": tuple,
    "subclass": lambda x: x.view(np.recarray),
    "unpickled": lambda x: pickle.loads(pickle.dumps(x)),  # its dtype is an object of its own
}


@pytest.fixture
def model() -> cnnx.Sequential:
    cnnx.utils.set_random_seed(1)
    model = cnnx.Sequential(
        [
            cnnx.Input(SHAPE[1:]),
            layers.Conv2D(3, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(optimizer=cnnx.optimizers.SGD(1e-4), loss="sparse_categorical_crossentropy")
    return model


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_every_dtype_and_layout_gives_the_same_bits(
    model: cnnx.Sequential, layout: Callable[[Float], Any]
) -> None:
    x = layout(PIXELS)
    np.testing.assert_array_equal(
        model.predict(x, batch_size=4, verbose=0), model.predict(PIXELS, batch_size=4, verbose=0)
    )
    np.testing.assert_array_equal(model.layers[0](x), model.layers[0](PIXELS))
    start = model.get_weights()
    results = []
    for images in (PIXELS, x):
        model.set_weights(start)
        cnnx.utils.set_random_seed(2)
        model.fit(images, LABELS, batch_size=4, verbose=0)
        model.train_on_batch(images, LABELS)
        results.append([*model.get_weights(), model.evaluate(images, LABELS, verbose=0)])
    for expected, got in zip(*results, strict=True):
        np.testing.assert_array_equal(got, expected)
    np.testing.assert_array_equal(np.asarray(x, np.float32), PIXELS, "the input was written")


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("name", OPS)
def test_operations_give_the_same_bits_for_every_dtype_and_layout(
    name: str, layout: Callable[[Float], Any]
) -> None:
    entry = OPS[name]
    plain = {name: np.abs(np.rint(3 * array)) for name, array in entry.arrays.items()}
    given = {name: layout(array) for name, array in plain.items()}
    expected, got = entry.call(**entry.arguments | plain), entry.call(**entry.arguments | given)
    np.testing.assert_equal(got, expected)
    for name, array in plain.items():
        np.testing.assert_array_equal(np.asarray(given[name], np.float32), array, "was written")


@pytest.mark.parametrize("name", OPS)
def test_operations_take_broadcast_arrays(name: str) -> None:
    entry = OPS[name]
    given = {name: np.broadcast_to(array[:1], array.shape) for name, array in entry.arrays.items()}
    copies = {name: array.copy() for name, array in given.items()}
    np.testing.assert_equal(
        entry.call(**entry.arguments | given), entry.call(**entry.arguments | copies)
    )


NO_INPUT = [name for name, cls in layers.LAYERS.items() if cls.merges or name == "InputLayer"]


@pytest.mark.parametrize("name", [name for name in LAYERS if name not in NO_INPUT])
@pytest.mark.parametrize("training", [False, True])
def test_no_samples_give_no_samples(name: str, training: bool) -> None:
    arguments = dict(LAYERS[name].arguments)
    x = arguments.pop("x")
    layer = getattr(layers, name)(**arguments)
    shape = layer(x).shape
    assert layer(x[:0], training=training).shape == (0, *shape[1:])


@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf])
def test_a_spoilt_sample_leaves_the_others_alone(model: cnnx.Sequential, special: float) -> None:
    x = PIXELS.copy()
    x[2, 3, 3, 1] = special
    got, expected = model.predict(x, verbose=0), model.predict(PIXELS, verbose=0)
    others = np.arange(len(x)) != 2
    np.testing.assert_array_equal(got[others], expected[others])
    assert np.isnan(got[2]).all()


def test_broadcast_and_boolean_arrays(model: cnnx.Sequential) -> None:
    for x in (np.broadcast_to(PIXELS[:1], SHAPE), PIXELS > 50):
        np.testing.assert_array_equal(
            model.predict(x, verbose=0), model.predict(x.astype(np.float32), verbose=0)
        )


@pytest.mark.parametrize(
    "labels",
    [
        LABELS.astype(np.uint8),
        LABELS.astype(np.float32),
        LABELS.astype(">i4"),
        LABELS[:, None],
        LABELS.tolist(),
        LABELS[::-1].copy()[::-1],
    ],
    ids=["uint8", "float32", "big-endian", "column", "list", "negative strides"],
)
def test_every_form_of_labels_gives_the_same_loss(model: cnnx.Sequential, labels: Any) -> None:
    expected = model.evaluate(PIXELS, LABELS, verbose=0)
    assert model.evaluate(PIXELS, labels, verbose=0) == expected
    model.fit(PIXELS, labels, batch_size=4, verbose=0)
    np.testing.assert_array_equal(np.asarray(labels).reshape(-1), LABELS)


@pytest.mark.parametrize(
    "x",
    [
        PIXELS.astype(np.complex64),
        PIXELS.astype(object),
        PIXELS.astype(str),
        PIXELS.astype("datetime64[s]"),
        np.ma.masked_less(PIXELS, 3),
        [[1.0], [1.0, 2.0]],
        "digits",
    ],
    ids=["complex", "object", "text", "dates", "masked", "ragged", "a string"],
)
def test_what_holds_no_real_numbers_is_refused(model: cnnx.Sequential, x: Any) -> None:
    for call in (
        lambda: model.predict(x, verbose=0),
        lambda: model.fit(x, LABELS, verbose=0),
        lambda: model.evaluate(x, LABELS, verbose=0),
        lambda: model.train_on_batch(x, LABELS),
        lambda: model.layers[0](x),
    ):
        with pytest.raises(TypeError, match=r"x.*(masked|ragged|real numbers|array)"):
            call()


def test_training_never_writes_what_it_was_given(model: cnnx.Sequential) -> None:
    x, y = read_only(PIXELS), LABELS.copy()
    y.flags.writeable = False
    model.fit(x, y, batch_size=6, verbose=0, shuffle=False, validation_data=(x, y))
    model.train_on_batch(x, y)
    np.testing.assert_array_equal(x, PIXELS)
    np.testing.assert_array_equal(y, LABELS)


@pytest.mark.usefixtures("backend")
def test_denormals_count_as_zero_and_the_callers_arithmetic_keeps_them() -> None:
    """As operands and as results, on each of the threads."""
    tiny, small = np.float32(1e-39), np.float32(1e-30)
    x = np.full((256, 256), tiny)
    assert not ops.matmul(x, np.full((256, 256), 1e30)).any()
    x[:] = small
    assert not ops.matmul(x, np.full((256, 256), 1e-12)).any()
    images = np.full((8, 32, 32, 8), tiny)
    assert not ops.conv2d(images, np.full((3, 3, 8, 8), 1e30)).any()
    assert not ops.avg_pool2d(images, 2).any()
    assert tiny * np.float32(1e30) > 0
    assert small * np.float32(1e-12) > 0


def test_the_remedy_for_what_holds_no_real_numbers_helps() -> None:
    model = cnnx.Sequential([cnnx.Input((3,)), cnnx.layers.Dense(2)])
    model.compile("sgd", "mse")
    names = np.array(["cat", "dog", "cat"])
    for given in (names, names.astype(object), list(names)):
        with pytest.raises(TypeError, match=r"y must hold real .*cnnx.data.LabelEncoder turns"):
            model.fit(np.ones((3, 3)), given)
    sparse = pytest.importorskip("scipy.sparse")
    matrix = sparse.csr_matrix(np.eye(3))
    with pytest.raises(TypeError, match=r"got csr_matrix; x.toarray\(\) makes"):
        model.fit(matrix, np.ones((3, 2)))
    model.fit(matrix.toarray(), np.ones((3, 2)), verbose=0)
    with pytest.raises(TypeError, match=r"got function; give an array, nested lists, or a stream"):
        model.fit(lambda: 3, np.ones((3, 2)))
