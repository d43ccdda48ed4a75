"""Fuzz the reader of pictures: python tests/fuzz/fuzz_picture.py -max_total_time=600."""

from __future__ import annotations

import io
import warnings

import atheris

with atheris.instrument_imports(include=["cnnx", "PIL"]):
    from PIL import Image

    from cnnx.data.pictures import FORMATS, decode_picture, load_image, read_picture

    Image.init()  # imports the decoders

import numpy as np
from fuzzing import FOLDER, fuzz

PATH = FOLDER / "picture"
SIZE = (7, 5)


def test_one_input(data: bytes) -> None:
    PATH.write_bytes(data)
    for color_mode, channels in (("rgb", 3), ("grayscale", 1)):
        try:
            pixels = decode_picture(PATH, SIZE, color_mode, max_pixels=1 << 20)
        except (OSError, ValueError):
            continue
        assert pixels.shape == (*SIZE, channels)
        assert load_image(PATH, color_mode=color_mode).shape[2] == channels
        read_picture(PATH)


def seeds() -> list[bytes]:
    exif = Image.Exif()
    exif[0x0112] = 6
    ramp = Image.fromarray(np.arange(12 * 9, dtype=np.uint8).reshape(12, 9))
    contents = []
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"):
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
    fuzz(
        test_one_input, seeds(), ["IHDR", "IDAT", "PLTE", "tRNS", "acTL", "fcTL", "GIF89a", "RIFF"]
    )
