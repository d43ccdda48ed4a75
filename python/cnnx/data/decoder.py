"""Decoding many picture files by several threads, within a budget of memory."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from cnnx import config
from cnnx.data.pictures import BYTES_PER_PIXEL, CHANNELS, Pixels, decode_picture
from cnnx.progress import Progress
from cnnx.warning import warn

AHEAD = 64  # pictures handed to the threads at a time when a whole folder is read
LEAST_PIXELS = 1 << 20  # what a thread must be able to decode


class Decoder:
    """Decodes files within a budget of memory, and remembers those that it could not read.

    Attributes
    ----------
    shape : tuple
        (height, width, channels) of a picture.
    threads : int
        Number of threads for which the memory suffices.
    """

    def __init__(
        self, folder: Path, size: tuple[int, int], color_mode: str, max_memory: int, pictures: int
    ) -> None:
        self._folder = folder
        self._size = size
        self._color_mode = color_mode
        self.shape = (*size, CHANNELS[color_mode])
        kept = pictures * int(np.prod(self.shape))
        spare = max_memory - kept
        least = LEAST_PIXELS * BYTES_PER_PIXEL
        if spare < least:
            raise ValueError(
                f"{folder}: {pictures:,} pictures of {size[0]} x {size[1]} pixels take {kept:,} "
                f"bytes, and decoding {least:,}, more than max_memory={max_memory:,}; give a "
                "batch_size for a stream, a smaller image_size or batch_size, or more memory"
            )
        self.threads = min(config.num_threads(), spare // least)
        self._max_pixels = spare // self.threads // BYTES_PER_PIXEL
        self._faults: dict[Path, str] = {}

    def __call__(self, file: Path) -> Pixels | None:
        """Return a picture, or None if the file cannot be read as one."""
        try:
            return decode_picture(file, self._size, self._color_mode, self._max_pixels)
        except (OSError, ValueError) as error:
            self._faults[file] = str(error)
            return None

    def read(self, files: Sequence[Path], progress: Progress) -> tuple[Pixels, list[int]]:
        """Return the pictures that can be read, and the indices of their files."""
        x = np.empty((len(files), *self.shape), np.uint8)
        kept: list[int] = []
        with ThreadPoolExecutor(self.threads) as pool:
            for start in range(0, len(files), AHEAD):
                part = files[start : start + AHEAD]
                for index, picture in enumerate(pool.map(self, part), start):
                    if picture is not None:
                        x[len(kept)] = picture
                        kept.append(index)
                progress.advance(len(part))
        return x[: len(kept)], kept

    def warn(self) -> None:
        """Name the files that could not be read since the last call, in one warning."""
        faults, self._faults = self._faults, {}
        if faults:
            named = [
                f"{file.relative_to(self._folder)} ({faults[file]})" for file in sorted(faults)
            ]
            warn(
                f"{self._folder}: left out {len(faults)} files that are no readable pictures: "
                + ", ".join(named)
            )
