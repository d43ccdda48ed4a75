"""Picture files for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed: the extra images")

DAMAGED_EXIF = b"Exif\0\0II*\0\x08\0\0\0\x05\0"  # announces five entries, holds none


def save(path: Path, pixels: Any, **options: Any) -> Path:
    """Save pixels (height, width) or (height, width, channels) of 8 bits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels, np.uint8)).save(path, **options)
    return path


def flat(value: int, channels: int = 3) -> NDArray[np.uint8]:
    """Return a picture of one brightness."""
    return np.full((12, 9, channels) if channels > 1 else (12, 9), value, np.uint8)


def brightness(x: NDArray[Any]) -> list[int]:
    """Return the first value of each picture."""
    return [int(value) for value in x[:, 0, 0, 0]]
