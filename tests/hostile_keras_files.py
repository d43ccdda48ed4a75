"""Files of Keras made to deceive their reader: (name, content) one after the other."""

from __future__ import annotations

import copy
import io
import itertools
import json
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import h5py
import numpy as np

from hostile_models import STRANGE, VAST, Case, leaves
from keras_writer import convolution, dense, functional, image, keras_2, keras_3, layer, values

ROOM = 2_090_000
"""Bytes that a description may have."""
KERNEL, BIAS = values(3, 2), values(2)
GROUPS = {"d": [("d/kernel:0", KERNEL), ("d/bias:0", BIAS)]}
PATHS = {"layers/dense/vars/0": KERNEL, "layers/dense/vars/1": BIAS}


def chain(*layers: Any, size: int = 3) -> Any:
    stack = [image(size), *layers] if layers else [image(size), layer("Dense", "d", **dense(2))]
    return {"class_name": "Sequential", "config": {"name": "s", "layers": stack}}


def graph() -> Any:
    """Return a network whose kinds of fields are all kinds there are."""
    body = functional(
        image(3, name="i"), layer("Dense", "d", "i", **dense(3)), inputs=["i"], outputs=["d"]
    )
    body |= {"class_name": "Functional", "name": "model_1", "inbound_nodes": [[["g", 0, 0, {}]]]}
    return functional(
        image(6, 6, 2),
        layer("Conv2D", "c", "input_1", **convolution(activation="relu")),
        layer("BatchNormalization", "b", "c", axis=[3], momentum=0.9),
        layer("Add", "a", "c", "b"),
        layer("GlobalAveragePooling2D", "g", "a"),
        body,
        inputs=["input_1"],
        outputs=["model_1"],
    )


GRAPH_WEIGHTS = {
    f"layers/{key}/vars/{place}": array
    for key, arrays in {
        "conv2d": [values(3, 3, 2, 3), values(3)],
        "batch_normalization": [values(3)] * 4,
        "functional/layers/dense": [values(3, 3), values(3)],
    }.items()
    for place, array in enumerate(arrays)
}


def fill(entry: Any, share: float = 1) -> list[Any]:
    """Return as many entries as a description has room for."""
    return [entry] * int(share * ROOM / (len(json.dumps(entry)) + 2))


def nested(depth: int) -> Any:
    config = chain()
    for number in range(depth):
        config = {
            "class_name": "Sequential",
            "config": {"name": f"s{number}", "layers": [config]},
        }
    return config


def loop() -> Any:
    return functional(
        image(3),
        layer("Add", "a", "b", "input_1"),
        layer("Add", "b", "a", "input_1"),
        inputs=["input_1"],
        outputs=["b"],
    )


def reading(*place: Any) -> Any:
    return functional(image(3), layer("ReLU", "a", list(place)), inputs=["input_1"], outputs=["a"])


