"""Streams of data, and images of several sizes."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np

import cnnx
from cnnx import layers
from cnnx.distributed import Group
from distributed_cases.case import JOINT, case, chain, draw, fit
from distributed_cases.training import largest_output


@case
def streams_of_pictures(group: Group) -> dict[str, Any]:
    cnnx.utils.set_random_seed(11 if group.rank == 0 else 12)
    model = cnnx.Sequential(
        [
            cnnx.Input((6, 6, 3)),
            layers.Rescaling(1 / 255),
            layers.Flatten(),
            layers.Dense(2, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        folder = group.broadcast(folder)
        if group.rank == 0:
            draw_pictures(Path(folder))
        group.barrier()
        train, held_back, _ = cnnx.data.image_folder(
            folder, (6, 6), batch_size=JOINT // group.size, validation_split=0.2, seed=1
        )
        history = model.fit(train, validation_data=held_back, epochs=3, verbose=0).history
        read = (train.samples, train.samples + held_back.samples)
        assert max(read) < 59
        assert len(train.left_out) + len(held_back.left_out) == 2
        whole = cnnx.data.image_folder(
            folder, (6, 6), batch_size=JOINT // group.size, shuffle=False, label_mode=None
        ).train
        predictions = model.predict(whole, verbose=0)
        group.barrier()
    return {"weights": model.get_weights(), "history": history, "predictions": predictions}


def draw_pictures(folder: Path) -> None:
    """Write pictures of two classes, two of which cannot be read."""
    from PIL import Image

    pixels = np.random.default_rng(3).integers(0, 255, (59, 6, 6, 3)).astype(np.uint8)
    for number, picture in enumerate(pixels):
        file = folder / ("dark" if number % 2 else "light") / f"{number:02}.png"
        file.parent.mkdir(exist_ok=True)
        Image.fromarray(picture).save(file)
        if number in (9, 30):
            file.write_bytes(b"no picture")


@case
def own_streams_of_unequal_lengths(group: Group) -> dict[str, Any]:
    """Train in the first step on samples of all ranks, in the second on those of the last one."""
    x, y = draw(24, 8, 8, 1), np.arange(24) % 3
    first, second = x[:16], x[16:]
    part = group.part(16)
    batches = [(first[part], y[:16][part])]
    if group.rank == group.size - 1:
        batches.append((second, y[16:]))
    model = chain(group)
    stream = Stream(batches)
    history = model.fit(stream, epochs=3, verbose=0).history
    return {"weights": model.get_weights(), "history": history}


@case
def images_of_several_sizes(group: Group) -> dict[str, Any]:
    """Train on maps of one size after the other; in the last batches some have no samples."""
    cnnx.utils.set_random_seed(3 + group.rank)
    image = cnnx.Input((None, None, 3))
    x = layers.Conv2D(4, 3, padding="same", activation="relu")(image)
    x = layers.BatchNormalization(synchronized=True, momentum=0.8)(x)
    x = layers.UpSampling2D()(layers.MaxPooling2D()(x))
    x = layers.Conv2D(3, 1, activation="softmax")(x)
    model = cnnx.Model(image, x)
    model.compile("sgd", "sparse_categorical_crossentropy", ["accuracy"])
    found = {}
    for size in ((6, 8), (4, 6), (6, 8)):
        x, y = draw(25, *size, 3), np.arange(25 * size[0] * size[1]).reshape(25, *size) % 3
        found[f"{len(found)}"] = fit(group, model, x, y, validation_data=(x[:1], y[:1]))
        found[f"predict {len(found)}"] = model.predict(x, batch_size=5, verbose=0)
    return found


@case
def ranks_with_images_of_other_sizes(group: Group) -> dict[str, Any]:
    """Train on sheets that are larger on each rank, and show the same: all around it is 0."""
    cnnx.utils.set_random_seed(3 + group.rank)
    model = cnnx.Sequential(
        [
            cnnx.Input((None, None, 2)),
            layers.Conv2D(8, 1, use_bias=False, activation="relu"),
            layers.GlobalMaxPooling2D(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile("sgd", "sparse_categorical_crossentropy", ["accuracy"])
    part, y = group.part(24), np.arange(24) % 3
    sheets = np.zeros((24, 8 + group.rank, 8 + 2 * group.rank, 2), np.float32)
    sheets[:, :7, :7] = draw(24, 7, 7, 2)
    stream = Stream([(sheets[part], y[part])] * 2)
    history = model.fit(stream, epochs=3, verbose=0).history
    return {"weights": model.get_weights(), "history": history}


@case
def metrics_of_maps_of_other_sizes(group: Group) -> dict[str, Any]:
    """Add up sums over maps of several sizes; refuse to put such maps below each other."""
    image = cnnx.Input((None, None, 1))
    model = cnnx.Model(image, layers.Conv2D(3, 1, activation="softmax")(image))
    model.compile(
        "sgd", "sparse_categorical_crossentropy", [cnnx.metrics.MeanIoU(3, sparse_y_pred=False)]
    )
    size = (4, 5 + group.rank)
    stream = Stream([(draw(2, *size, 1), np.zeros((2, *size), int))])
    model.fit(stream, verbose=0)
    largest = cnnx.metrics.FunctionMetric(largest_output)
    model.compile("sgd", "sparse_categorical_crossentropy", [largest])
    try:
        model.fit(stream, verbose=0)
    except ValueError as error:
        return {"refused": "give the ranks images of one size" in str(error)}
    return {"refused": group.size == 1}


class Stream:
    def __init__(self, batches: list[Any]) -> None:
        self.batches = batches

    def __iter__(self) -> Any:
        return iter(self.batches)
