"""Fuzz the reader of pictures: python tests/fuzz/fuzz_picture.py -max_total_time=600."""

from __future__ import annotations

import io
import warnings
from contextlib import ExitStack
from functools import partial

import atheris

with atheris.instrument_imports(include=["cnnx", "PIL"]):
    from PIL import Image

    from cnnx.data import load_image
    from cnnx.data.memory_budget import MemoryBudget
    from cnnx.data.picture_file import FORMATS
    from cnnx.data.picture_form import CHANNELS, PictureForm
    from cnnx.data.picture_reader import read_picture

    Image.init()  # imports the decoders

import numpy as np
from fuzzing import FOLDER, fuzz

PATH = FOLDER / "picture"
SIZE = (7, 5)
LIMIT = 20 << 20


FORMS = [
    PictureForm(SIZE, color_mode, dtype, background)
    for color_mode in CHANNELS
    for dtype, background in (("uint8", None), ("float32", None), ("uint8", (255, 0, 9)))
]


def test_one_input(data: bytes) -> None:
    PATH.write_bytes(data)
    for form in FORMS:
        budget = MemoryBudget(LIMIT, LIMIT, threads=1)
        try:
            with ExitStack() as held:
                take = partial(taken, held, budget)
                read = read_picture(PATH, form, take)
        except (OSError, ValueError):
            continue
        assert read.pixels.shape == form.shape
        assert read.pixels.dtype == form.dtype
        assert load_image(PATH, color_mode=form.color_mode).shape[2] == form.shape[2]
        read_picture(PATH, PictureForm())


def taken(held: ExitStack, budget: MemoryBudget, amount: int, what: str) -> None:
    held.enter_context(budget.taken(amount, what))


def seeds() -> list[bytes]:
    exif = Image.Exif()
    exif[0x0112] = 6
    ramp = Image.fromarray(np.arange(12 * 9, dtype=np.uint8).reshape(12, 9))
    contents = []
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F"):
        for picture_format in FORMATS:
            stream = io.BytesIO()
            try:
                ramp.convert(mode).save(stream, picture_format, exif=exif)
            except (OSError, ValueError):
                continue  # the format has no such mode
            contents.append(stream.getvalue())
    return contents


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # Pillow's own, about damaged metadata
    words = "IHDR IDAT PLTE tRNS acTL fcTL GIF89a RIFF VP8X VP8L II*"
    fuzz(test_one_input, seeds(), words.split())
