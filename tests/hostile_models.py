"""Model files made to deceive their reader: (name, content) one after the other."""

from __future__ import annotations

import copy
import itertools
import json
import struct
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import safetensors.numpy

Description = dict[str, Any]
Tensors = dict[str, Any]
Case = tuple[str, bytes]

VAST = 2**31 - 1
ROOM = 2_050_000
"""Bytes that the description may take: the header's limit, less its beginning."""


def packed(description: Any, tensors: Tensors | None = None) -> bytes:
    """Return a model file of a description, or of the text that stands for one."""
    if not isinstance(description, str):
        description = json.dumps(description, separators=(",", ":"))
    return safetensors.numpy.save(tensors or {}, {"cnnx": description})


def fill(entry: Any, share: float = 1) -> list[Any]:
    """Return as many entries as the header has room for."""
    stored = len(json.dumps(json.dumps(entry, separators=(",", ":"))))  # two quotes for one comma
    return [entry] * int(share * ROOM / (stored - 1))


def layer(class_name: str, **config: Any) -> dict[str, Any]:
    return {"class_name": class_name, "config": config}


def image(*shape: int) -> dict[str, Any]:
    return layer("InputLayer", shape=list(shape), name="i")


def network(*layers: Any, **parts: Any) -> Description:
    model = {"class_name": "Sequential", "config": {"name": "m", "layers": list(layers)}}
    return {"format": 1, "model": model, "compile": None, "random": {}, **parts}


