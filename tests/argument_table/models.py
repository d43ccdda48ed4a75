"""The methods of a model, and what prepares data for them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

import cnnx
from agreement import normal
from argument_table.kinds import (
    CHOICE,
    FITTED,
    FLAG,
    FROM_0,
    IMAGES,
    LABELS,
    MISSING,
    NAN,
    PAIR,
    VERBOSE,
    Entry,
    Fault,
    Kind,
    types,
    values,
)
from argument_table.training import Y
from cnnx import data, layers, metrics, optimizers, utils
from cnnx.datasets import emnist

IMAGES_OF_6 = normal(22, 6, 6, 6, 2)
STEPS = values(0, -1) | types("three", 1.5, [1])
SAMPLES_OF_IMAGES = {k: f for k, f in IMAGES.items() if k != "a set"}  # a stream of batches


def model() -> cnnx.Sequential:
    utils.set_random_seed(1)
    model = cnnx.Sequential(
        [
            cnnx.Input((6, 6, 2)),
            layers.Conv2D(3, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(optimizers.SGD(1e-4), "sparse_categorical_crossentropy")
    return model


def method(name: str, kinds: dict[str, Kind] | None = None, **arguments: Any) -> Entry:
    """Call a method of a fresh model."""
    own = {
        "x": SAMPLES_OF_IMAGES | {"nothing": Fault(ValueError, lambda x: x[:0])},
        "y": LABELS | MISSING,
        "sample_weight": FITTED
        | {
            "NaN": Fault(ValueError, lambda w: w * NAN),
        },
        "class_weight": values({0: NAN}, {-1: 1.0})
        | types(3, [1.0], {"a": 1.0}, {0: "b"}, {0.5: 1.0}),
        "verbose": VERBOSE,
        "callbacks": types(3, [3], "early"),
        "validation_data": values((1, 2, 3, 4), [3], "data"),
        **dict.fromkeys(["steps", "steps_per_epoch", "validation_steps"], STEPS),
    }
    return Entry(
        lambda **given: getattr(model(), name)(**given), arguments, None, own | (kinds or {})
    )


SAMPLES: dict[str, Any] = {"x": IMAGES_OF_6, "y": Y}
WEIGHTED: dict[str, Any] = {"sample_weight": np.ones(6, np.float32)}
METHODS: dict[str, Entry] = {
    "compile": method(
        "compile",
        {
            "metrics": values(["nonsense"], "nonsense") | types(3, [3]),
            "weighted_metrics": values(["nonsense"], "nonsense") | types(3, [3]),
            "loss": values("nonsense", ["nonsense"], [], ["mse", "mse"], {}, {"other": "mse"})
            | types(3, 1.5, [3]),
            "loss_weights": values([1.0, 2.0], {"other": 1.0}, [-1.0]) | types("half"),
        },
        optimizer="sgd",
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        loss_weights=None,
        weighted_metrics=["accuracy"],
    ),
    "fit": method(
        "fit",
        **SAMPLES,
        batch_size=4,
        epochs=1,
        verbose=0,
        callbacks=[],
        validation_split=0.0,
        validation_data=(IMAGES_OF_6, Y),
        shuffle=True,
        class_weight={0: 2.0},
        **WEIGHTED,
        initial_epoch=0,
        steps_per_epoch=None,
        validation_steps=None,
        validation_batch_size=3,
        validation_freq=1,
    ),
    "evaluate": method(
        "evaluate",
        **SAMPLES,
        batch_size=4,
        verbose=0,
        **WEIGHTED,
        return_dict=False,
        steps=None,
        callbacks=[],
    ),
    "predict": method(
        "predict",
        {"x": SAMPLES_OF_IMAGES},
        x=IMAGES_OF_6,
        batch_size=4,
        verbose=0,
        steps=None,
        callbacks=[],
    ),
    "predict_on_batch": method("predict_on_batch", {"x": SAMPLES_OF_IMAGES}, x=IMAGES_OF_6),
    "train_on_batch": method(
        "train_on_batch", **SAMPLES, **WEIGHTED, class_weight={0: 2.0}, return_dict=False
    ),
    "gradients": method("gradients", **SAMPLES, **WEIGHTED),
    "test_on_batch": method("test_on_batch", **SAMPLES, **WEIGHTED, return_dict=False),
}
SVG_FILE = values("model.png", "model", "", ".svg") | types(3, True, ["model.svg"])
MODEL = types("model", 3, None, layers.Flatten) | {
    "not built": Fault(ValueError, lambda _: cnnx.Sequential([layers.Flatten()]))
}
PATTERNS = values("nonsense", ["*.png", "nonsense"], "", ".", "/", "../*") | types(
    3, True, {"*"}, [3], ["*", None]
)

COLOUR = values(256, -1, (1, 2), [0, 0, 256]) | types(1.5, "white", 1j, True, {}, (0, 0, 1.5))


def read_folder(**given: Any) -> Any:
    """Read a folder of two pictures of each of two classes, and two more to leave out."""
    from PIL import Image

    with tempfile.TemporaryDirectory(prefix="image_folder") as folder:  # which errors name
        for name in ("a", "b"):
            Path(folder, name, "more").mkdir(parents=True)
            for file in ("1.png", "2.png", "more/3.png"):
                Image.new("RGB", (4, 4)).save(Path(folder, name, file))
        return data.image_folder(folder, **given)


def read_picture(**given: Any) -> Any:
    """Read one picture."""
    from PIL import Image

    with tempfile.NamedTemporaryFile(suffix=".png") as file:
        Image.new("RGB", (4, 4)).save(file.name)
        return data.load_image(file.name, **given)


DATA: dict[str, Entry] = {
    "image_folder": Entry(
        read_folder,
        {
            "image_size": 4,
            "color_mode": "rgb",
            "label_mode": "int",
            "class_names": ["a", "b"],
            "include": ["*.png", "more"],
            "exclude": "more",
            "batch_size": 1,
            "shuffle": True,
            "seed": 1,
            "validation_split": 0.5,
            "max_memory": 1 << 30,
            "dtype": "uint8",
            "background": 255,
            "follow_links": True,
            "verbose": 0,
        },
        None,
        {
            "color_mode": CHOICE,
            "label_mode": CHOICE,
            "class_names": types(3, "ab"),
            "include": PATTERNS,
            "exclude": PATTERNS,
            "max_memory": FROM_0 | values(0),
            "dtype": CHOICE,
            "background": COLOUR,
            "follow_links": FLAG,
            "verbose": VERBOSE,
        },
    ),
    "plot_model": Entry(
        utils.plot_model,
        {
            "model": model(),
            "to_file": None,
            "show_shapes": True,
            "show_dtype": True,
            "show_layer_names": True,
            "rankdir": "TB",
            "expand_nested": False,
            "dpi": 200,
            "show_layer_activations": True,
            "show_trainable": True,
            "layer_range": None,
        },
        None,
        {
            "model": MODEL,
            "to_file": SVG_FILE,
            **dict.fromkeys(
                [
                    *("show_shapes", "show_dtype", "show_layer_names", "expand_nested"),
                    *("show_layer_activations", "show_trainable"),
                ],
                FLAG,
            ),
            "rankdir": CHOICE,
            "dpi": FROM_0 | values(0),
            "layer_range": types(3, "conv2d", ["conv2d"], [1, 2]),
        },
    ),
    "load_image": Entry(
        read_picture,
        {"size": 4, "color_mode": "rgb", "dtype": "uint8", "background": 255},
        None,
        {"size": PAIR, "color_mode": CHOICE, "dtype": CHOICE, "background": COLOUR},
    ),
    "emnist.class_names": Entry(
        emnist.class_names, {"split": "letters"}, None, {"split": CHOICE | MISSING}
    ),
    "to_categorical": Entry(
        utils.to_categorical,
        {"x": Y, "num_classes": 3},
        None,
        {
            "x": {
                k: f
                for k, f in LABELS.items()
                if k not in {*FITTED, "one-hot", "none", "one too many"}
            }
        },
    ),
    "confusion_matrix": Entry(
        metrics.confusion_matrix,
        {"labels": Y, "predictions": Y, "num_classes": 3, "class_names": None},
        None,
        {
            "labels": LABELS | MISSING,
            "predictions": LABELS | MISSING,
            "class_names": types(3, "ab") | values([], ["a", "a"]),
        },
    ),
    "set_random_seed": Entry(
        utils.set_random_seed, {"seed": 1}, None, {"seed": FROM_0 | values(2**32)}
    ),
}