CONFIGS: dict[str, Callable[[], Any]] = {
    "vast input": lambda: chain(image(VAST, VAST, name="i"), layer("Flatten", "f")),
    "vast dense": lambda: chain(layer("Dense", "d", **dense(VAST))),
    "vast weights": lambda: chain(layer("Dense", "d", **dense(2**28))),
    "vast convolution": lambda: {
        "class_name": "Sequential",
        "config": [image(9, 9, 1), layer("Conv2D", "c", **convolution(kernel_size=[VAST, VAST]))],
    },
    "vast repetition": lambda: chain(layer("RepeatVector", "r", n=VAST**2)),
    "vast normalization": lambda: chain(layer("BatchNormalization", "b"), size=VAST),
    "vast initializer": lambda: chain(
        layer(
            "Dense",
            "d",
            **dense(2, bias_initializer={"class_name": "Constant", "config": {"value": VAST}}),
        )
    ),
    "an operation without a use": lambda: chain(
        layer("Add", "a") | {"module": "keras.src.ops.numpy"}
    ),
    "an operation of a vast number": lambda: functional(
        image(3),
        {
            "class_name": "Multiply",
            "name": "a",
            "module": "keras.src.ops.numpy",
            "config": {"name": "a"},
            "inbound_nodes": [
                {
                    "args": [
                        {
                            "class_name": "__keras_tensor__",
                            "config": {"keras_history": ["input_1", 0, 0]},
                        },
                        10**400,
                    ]
                }
            ],
        },
        inputs=["input_1"],
        outputs=["a"],
    ),
    "vast scale": lambda: chain(layer("Rescaling", "r", scale=[2.0], offset=0), size=VAST),
    "scales of another number": lambda: chain(layer("Rescaling", "r", scale=[2.0, 3.0], offset=0)),
    "texts for a mean": lambda: chain(
        layer("Normalization", "n", axis=[-1], mean=["a"], variance=[1])
    ),
    "deep means": lambda: chain(
        layer("Normalization", "n", axis=[-1], mean=json.loads("[" * 90 + "]" * 90), variance=1)
    ),
    "negative input": lambda: chain(size=-3),
    "deep models": lambda: nested(300),
    "deeper models": lambda: (
        '{"class_name": "Sequential", "config": {"name": "s", "layers": [' * 20_000 + "]}}" * 20_000
    ),
    "10,001 layers": lambda: chain(*[layer("ReLU", f"r{i}") for i in range(10_001)]),
    "10,001 layers within": lambda: chain(
        chain(*[layer("ReLU", f"r{i}") for i in range(9_999)]), layer("ELU", "e")
    ),
    "a loop": loop,
    "itself": lambda: reading("a", 0, 0),
    "nothing": lambda: reading("c", 0, 0),
    "another use": lambda: reading("input_1", 3, 0),
    "another output": lambda: reading("input_1", 0, -1),
    "a vast output": lambda: reading("input_1", 0, 2**70),
    "two of one name": lambda: functional(
        image(3),
        layer("ReLU", "a", "input_1"),
        layer("ELU", "a", "input_1"),
        inputs=["input_1"],
        outputs=["a"],
    ),
    "no output": lambda: functional(image(3), inputs=["input_1"], outputs=[]),
    "an output twice": lambda: functional(image(3), inputs=["input_1"], outputs=["input_1"] * 2),
    "no layers": lambda: {"class_name": "Sequential", "config": {"name": "s", "layers": 3}},
    "no class": lambda: {"config": {}},
    "a list": lambda: [1, 2],
    "a long name": lambda: chain(layer("ReLU", "x" * (ROOM // 2 - 200))),
    "a long class": lambda: chain(layer("x" * ROOM, "x")),
    "many lists": lambda: chain() | {"more": fill([])},
    "many lists in lists": lambda: chain() | {"more": fill([[]])},
    "many dicts": lambda: chain() | {"more": fill({})},
    "many fields": lambda: chain() | {"more": fill({"": 0})},
    "many axes": lambda: chain(layer("Reshape", "r", target_shape=fill(VAST))),
    "many metrics": lambda: (
        chain() | {"compile_config": {"optimizer": "sgd", "loss": "mse", "metrics": fill([], 0.9)}}
    ),
    "many losses": lambda: (
        chain() | {"compile_config": {"optimizer": "sgd", "loss": fill({"a": 0}, 0.9)}}
    ),
    "a function": lambda: chain(
        layer(
            "Activation",
            "a",
            activation={"class_name": "function", "module": "os", "config": "system"},
        )
    ),
    "a path": lambda: chain(layer("os.system", "echo")),
    "text": lambda: "import os; os.abort()",
    "deep lists": lambda: "[" * 1_000_000,
    "deep dicts": lambda: '{"a":' * 300_000,
    "too long": lambda: json.dumps(chain() | {"more": fill([], 2)}),
    "infinity": lambda: json.dumps(chain()).replace("3]", "1e999]"),
    "a number for a list": lambda: (
        functional(image(3), inputs=["input_1"], outputs=["input_1"])
        | {"config": {"name": "m", "layers": [], "input_layers": 3, "output_layers": 4}}
    ),
}


def crafted() -> Iterator[Case]:
    for name, make in CONFIGS.items():
        config = make()
        yield f"{name}.keras", keras_3(config, PATHS)
        yield f"{name}.h5", keras_2(config, GROUPS)
    yield from hdf5_files()
    yield from archives()


def edited(change: Callable[[h5py.File], None], **options: Any) -> bytes:
    """Return a good .h5 file after a change."""
    stream = io.BytesIO(keras_2(chain(), GROUPS))
    with h5py.File(stream, "r+", **options) as file:
        change(file)
    return stream.getvalue()


def replaced(name: str, **arguments: Any) -> bytes:
    """Return a good .h5 file with another array in a place."""

    def change(file: h5py.File) -> None:
        del file[name]
        file.create_dataset(name, **arguments)

    return edited(change)


PLACE = "model_weights/d/d/kernel:0"


def _link(kind: Any) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        del file[PLACE]
        file[PLACE] = kind

    return change


def _virtual(file: h5py.File) -> None:
    del file[PLACE]
    layout = h5py.VirtualLayout((3, 2), "f4")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", (3, 2))
    file.create_virtual_dataset(PLACE, layout)


def _cycle(file: h5py.File) -> None:
    del file["model_weights/d/d"]
    file["model_weights/d/d"] = file["model_weights/d"]


def _attribute(value: Any, name: str = "model_config") -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        del file.attrs[name]
        if value is not None:
            file.attrs[name] = value

    return change


def _committed(file: h5py.File) -> None:
    file["type"] = np.dtype("f4")
    del file[PLACE]
    file.create_dataset(PLACE, (3, 2), file["type"])[...] = KERNEL


def hdf5_files() -> Iterator[Case]:
    good = keras_2(chain(), GROUPS)
    yield "a soft link", edited(_link(h5py.SoftLink("/model_weights/d/d/bias:0")))
    yield "a link out", edited(_link(h5py.ExternalLink("/etc/passwd", "x")))
    yield (
        "an array elsewhere",
        replaced(PLACE, shape=(3, 2), dtype="f4", external=[("/etc/passwd", 0, 24)]),
    )
    yield "a virtual array", edited(_virtual)
    yield "a group in itself", edited(_cycle)
    yield "a shared type", edited(_committed)
    yield "lzf", replaced(PLACE, data=KERNEL, compression="lzf")
    yield "no values", replaced(PLACE, shape=(3, 2), dtype="f4")
    yield "a vast array", replaced(PLACE, shape=(2**31, 2**20), dtype="f4", chunks=(1024, 1024))
    yield "a chunk too few", replaced(PLACE, shape=(3, 2), dtype="f4", chunks=(2, 2))
    yield "texts", replaced(PLACE, data=np.array([[b"a", b"b"]] * 3))
    yield "records", replaced(PLACE, data=np.zeros((3, 2), "f4,i4"))
    yield "booleans", replaced(PLACE, data=np.ones((3, 2), bool))
    yield "complex numbers", replaced(PLACE, data=np.ones((3, 2), "c8"))
    yield "a scalar", replaced(PLACE, data=np.float32(1))
    yield "another shape", replaced(PLACE, data=np.ones((2, 3), np.float32))
    yield "nothing at all", replaced(PLACE, data=h5py.Empty("f4"))
    for name, value in {
        "number": 3.0,
        "texts": np.array([b"a", b"b"]),
        "no text": b"",
        "bytes": np.void(b"\xff\x00"),
        "wrong letters": np.bytes_(b"\xff\xfe{}"),
    }.items():
        yield f"{name} for a description", edited(_attribute(value))
    yield "no description", edited(_attribute(None))
    for name in ("d/x", "..", "/", ""):
        listed = _attribute(np.array([name.encode()]), "layer_names")
        yield f"the layer {name!r}", edited(lambda file, do=listed: do(file["model_weights"]))
    for place in range(8, len(good), 307):
        yield f"cut at {place}", good[:place]
    yield "a block before", bytes(512) + good
    stream = io.BytesIO()
    with h5py.File(stream, "w", libver="latest") as file, h5py.File(io.BytesIO(good)) as old:
        for name in old.attrs:
            file.attrs[name] = old.attrs[name]
        old.copy("model_weights", file)
    yield "a new layout", stream.getvalue()


def _zip(
    method: int = zipfile.ZIP_STORED, drop: str = "", rename: str = "", **members: bytes
) -> bytes:
    good = zipfile.ZipFile(io.BytesIO(keras_3(chain(), PATHS)))
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name in good.namelist():
            if name != drop:
                archive.writestr(rename + name, good.read(name))
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def archives() -> Iterator[Case]:
    good = keras_3(chain(), PATHS)
    zeros = bytes(1 << 28)  # twice what reading may take
    yield "bzip2", _zip(zipfile.ZIP_BZIP2)
    yield "lzma", _zip(zipfile.ZIP_LZMA)
    for name in ("config.json", "model.weights.h5"):
        yield f"a bomb for {name}", _zip(zipfile.ZIP_DEFLATED, name, **{name: zeros})
        yield f"no {name}", _zip(drop=name)
        yield f"empty {name}", _zip(drop=name, **{name: b""})
        yield f"{name} twice", _zip(**{name: b"{}"})
    yield "a path up", _zip(rename="../")
    yield "an absolute path", _zip(rename="/tmp/")
    yield "a pickle", _zip(drop="config.json", **{"model/data.pkl": b"cos\nsystem\n"})
    yield "shards", _zip(drop="model.weights.h5", **{"model.weights.json": b"{}"})
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for number in range(60_000):
            archive.writestr(f"{number:0>60}", b"")
    yield "many files", stream.getvalue()
    for place in range(4, len(good), 511):
        yield f"an archive cut at {place}", good[:place]
    encrypted = bytearray(good)
    for start in range(len(good)):
        if good[start : start + 4] == b"PK\x01\x02":
            encrypted[start + 8] |= 1
    yield "encrypted", bytes(encrypted)
    yield "another checksum", good.replace(b'"name": "s"', b'"name": "t"')


HARMLESS = (
    "vast initializer",
    "many lists",
    "many lists in lists",
    "many dicts",
    "many fields",
    "many metrics",
    "many losses",
)
ARE_MODELS = {f"{name}{form}" for name in HARMLESS for form in (".keras", ".h5")} | {
    "deep models.h5",
    "a long name.keras",
}
"""What is a model all the same, perhaps with a warning."""


def strange_descriptions() -> Iterator[Case]:
    """Put each strange value into each field of a good description."""
    good = graph()
    for place, value in itertools.product(leaves(good), STRANGE):
        spoilt = copy.deepcopy(good)
        parent = spoilt
        for key in place[:-1]:
            parent = parent[key]
        parent[place[-1]] = value
        yield f"{'/'.join(map(str, place))} = {value!r}", keras_3(spoilt, GRAPH_WEIGHTS)


def mutations(count: int) -> Iterator[Case]:
    """Change bytes, words and pieces of good files."""
    generator = np.random.default_rng(1)
    good = [keras_2(chain(), GROUPS), keras_3(chain(), PATHS), keras_3(graph(), GRAPH_WEIGHTS)]
    words = [0, 1, 255, 2**16 - 1, 2**31 - 1, 2**32 - 1, 2**63, 2**64 - 1]
    for number in range(count):
        damaged = bytearray(good[number % 3])
        for _ in range(generator.integers(1, 5)):
            start, other = generator.integers(0, len(damaged), 2)
            size = int(generator.choice([1, 2, 4, 8, 64]))
            match generator.integers(0, 4):
                case 0:
                    damaged[start] = generator.integers(0, 256)
                case 1:
                    word = words[generator.integers(0, len(words))] % 2 ** (8 * min(size, 8))
                    damaged[start : start + min(size, 8)] = word.to_bytes(min(size, 8), "little")
                case 2:
                    damaged[start : start + size] = damaged[other : other + size]
                case 3:
                    del damaged[start : start + size]
        yield f"mutation {number}", bytes(damaged)
