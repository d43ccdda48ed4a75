"""What Pillow warns of, told by the file that it is about.

Pillow does not know the file's name. `warnings.catch_warnings` is no help, because it changes the
filters of all threads at once and a stream reads while the user's code runs. So a stand-in takes
the place of the module `warnings` within Pillow. It keeps what is warned of in a thread that reads
for cnnx, and passes everything else on.
"""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from cnnx.extras import import_extra

MODULES = ("Image", "JpegImagePlugin", "PngImagePlugin", "TiffImagePlugin")


class _Warnings(threading.local):
    path: str | os.PathLike[str] = ""
    kept: list[str] | None = None

    def warn(self, message: Any, category: Any = None, stacklevel: int = 1, **options: Any) -> None:
        if self.kept is None:
            warnings.warn(message, category, stacklevel + 1, **options)
        elif category is not None and category.__name__ == "DecompressionBombWarning":
            # Pillow's users make it an error to refuse such pictures.
            warnings.warn(f"{self.path}: {message}", category, stacklevel + 1)
        else:
            self.kept.append(" ".join(str(message).split()))

    def __getattr__(self, name: str) -> Any:
        return getattr(warnings, name)


_stand_in = _Warnings()


@contextmanager
def kept_warnings(path: str | os.PathLike[str]) -> Iterator[list[str]]:
    """Return a list that receives what Pillow warns of in this thread, about the file `path`."""
    _take_place()
    before = _stand_in.path, _stand_in.kept
    _stand_in.path, _stand_in.kept = path, []
    try:
        yield _stand_in.kept
    finally:
        _stand_in.path, _stand_in.kept = before


@cache
def _take_place() -> None:
    """Put the stand-in in its place, once."""
    for name in MODULES:
        module = import_extra(f"PIL.{name}", "images", "reading pictures")
        module.warnings = _stand_in
