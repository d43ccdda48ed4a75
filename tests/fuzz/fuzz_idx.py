"""Fuzz the reader of IDX files: python tests/fuzz/fuzz_idx.py -max_total_time=600."""

from __future__ import annotations

import gzip

import atheris

with atheris.instrument_imports(include=["cnnx", "gzip"]):
    from cnnx.data import read_idx, write_idx

import numpy as np
from fuzzing import FOLDER, fuzz

PATH = FOLDER / "array"
MOST = 1 << 20


def test_one_input(data: bytes) -> None:
    PATH.write_bytes(data)
    try:
        array = read_idx(PATH, max_bytes=MOST)
    except ValueError as error:
        if str(PATH) not in str(error):
            raise
        return
    assert array.nbytes <= MOST
    write_idx(PATH, array)
    again = read_idx(PATH)
    assert (again.dtype, again.shape, again.tobytes()) == (
        array.dtype,
        array.shape,
        array.tobytes(),
    )


if __name__ == "__main__":
    seeds = []
    for dtype in ("u1", "i1", "i2", "i4", "f4", "f8"):
        write_idx(PATH, np.arange(6, dtype=dtype).reshape(1, 2, 3))
        seeds += [PATH.read_bytes(), gzip.compress(PATH.read_bytes())]
    fuzz(test_one_input, seeds, ["\\x00\\x00\\x08\\x03", "\\x1f\\x8b\\x08", "<html>"])