def container(header: Any, body: bytes = b"", length: int | None = None) -> bytes:
    """Return a safetensors file of any header, announced to be `length` bytes long."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + body


DENSE = [image(3), layer("Dense", name="d", units=2)]
TEXT = json.dumps(network(*DENSE))
KERNEL = {"d/kernel": np.ones((3, 2), np.float32)}
WEIGHTS = {**KERNEL, "d/bias": np.zeros(2, np.float32)}
F32 = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


def constant(value: Any) -> Description:
    initializer = layer("Constant", value=value)
    return network(DENSE[0], layer("Dense", name="d", units=2, kernel_initializer=initializer))


def seeded(state: Any) -> Description:
    return network(image(3), layer("Dropout", name="r", rate=0.5, seed=1), random={"r": state})


def compiled(**arguments: Any) -> Description:
    return network(*DENSE, compile={"optimizer": "sgd", "loss": "mse", "metrics": [], **arguments})


ARCHITECTURES: dict[str, Callable[[], Any]] = {
    # Sizes that only a description announces.
    "vast image": lambda: network(image(VAST, VAST, VAST), layer("Flatten", name="f")),
    "vast reordering": lambda: network(
        image(1024, 1024, 1024), layer("Flatten", name="f", order="F")
    ),
    "vast kernel": lambda: network(image(3), layer("Dense", name="d", units=VAST)),
    "vast window": lambda: network(
        image(9, 9, 1), layer("Conv2D", name="c", filters=VAST, kernel_size=VAST, padding="same")
    ),
    "vast strides": lambda: network(
        image(9, 9, 1), layer("Conv2DTranspose", name="c", filters=1, kernel_size=1, strides=VAST)
    ),
    "vast multiplier": lambda: network(
        image(9, 9, 1),
        layer("SeparableConv2D", name="s", filters=1, kernel_size=1, depth_multiplier=VAST),
    ),
    "vast steps": lambda: network(
        image(9, 1), layer("Conv1D", name="c", filters=1, kernel_size=VAST, padding="causal")
    ),
    "vast untied bias": lambda: network(
        image(1, 1, 1),
        layer("Conv2D", name="c", filters=9, kernel_size=1, padding=2**20, bias="untied"),
    ),
    "vast normalisation": lambda: network(image(VAST), layer("BatchNormalization", name="b")),
    "vast pooling": lambda: network(
        image(1, 1, VAST), layer("WeightedAveragePooling2D", name="w", pool_size=1)
    ),
    "vast padding": lambda: network(
        image(9, 9, 1), layer("MaxPooling2D", name="p", pool_size=VAST, padding=VAST - 1)
    ),
    "vast zeros": lambda: network(image(9, 9, 1), layer("ZeroPadding2D", name="z", padding=VAST)),
    "vast copies": lambda: network(image(9, 9, 1), layer("UpSampling2D", name="u", size=VAST)),
    "vast slopes": lambda: network(image(VAST, VAST), layer("PReLU", name="p")),
    "vast layer normalisation": lambda: network(
        image(VAST, VAST), layer("LayerNormalization", name="l", axis=[1, 2])
    ),
    "vast moves": lambda: network(image(VAST, VAST, 1), layer("RandomFlip", name="r")),
    # Numbers of things.
    "many axes": lambda: network(image(*fill(VAST))),
    "many target axes": lambda: network(image(3), layer("Reshape", target_shape=fill(VAST))),
    "many empty axes": lambda: network(image(3), layer("Reshape", target_shape=fill(-1))),
    "10,001 layers": lambda: network(image(3), *[layer("ReLU")] * 10_000),
    "many layers": lambda: network(image(3), *fill(layer("ReLU"))),
    "many lists": lambda: network(*DENSE, more=fill([])),
    "many lists in lists": lambda: network(*DENSE, more=fill([[]])),
    "many dicts": lambda: network(*DENSE, more=fill({})),
    "many fields": lambda: network(*DENSE, more=fill({"": 0})),
    "many names": lambda: network(*DENSE, more={str(i): 0 for i in range(150_000)}),
    "many metrics": lambda: compiled(metrics=fill([])),
    "many boundaries": lambda: compiled(
        optimizer=layer(
            "SGD",
            learning_rate=layer(
                "PiecewiseConstantDecay", boundaries=list(range(150_000)), values=[0] * 150_001
            ),
        )
    ),
    "many numbers of a constant": lambda: constant(fill(0.5)),
    "many lists of a constant": lambda: constant(fill([])),
    "many texts of a constant": lambda: constant(["x" * 100_000, *fill("x", 0.9)]),
    "ragged lists of a constant": lambda: constant([[1, 2], [3], [[4]]]),
    "a constant of 100 axes": lambda: constant(json.loads("[" * 100 + "1" + "]" * 100)),
    "many states": lambda: network(*DENSE, random={str(i): None for i in range(100_000)}),
    # Texts.
    "a long name of a layer": lambda: network(image(3), layer("ReLU", name="x" * ROOM)),
    "a long class": lambda: network(layer("x" * ROOM)),
    "a long optimizer": lambda: compiled(optimizer="x" * ROOM),
    "a long loss": lambda: compiled(loss=layer("x" * ROOM)),
    "a long metric": lambda: compiled(metrics=["x" * ROOM]),
    "a long activation": lambda: network(image(3), layer("Dense", units=2, activation="x" * ROOM)),
    "a long number": lambda: TEXT.replace("3", "3" * ROOM),
    "a long fraction": lambda: TEXT.replace("3", "0." + "3" * ROOM),
    "half of a surrogate pair": lambda: network(image(3), layer("ReLU", name="\ud800")),
    "not even JSON": lambda: "import os; os.abort()",
    "NaN": lambda: TEXT.replace("3", "NaN"),
    "infinity": lambda: constant([-float("inf")]),
    "1e999": lambda: TEXT.replace("3", "1e999"),
    "a field twice": lambda: TEXT.replace('"name": "m"', '"name": "m", "name": "m"'),
    "the description twice": lambda: TEXT + TEXT,
    # Nesting.
    "100,000 lists": lambda: "[" * 100_000,
    "100,000 closed lists": lambda: "[" * 100_000 + "]" * 100_000,
    "100,000 dicts": lambda: '{"a":' * 100_000 + "1" + "}" * 100_000,
    "lists in a config": lambda: TEXT.replace("3", "[" * 900 + "]" * 900),
    "an optimizer of optimizers": lambda: compiled(
        optimizer=json.loads(
            '{"class_name":"SGD","config":{"learning_rate":' * 300 + "1" + "}}" * 300
        )
    ),
    "a model for a layer": lambda: network(image(3), network(*DENSE)["model"]),
    "an input within": lambda: network(*DENSE, image(3)),
    "an input alone": lambda: network(image(3)),
    "no layers": network,
    "layers of one name": lambda: network(*DENSE, layer("ReLU", name="d")),
    # What might lead out of the file.
    "a path for a layer": lambda: network(image(3), layer("ReLU", name="../../../etc/passwd")),
    "a path for an initializer": lambda: network(
        image(3), layer("Dense", units=2, kernel_initializer="/etc/passwd")
    ),
    "an address for a loss": lambda: compiled(loss="http://127.0.0.1:9/x"),
    "a module for an optimizer": lambda: compiled(optimizer=layer("os.system", command="id")),
    "a dunder for a class": lambda: network(layer("__class__")),
    "an initializer for a layer": lambda: network(layer("Zeros")),
    "the base of all layers": lambda: network(image(3), layer("Layer", name="l")),
    "code for an activation": lambda: network(
        image(3), layer("Dense", units=2, activation="__import__('os').abort()")
    ),
    # Generators of layers that have a seed.
    "no state": lambda: seeded(None),
    "an empty state": lambda: seeded({}),
    "another generator": lambda: seeded({"bit_generator": "MT19937", "state": {"key": [0] * 624}}),
    "a vast state": lambda: seeded(
        {
            "bit_generator": "PCG64",
            "state": {"state": 2**200, "inc": -1},
            "has_uint32": 2**80,
            "uinteger": 0,
        }
    ),
}

HEADERS: dict[str, Callable[[], bytes]] = {
    "header of 2**64 - 1 bytes": lambda: container({}, length=2**64 - 1),
    "header of 2**63 bytes": lambda: container({}, length=2**63),
    "header of 0 bytes": lambda: container({}, length=0),
    "header longer than the file": lambda: container({}, length=100),
    "header that ends in a field": lambda: container({"a": F32}, bytes(8), length=9),
    "header that is a list": lambda: container([]),
    "header of blanks": lambda: container(b" " * 1000),
    "header of 100,000 lists": lambda: container(b"[" * 100_000),
    "header not in UTF-8": lambda: container(b'{"\xff\xfe": 1}'),
    "header of 5 MB": lambda: container(b"{}" + b" " * 5_000_000),
    "100,000 tensors": lambda: packed(
        network(*DENSE), {f"t{i}": np.zeros(1, np.float32) for i in range(100_000)}
    ),
    "30,000 tensors": lambda: packed(
        network(*DENSE), {f"t{i}": np.zeros(0, np.float32) for i in range(30_000)}
    ),
    "a tensor twice": lambda: container(
        b'{"a":%s,"a":%s}' % ((json.dumps(F32).encode(),) * 2), bytes(8)
    ),
    "tensors that overlap": lambda: container(
        {"a": F32, "b": F32 | {"data_offsets": [4, 12]}}, bytes(12)
    ),
    "a gap between tensors": lambda: container(
        {"a": F32, "b": F32 | {"data_offsets": [16, 24]}}, bytes(24)
    ),
    "a tensor beyond the end": lambda: container({"a": F32}, bytes(4)),
    "a tensor of negative size": lambda: container(
        {"a": F32 | {"shape": [-2], "data_offsets": [8, 0]}}, bytes(8)
    ),
    "a shape that wraps to 4": lambda: container(
        {"a": F32 | {"shape": [4194305, 4194305, 211106198978564]}}, bytes(16)
    ),
    "a tensor of half a byte": lambda: container(
        {"a": {"dtype": "F4", "shape": [1], "data_offsets": [0, 1]}}, b"\0"
    ),
    "an unknown type": lambda: container({"a": F32 | {"dtype": "OBJECT"}}, bytes(8)),
    "metadata of numbers": lambda: container({"__metadata__": {"cnnx": 1}}),
    "metadata as a list": lambda: container({"__metadata__": ["cnnx"]}),
    "an archive behind": lambda: packed(TEXT, WEIGHTS) + b"PK\x05\x06" + bytes(18),
    "a pickle": lambda: b"\x80\x04cos\nsystem\n(S'id'\ntR.",
}

TENSORS: dict[str, Tensors] = {
    "no tensors": {},
    "a tensor missing": KERNEL,
    "a path for a tensor": {**WEIGHTS, "../d/kernel": np.zeros(1, np.float32)},
    "a kernel of doubles": {**WEIGHTS, "d/kernel": np.ones((3, 2))},
    "a kernel of bytes": {**WEIGHTS, "d/kernel": np.ones((3, 2), np.uint8)},
    "a kernel of no elements": {**WEIGHTS, "d/kernel": np.ones((3, 0), np.float32)},
    "a kernel of 64 axes": {**WEIGHTS, "d/kernel": np.ones([1] * 64, np.float32)},
}


def with_history(figures: Any, *rows: Any, batches: Any = ()) -> bytes:
    """Return a model whose history has figures of these names and tensors."""
    history = {"figures": figures, "batches": list(batches)}
    tensors = {f"history.figures.{index}": np.asarray(row) for index, row in enumerate(rows)}
    epochs = {"history.epochs": np.zeros(1, np.int64)}
    return packed(network(*DENSE, history=history), {**WEIGHTS, **epochs, **tensors})


HISTORIES: dict[str, Callable[[], bytes]] = {
    "a history of 32 MiB": lambda: with_history(["a"], np.zeros(4 << 20)),
    "a history of many rows": lambda: with_history(
        [str(i) for i in range(9)], *[np.zeros(1 << 18)] * 9
    ),
    "a history of two axes": lambda: with_history(["a"], np.zeros((2, 2))),
    "a history of bytes": lambda: with_history(["a"], np.zeros(2, np.uint8)),
    "a history without its tensor": lambda: with_history(["a"]),
    "a figure twice": lambda: with_history(["a", "a"], np.zeros(1), np.zeros(1)),
    "a figure without a name": lambda: with_history([7], np.zeros(1)),
    "many figures": lambda: with_history(fill("x")),
    "figures of a number": lambda: with_history(3),
}

MODELS: dict[str, Callable[[], bytes]] = {
    "a history of NaN": lambda: with_history(["../loss"], np.full(3, np.nan)),
    "weights of NaN and infinity": lambda: packed(
        TEXT, {**WEIGHTS, "d/bias": np.array([np.nan, np.inf], np.float32)}
    ),
    "two million weights": lambda: packed(
        network(image(1000), layer("Dense", name="d", units=2000, use_bias=False)),
        {"d/kernel": np.ones((1000, 2000), np.float32)},
    ),
}
ARE_MODELS = {
    *MODELS,
    "vast reordering",
    "many numbers of a constant",
    "many lists of a constant",
    "a long name of a layer",
    "half of a surrogate pair",
    "an input alone",
    "no layers",
    "a path for a layer",
}
"""Files that look strange and are models all the same."""


def crafted() -> Iterator[Case]:
    for name, describe in ARCHITECTURES.items():
        description = describe()
        yield name, packed(description, WEIGHTS if '"Dense"' in json.dumps(description) else {})
    for name, make in (HEADERS | HISTORIES | MODELS).items():
        yield name, make()
    for name, tensors in TENSORS.items():
        yield name, packed(TEXT, tensors)


STRANGE: list[Any] = [
    *(None, True, False, -1, 0, 1, 1.5, 1e308, -1e308, 2**31, 2**63, -(2**64)),
    *("", "os.system", "../../etc/passwd", "\0"),
    *([], [[]], {}, {"class_name": 1, "config": {}}),
]


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value in a description that is no dict or list."""
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, child in items:
            yield from leaves(child, (*path, key))
    else:
        yield path


