"""Libraries that only some functions need; each comes with an extra of the package."""

from __future__ import annotations

import importlib
from typing import Any


def import_extra(module: str, extra: str, owner: str) -> Any:
    """
    Return an optional module.

    Parameters
    ----------
    module
        Its full name: "PIL.Image".
    extra
        Of this package, that installs it: "images".
    owner
        What needs it, such as "filters.apply".

    Raises
    ------
    ImportError
        If it is not installed, saying how to install it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        name = module.partition(".")[0]
        library = {"PIL": "Pillow", "sklearn": "scikit-learn"}.get(name, name)
        raise ImportError(f'{owner} needs {library}: pip install "cnnx[{extra}]"') from error
