"""
Fuzz the reader of Keras' files: python tests/fuzz/fuzz_keras.py -max_total_time=600.

An input's first byte says what the rest is: an .h5 file, a .keras file, or a description, which is
put into a .keras file of good weights.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parent.parent))

with atheris.instrument_imports(include=["cnnx", "zipfile", "json"]):
    import cnnx
    from cnnx.keras_files import loading  # noqa: F401
    from cnnx.models import load_model

import json
import warnings
import zipfile

import numpy as np
from fuzzing import FOLDER, fuzz

from keras_writer import convolution, dense, functional, image, keras_2, keras_3, layer, values

PATH = FOLDER / "model"
FILE, DESCRIPTION = b"\0", b"\1"


def graph() -> dict:
    body = functional(
        image(3, name="inner"),
        layer("Dense", "e", "inner", **dense(3)),
        inputs=["inner"],
        outputs=["e"],
    )
    body |= {
        "class_name": "Functional",
        "name": "model_1",
        "inbound_nodes": [[["g", 0, 0, {}]], [["model_1", 0, 0, {}]]],
    }
    config = functional(
        image(6, 6, 2),
        layer("Normalization", "n", "input_1", axis=[-1], mean=None, variance=None),
        layer("Rescaling", "r", "n", scale=[0.5, 2.0], offset=0.0),
        layer("Conv2D", "c", "r", **convolution(activation="relu")),
        layer("BatchNormalization", "b", "c", axis=[3], momentum=0.9),
        layer("Add", "a", "c", "b"),
        layer("GlobalAveragePooling2D", "g", "a"),
        {
            **body,
            "class_name": "Functional",
            "name": "model_1",
            "inbound_nodes": [[["g", 0, 0, {}]], [["model_1", 0, 0, {}]]],
        },
        inputs=["input_1"],
        outputs=["model_1"],
    )
    config["config"]["output_layers"] = [["model_1", 1, 0]]
    return config


GROUPS = {
    "n": [("n/mean:0", values(2)), ("n/variance:0", values(2)), ("n/count:0", np.array(3))],
    "c": [("c/kernel:0", values(3, 3, 2, 3)), ("c/bias:0", values(3))],
    "b": [(f"b/{name}:0", values(3)) for name in ("gamma", "beta", "mean", "variance")],
    "model_1": [("e/kernel:0", values(3, 3)), ("e/bias:0", values(3))],
}
PATHS = {
    f"layers/{key}/vars/{place}": array
    for key, name in (
        ("conv2d", "c"),
        ("batch_normalization", "b"),
        ("normalization", "n"),
        ("functional/layers/dense", "model_1"),
    )
    for place, (_, array) in enumerate(GROUPS[name])
}
TRAINING = {
    "loss": "mse",
    "metrics": ["mae"],
    "optimizer_config": {"class_name": "SGD", "config": {"lr": 0.1, "momentum": 0.9}},
}


def keras_3_graph() -> dict:
    """Return the same network as Keras 3 describes it."""
    config = json.loads(json.dumps(graph()))
    for part in config["config"]["layers"]:
        part["module"] = "keras.layers" if "layers" not in part["config"] else "keras"
        part["inbound_nodes"] = [
            {"args": [[_tensor(one) for one in node] if len(node) > 1 else _tensor(node[0])]}
            for node in part["inbound_nodes"]
        ]
        if part["class_name"] == "Add":
            part["module"] = "keras.src.ops.numpy"
            part["inbound_nodes"][0]["args"] = part["inbound_nodes"][0]["args"][0]
    return config | {
        "compile_config": TRAINING | {"optimizer": TRAINING["optimizer_config"]},
        "build_config": {"input_shape": None},
    }


def _tensor(item: list) -> dict:
    return {"class_name": "__keras_tensor__", "config": {"keras_history": item[:3]}}


def test_one_input(data: bytes) -> None:
    if data[:1] == DESCRIPTION:
        PATH.write_bytes(keras_3(data[1:].decode("utf-8", "replace"), PATHS))
    else:
        PATH.write_bytes(data[1:])
    for operation in (
        lambda: load_model(PATH).save(FOLDER / "ours"),
        lambda: MODEL.load_weights(PATH),
    ):
        before = MODEL.get_weights()
        try:
            operation()
        except (ValueError, OSError) as error:
            if str(PATH) not in str(error) and str(FOLDER / "ours") not in str(error):
                raise
            for one, other in zip(MODEL.get_weights(), before, strict=True):
                assert one.tobytes() == other.tobytes()


def good_files() -> list[bytes]:
    return [
        keras_2(graph(), GROUPS, training=TRAINING),
        keras_2(None, GROUPS, compression="gzip", shuffle=True, fletcher32=True),
        keras_3(graph(), PATHS),
        keras_3(keras_3_graph(), PATHS, zipfile.ZIP_DEFLATED),
    ]


PATH.write_bytes(keras_2(graph(), GROUPS))
MODEL = load_model(PATH)

if __name__ == "__main__":
    warnings.simplefilter("ignore")  # what was left out
    files = good_files()
    for content in files[::2] + files[3:]:
        PATH.write_bytes(content)
        load_model(PATH)
    for content in files:
        PATH.write_bytes(content)
        MODEL.load_weights(PATH)
    descriptions = [json.dumps(graph()).encode(), json.dumps(keras_3_graph()).encode()]
    seeds = [FILE + content for content in files]
    seeds += [DESCRIPTION + text for text in descriptions]
    fields = {word for text in descriptions for word in text.decode().split('"')}
    words = {word for word in fields if word.isidentifier()} | set(cnnx.layers.LAYERS)
    tables = ["TREE", "SNOD", "HEAP", "GCOL", "PK\\x01\\x02", "PK\\x03\\x04", "PK\\x05\\x06"]
    fuzz(test_one_input, seeds, [*words, *tables, "NaN", "1e999", "-1", "2147483647", "null"])