def strange_values(description: Description, tensors: Tensors) -> Iterator[Case]:
    """Put each strange value into each field of a good model."""
    for place, value in itertools.product(leaves(description), STRANGE):
        spoilt = copy.deepcopy(description)
        parent = spoilt
        for key in place[:-1]:
            parent = parent[key]
        parent[place[-1]] = value
        yield f"{'/'.join(map(str, place))} = {value!r}", packed(spoilt, tensors)


def mutations(content: bytes, count: int) -> Iterator[Case]:
    """Change, cut out, double and exchange bytes of a good model, most of them in its header."""
    generator = np.random.default_rng(1)
    header = 8 + int.from_bytes(content[:8], "little")
    for number in range(count):
        damaged = bytearray(content)
        for _ in range(generator.integers(1, 4)):
            end = min(header if generator.random() < 0.8 else len(damaged), len(damaged))
            start, stop = sorted(generator.integers(0, end, 2))
            stop = min(stop, start + 64)
            match generator.integers(0, 4):
                case 0:
                    damaged[start] = generator.integers(0, 256)
                case 1:
                    del damaged[start:stop]
                case 2:
                    damaged[start:start] = damaged[start:stop]
                case 3:
                    damaged[start:stop] = damaged[start:stop][::-1]
        if generator.random() < 0.5:  # a header of the right length gets further
            damaged[:8] = struct.pack("<Q", max(header - 8 + len(damaged) - len(content), 0))
        yield f"mutation {number}", bytes(damaged)
