"""Fuzz the reader of model files: python tests/fuzz/fuzz_model.py -max_total_time=600.

Half of the inputs are files; the other half are descriptions, put into a file of good tensors.
"""

from __future__ import annotations

import atheris

with atheris.instrument_imports(include=["cnnx", "json"]):
    import cnnx
    from cnnx import layers
    from cnnx.models import load_model
    from cnnx.saving import CLASS_NAMES

import json

import safetensors
import safetensors.numpy
from fuzzing import FOLDER, fuzz

PATH = FOLDER / "model"
FILE, DESCRIPTION = b"\0", b"\1"


def good_models() -> list[bytes]:
    schedule = cnnx.optimizers.schedules.PolynomialDecay(0.1, 10)
    stacks = [
        [cnnx.Input((2,)), layers.Dense(2)],
        [
            cnnx.Input((6, 6, 2)),
            layers.RandomFlip(seed=1),
            layers.Conv2D(2, 3, padding=((0, 1), (1, 0)), bias="untied"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(),
            layers.Flatten(order="F"),
            layers.Dense(2, kernel_initializer=cnnx.initializers.Constant([1, 2])),
            layers.Softmax(),
        ],
    ]
    contents = []
    for stack in stacks:
        model = cnnx.Sequential(stack)
        model.compile(cnnx.optimizers.Adam(schedule), "categorical_crossentropy", ["accuracy"])
        model.save(PATH)
        contents.append(PATH.read_bytes())
    return contents


MODELS = good_models()
DESCRIPTIONS, TENSORS = [], {}
for content in MODELS:
    PATH.write_bytes(content)
    with safetensors.safe_open(PATH, "numpy") as file:
        DESCRIPTIONS.append(file.metadata()["cnnx"].encode())
        TENSORS |= {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def test_one_input(data: bytes) -> None:
    if data[:1] == DESCRIPTION:
        text = data[1:].decode("utf-8", "replace")
        PATH.write_bytes(safetensors.numpy.save(TENSORS, {"cnnx": text}))
    else:
        PATH.write_bytes(data[1:])
    try:
        load_model(PATH, mmap=len(data) % 2 == 0).save(PATH)
    except (ValueError, OSError) as error:
        if str(PATH) not in str(error):
            raise
        return
    load_model(PATH)  # what was loaded can be saved and loaded


if __name__ == "__main__":
    seeds = [FILE + model for model in MODELS] + [DESCRIPTION + text for text in DESCRIPTIONS]
    fields = {word for text in DESCRIPTIONS for word in text.decode().split('"')}
    words = CLASS_NAMES | {json.dumps(word)[1:-1] for word in fields if word.isidentifier()}
    fuzz(test_one_input, seeds, [*words, "NaN", "1e999", "-1", "2147483647", "null", "true"])
