"""Fuzz the reader of ONNX files: python tests/fuzz/fuzz_onnx.py -max_total_time=600.

Half of the inputs are files; the other half say which strange numbers to put into good files.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris
import onnx  # noqa: F401

sys.path.insert(0, str(Path(__file__).parents[1]))

with atheris.instrument_imports(include=["cnnx"]):
    import cnnx
    import cnnx.onnx

from fuzzing import FOLDER, fuzz

from hostile_onnx import good_files, spoilt

PATH = FOLDER / "model.onnx"
FILE, CHANGES = b"\0", b"\1"
FILES = good_files()


def test_one_input(data: bytes) -> None:
    if data[:1] == CHANGES:
        provider = atheris.FuzzedDataProvider(data[2:])
        content = FILES[data[1] % len(FILES)] if len(data) > 1 else FILES[0]
        PATH.write_bytes(spoilt(content, lambda limit: provider.ConsumeIntInRange(0, limit - 1)))
    else:
        PATH.write_bytes(data[1:])
    try:
        model = cnnx.onnx.load(PATH, batch_axis=None if len(data) % 4 == 0 else 0)
    except (ValueError, OSError) as error:
        if str(PATH) not in str(error):
            raise
        return
    cnnx.onnx.save(model, PATH)  # what was read can be written


if __name__ == "__main__":
    words = {node for content in FILES for node in content.decode("latin-1").split("\x22")}
    seeds = [FILE + content for content in FILES]
    seeds += [CHANGES + bytes([number]) + bytes(range(40)) for number in range(len(FILES))]
    fuzz(test_one_input, seeds, [word for word in words if word.isidentifier()])
